#include "disk/blocks.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

enum {
	CHUNK = 64 << 10, /* bytes read at a time: they stay in the core's cache */
	JOBS_MAX = 64,
};

/* A round over some of an image's blocks, shared by the threads. */
struct round {
	int fd;
	const struct blocks *b;
	const struct raw *raw; /* when digesting: which blocks there are */
	uint8_t *differs;      /* when comparing */
	atomic_size_t next;
	atomic_bool stop;
};

struct worker {
	struct round *round;
	pthread_t thread;
	unsigned char *chunk;
	struct err err;
	bool failed;
};

static int digest_one(
	struct worker *w, uint64_t offset, uint64_t size, struct sha256 *ret, struct err *e)
{
	struct sha256_ctx ctx;
	uint64_t left = size - offset < RAW_BLOCK ? size - offset : RAW_BLOCK;
	size_t pad = (size_t)(RAW_BLOCK - left);
	sha256_init(&ctx);
	while (left > 0) {
		ssize_t n = pread(
			w->round->fd, w->chunk, left < CHUNK ? (size_t)left : CHUNK, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_MACHINE, n < 0 ? errno : 0,
				"read the image at %llu%s", (unsigned long long)offset,
				n < 0 ? "" : ": it ends there");
		sha256_update(&ctx, (size_t)n, w->chunk);
		offset += (uint64_t)n;
		left -= (uint64_t)n;
	}
	memset(w->chunk, 0, CHUNK);
	for (; pad > 0; pad -= pad < CHUNK ? pad : CHUNK)
		sha256_update(&ctx, pad < CHUNK ? pad : CHUNK, w->chunk);
	sha256_digest(&ctx, sizeof(ret->bytes), ret->bytes);
	return 0;
}

static bool own(const struct blocks *b, size_t i)
{
	return i >= b->own_first && i - b->own_first < b->own_count;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct round *r = w->round;
	size_t i;
	while (!atomic_load(&r->stop) && (i = atomic_fetch_add(&r->next, 1)) < r->b->count) {
		if (r->raw != NULL ? !raw_is_dirty(r->raw, i) || own(r->b, i)
				   : !blocks_present(r->b, i))
			continue;
		struct sha256 digest;
		if (digest_one(w, i * RAW_BLOCK, r->b->size, &digest, &w->err) < 0) {
			w->failed = true;
			atomic_store(&r->stop, true);
			break;
		}
		if (r->raw != NULL)
			r->b->digest[i] = digest;
		else
			r->differs[i] = memcmp(&digest, &r->b->digest[i], sizeof(digest)) != 0;
	}
	return NULL;
}

/* Threads that cannot be started are done without; the first is this one. */
static int run(struct round *r, unsigned jobs, struct err *e)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	if (jobs == 0)
		jobs = cores > 0 ? (unsigned)cores : 1;
	if (jobs > JOBS_MAX)
		jobs = JOBS_MAX;
	struct worker *workers = calloc(jobs, sizeof(*workers));
	unsigned char *chunks = malloc((size_t)jobs * CHUNK);
	if (workers == NULL || chunks == NULL) {
		free(workers);
		free(chunks);
		return err_nomem(e);
	}
	for (unsigned i = 0; i < jobs; i++) {
		workers[i].round = r;
		workers[i].chunk = chunks + (size_t)i * CHUNK;
	}
	unsigned started = 1;
	while (started < jobs &&
		pthread_create(&workers[started].thread, NULL, work, &workers[started]) == 0)
		started++;
	work(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	int rc = 0;
	for (unsigned i = 0; i < started && rc == 0; i++)
		if (workers[i].failed) {
			*e = workers[i].err;
			rc = -1;
		}
	free(workers);
	free(chunks);
	return rc;
}

int blocks_digest(const struct raw *raw, uint64_t own_start, unsigned jobs, struct arena *a,
	struct blocks *ret, struct err *e)
{
	struct blocks b = {
		.size = raw->size,
		.count = raw->blocks,
		.own_first = (size_t)(own_start / RAW_BLOCK),
		.own_count = (size_t)(blocks_region(raw->size) / RAW_BLOCK),
	};
	if (own_start % RAW_BLOCK != 0 || raw->size > BLOCKS_IMAGE_MAX || b.own_first > b.count ||
		b.own_count > b.count - b.own_first)
		return err_set(e, ERR_BUG, 0, "place of the block digests: %llu",
			(unsigned long long)own_start);
	b.digest = arena_array(a, b.count, sizeof(*b.digest), e);
	if (b.digest == NULL)
		return -1;
	struct round r = { .fd = raw->fd, .b = &b, .raw = raw };
	if (run(&r, jobs, e) < 0)
		return -1;
	*ret = b;
	return 0;
}

int blocks_verify(int fd, const struct blocks *b, unsigned jobs, uint8_t *differs,
	size_t *ret_count, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_set(e, ERR_MACHINE, errno, "size of the image");
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size != b->size)
		return err_set(e, ERR_INPUT, 0, "the image has %llu bytes, its digests are of %llu",
			(unsigned long long)st.st_size, (unsigned long long)b->size);
	memset(differs, 0, b->count);
	struct round r = { .fd = fd, .b = b, .differs = differs };
	if (run(&r, jobs, e) < 0)
		return -1;
	size_t count = 0;
	for (size_t i = 0; i < b->count; i++)
		count += differs[i];
	*ret_count = count;
	return 0;
}

bool blocks_present(const struct blocks *b, size_t i)
{
	static const struct sha256 none;
	return i < b->count && memcmp(&b->digest[i], &none, sizeof(none)) != 0;
}

size_t blocks_present_count(const struct blocks *b)
{
	size_t n = 0;
	for (size_t i = 0; i < b->count; i++)
		n += blocks_present(b, i);
	return n;
}

struct sha256 blocks_aggregate(const struct blocks *b)
{
	struct sha256_ctx ctx;
	struct sha256 digest;
	sha256_init(&ctx);
	for (size_t i = 0; i < b->count; i++)
		if (blocks_present(b, i))
			sha256_update(&ctx, sizeof(b->digest[i].bytes), b->digest[i].bytes);
	sha256_digest(&ctx, sizeof(digest.bytes), digest.bytes);
	return digest;
}
