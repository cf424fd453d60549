/* The region of an image that holds the digests: writing and reading it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <nettle/sha2.h>

#include "disk/blocks.h"

enum {
	VERSION = 1,
	AT_DIGEST = 56, /* everything before it is covered by it */
	DIGEST = sizeof(struct sha256),
};

static const char MAGIC[16] = "imgbuild blocks";

static uint64_t whole_blocks(uint64_t bytes)
{
	return bytes / RAW_BLOCK + (bytes % RAW_BLOCK != 0);
}

uint64_t blocks_region(uint64_t size)
{
	return whole_blocks(BLOCKS_HEADER + DIGEST * whole_blocks(size)) * RAW_BLOCK;
}

static void put(unsigned char *p, uint64_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++, n >>= 8)
		p[i] = (unsigned char)n;
}

static uint64_t get(const unsigned char *p, size_t bytes)
{
	uint64_t n = 0;
	for (size_t i = bytes; i > 0; i--)
		n = n << 8 | p[i - 1];
	return n;
}

static struct sha256 digest_of(const unsigned char *header, const struct sha256 *list, size_t count)
{
	struct sha256_ctx ctx;
	struct sha256 digest;
	sha256_init(&ctx);
	sha256_update(&ctx, AT_DIGEST, header);
	sha256_update(&ctx, count * DIGEST, (const uint8_t *)list);
	sha256_digest(&ctx, sizeof(digest.bytes), digest.bytes);
	return digest;
}

static void make_header(const struct blocks *b, unsigned char header[static BLOCKS_HEADER])
{
	memset(header, 0, BLOCKS_HEADER);
	memcpy(header, MAGIC, sizeof(MAGIC));
	put(header + 16, VERSION, 4);
	put(header + 20, RAW_BLOCK, 4);
	put(header + 24, b->size, 8);
	put(header + 32, b->count, 8);
	put(header + 40, b->own_first, 8);
	put(header + 48, b->own_count, 8);
	struct sha256 digest = digest_of(header, b->digest, b->count);
	memcpy(header + AT_DIGEST, digest.bytes, sizeof(digest.bytes));
}

int blocks_write(struct raw *raw, const struct blocks *b, struct err *e)
{
	unsigned char header[BLOCKS_HEADER];
	make_header(b, header);
	struct iovec iov[] = {
		{ header, sizeof(header) },
		{ b->digest, b->count * DIGEST },
	};
	uint64_t start = b->own_first * RAW_BLOCK;
	if (raw_writev(raw, start, iov, 2, e) < 0)
		return err_wrap(e, "block digests");
	/* The zeroes behind the list are part of the region. */
	raw_mark(raw, start, b->own_count * RAW_BLOCK);
	return 0;
}

void blocks_own(const struct blocks *b, size_t i, unsigned char block[static RAW_BLOCK])
{
	const unsigned char *list = (const unsigned char *)b->digest;
	const uint64_t end = (uint64_t)b->count * DIGEST;
	memset(block, 0, RAW_BLOCK);
	uint64_t from = i * RAW_BLOCK, room = RAW_BLOCK;
	if (i == 0) {
		make_header(b, block);
		block += BLOCKS_HEADER;
		room -= BLOCKS_HEADER;
	} else {
		from -= BLOCKS_HEADER;
	}
	if (from < end)
		memcpy(block, list + from, (size_t)(end - from < room ? end - from : room));
}

struct sha256 blocks_own_digest(const struct blocks *b, size_t i)
{
	const unsigned char *list = (const unsigned char *)b->digest;
	const uint64_t end = (uint64_t)b->count * DIGEST;
	static const unsigned char zero[4096];
	unsigned char header[BLOCKS_HEADER];
	struct sha256_stream s;
	sha256_begin(&s);
	uint64_t from = i * RAW_BLOCK, room = RAW_BLOCK;
	if (i == 0) {
		make_header(b, header);
		sha256_add(&s, header, sizeof(header));
		room -= sizeof(header);
	} else {
		from -= BLOCKS_HEADER;
	}
	uint64_t len = from >= end ? 0 : end - from < room ? end - from : room;
	if (len > 0)
		sha256_add(&s, list + from, (size_t)len);
	for (room -= len; room > 0; room -= len) {
		len = room < sizeof(zero) ? room : sizeof(zero);
		sha256_add(&s, zero, (size_t)len);
	}
	return sha256_end(&s);
}

