#include <jansson.h>
#include <string.h>

#include "base/json.h"
#include "check.h"
#include "fail.h"

static void sample(struct json *j)
{
	json_open(j, NULL, '{');
	json_str(j, "a",
		"q\"b\\c\nd\te\x01"
		"f");
	json_open(j, "list", '[');
	json_int(j, NULL, -5);
	json_bool(j, NULL, true);
	json_str(j, NULL, NULL);
	json_close(j, ']');
	json_open(j, "empty", '{');
	json_close(j, '}');
	json_open_flat(j, "flat", '{');
	json_str(j, "x", "1");
	json_open(j, "y", '[');
	json_int(j, NULL, 2);
	json_int(j, NULL, 3);
	json_close(j, ']');
	json_close(j, '}');
	json_str(j, "after", "z");
	json_close(j, '}');
}

static void json_indented(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	struct json j = json_to(&b, 2);
	sample(&j);
	assert_int_equal(json_end(&j, &e), 0);
	assert_string_equal(b.data, "{\n"
				    "  \"a\": \"q\\\"b\\\\c\\nd\\te\\u0001f\",\n"
				    "  \"list\": [\n    -5,\n    true,\n    null\n  ],\n"
				    "  \"empty\": {},\n"
				    "  \"flat\": {\"x\": \"1\", \"y\": [2, 3]},\n"
				    "  \"after\": \"z\"\n"
				    "}\n");
}

static void json_on_one_line(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	struct json j = json_to(&b, 0);
	sample(&j);
	assert_int_equal(json_end(&j, &e), 0);
	assert_null(strchr(b.data, '\n'));
	assert_non_null(strstr(b.data, "\"flat\":{\"x\":\"1\",\"y\":[2,3]},\"after\":\"z\"}"));
}

/* Whatever bytes go in, a reader of the strictest kind takes what comes out. */
static void json_str_any_bytes_are_valid(void **state)
{
	(void)state;
	unsigned seed = 1;
	for (int round = 0; round < 2000; round++) {
		char text[40];
		for (size_t i = 0; i < sizeof(text); i++) {
			seed = seed * 1103515245u + 12345u;
			text[i] = (char)(seed >> 16);
		}
		struct err e;
		cleanup_buf struct buf b = { 0 };
		struct json j = json_to(&b, 0);
		json_open(&j, NULL, '[');
		json_strn(&j, NULL, text, sizeof(text));
		json_close(&j, ']');
		assert_int_equal(json_end(&j, &e), 0);
		json_error_t je;
		json_t *read = json_loadb(b.data, b.len, JSON_ALLOW_NUL, &je);
		assert_non_null(read);
		json_decref(read);
	}
}

static void json_str_keeps_utf8(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	struct json j = json_to(&b, 0);
	json_str(&j, NULL, "大阪 \xf0\x9f\x9a\x80 \xc0\xaf \xed\xa0\x80");
	assert_int_equal(json_end(&j, &e), 0);
	assert_string_equal(
		b.data, "\"大阪 \xf0\x9f\x9a\x80 \\ufffd\\ufffd \\ufffd\\ufffd\\ufffd\"");
}

static void json_end_reports_failed_allocation(void **state)
{
	(void)state;
	struct err e;
	struct buf b = { 0 };
	struct json j = json_to(&b, 2);
	fail_arm(FAIL_ALLOC, 1);
	sample(&j);
	assert_true(fail_disarm());
	assert_int_equal(json_end(&j, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_indented),
		cmocka_unit_test(json_on_one_line),
		cmocka_unit_test(json_str_any_bytes_are_valid),
		cmocka_unit_test(json_str_keeps_utf8),
		cmocka_unit_test(json_end_reports_failed_allocation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
