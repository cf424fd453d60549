/*
 * Block digests: of what was written and of nothing else; a changed byte changes one of them; the
 * list comes back from the image, and a list that cannot be is refused before memory is spent.
 */
#include <string.h>

#include "check.h"
#include "disk/blocks.h"
#include "disk_temp.h"
#include "fail.h"

#define SIZE (9 * RAW_BLOCK + 1000)
#define OWN  (3 * RAW_BLOCK)

struct image {
	int fd;
	struct arena arena;
	struct raw raw;
};

/* Blocks 0, 2 (zeroes), 5 and the last one, which is cut off, were written. */
static void image_make(struct image *i)
{
	struct err e = { 0 };
	*i = (struct image){ .fd = temp_image(NULL) };
	assert_int_equal(raw_init(&i->raw, i->fd, SIZE, &i->arena, &e), 0);
	static char text[1000], zero[4096];
	memset(text, 'a', sizeof(text));
	assert_int_equal(raw_write(&i->raw, 0, "head", 4, &e), 0);
	assert_int_equal(raw_write(&i->raw, 2 * RAW_BLOCK + 77, zero, sizeof(zero), &e), 0);
	assert_int_equal(raw_write(&i->raw, 6 * RAW_BLOCK - 10, "end of 5", 8, &e), 0);
	assert_int_equal(raw_write(&i->raw, SIZE - sizeof(text), text, sizeof(text), &e), 0);
}

static void image_free(struct image *i)
{
	close(i->fd);
	arena_free(&i->arena);
}

static struct blocks digest(struct image *i, unsigned jobs)
{
	struct err e = { 0 };
	struct blocks b;
	if (blocks_digest(&i->raw, OWN, jobs, &i->arena, &b, &e) < 0)
		fail_msg("%s", e.msg);
	return b;
}

static void blocks_region_follows_from_the_size(void **state)
{
	(void)state;
	const uint64_t per = (RAW_BLOCK - 512) / 32;
	assert_int_equal(blocks_region(1), RAW_BLOCK);
	assert_int_equal(blocks_region((uint64_t)2 << 30), RAW_BLOCK);
	assert_int_equal(blocks_region(per * RAW_BLOCK), RAW_BLOCK);
	assert_int_equal(blocks_region(per * RAW_BLOCK + 1), 2 * RAW_BLOCK);
	assert_int_equal(blocks_region((uint64_t)16 << 40) % RAW_BLOCK, 0);
}

static void blocks_digest_covers_what_was_written(void **state)
{
	(void)state;
	struct image i;
	image_make(&i);
	struct blocks b = digest(&i, 1);
	assert_int_equal(b.count, 10);
	assert_int_equal(b.own_first, 3);
	assert_int_equal(b.own_count, 1);
	static unsigned char block[RAW_BLOCK];
	struct sha256 expect[4];
	static const size_t present[] = { 0, 2, 5, 9 };
	assert_int_equal(blocks_present_count(&b), 4);
	for (size_t n = 0; n < 4; n++) {
		memset(block, 0, sizeof(block));
		assert_true(pread(i.fd, block, sizeof(block), (off_t)(present[n] * RAW_BLOCK)) > 0);
		expect[n] = sha256_of(block, sizeof(block));
		assert_true(blocks_present(&b, present[n]));
		assert_memory_equal(&b.digest[present[n]], &expect[n], 32);
	}
	assert_false(blocks_present(&b, 3));
	assert_false(blocks_present(&b, 10));
	struct sha256 whole = sha256_of(expect, sizeof(expect)), aggregate = blocks_aggregate(&b);
	assert_memory_equal(&whole, &aggregate, 32);
	image_free(&i);
}

static void blocks_digest_is_the_same_for_any_jobs(void **state)
{
	(void)state;
	struct image i;
	image_make(&i);
	struct blocks one = digest(&i, 1);
	static const unsigned jobs[] = { 0, 2, 3, 16, 1000 };
	for (size_t n = 0; n < sizeof(jobs) / sizeof(jobs[0]); n++) {
		struct blocks many = digest(&i, jobs[n]);
		assert_memory_equal(one.digest, many.digest, one.count * 32);
	}
	image_free(&i);
}

