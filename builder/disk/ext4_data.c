#include <string.h>
#include <sys/stat.h>

#include "disk/ext4_internal.h"

/* A file being written, from its first byte to its last. */
struct feed {
	struct ext4_writer *w;
	struct rootfs_node *n;
	struct ext4_extents rest;
	struct ext4_extent now;
	uint64_t at; /* bytes of the file so far */
	struct sha256_stream sum;
};

static void feed_begin(struct feed *f, struct ext4_writer *w, struct rootfs_node *n)
{
	const struct ext4_place *place = n->place;
	f->w = w;
	f->n = n;
	f->at = 0;
	f->rest = ext4_extents_of(n, place->blocks, &w->p->g.map, place->start);
	f->now = (struct ext4_extent){ 0 };
	if (w->p->o.digest)
		sha256_begin(&f->sum);
}

static int changed(const struct feed *f, const char *what, struct err *e)
{
	err_set(e, ERR_INPUT, 0, "%s: not the archive that was read first", what);
	return ext4_wrap_path(f->n, e);
}

static bool is_zero(const unsigned char *data, size_t len)
{
	return len == 0 || (data[0] == 0 && memcmp(data, data + 1, len - 1) == 0);
}

/* The extent that `at` is in, or the next one; false: there is none. */
static bool find_extent(struct feed *f)
{
	while (f->at >= ((uint64_t)f->now.logical + f->now.count) * EXT4_BLOCK)
		if (!ext4_extent_next(&f->rest, &f->now))
			return false;
	return true;
}

/* The next bytes; `data` NULL: zeroes. In a hole there may be nothing else. */
static int feed_bytes(struct feed *f, const unsigned char *data, uint64_t len, struct err *e)
{
	while (len > 0) {
		uint64_t step = len;
		bool found = find_extent(f);
		uint64_t start = (uint64_t)f->now.logical * EXT4_BLOCK;
		if (!found || f->at < start) {
			if (found && step > start - f->at)
				step = start - f->at;
			if (data != NULL && !is_zero(data, (size_t)step))
				return changed(f, "there are bytes in a hole", e);
		} else {
			uint64_t end = start + (uint64_t)f->now.count * EXT4_BLOCK;
			uint64_t place = f->now.start * EXT4_BLOCK + (f->at - start);
			if (step > end - f->at)
				step = end - f->at;
			int rc = data != NULL
					 ? ext4_stream_put(f->w->s, place, data, (size_t)step, e)
					 : ext4_stream_zero(f->w->s, place, step, e);
			if (rc < 0)
				return -1;
		}
		f->at += step;
		len -= step;
		data = data != NULL ? data + step : NULL;
	}
	return 0;
}

static void digest_zeroes(struct feed *f, uint64_t len)
{
	static const unsigned char zero[EXT4_BLOCK];
	for (; len > 0; len -= len < sizeof(zero) ? len : sizeof(zero))
		sha256_add(&f->sum, zero, len < sizeof(zero) ? (size_t)len : sizeof(zero));
}

static int feed_zeroes(struct feed *f, uint64_t len, struct err *e)
{
	if (f->w->p->o.digest)
		digest_zeroes(f, len);
	return feed_bytes(f, NULL, len, e);
}

static int feed_data(struct feed *f, uint64_t offset, const void *data, size_t len, struct err *e)
{
	if (offset < f->at || offset > f->n->size || len > f->n->size - offset)
		return changed(f, "it is larger now", e);
	if (offset > f->at && feed_zeroes(f, offset - f->at, e) < 0)
		return -1;
	if (f->w->p->o.digest)
		sha256_add(&f->sum, data, len);
	return feed_bytes(f, data, len, e);
}

/* Where the archive's own bytes of a sparse file end, else its size. */
static uint64_t content_end(const struct rootfs_node *n)
{
	if (n->spans == NULL)
		return n->size;
	const struct rootfs_span *last = n->spans + n->span_count;
	return n->span_count > 0 ? last[-1].offset + last[-1].length : 0;
}

static int feed_end(struct feed *f, struct err *e)
{
	if (f->at < content_end(f->n))
		return changed(f, "it is smaller now", e);
	if (feed_zeroes(f, f->n->size - f->at, e) < 0)
		return -1;
	uint64_t tail = (EXT4_BLOCK - f->n->size % EXT4_BLOCK) % EXT4_BLOCK;
	if (feed_bytes(f, NULL, tail, e) < 0)
		return -1;
	if (f->w->p->o.digest)
		f->n->digest = sha256_end(&f->sum);
	f->n->digested = f->w->p->o.digest;
	return 0;
}

