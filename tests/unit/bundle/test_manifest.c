#include "bundle/diff.h"
#include "bundle/manifest.h"

#include "scratch.h"

static const char BEFORE[] =
	"{\"format\": 1, \"tool\": {\"name\": \"imgbuild\", \"version\": \"1\"}, "
	"\"daemon\": \"libreswan\", \"vars\": {\"a\": \"1\", \"b\": \"2\"}, "
	"\"packages\": [\"p\", \"q\"], \"services\": [\"s\"],"
	"\"inputs\": [{\"path\": \"recipes/r.yaml\", \"sha256\": \"11\"},"
	" {\"overlay\": \"o\", \"path\": \"/etc/x\", \"sha256\": \"22\"},"
	" {\"reference\": \"env:K\", \"secret\": true}],"
	"\"files\": [{\"path\": \"/etc/x\", \"layer\": \"o\", \"mode\": \"0644\", "
	"\"owner\": \"root:root\", \"sha256\": \"22\", \"size\": 3},"
	" {\"path\": \"/etc/l\", \"mode\": \"0777\", \"owner\": \"root:root\", \"link\": \"t\"}],"
	"\"products\": [{\"path\": \"user-data\", \"secret\": true},"
	" {\"path\": \"overlay.tar.gz\", \"size\": 1, \"sha256\": \"33\"}]}";

static const char AFTER[] =
	"{\"format\": 1, \"tool\": {\"name\": \"imgbuild\", \"version\": \"1\"}, "
	"\"daemon\": \"libreswan\", \"vars\": {\"a\": \"1\", \"b\": \"3\"}, "
	"\"packages\": [\"q\", \"r\"], \"services\": [\"s\"],"
	"\"inputs\": [{\"path\": \"recipes/r.yaml\", \"sha256\": \"11\"},"
	" {\"overlay\": \"o\", \"path\": \"/etc/x\", \"sha256\": \"22\"}],"
	"\"files\": [{\"path\": \"/etc/x\", \"layer\": \"o\", \"mode\": \"0600\", "
	"\"owner\": \"root:root\", \"sha256\": \"22\", \"size\": 3},"
	" {\"path\": \"/etc/l\", \"mode\": \"0777\", \"owner\": \"root:root\", \"link\": \"t\"}],"
	"\"products\": [{\"path\": \"user-data\", \"secret\": true},"
	" {\"path\": \"overlay.tar.gz\", \"size\": 1, \"sha256\": \"44\"}]}";

static void parse(const char *text, struct arena *a, struct manifest *ret)
{
	struct err e;
	if (manifest_parse("m", text, strlen(text), a, ret, &e) < 0)
		fail_msg("%s", e.msg);
}

static const struct change *find(const struct changes *c, const char *section, const char *name)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(manifest_section_name(c->list[i].section), section) == 0 &&
			strcmp(c->list[i].name, name) == 0)
			return &c->list[i];
	return NULL;
}

static void manifest_diff_finds_each_change(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct manifest before, after;
	struct changes c;
	struct err e;
	parse(BEFORE, &a, &before);
	parse(AFTER, &a, &after);
	assert_int_equal(manifest_diff(&before, &after, &a, &c, &e), 0);
	assert_int_equal(c.count, 7);
	assert_int_equal(c.real, 6);
	assert_int_equal(find(&c, "var", "b")->kind, CHANGE_CHANGED);
	assert_string_equal(find(&c, "var", "b")->before, "2");
	assert_string_equal(find(&c, "var", "b")->after, "3");
	assert_int_equal(find(&c, "package", "p")->kind, CHANGE_REMOVED);
	assert_int_equal(find(&c, "package", "r")->kind, CHANGE_ADDED);
	assert_int_equal(find(&c, "input", "env:K")->kind, CHANGE_REMOVED);
	assert_string_equal(find(&c, "file", "/etc/x")->before, "0644 root:root 22");
	assert_string_equal(find(&c, "file", "/etc/x")->after, "0600 root:root 22");
	assert_int_equal(find(&c, "product", "overlay.tar.gz")->kind, CHANGE_CHANGED);
	assert_int_equal(find(&c, "product", "user-data")->kind, CHANGE_UNKNOWN);
	arena_free(&a);
}

static void manifest_diff_of_the_same_is_empty(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct manifest before, after;
	struct changes c;
	struct err e;
	parse(AFTER, &a, &before);
	parse(AFTER, &a, &after);
	assert_int_equal(manifest_diff(&before, &after, &a, &c, &e), 0);
	assert_int_equal(c.real, 0);
	assert_int_equal(c.count, 1);
	assert_string_equal(change_kind_name(c.list[0].kind), "unknown");
	arena_free(&a);
}

static void manifest_parse_refuses_what_is_none(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "{", "[]", "{}", "{\"format\": 2}",
		"{\"format\": 1, \"format\": 1}", "{\"format\": \"1\"}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a = { 0 };
		struct manifest m;
		struct err e = { 0 };
		assert_int_equal(manifest_parse("m", bad[i], strlen(bad[i]), &a, &m, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		assert_non_null(strstr(e.msg, "not a manifest"));
		arena_free(&a);
	}
}

static void manifest_parse_takes_odd_values_for_empty(void **state)
{
	(void)state;
	static const char odd[] = "{\"format\": 1, \"vars\": [1], \"packages\": {\"a\": 1}, "
				  "\"files\": [1, null, {\"path\": 7}], \"inputs\": \"x\", "
				  "\"products\": [{}]}";
	struct arena a = { 0 };
	struct manifest m;
	parse(odd, &a, &m);
	arena_free(&a);
}

static void manifest_read_takes_a_file_or_its_folder(void **state)
{
	(void)state;
	struct scratch dir;
	struct arena a = { 0 };
	struct manifest m;
	struct err e;
	char path[2048];
	scratch_make(&dir);
	scratch_text(&dir, "manifest.json", BEFORE);
	assert_int_equal(manifest_read(dir.path, &a, &m, &e), 0);
	assert_int_equal(m.count, 14);
	assert_int_equal(manifest_read(scratch_path(&dir, "manifest.json", path), &a, &m, &e), 0);
	assert_int_equal(manifest_read("/nonexistent", &a, &m, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	arena_free(&a);
	scratch_free(&dir);
}

static void manifest_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct arena a = { 0 };
		struct manifest before = { 0 }, after = { 0 };
		struct changes c;
		struct err e = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = manifest_parse("m", BEFORE, strlen(BEFORE), &a, &before, &e);
		if (rc == 0)
			rc = manifest_diff(&before, &after, &a, &c, &e);
		bool hit = fail_disarm();
		arena_free(&a);
		if (!hit) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest_diff_finds_each_change),
		cmocka_unit_test(manifest_diff_of_the_same_is_empty),
		cmocka_unit_test(manifest_parse_refuses_what_is_none),
		cmocka_unit_test(manifest_parse_takes_odd_values_for_empty),
		cmocka_unit_test(manifest_read_takes_a_file_or_its_folder),
		cmocka_unit_test(manifest_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