static void blocks_changed_byte_changes_its_block(void **state)
{
	(void)state;
	struct image i;
	struct err e;
	image_make(&i);
	struct blocks before = digest(&i, 2);
	assert_int_equal(raw_write(&i.raw, 5 * RAW_BLOCK + 1, "x", 1, &e), 0);
	struct blocks after = digest(&i, 2);
	for (size_t n = 0; n < before.count; n++)
		assert_int_equal(memcmp(&before.digest[n], &after.digest[n], 32) != 0, n == 5);
	uint8_t differs[10];
	size_t count;
	assert_int_equal(blocks_verify(i.fd, &before, 2, differs, &count, &e), 0);
	assert_int_equal(count, 1);
	assert_int_equal(differs[5], 1);
	assert_int_equal(blocks_verify(i.fd, &after, 0, differs, &count, &e), 0);
	assert_int_equal(count, 0);
	/* What was never written may hold anything. */
	assert_int_equal(raw_write(&i.raw, 7 * RAW_BLOCK, "x", 1, &e), 0);
	assert_int_equal(blocks_verify(i.fd, &after, 0, differs, &count, &e), 0);
	assert_int_equal(count, 0);
	image_free(&i);
}

static void blocks_write_and_read_back(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	struct blocks b = digest(&i, 2), back;
	assert_int_equal(blocks_write(&i.raw, &b, &e), 0);
	assert_true(raw_is_dirty(&i.raw, 3));
	/* The list does not change what it is a list of. */
	struct blocks again = digest(&i, 2);
	assert_memory_equal(b.digest, again.digest, b.count * 32);
	if (blocks_read(i.fd, OWN, &i.arena, &back, &e) < 0)
		fail_msg("%s", e.msg);
	assert_int_equal(back.size, SIZE);
	assert_int_equal(back.count, b.count);
	assert_int_equal(back.own_first, 3);
	assert_int_equal(back.own_count, 1);
	assert_memory_equal(b.digest, back.digest, b.count * 32);
	image_free(&i);
}

static void blocks_own_is_what_was_written(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	static unsigned char made[RAW_BLOCK], there[RAW_BLOCK];
	image_make(&i);
	struct blocks b = digest(&i, 1);
	assert_int_equal(blocks_write(&i.raw, &b, &e), 0);
	blocks_own(&b, 0, made);
	assert_int_equal(pread(i.fd, there, sizeof(there), OWN), sizeof(there));
	assert_memory_equal(made, there, sizeof(there));
	struct sha256 of = sha256_of(there, sizeof(there)), own = blocks_own_digest(&b, 0);
	assert_memory_equal(&of, &own, sizeof(of));
	image_free(&i);
	/* Of several blocks: a list of more than 16,368 digests. */
	cleanup_arena struct arena a = { 0 };
	b = (struct blocks){ .count = 40000, .size = 40000 * RAW_BLOCK, .own_count = 3 };
	b.digest = arena_array(&a, b.count, sizeof(*b.digest), &e);
	unsigned char *whole = arena_array(&a, b.own_count, RAW_BLOCK, &e);
	assert_true(b.digest != NULL && whole != NULL);
	for (size_t k = b.own_count; k < b.count; k++)
		b.digest[k] = sha256_of(&k, sizeof(k));
	for (size_t k = 0; k < b.own_count; k++) {
		blocks_own(&b, k, whole + k * RAW_BLOCK);
		of = sha256_of(whole + k * RAW_BLOCK, RAW_BLOCK);
		own = blocks_own_digest(&b, k);
		assert_memory_equal(&of, &own, sizeof(of));
	}
	struct blocks back;
	assert_int_equal(blocks_parse(whole, b.own_count * RAW_BLOCK, &a, &back, &e), 0);
	assert_memory_equal(back.digest, b.digest, b.count * sizeof(*b.digest));
}