static int write_streamed(struct ext4_writer *w, struct rootfs_source *src, struct err *e)
{
	struct feed f;
	size_t entry = 0, before = 0, done = w->copied, wanted = w->p->streamed;
	int rc = 0;
	while (src != NULL && done < wanted && (rc = src->next(src, &entry, e)) > 0) {
		if (entry <= before)
			return err_set(
				e, ERR_BUG, 0, "archive entry %zu behind %zu", entry, before);
		before = entry;
		struct rootfs_node *n = ext4_by_entry(w->p, entry);
		if (n == NULL || (src->map != NULL && n->at != 0))
			continue;
		const void *data = NULL;
		size_t len = 0;
		uint64_t offset = 0;
		feed_begin(&f, w, n);
		while ((rc = src->read(src, &data, &len, &offset, e)) > 0)
			if (len > 0 && feed_data(&f, offset, data, len, e) < 0)
				return -1;
		if (rc < 0)
			return ext4_wrap_path(n, e);
		if (feed_end(&f, e) < 0)
			return -1;
		done++;
	}
	if (rc < 0)
		return -1;
	if (done != wanted)
		return err_set(
			e, ERR_INPUT, 0, "the archive brought %zu of %zu files", done, wanted);
	return 0;
}

static int write_whole(
	struct ext4_writer *w, struct rootfs_node *n, const void *data, struct err *e)
{
	struct feed f;
	feed_begin(&f, w, n);
	if (n->size > 0 && feed_data(&f, 0, data, (size_t)n->size, e) < 0)
		return -1;
	return feed_end(&f, e);
}

static int write_late(struct ext4_writer *w, struct rootfs_node *n, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	if (n->late->fill(n->late->ctx, &out, e) < 0)
		return ext4_wrap_path(n, e);
	if (out.len != n->size) {
		err_set(e, ERR_BUG, 0, "%zu bytes made, %llu planned", out.len,
			(unsigned long long)n->size);
		return ext4_wrap_path(n, e);
	}
	return write_whole(w, n, out.data, e);
}

/* Folders, long links and blocks of xattrs, of the base or of the overlay's region. */
static int write_own(struct ext4_writer *w, const struct rootfs_node *n, bool content, bool xattrs,
	struct err *e)
{
	const struct ext4_place *place = n->place;
	unsigned char block[EXT4_BLOCK] = { 0 };
	if (content && S_ISDIR(n->mode) && ext4_dir_write(w, n, e) < 0)
		return ext4_wrap_path(n, e);
	if (content && S_ISLNK(n->mode) && place->blocks > 0) {
		memcpy(block, n->target, strlen(n->target));
		if (ext4_stream_put(w->s, place->start * EXT4_BLOCK, block, sizeof(block), e) < 0)
			return -1;
	}
	if (!xattrs || place->xattrs == 0)
		return 0;
	memset(block, 0, sizeof(block));
	ext4_xattr_fill(n, NULL, block);
	errcode_t rc = ext2fs_ext_attr_block_csum_set(w->fs, n->ino, place->xattrs, (void *)block);
	if (rc != 0)
		return ext4_fail(e, rc, "a checksum of xattrs");
	return ext4_stream_put(w->s, place->xattrs * EXT4_BLOCK, block, sizeof(block), e);
}

int ext4_folders_write(struct ext4_writer *w, struct err *e)
{
	const struct rootfs *r = w->p->r;
	if (w->p->lost_added && write_own(w, w->p->lost, true, true, e) < 0)
		return -1;
	for (int overlay = 0; overlay <= 1; overlay++) {
		for (size_t i = 0; i < r->count; i++) {
			const struct rootfs_node *n = r->list[i];
			if (n->gone || n->place == NULL)
				continue;
			bool there = (ext4_place(n)->start >= w->p->base_end) == overlay;
			if (write_own(w, n, there, n->overlay == overlay, e) < 0)
				return -1;
		}
	}
	return 0;
}

int ext4_made_write(struct ext4_writer *w, struct err *e)
{
	const struct rootfs *r = w->p->r;
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		if (n->gone || n->same_as != NULL || !S_ISREG(n->mode))
			continue;
		if (n->size == 0 && w->p->o.digest) {
			n->digest = sha256_of("", 0);
			n->digested = true;
		}
		if (n->size > 0 && n->late == NULL && n->data != NULL &&
			write_whole(w, n, n->data, e) < 0)
			return ext4_wrap_path(n, e);
	}
	return 0;
}

static int write_lates(struct ext4_writer *w, struct err *e)
{
	const struct rootfs *r = w->p->r;
	for (size_t i = w->p->first_late; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		if (ext4_is_late(n) && write_late(w, n, e) < 0)
			return -1;
	}
	return 0;
}

int ext4_data_write(struct ext4_writer *w, struct rootfs_source *src, struct err *e)
{
	return write_streamed(w, src, e) < 0 ? -1 : write_lates(w, e);
}
