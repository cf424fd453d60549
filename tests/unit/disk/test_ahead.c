/*
 * Reading ahead: with a thread or without, through whatever jumps, the bytes are the file's.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>

#include "check.h"
#include "disk/ahead.h"
#include "disk_temp.h"
#include "fail.h"

#define BLOCKS 40
#define SIZE   (BLOCKS * AHEAD_BLOCK + 4711)
#define RING   (AHEAD_RING * AHEAD_BLOCK)

/* The byte at a place: the same one nowhere near. */
static unsigned char byte_at(uint64_t offset)
{
	return (unsigned char)(offset * 7 + (offset >> 8) * 13 + (offset >> 18) * 101);
}

static int file_of(uint64_t size)
{
	static unsigned char block[AHEAD_BLOCK];
	int fd = temp_image(NULL);
	for (uint64_t at = 0; at < size; at += AHEAD_BLOCK) {
		size_t len = size - at < AHEAD_BLOCK ? (size_t)(size - at) : AHEAD_BLOCK;
		for (size_t i = 0; i < len; i++)
			block[i] = byte_at(at + i);
		assert_int_equal(pwrite(fd, block, len, (off_t)at), len);
	}
	return fd;
}

static struct ahead *begin(int fd, bool threaded)
{
	struct ahead *a;
	struct err e;
	assert_int_equal(ahead_open(fd, threaded, &a, &e), 0);
	return a;
}

/* One read, whose bytes must be those of their place; returns how many. */
static size_t step(struct ahead *a)
{
	const void *data = NULL;
	uint64_t offset = ahead_offset(a);
	ssize_t n = ahead_read(a, &data);
	assert_true(n >= 0 && n <= (ssize_t)AHEAD_BLOCK);
	const unsigned char *bytes = data;
	for (size_t i = 0; i < (size_t)n; i++)
		if (bytes[i] != byte_at(offset + i))
			fail_msg("byte %zu of the read at %llu", i, (unsigned long long)offset);
	assert_int_equal(ahead_offset(a), offset + (uint64_t)n);
	return (size_t)n;
}

static void steps(struct ahead *a, unsigned count)
{
	while (count-- > 0)
		assert_true(step(a) > 0);
}

static void to_end(struct ahead *a, uint64_t size)
{
	while (step(a) > 0)
		;
	assert_int_equal(ahead_offset(a), size);
	assert_int_equal(step(a), 0);
	assert_int_equal(ahead_offset(a), size);
}

static void ahead_reads_files_of_any_size(void **state)
{
	static const uint64_t SIZES[] = { 0, 1, AHEAD_BLOCK - 1, AHEAD_BLOCK, AHEAD_BLOCK + 1,
		2 * AHEAD_BLOCK - 1, 2 * AHEAD_BLOCK, 3 * AHEAD_BLOCK, RING, RING + 2 * AHEAD_BLOCK,
		SIZE };
	(void)state;
	for (size_t i = 0; i < sizeof(SIZES) / sizeof(SIZES[0]); i++) {
		int fd = file_of(SIZES[i]);
		for (int threaded = 0; threaded <= 1; threaded++) {
			struct ahead *a = begin(fd, threaded);
			to_end(a, SIZES[i]);
			ahead_jump(a, 0);
			to_end(a, SIZES[i]);
			ahead_close(a);
		}
		close(fd);
	}
}

static void ahead_jumps_forward(void **state)
{
	static const uint64_t BY[] = { 1, 4711, AHEAD_BLOCK - 1, AHEAD_BLOCK, AHEAD_BLOCK + 1,
		2 * AHEAD_BLOCK + 3, RING - AHEAD_BLOCK, RING, RING + 1, 2 * RING };
	(void)state;
	int fd = file_of(SIZE);
	for (size_t i = 0; i < sizeof(BY) / sizeof(BY[0]); i++) {
		for (unsigned before = 0; before < 6; before++) {
			struct ahead *a = begin(fd, true);
			steps(a, before);
			uint64_t to = ahead_offset(a) + BY[i];
			ahead_jump(a, to);
			assert_int_equal(ahead_offset(a), to);
			ahead_jump(a, to);
			assert_int_equal(ahead_offset(a), to);
			steps(a, 1);
			ahead_jump(a, ahead_offset(a) + BY[i]);
			to_end(a, SIZE);
			ahead_close(a);
		}
	}
	close(fd);
}

static void ahead_jumps_back_and_to_the_end(void **state)
{
	(void)state;
	int fd = file_of(SIZE);
	for (int threaded = 0; threaded <= 1; threaded++) {
		struct ahead *a = begin(fd, threaded);
		ahead_jump(a, SIZE - 100);
		assert_int_equal(step(a), 100);
		assert_int_equal(step(a), 0);
		for (unsigned before = 1; before < 7; before++) {
			ahead_jump(a, 12345);
			steps(a, before);
			ahead_jump(a, ahead_offset(a) - 1);
			steps(a, before);
			ahead_jump(a, SIZE);
			assert_int_equal(step(a), 0);
			ahead_jump(a, SIZE + 5);
			assert_int_equal(step(a), 0);
		}
		ahead_jump(a, 0);
		to_end(a, SIZE);
		ahead_close(a);
	}
	close(fd);
}

