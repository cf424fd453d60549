#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crew.h"
#include "base/mapped.h"
#include "disk/ext4_internal.h"

/*
 * Bytes of the image that are written at once, from a multiple of it on: a kernel with large folios
 * has one for all of them, and what is read for them stays in the cache.
 */
#define WINDOW     ((size_t)256 << 10)
#define LOOK_MAX   (WINDOW / 4 * 5) /* bytes of the archive for them, headers included */
#define LINE       64               /* bytes that come into the cache together */
#define PIECES_MAX 512
#define TAKE_BYTES ((uint64_t)4 << 20) /* of files that a thread takes from the list at once */
#define TAKE_FILES 256
#define HOLD_BYTES ((uint64_t)2 << 20) /* of the archive that stay resident for a thread, about */

/* The files that are left, which the threads take from one another. */
struct copy {
	struct ext4_writer *w;
	int (*first)(struct ext4_writer *w, struct err *e);
	struct rootfs_source *src;
	pthread_mutex_t lock;
	size_t entry; /* the next one */
	atomic_size_t done;
	atomic_bool stop;
};

/* Bytes that lie in one piece in the archive and in the file system. */
struct piece {
	struct rootfs_node *n;
	uint64_t from; /* byte of the archive */
	uint64_t to;   /* byte of the file system */
	size_t len;
	size_t zeroes; /* behind them, up to the end of the block */
	bool first;    /* of its file */
	bool last;
};

/* What one thread has in hands. */
struct hand {
	struct copy *c;
	struct rootfs_node *files[TAKE_FILES];
	size_t file_count;
	struct piece pieces[PIECES_MAX];
	size_t piece_count;
	struct iovec iov[2 * PIECES_MAX];
	struct sha256_stream sum; /* of the file whose pieces are met */
	uint64_t held, held_end;  /* bytes of the archive that were touched; 0, 0: none */
};

static void take(struct hand *h)
{
	struct copy *c = h->c;
	const struct ext4_plan *p = c->w->p;
	uint64_t bytes = 0;
	h->file_count = 0;
	pthread_mutex_lock(&c->lock);
	for (; c->entry < p->entries && h->file_count < TAKE_FILES && bytes < TAKE_BYTES;
		c->entry++) {
		struct rootfs_node *n = ext4_by_entry(p, c->entry);
		if (n == NULL || n->at == 0)
			continue;
		h->files[h->file_count++] = n;
		bytes += n->size;
	}
	pthread_mutex_unlock(&c->lock);
}

static void digest(struct hand *h, const struct piece *p, const void *data)
{
	if (p->first)
		sha256_begin(&h->sum);
	sha256_add(&h->sum, data, p->len);
	if (p->last) {
		p->n->digest = sha256_end(&h->sum);
		p->n->digested = true;
	}
}

/* Byte of the archive behind the pieces. */
static uint64_t pieces_end(const struct hand *h)
{
	const struct piece *last = &h->pieces[h->piece_count - 1];
	return last->from + last->len;
}

/*
 * All pieces once through, to digest them or just to have them in the cache: the file system lets
 * only one thread write at a time, which should not wait for memory.
 */
static void look(void *ctx)
{
	struct hand *h = ctx;
	const unsigned char *map = h->c->src->map;
	if (h->c->w->p->o.digest) {
		for (size_t i = 0; i < h->piece_count; i++)
			digest(h, &h->pieces[i], map + h->pieces[i].from);
		return;
	}
	const volatile unsigned char *p = map + h->pieces[0].from, *end = map + pieces_end(h);
	for (; p < end; p += LINE)
		(void)*p;
	(void)end[-1];
}

/* What was touched need not stay. */
static void forget(struct hand *h)
{
	mapped_forget(h->c->src->map, h->c->src->map_len, h->held, h->held_end);
	h->held = h->held_end = 0;
}

static void hold(struct hand *h, uint64_t from, uint64_t end)
{
	if (h->held_end == 0 || from < h->held)
		h->held = from;
	if (end > h->held_end)
		h->held_end = end;
	if (h->held_end - h->held >= HOLD_BYTES)
		forget(h);
}

/* The pieces, each run of them that lies in one piece in the file system with one call. */
static int write_pieces(struct hand *h, struct err *e)
{
	static unsigned char zero[EXT4_BLOCK];
	const struct ext4_writer *w = h->c->w;
	for (size_t i = 0; i < h->piece_count;) {
		uint64_t start = h->pieces[i].to, end = start;
		size_t count = 0;
		for (; i < h->piece_count && h->pieces[i].to == end; i++) {
			const struct piece *p = &h->pieces[i];
			h->iov[count++] =
				(struct iovec){ (void *)(uintptr_t)(h->c->src->map + p->from),
					p->len };
			if (p->zeroes > 0)
				h->iov[count++] = (struct iovec){ zero, p->zeroes };
			end += p->len + p->zeroes;
		}
		if (raw_writev(w->s->raw, w->s->offset + start, h->iov, count, e) < 0)
			return -1;
	}
	return 0;
}

