/*
 * Headers read ahead: whatever is taken are the file's bytes at that place, all headers of a tar
 * come, and nothing waits for anyone at the end.
 */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "disk/headers.h"
#include "disk_temp.h"
#include "tar_make.h"

#define BLOCK 512u

struct file {
	int fd;
	struct buf bytes;
};

static void file_open(struct file *f)
{
	f->fd = temp_image(NULL);
	assert_int_equal(pwrite(f->fd, f->bytes.data, f->bytes.len, 0), f->bytes.len);
}

static void file_close(struct file *f)
{
	close(f->fd);
	buf_free(&f->bytes);
}

/* Take when it is there; 0: it did not come in a long time. */
static size_t await(struct headers *h, uint64_t offset, const void **ret)
{
	const struct timespec pause = { .tv_nsec = 100000 };
	for (unsigned i = 0; i < 50000; i++) {
		size_t n = headers_take(h, offset, ret);
		if (n > 0)
			return n;
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void assert_bytes(const struct file *f, uint64_t offset, const void *data, size_t n)
{
	assert_true(offset + n <= f->bytes.len && n <= HEADERS_BYTES);
	assert_memory_equal(data, f->bytes.data + offset, n);
}

/* `count` entries with content of all sizes around the blocks and around what is read at once. */
static void make_tar(struct file *f, size_t count, uint64_t *headers)
{
	static char data[8 * HEADERS_BYTES];
	memset(data, 'd', sizeof(data));
	for (size_t i = 0; i < count; i++) {
		size_t len = i % 3 == 0 ? 0 : i * 97 % (sizeof(data) - 1);
		char name[32];
		snprintf(name, sizeof(name), "f%zu", i);
		data[len] = '\0';
		headers[i] = f->bytes.len;
		tar_add(&f->bytes, (struct tar_entry){ .name = name, .data = data });
		data[len] = 'd';
	}
	tar_end(&f->bytes);
}

static void headers_all_come(void **state)
{
	(void)state;
	static uint64_t at[3000];
	struct file f = { 0 };
	make_tar(&f, 3000, at);
	file_open(&f);
	struct headers *h = headers_begin(f.fd);
	assert_non_null(h);
	for (size_t i = 0; i < 3000; i++) {
		const void *data = NULL;
		size_t n = await(h, at[i], &data);
		assert_true(n >= BLOCK);
		assert_bytes(&f, at[i], data, n);
	}
	headers_end(h);
	file_close(&f);
}

/* Whoever is faster than the thread, reads elsewhere, or passes headers over gets the right bytes
 * or none. */
static void headers_of_anywhere(void **state)
{
	(void)state;
	static uint64_t at[1000];
	for (unsigned seed = 1; seed <= 50; seed++) {
		struct file f = { 0 };
		make_tar(&f, 1000, at);
		file_open(&f);
		struct headers *h = headers_begin(f.fd);
		assert_non_null(h);
		uint64_t random = seed;
		for (uint64_t offset = 0; offset < f.bytes.len;) {
			const void *data = NULL;
			size_t n = headers_take(h, offset, &data);
			if (n > 0)
				assert_bytes(&f, offset, data, n);
			random = random * 6364136223846793005u + 1442695040888963407u;
			offset += (random >> 33) % (seed * 2048u) + 1;
		}
		headers_end(h);
		file_close(&f);
	}
}

/* The thread sleeps on a full ring when it is told to end. */
static void headers_end_early(void **state)
{
	(void)state;
	static uint64_t at[3000];
	const struct timespec pause = { .tv_nsec = 20000000 };
	struct file f = { 0 };
	make_tar(&f, 3000, at);
	file_open(&f);
	struct headers *h = headers_begin(f.fd);
	const void *data = NULL;
	assert_true(await(h, 0, &data) > 0);
	nanosleep(&pause, NULL);
	headers_end(h);
	headers_end(headers_begin(f.fd));
	headers_end(NULL);
	assert_int_equal(headers_take(NULL, 0, &data), 0);
	file_close(&f);
}

/* What is no tar, or breaks off, or tells sizes that nothing here can follow. */
static void headers_of_other_files(void **state)
{
	(void)state;
	struct file f = { 0 };
	struct err e;
	const void *data = NULL;
	for (unsigned kind = 0; kind < 4; kind++) {
		uint64_t at[4];
		make_tar(&f, 4, at);
		if (kind == 0)
			memset(f.bytes.data, 'x', f.bytes.len);
		if (kind == 1)
			f.bytes.data[at[1] + 124] = (char)0x80;
		if (kind == 2)
			memset(f.bytes.data + at[1] + 124, '7', 11);
		if (kind == 3)
			f.bytes.len = at[1] + 100;
		file_open(&f);
		struct headers *h = headers_begin(f.fd);
		size_t n = await(h, 0, &data);
		assert_true(n > 0);
		assert_bytes(&f, 0, data, n);
		for (uint64_t offset = 0; offset < f.bytes.len; offset += 100) {
			n = headers_take(h, offset, &data);
			if (n > 0)
				assert_bytes(&f, offset, data, n);
		}
		headers_end(h);
		file_close(&f);
		f = (struct file){ 0 };
	}
	assert_int_equal(buf_puts(&f.bytes, "", &e), 0);
	file_open(&f);
	struct headers *h = headers_begin(f.fd);
	assert_int_equal(headers_take(h, 0, &data), 0);
	headers_end(h);
	file_close(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(headers_all_come),
		cmocka_unit_test(headers_of_anywhere),
		cmocka_unit_test(headers_end_early),
		cmocka_unit_test(headers_of_other_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