static void blocks_parse_refuses_what_is_damaged(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	struct blocks b = digest(&i, 2), back;
	assert_int_equal(blocks_write(&i.raw, &b, &e), 0);
	const size_t len = BLOCKS_HEADER + 10 * 32;
	unsigned char whole[BLOCKS_HEADER + 10 * 32];
	assert_int_equal(pread(i.fd, whole, len, OWN), len);
	assert_int_equal(blocks_parse(whole, len, &i.arena, &back, &e), 0);
	for (size_t cut = 0; cut < len; cut++) {
		unsigned char *p = malloc(cut + 1);
		memcpy(p, whole, cut);
		assert_int_equal(blocks_parse(p, cut, &i.arena, &back, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		free(p);
	}
	for (size_t at = 0; at < len; at++) {
		if (at >= 88 && at < BLOCKS_HEADER)
			continue;
		whole[at] ^= 0x40;
		assert_int_equal(blocks_parse(whole, len, &i.arena, &back, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		whole[at] ^= 0x40;
	}
	/* The same from a file that ends too early. */
	for (uint64_t end = OWN; end < OWN + len; end += 13) {
		assert_int_equal(ftruncate(i.fd, (off_t)end), 0);
		assert_int_equal(blocks_read(i.fd, OWN, &i.arena, &back, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_int_equal(pwrite(i.fd, whole, len, OWN), len);
	}
	image_free(&i);
}

static void put(unsigned char *p, uint64_t n, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		p[i] = (unsigned char)(n >> 8 * i);
}

/* Numbers that would take gigabytes, or point elsewhere, are refused before anything is read. */
static void blocks_read_refuses_hostile_headers(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	struct blocks b = digest(&i, 2), back;
	assert_int_equal(blocks_write(&i.raw, &b, &e), 0);
	static const struct {
		size_t at, bytes;
		uint64_t value;
	} bad[] = {
		{ 16, 4, 0 },
		{ 16, 4, 2 },
		{ 20, 4, 0 },
		{ 20, 4, 4096 },
		{ 24, 8, 0 },
		{ 24, 8, UINT64_MAX },
		{ 24, 8, BLOCKS_IMAGE_MAX + 1 },
		{ 32, 8, 0 },
		{ 32, 8, 9 },
		{ 32, 8, 11 },
		{ 32, 8, UINT64_MAX },
		{ 32, 8, (uint64_t)1 << 59 },
		{ 40, 8, 10 },
		{ 40, 8, UINT64_MAX },
		{ 48, 8, 0 },
		{ 48, 8, 2 },
		{ 48, 8, UINT64_MAX },
	};
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		unsigned char header[BLOCKS_HEADER];
		assert_int_equal(pread(i.fd, header, sizeof(header), OWN), sizeof(header));
		put(header + bad[n].at, bad[n].value, bad[n].bytes);
		assert_int_equal(blocks_parse_header(header, &back, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_int_equal(pwrite(i.fd, header, sizeof(header), RAW_BLOCK), sizeof(header));
		size_t used = i.arena.used;
		assert_int_equal(blocks_read(i.fd, RAW_BLOCK, &i.arena, &back, &e), -1);
		assert_int_equal(i.arena.used, used);
	}
	/* One that fits in itself but whose list would be 1 GiB, in a file of 5 MB. */
	unsigned char header[BLOCKS_HEADER];
	assert_int_equal(pread(i.fd, header, sizeof(header), OWN), sizeof(header));
	put(header + 24, BLOCKS_IMAGE_MAX, 8);
	put(header + 32, BLOCKS_IMAGE_MAX / RAW_BLOCK, 8);
	put(header + 48, blocks_region(BLOCKS_IMAGE_MAX) / RAW_BLOCK, 8);
	assert_int_equal(pwrite(i.fd, header, sizeof(header), OWN), sizeof(header));
	size_t used = i.arena.used;
	assert_int_equal(blocks_read(i.fd, OWN, &i.arena, &back, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(i.arena.used, used);
	assert_int_equal(blocks_read(i.fd, UINT64_MAX, &i.arena, &back, &e), -1);
	image_free(&i);
}

static void blocks_digest_tells_what_failed(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	struct blocks b;
	image_make(&i);
	for (unsigned n = 1;; n++) {
		fail_arm(FAIL_ALLOC, n);
		int rc = blocks_digest(&i.raw, OWN, 2, &i.arena, &b, &e);
		if (!fail_disarm()) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
	uint8_t differs[10];
	size_t count;
	assert_int_equal(ftruncate(i.fd, SIZE - 1), 0);
	assert_int_equal(blocks_digest(&i.raw, OWN, 2, &i.arena, &b, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_non_null(strstr(e.msg, "it ends there"));
	assert_int_equal(blocks_verify(i.fd, &b, 2, differs, &count, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(blocks_digest(&i.raw, OWN + 1, 2, &i.arena, &b, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	assert_int_equal(blocks_digest(&i.raw, 10 * RAW_BLOCK, 2, &i.arena, &b, &e), -1);
	image_free(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_region_follows_from_the_size),
		cmocka_unit_test(blocks_digest_covers_what_was_written),
		cmocka_unit_test(blocks_digest_is_the_same_for_any_jobs),
		cmocka_unit_test(blocks_changed_byte_changes_its_block),
		cmocka_unit_test(blocks_write_and_read_back),
		cmocka_unit_test(blocks_own_is_what_was_written),
		cmocka_unit_test(blocks_parse_refuses_what_is_damaged),
		cmocka_unit_test(blocks_read_refuses_hostile_headers),
		cmocka_unit_test(blocks_digest_tells_what_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
