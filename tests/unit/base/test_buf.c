#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "check.h"
#include "fail.h"

static void buf_add_refuses_over_cap(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { .max = 10 };
	assert_int_equal(buf_puts(&b, "0123456789", &e), 0);
	assert_int_equal(buf_putc(&b, 'x', &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_string_equal(b.data, "0123456789");
}

static void buf_printf_grows(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	for (int i = 0; i < 200; i++)
		assert_int_equal(buf_printf(&b, &e, "%0*d", i, 7), 0);
	size_t want = 1;
	for (size_t i = 1; i < 200; i++)
		want += i;
	assert_int_equal(b.len, want);
	assert_int_equal(strlen(b.data), want);
}

/* The vectors of RFC 4648, section 10. */
static void buf_base64_rfc4648_vectors(void **state)
{
	(void)state;
	static const char *const vectors[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" },
		{ "foo", "Zm9v" }, { "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" } };
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct err e;
		cleanup_buf struct buf b = { 0 };
		assert_int_equal(buf_base64(&b, vectors[i][0], strlen(vectors[i][0]), 0, &e), 0);
		assert_string_equal(b.data, vectors[i][1]);
	}
}

static void buf_base64_wraps(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	assert_int_equal(buf_base64(&b, "foobarfoo", 9, 4, &e), 0);
	assert_string_equal(b.data, "Zm9v\nYmFy\nZm9v\n");
	buf_clear(&b);
	assert_int_equal(buf_base64(&b, "foobarf", 7, 8, &e), 0);
	assert_string_equal(b.data, "Zm9vYmFy\nZg==\n");
}

static void buf_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct buf b = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = buf_puts(&b, "text", &e);
		for (int i = 0; rc == 0 && i < 100; i++)
			rc = buf_printf(&b, &e, "%100d", i);
		bool hit = fail_disarm();
		buf_free(&b);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 3);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

static void arena_alloc_is_aligned_and_zeroed(void **state)
{
	(void)state;
	struct err e;
	cleanup_arena struct arena a = { 0 };
	for (size_t size = 1; size < 70000; size = size * 3 + 1) {
		unsigned char *p = arena_alloc(&a, size, &e);
		assert_non_null(p);
		assert_int_equal((uintptr_t)p % _Alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, size);
	}
}

static void arena_alloc_refuses_over_cap(void **state)
{
	(void)state;
	struct err e;
	cleanup_arena struct arena a = { .max = 1000 };
	assert_non_null(arena_alloc(&a, 500, &e));
	assert_null(arena_alloc(&a, 600, &e));
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_null(arena_array(&a, SIZE_MAX / 2, 3, &e));
	assert_null(arena_alloc(&a, SIZE_MAX, &e));
}

static void arena_push_keeps_elements(void **state)
{
	(void)state;
	struct err e;
	cleanup_arena struct arena a = { 0 };
	unsigned *list = NULL;
	size_t count = 0, cap = 0;
	for (unsigned i = 0; i < 5000; i++) {
		unsigned *slot = arena_push(&a, &list, &count, &cap, sizeof(*list), &e);
		assert_non_null(slot);
		assert_int_equal(*slot, 0);
		*slot = i;
	}
	assert_int_equal(count, 5000);
	for (unsigned i = 0; i < 5000; i++)
		assert_int_equal(list[i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_add_refuses_over_cap),
		cmocka_unit_test(buf_printf_grows),
		cmocka_unit_test(buf_base64_rfc4648_vectors),
		cmocka_unit_test(buf_base64_wraps),
		cmocka_unit_test(buf_every_failed_allocation_is_reported),
		cmocka_unit_test(arena_alloc_is_aligned_and_zeroed),
		cmocka_unit_test(arena_alloc_refuses_over_cap),
		cmocka_unit_test(arena_push_keeps_elements),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
