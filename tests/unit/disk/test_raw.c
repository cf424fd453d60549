/*
 * The image being written: what is noted as written is exactly what was, and nothing is written
 * past its end.
 */
#include <errno.h>
#include <string.h>

#include "check.h"
#include "disk/raw.h"
#include "disk_temp.h"
#include "fail.h"

#define SIZE (20 * RAW_BLOCK + 5)

static void raw_write_notes_blocks(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct err e = { 0 };
	struct raw raw;
	int fd = temp_image(NULL);
	assert_int_equal(raw_init(&raw, fd, SIZE, &a, &e), 0);
	assert_int_equal(raw.blocks, 21);
	assert_int_equal(lseek(fd, 0, SEEK_END), SIZE);
	assert_int_equal(raw_write(&raw, RAW_BLOCK - 1, "x", 1, &e), 0);
	assert_int_equal(raw_write(&raw, 3 * RAW_BLOCK - 1, "xy", 2, &e), 0);
	assert_int_equal(raw_write(&raw, 7 * RAW_BLOCK, "", 0, &e), 0);
	assert_int_equal(raw_write(&raw, SIZE - 1, "z", 1, &e), 0);
	raw_mark(&raw, 9 * RAW_BLOCK, RAW_BLOCK + 1);
	for (size_t i = 0; i < 30; i++)
		assert_int_equal(raw_is_dirty(&raw, i),
			i == 0 || i == 2 || i == 3 || i == 9 || i == 10 || i == 20);
	close(fd);
	arena_free(&a);
}

static void raw_writev_writes_all_in_order(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct err e = { 0 };
	struct raw raw;
	int fd = temp_image(NULL);
	assert_int_equal(raw_init(&raw, fd, SIZE, &a, &e), 0);
	/* More pieces than one call takes, some of them empty. */
	enum { PIECES = 3000 };
	static struct iovec iov[PIECES];
	static char text[PIECES], back[PIECES];
	size_t len = 0;
	for (size_t i = 0; i < PIECES; i++) {
		text[i] = (char)('a' + i % 26);
		iov[i] = (struct iovec){ text + len, i % 3 != 0 };
		len += iov[i].iov_len;
	}
	assert_int_equal(raw_writev(&raw, 12345, iov, PIECES, &e), 0);
	assert_int_equal(pread(fd, back, len, 12345), len);
	assert_memory_equal(text, back, len);
	close(fd);
	arena_free(&a);
}

static void raw_write_refuses_past_the_end(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct err e = { 0 };
	struct raw raw;
	int fd = temp_image(NULL);
	assert_int_equal(raw_init(&raw, fd, SIZE, &a, &e), 0);
	static const uint64_t at[] = { SIZE, SIZE - 1, UINT64_MAX, UINT64_MAX - 1, SIZE + 1 };
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		assert_int_equal(raw_write(&raw, at[i], "ab", 2, &e), -1);
		assert_int_equal(e.kind, ERR_BUG);
	}
	assert_int_equal(lseek(fd, 0, SEEK_END), SIZE);
	close(fd);
	arena_free(&a);
}

static void raw_init_tells_what_failed(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct err e = { 0 };
	struct raw raw;
	int fd = temp_image(NULL);
	fail_arm(FAIL_ALLOC, 1);
	int rc = raw_init(&raw, fd, SIZE, &a, &e);
	assert_true(fail_disarm());
	assert_int_equal(rc, -1);
	close(fd);
	assert_int_equal(raw_init(&raw, fd, SIZE, &a, &e), -1);
	assert_int_equal(e.errnum, EBADF);
	assert_int_equal(raw_init(&raw, fd, UINT64_MAX, &a, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(raw_write_notes_blocks),
		cmocka_unit_test(raw_writev_writes_all_in_order),
		cmocka_unit_test(raw_write_refuses_past_the_end),
		cmocka_unit_test(raw_init_tells_what_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