static int flush(struct hand *h, struct err *e)
{
	if (h->piece_count == 0)
		return 0;
	uint64_t from = h->pieces[0].from, end = pieces_end(h);
	if (end > h->c->src->map_len || !mapped_read(look, h)) {
		err_set(e, ERR_INPUT, 0, "its bytes in the archive cannot be read");
		return ext4_wrap_path(h->pieces[0].n, e);
	}
	if (write_pieces(h, e) < 0)
		return -1;
	hold(h, from, end);
	h->piece_count = 0;
	return 0;
}

/* The window of the image that a byte of the file system lies in, and how much of it is behind. */
static uint64_t window_of(const struct hand *h, uint64_t to)
{
	return (h->c->w->s->offset + to) / WINDOW;
}

static size_t window_left(const struct hand *h, uint64_t to)
{
	return WINDOW - (size_t)((h->c->w->s->offset + to) % WINDOW);
}

/* Bytes that may be added from `from` on in the archive, from `to` on in the file system. */
static size_t room(const struct hand *h, uint64_t from, uint64_t to)
{
	if (h->piece_count == 0)
		return window_left(h, to);
	uint64_t first = h->pieces[0].from;
	if (h->piece_count == PIECES_MAX || from < pieces_end(h) || from - first >= LOOK_MAX ||
		window_of(h, h->pieces[0].to) != window_of(h, to))
		return 0;
	size_t left = LOOK_MAX - (size_t)(from - first), most = window_left(h, to);
	return left < most ? left : most;
}

/* `len` bytes of a file from its byte `at` on, which lie in one piece from `to` on. */
static int add_bytes(struct hand *h, struct rootfs_node *n, uint64_t at, uint64_t to, uint64_t len,
	struct err *e)
{
	while (len > 0) {
		size_t most = room(h, n->at + at, to), step = (size_t)len;
		if (len > most)
			step = most / EXT4_BLOCK * EXT4_BLOCK;
		if (step == 0) {
			if (flush(h, e) < 0)
				return -1;
			continue;
		}
		bool last = at + step == n->size;
		h->pieces[h->piece_count++] = (struct piece){ .n = n,
			.from = n->at + at,
			.to = to,
			.len = step,
			.zeroes = last ? (EXT4_BLOCK - n->size % EXT4_BLOCK) % EXT4_BLOCK : 0,
			.first = at == 0,
			.last = last };
		at += step;
		to += step;
		len -= step;
	}
	return 0;
}

static int add_file(struct hand *h, struct rootfs_node *n, struct err *e)
{
	const struct ext4_place *place = n->place;
	struct ext4_extents rest =
		ext4_extents_of(n, place->blocks, &h->c->w->p->g.map, place->start);
	struct ext4_extent x;
	uint64_t at = 0;
	while (at < n->size && ext4_extent_next(&rest, &x)) {
		uint64_t len = (uint64_t)x.count * EXT4_BLOCK;
		if (len > n->size - at)
			len = n->size - at;
		if (add_bytes(h, n, at, x.start * EXT4_BLOCK, len, e) < 0)
			return -1;
		at += len;
	}
	if (at < n->size) {
		err_set(e, ERR_BUG, 0, "%llu of %llu bytes have a place", (unsigned long long)at,
			(unsigned long long)n->size);
		return ext4_wrap_path(n, e);
	}
	return 0;
}

static int copy_files(struct hand *h, struct err *e)
{
	for (take(h); h->file_count > 0 && !atomic_load(&h->c->stop); take(h)) {
		for (size_t i = 0; i < h->file_count; i++)
			if (add_file(h, h->files[i], e) < 0)
				return -1;
		if (flush(h, e) < 0)
			return -1;
		forget(h); /* where the next ones lie, others are reading in between */
		atomic_fetch_add(&h->c->done, h->file_count);
	}
	return 0;
}

static int work(void *ctx, unsigned number, struct err *e)
{
	struct copy *c = ctx;
	struct hand *h = calloc(1, sizeof(*h));
	if (h != NULL)
		h->c = c;
	int rc = h == NULL ? err_nomem(e) : number == 0 ? c->first(c->w, e) : 0;
	if (rc == 0)
		rc = copy_files(h, e);
	free(h);
	if (rc < 0)
		atomic_store(&c->stop, true);
	return rc;
}

int ext4_copy(struct ext4_writer *w, struct rootfs_source *src,
	int (*first)(struct ext4_writer *w, struct err *e), struct err *e)
{
	struct copy c = { .w = w, .first = first, .src = src, .lock = PTHREAD_MUTEX_INITIALIZER };
	int rc = crew_run(w->p->o.jobs, work, &c, e);
	pthread_mutex_destroy(&c.lock);
	struct err changed = { 0 };
	if (src->unchanged(src, &changed) < 0) {
		*e = changed; /* which is why anything else went wrong */
		return -1;
	}
	if (rc < 0)
		return -1;
	w->copied = atomic_load(&c.done);
	return 0;
}
