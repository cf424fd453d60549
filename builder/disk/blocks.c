#include "disk/blocks.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "base/crew.h"

#define CHUNK ((size_t)64 << 10) /* bytes read at a time: they stay in the core's cache */

/* A round over some of an image's blocks, shared by the threads. */
struct round {
	int fd;
	const struct blocks *b;
	const struct raw *raw; /* when digesting: which blocks there are */
	uint8_t *differs;      /* when comparing */
	atomic_size_t next;
	atomic_bool stop;
};

static int digest_one(const struct round *r, unsigned char *chunk, uint64_t offset,
	struct sha256 *ret, struct err *e)
{
	struct sha256_ctx ctx;
	uint64_t size = r->b->size;
	uint64_t left = size - offset < RAW_BLOCK ? size - offset : RAW_BLOCK;
	size_t pad = (size_t)(RAW_BLOCK - left);
	sha256_init(&ctx);
	while (left > 0) {
		ssize_t n = pread(r->fd, chunk, left < CHUNK ? (size_t)left : CHUNK, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set(e, ERR_MACHINE, n < 0 ? errno : 0,
				"read the image at %llu%s", (unsigned long long)offset,
				n < 0 ? "" : ": it ends there");
		sha256_update(&ctx, (size_t)n, chunk);
		offset += (uint64_t)n;
		left -= (uint64_t)n;
	}
	memset(chunk, 0, CHUNK);
	for (; pad > 0; pad -= pad < CHUNK ? pad : CHUNK)
		sha256_update(&ctx, pad < CHUNK ? pad : CHUNK, chunk);
	sha256_digest(&ctx, sizeof(ret->bytes), ret->bytes);
	return 0;
}

static bool own(const struct blocks *b, size_t i)
{
	return i >= b->own_first && i - b->own_first < b->own_count;
}

static int take_blocks(struct round *r, unsigned char *chunk, struct err *e)
{
	size_t i;
	while (!atomic_load(&r->stop) && (i = atomic_fetch_add(&r->next, 1)) < r->b->count) {
		if (r->raw != NULL ? !raw_is_dirty(r->raw, i) || own(r->b, i)
				   : !blocks_present(r->b, i))
			continue;
		struct sha256 digest;
		if (digest_one(r, chunk, i * RAW_BLOCK, &digest, e) < 0)
			return -1;
		if (r->raw != NULL)
			r->b->digest[i] = digest;
		else
			r->differs[i] = memcmp(&digest, &r->b->digest[i], sizeof(digest)) != 0;
	}
	return 0;
}

static int work(void *ctx, unsigned number, struct err *e)
{
	struct round *r = ctx;
	unsigned char *chunk = malloc(CHUNK);
	(void)number;
	int rc = chunk != NULL ? take_blocks(r, chunk, e) : err_nomem(e);
	free(chunk);
	if (rc < 0)
		atomic_store(&r->stop, true);
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
	if (crew_run(jobs, work, &r, e) < 0)
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
	if (crew_run(jobs, work, &r, e) < 0)
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
