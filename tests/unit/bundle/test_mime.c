#include "bundle/mime.h"

#include "scratch.h"

static void mime_write_golden(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	const struct mime_part parts[] = {
		{ "imgbuild.cfg", "text/cloud-config", "#cloud-config\nx: 1\n", 19 },
		{ "hello.sh", "text/x-shellscript", "#!/bin/sh\necho gr\xc3\xbc\xc3\x9f\n", 22 },
		{ "no-end", "text/cloud-boothook", "#cloud-boothook\ntrue", 20 },
	};
	assert_int_equal(mime_write(parts, 3, &b, &e), 0);
	assert_golden("parts.mime", b.data, b.len);
}

static void mime_write_boundary_is_in_no_part(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	const char *text = "#!/bin/sh\n# =_imgbuild_0 --=_imgbuild_1--\n";
	const struct mime_part part = { "x", "text/x-shellscript", text, strlen(text) };
	assert_int_equal(mime_write(&part, 1, &b, &e), 0);
	assert_non_null(strstr(b.data, "boundary=\"=_imgbuild_2\""));
	assert_non_null(strstr(b.data, text));
}

static void mime_write_long_lines_in_base64(void **state)
{
	(void)state;
	struct err e;
	char text[1200];
	memset(text, 'x', sizeof(text));
	for (size_t n = 998; n < 1000; n++) {
		cleanup_buf struct buf b = { 0 };
		const struct mime_part part = { "x", "text/x-shellscript", text, n };
		assert_int_equal(mime_write(&part, 1, &b, &e), 0);
		assert_int_equal(strstr(b.data, "Encoding: base64") != NULL, n > 998);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mime_write_golden),
		cmocka_unit_test(mime_write_boundary_is_in_no_part),
		cmocka_unit_test(mime_write_long_lines_in_base64),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
