#include "bundle/gzip.h"

#include <libdeflate.h>

#include "scratch.h"

static void gzip_add_has_no_name_and_no_time(void **state)
{
	(void)state;
	struct err e;
	cleanup_gzip struct gzip g = { 0 };
	static const int levels[] = { GZIP_GOOD, GZIP_BEST, GZIP_BEST };
	char text[5000];
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)('a' + i * i % 23);
	for (size_t i = 0; i < 3; i++) {
		cleanup_buf struct buf b = { 0 };
		assert_int_equal(buf_puts(&b, "before", &e), 0);
		assert_int_equal(gzip_add(&g, &b, text, sizeof(text), levels[i], &e), 0);
		const unsigned char *p = (const unsigned char *)b.data + 6;
		assert_memory_equal(b.data, "before", 6);
		assert_memory_equal(p, "\x1f\x8b\x08\0\0\0\0\0", 8);
		char back[sizeof(text) + 1];
		size_t n;
		struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
		assert_int_equal(
			libdeflate_gzip_decompress(d, p, b.len - 6, back, sizeof(back), &n), 0);
		libdeflate_free_decompressor(d);
		assert_int_equal(n, sizeof(text));
		assert_memory_equal(back, text, n);
	}
}

static void gzip_add_is_the_same_each_time(void **state)
{
	(void)state;
	struct err e;
	cleanup_gzip struct gzip g = { 0 };
	cleanup_buf struct buf a = { 0 };
	cleanup_buf struct buf b = { 0 };
	assert_int_equal(gzip_add(&g, &a, "", 0, GZIP_BEST, &e), 0);
	assert_int_equal(gzip_add(&g, &b, "", 0, GZIP_BEST, &e), 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
}

static void gzip_add_reports_a_full_buffer(void **state)
{
	(void)state;
	struct err e;
	cleanup_gzip struct gzip g = { 0 };
	cleanup_buf struct buf b = { .max = 10 };
	assert_int_equal(gzip_add(&g, &b, "text", 4, GZIP_GOOD, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_int_equal(b.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip_add_has_no_name_and_no_time),
		cmocka_unit_test(gzip_add_is_the_same_each_time),
		cmocka_unit_test(gzip_add_reports_a_full_buffer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
