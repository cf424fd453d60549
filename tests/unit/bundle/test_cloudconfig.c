#include "bundle/cloudconfig.h"

#include "scratch.h"

static void cloud_config_write_golden(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	struct word names[] = { { .text = "libreswan" }, { .text = "on" } };
	const struct words packages = { .list = names, .count = 2 };
	static const char binary[] = "\x7f"
				     "ELF\0\r\n";
	const struct cloud_file files[] = { { "/etc/plain", 0644, "a: b\n# c\n\n\td\n", 13 },
		{ "/etc/with blank", 0600, "  indented first\nend", 20 },
		{ "/etc/keep", 0644, "x\n\n\n", 4 }, { "/etc/empty", 0755, "", 0 },
		{ "/etc/binary", 04755, binary, sizeof(binary) - 1 },
		{ "/etc/blank", 0644, "\n", 1 } };
	const struct cloud_command boot[] = { { "echo 'boot: 1'" } };
	const struct cloud_command run[] = { { "one" }, { "for i in 1 2; do\n  echo $i\ndone\n" } };
	const struct cloud_config c = { .title = "title",
		.packages = &packages,
		.files = files,
		.file_count = 6,
		.boot = boot,
		.boot_count = 1,
		.run = run,
		.run_count = 2 };
	assert_int_equal(cloud_config_write(&c, &b, &e), 0);
	assert_golden("cloud-config.yaml", b.data, b.len);
}

static void cloud_config_write_without_anything(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	const struct cloud_config c = { .title = "t" };
	assert_int_equal(cloud_config_write(&c, &b, &e), 0);
	assert_string_equal(b.data, "#cloud-config\n# t\nmerge_how: " CLOUD_MERGE "\n");
}

static void cloud_config_write_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	static char large[100000];
	memset(large, '\n', sizeof(large));
	const struct cloud_file file = { "/x", 0600, large, sizeof(large) };
	const struct cloud_config c = { .title = "t", .files = &file, .file_count = 1 };
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct buf b = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = cloud_config_write(&c, &b, &e);
		bool hit = fail_disarm();
		buf_free(&b);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 1);
			break;
		}
		assert_int_equal(rc, -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cloud_config_write_golden),
		cmocka_unit_test(cloud_config_write_without_anything),
		cmocka_unit_test(cloud_config_write_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
