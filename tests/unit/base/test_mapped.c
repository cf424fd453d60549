/*
 * Mapped files: their bytes, what is told when they are gone, and what stays resident.
 */
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/crew.h"
#include "base/mapped.h"
#include "check.h"
#include "resident.h"

#define MIB ((uint64_t)1 << 20)

struct reader {
	const unsigned char *map;
	uint64_t len;
	uint64_t sum;
	bool whole;
};

static void read_all(void *ctx)
{
	struct reader *r = ctx;
	const volatile unsigned char *p = r->map;
	r->sum = 0;
	for (uint64_t i = 0; i < r->len; i += 512)
		r->sum += p[i];
}

static int make_file(uint64_t len)
{
	static char block[4096];
	int fd = memfd_create("mapped", MFD_CLOEXEC);
	memset(block, 1, sizeof(block));
	for (uint64_t at = 0; at < len; at += sizeof(block))
		assert_int_equal(pwrite(fd, block, sizeof(block), (off_t)at), sizeof(block));
	return fd;
}

static void *read_in_thread(void *ctx)
{
	struct reader *r = ctx;
	r->whole = mapped_read(read_all, r);
	return NULL;
}

static void mapped_bytes_and_their_end(void **state)
{
	(void)state;
	int fd = make_file(4 * MIB);
	struct reader r = { .map = mapped_file(fd, 4 * MIB), .len = 4 * MIB };
	assert_non_null(r.map);
	assert_true(mapped_read(read_all, &r));
	assert_int_equal(r.sum, 4 * MIB / 512);
	assert_int_equal(ftruncate(fd, 2 * MIB), 0);
	for (int i = 0; i < 3; i++) {
		pthread_t thread;
		r.whole = true;
		assert_false(mapped_read(read_all, &r));
		assert_true(crew_start(&thread, read_in_thread, &r));
		pthread_join(thread, NULL);
		assert_false(r.whole);
	}
	r.len = 2 * MIB;
	assert_true(mapped_read(read_all, &r));
	mapped_end(r.map, 4 * MIB);
	close(fd);
	mapped_end(NULL, 0);
	assert_null(mapped_file(-1, 5));
	assert_null(mapped_file(fd, 0));
}

/* SIGBUS from elsewhere ends the program, as ever. */
static void mapped_lets_others_die(void **state)
{
	(void)state;
	for (int sent = 0; sent < 2; sent++) {
		int fd = make_file(MIB), status;
		struct reader r = { .map = mapped_file(fd, MIB), .len = MIB };
		pid_t child = fork();
		if (child == 0) {
			if (!mapped_read(read_all, &r) || ftruncate(fd, 0) < 0)
				_exit(1);
			if (sent)
				raise(SIGBUS);
			else
				read_all(&r);
			_exit(0);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS);
		mapped_end(r.map, MIB);
		close(fd);
	}
}

static void mapped_forgets(void **state)
{
	(void)state;
	int fd = make_file(8 * MIB);
	struct reader r = { .map = mapped_file(fd, 8 * MIB), .len = 8 * MIB };
	assert_true(mapped_read(read_all, &r));
	assert_int_equal(resident_pages(r.map, r.len), 2048);
	mapped_forget(r.map, r.len, MIB, 2 * MIB);
	assert_int_equal(resident_pages(r.map + MIB, MIB), 0);
	assert_in_range(resident_pages(r.map, r.len), 2048 - 1024, 2048 - 256);
	mapped_forget(r.map, r.len, 0, 0);
	mapped_forget(r.map, r.len, 5, r.len);
	assert_int_equal(resident_pages(r.map, r.len), 0);
	assert_true(mapped_read(read_all, &r));
	assert_int_equal(r.sum, 8 * MIB / 512);
	mapped_end(r.map, 8 * MIB);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_bytes_and_their_end),
		cmocka_unit_test(mapped_lets_others_die),
		cmocka_unit_test(mapped_forgets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