static int invalid(const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, 0, "no valid list of block digests: %s", why);
}

int blocks_parse_header(const void *data, struct blocks *ret, struct err *e)
{
	const unsigned char *h = data;
	if (memcmp(h, MAGIC, sizeof(MAGIC)) != 0)
		return invalid("it does not start as one", e);
	uint64_t version = get(h + 16, 4);
	if (version != VERSION)
		return err_set(e, ERR_INPUT, 0,
			"list of block digests: version %llu, this program knows %d",
			(unsigned long long)version, VERSION);
	uint64_t size = get(h + 24, 8), count = get(h + 32, 8);
	uint64_t own_first = get(h + 40, 8), own_count = get(h + 48, 8);
	if (get(h + 20, 4) != RAW_BLOCK)
		return invalid("size of its blocks", e);
	if (size == 0 || size > BLOCKS_IMAGE_MAX || count != whole_blocks(size))
		return invalid("size of the image", e);
	if (own_count != blocks_region(size) / RAW_BLOCK || own_first > count ||
		own_count > count - own_first)
		return invalid("its place in the image", e);
	*ret = (struct blocks){
		.size = size,
		.count = (size_t)count,
		.own_first = (size_t)own_first,
		.own_count = (size_t)own_count,
	};
	return 0;
}

/* b->digest was filled in from the list. */
static int check(const unsigned char *header, const struct blocks *b, struct err *e)
{
	struct sha256 digest = digest_of(header, b->digest, b->count);
	if (memcmp(digest.bytes, header + AT_DIGEST, sizeof(digest.bytes)) != 0)
		return invalid("its checksum differs", e);
	for (size_t i = 0; i < b->own_count; i++)
		if (blocks_present(b, b->own_first + i))
			return invalid("a digest of itself", e);
	return 0;
}

int blocks_parse(const void *data, size_t len, struct arena *a, struct blocks *ret, struct err *e)
{
	struct blocks b;
	if (len < BLOCKS_HEADER)
		return invalid("cut off", e);
	if (blocks_parse_header(data, &b, e) < 0)
		return -1;
	if (b.count > (len - BLOCKS_HEADER) / DIGEST)
		return invalid("cut off", e);
	b.digest = arena_array(a, b.count, sizeof(*b.digest), e);
	if (b.digest == NULL)
		return -1;
	memcpy(b.digest, (const char *)data + BLOCKS_HEADER, b.count * DIGEST);
	if (check(data, &b, e) < 0)
		return -1;
	*ret = b;
	return 0;
}

static int read_at(int fd, uint64_t offset, void *data, size_t len, struct err *e)
{
	for (char *p = data; len > 0;) {
		ssize_t n = pread(fd, p, len, (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_MACHINE, errno, "read the list of block digests");
		if (n == 0)
			return invalid("cut off", e);
		p += n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return 0;
}

int blocks_read(int fd, uint64_t offset, struct arena *a, struct blocks *ret, struct err *e)
{
	unsigned char header[BLOCKS_HEADER], last;
	struct blocks b;
	if (offset > INT64_MAX - BLOCKS_IMAGE_MAX)
		return invalid("cut off", e);
	if (read_at(fd, offset, header, sizeof(header), e) < 0 ||
		blocks_parse_header(header, &b, e) < 0)
		return -1;
	/* No memory for a list that is not there. */
	if (read_at(fd, offset + BLOCKS_HEADER + b.count * DIGEST - 1, &last, 1, e) < 0)
		return -1;
	b.digest = arena_array(a, b.count, sizeof(*b.digest), e);
	if (b.digest == NULL ||
		read_at(fd, offset + BLOCKS_HEADER, b.digest, b.count * DIGEST, e) < 0 ||
		check(header, &b, e) < 0)
		return -1;
	*ret = b;
	return 0;
}