/* Jumps by a generator with a seed, so that thread and taker meet in many ways. */
static void ahead_jumps_at_random(void **state)
{
	(void)state;
	int fd = file_of(SIZE);
	for (uint32_t seed = 1; seed <= 20; seed++) {
		uint32_t x = seed;
		struct ahead *a = begin(fd, true);
		for (unsigned i = 0; i < 200; i++) {
			x = x * 1664525 + 1013904223;
			if (x >> 30 == 0)
				ahead_jump(a, (x >> 8) % SIZE);
			else if (x >> 30 == 1)
				ahead_jump(a, ahead_offset(a) + (x >> 8) % (4 * AHEAD_BLOCK));
			if (step(a) == 0)
				ahead_jump(a, x % AHEAD_BLOCK);
		}
		ahead_close(a);
	}
	close(fd);
}

static void ahead_closes_at_any_time(void **state)
{
	(void)state;
	int fd = file_of(SIZE);
	for (unsigned before = 0; before < BLOCKS; before++) {
		struct ahead *a = begin(fd, true);
		steps(a, before);
		ahead_close(a);
	}
	ahead_close(NULL);
	close(fd);
}

static void ahead_says_what_went_wrong(void **state)
{
	(void)state;
	int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int threaded = 0; threaded <= 1; threaded++) {
		struct ahead *a = begin(fd, threaded);
		for (unsigned i = 0; i < 4; i++) {
			const void *data;
			errno = 0;
			assert_int_equal(ahead_read(a, &data), -1);
			assert_int_equal(errno, EISDIR);
			assert_int_equal(ahead_offset(a), 0);
		}
		ahead_close(a);
	}
	close(fd);
}

/* The descriptor turns into a folder's: what was read before that comes first. */
static void ahead_meets_an_error_in_its_place(void **state)
{
	(void)state;
	for (unsigned before = 0; before < 14; before++) {
		int fd = file_of(SIZE), folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct ahead *a = begin(fd, true);
		steps(a, before);
		assert_int_equal(dup2(folder, fd), fd);
		const void *data;
		ssize_t n;
		uint64_t offset = ahead_offset(a);
		while ((n = ahead_read(a, &data)) > 0) {
			assert_int_equal(((const unsigned char *)data)[n - 1],
				byte_at(offset + (uint64_t)n - 1));
			offset += (uint64_t)n;
		}
		assert_int_equal(n, -1);
		assert_int_equal(errno, EISDIR);
		assert_int_equal(ahead_offset(a), offset);
		assert_true(offset <= (before + AHEAD_RING + 1) * AHEAD_BLOCK);
		assert_int_equal(ahead_read(a, &data), -1);
		assert_int_equal(errno, EISDIR);
		ahead_close(a);
		close(folder);
		close(fd);
	}
}

static void ahead_of_a_file_cut_short(void **state)
{
	(void)state;
	for (unsigned before = 1; before < 6; before++) {
		int fd = file_of(SIZE);
		struct ahead *a = begin(fd, true);
		uint64_t cut = 20 * AHEAD_BLOCK + 17;
		steps(a, before);
		assert_int_equal(ftruncate(fd, (off_t)cut), 0);
		to_end(a, cut);
		ahead_close(a);
		close(fd);
	}
}

static void ahead_without_memory(void **state)
{
	(void)state;
	int fd = file_of(SIZE);
	for (unsigned n = 1;; n++) {
		struct ahead *a = NULL;
		struct err e = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = ahead_open(fd, true, &a, &e);
		/* Its ring is asked for later: without one it reads all the same. */
		if (rc == 0)
			to_end(a, SIZE);
		bool hit = fail_disarm();
		ahead_close(a);
		if (rc < 0)
			assert_int_equal(e.kind, ERR_MACHINE);
		if (!hit) {
			assert_true(n == 4);
			break;
		}
		assert_int_equal(rc, n <= 2 ? -1 : 0);
	}
	close(fd);
}

static void ahead_leaves_signals_alone(void **state)
{
	sigset_t before, after;
	(void)state;
	int fd = file_of(SIZE);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
	struct ahead *a = begin(fd, true);
	steps(a, 4);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &after), 0);
	for (int s = 1; s < SIGRTMIN; s++)
		assert_int_equal(sigismember(&before, s), sigismember(&after, s));
	ahead_close(a);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ahead_reads_files_of_any_size),
		cmocka_unit_test(ahead_jumps_forward),
		cmocka_unit_test(ahead_jumps_back_and_to_the_end),
		cmocka_unit_test(ahead_jumps_at_random),
		cmocka_unit_test(ahead_closes_at_any_time),
		cmocka_unit_test(ahead_says_what_went_wrong),
		cmocka_unit_test(ahead_meets_an_error_in_its_place),
		cmocka_unit_test(ahead_of_a_file_cut_short),
		cmocka_unit_test(ahead_without_memory),
		cmocka_unit_test(ahead_leaves_signals_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
