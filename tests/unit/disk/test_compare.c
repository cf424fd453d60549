/*
 * What changed between two images.
 */
#include <string.h>

#include "check.h"
#include "disk/compare.h"
#include "fail.h"

#define HEAD(SIZE, BASE)                                                                           \
	"{\"format\": 1, \"tool\": {\"version\": \"0.1.0\"}, \"image\": {\"size\": " SIZE          \
	", \"arch\": \"x86_64\", \"base\": {\"name\": \"debian:bookworm\", \"sha256\": \"" BASE    \
	"\"}}, \"partitions\": [{\"name\": \"esp\", \"type\": \"T\", \"uuid\": \"U\", \"start\": " \
	"1, \"size\": 2}], \"packages\": ["
#define PACKAGE(NAME, VERSION, ARCH)                                                               \
	"{\"name\": \"" NAME "\", \"version\": \"" VERSION "\", \"architecture\": \"" ARCH "\"}"
#define ENTRY(PATH, TYPE, MODE, UID, MORE)                                                         \
	"{\"path\": \"" PATH "\", \"type\": \"" TYPE "\", \"mode\": \"" MODE "\", \"uid\": " UID   \
	", \"gid\": 0" MORE "}"
#define BYTES(SIZE, SUM) ", \"size\": " SIZE ", \"sha256\": \"" SUM "\""

static const char OLD[] = HEAD("1024", "aa")
	PACKAGE("bash", "5.2", "amd64") "," PACKAGE("gone", "1", "all") "," PACKAGE("libc6",
		"2.36-9", "amd64") "," PACKAGE("libc6", "2.36-9", "i386") "," PACKAGE("moved", "1",
		"all") "," PACKAGE("openssl", "3.0~rc1", "amd64") "," PACKAGE("zlib", "1:1.2",
		"amd64") "], \"files\": [" ENTRY("/", "folder", "0755", "0", "") "," ENTRY("/attr",
		"file", "0755", "0", BYTES("1", "11") ", \"xattrs\": \"c\"") "," ENTRY("/content",
		"file", "0644", "0", BYTES("10", "22")) "," ENTRY("/device", "char", "0666", "0",
		", \"device\": \"1:3\"") "," ENTRY("/gone", "file", "0644", "0",
		BYTES("5", "33")) "," ENTRY("/kind", "file", "0644", "0",
		BYTES("7", "44")) "," ENTRY("/link", "link", "0777", "0",
		", \"target\": \"a\"") "," ENTRY("/mode", "file", "0644", "0",
		BYTES("1", "55")) "," ENTRY("/unknown", "file", "0644", "0", ", \"size\": 9") "]}";

static const char NEW[] = HEAD("2048", "bb") PACKAGE("bash", "5.1", "amd64") "," PACKAGE(
	"fresh", "2", "all") "," PACKAGE("libc6", "2.36-10", "amd64") "," PACKAGE("moved", "1",
	"amd64") "," PACKAGE("openssl", "3.0", "amd64") "," PACKAGE("zlib", "1:1.2",
	"amd64") "], \"files\": [" ENTRY("/", "folder", "0700", "0", "") "," ENTRY("/added", "file",
	"0600", "5", BYTES("100", "66")) "," ENTRY("/also", "file", "0600", "5",
	BYTES("100", "66") ", \"same\": \"/added\"") "," ENTRY("/attr", "file", "0755", "0",
	BYTES("1", "11")) "," ENTRY("/content", "file", "0600", "0",
	BYTES("12", "23")) "," ENTRY("/device", "char", "0666", "0",
	", \"device\": \"1:5\"") "," ENTRY("/kind", "link", "0777", "0",
	", \"target\": \"a\"") "," ENTRY("/link", "link", "0777", "0",
	", \"target\": \"b\"") "," ENTRY("/mode", "file", "0640", "1",
	BYTES("1", "55")) "," ENTRY("/unknown", "file", "0644", "0", ", \"size\": 9") "]}";

static const struct {
	enum compare_kind kind;
	enum compare_section section;
	const char *name, *before, *after, *what;
	int delta;
} WANT[] = {
	{ COMPARE_CHANGED, COMPARE_IMAGE, "base", "debian:bookworm aa", "debian:bookworm bb", "",
		0 },
	{ COMPARE_CHANGED, COMPARE_IMAGE, "size", "1024", "2048", "", 0 },
	{ COMPARE_DOWN, COMPARE_PACKAGE, "bash", "5.2", "5.1", "", 0 },
	{ COMPARE_ADDED, COMPARE_PACKAGE, "fresh", NULL, "2", "", 0 },
	{ COMPARE_REMOVED, COMPARE_PACKAGE, "gone", "1", NULL, "", 0 },
	{ COMPARE_UP, COMPARE_PACKAGE, "libc6:amd64", "2.36-9", "2.36-10", "", 0 },
	{ COMPARE_REMOVED, COMPARE_PACKAGE, "libc6:i386", "2.36-9", NULL, "", 0 },
	{ COMPARE_CHANGED, COMPARE_PACKAGE, "moved", "1 all", "1 amd64", "", 0 },
	{ COMPARE_UP, COMPARE_PACKAGE, "openssl", "3.0~rc1", "3.0", "", 0 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/", "folder 0755 0:0", "folder 0700 0:0", "mode", 0 },
	{ COMPARE_ADDED, COMPARE_FILE, "/added", NULL, "0600 5:0 66", "", 100 },
	{ COMPARE_ADDED, COMPARE_FILE, "/also", NULL, "0600 5:0 66", "", 0 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/attr", "0755 0:0 11", "0755 0:0 11", "xattrs", 0 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/content", "0644 0:0 22", "0600 0:0 23", "content, mode",
		2 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/device", "char 0666 0:0 1:3", "char 0666 0:0 1:5",
		"content", 0 },
	{ COMPARE_REMOVED, COMPARE_FILE, "/gone", "0644 0:0 33", NULL, "", -5 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/kind", "0644 0:0 44", "0777 0:0 -> a", "type", -7 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/link", "0777 0:0 -> a", "0777 0:0 -> b", "content", 0 },
	{ COMPARE_CHANGED, COMPARE_FILE, "/mode", "0644 0:0 55", "0640 1:0 55", "mode, owner", 0 },
};
#define WANTED (sizeof(WANT) / sizeof(WANT[0]))

static int compare(const char *before, const char *after, struct arena *a, struct comparison *ret,
	struct err *e)
{
	struct record x, y;
	if (record_parse("old", before, strlen(before), a, &x, e) < 0 ||
		record_parse("new", after, strlen(after), a, &y, e) < 0)
		return -1;
	return compare_records(&x, &y, a, ret, e);
}

static void assert_text(const char *is, const char *wanted)
{
	if (wanted == NULL)
		assert_null(is);
	else
		assert_string_equal(is, wanted);
}

static void compare_records_all_kinds(void **state)
{
	(void)state;
	struct err e;
	struct comparison c;
	cleanup_arena struct arena a = { 0 };
	if (compare(OLD, NEW, &a, &c, &e) < 0)
		fail_msg("%s", e.msg);
	for (size_t i = 0; i < WANTED && i < c.count; i++) {
		assert_string_equal(c.list[i].name, WANT[i].name);
		assert_int_equal(c.list[i].kind, WANT[i].kind);
		assert_int_equal(c.list[i].section, WANT[i].section);
		assert_text(c.list[i].before, WANT[i].before);
		assert_text(c.list[i].after, WANT[i].after);
		assert_string_equal(compare_what(c.list[i].what).text, WANT[i].what);
		assert_int_equal(c.list[i].delta, WANT[i].delta);
	}
	assert_int_equal(c.count, WANTED);
	assert_int_equal(c.packages, 7);
	assert_int_equal(c.files, 10);
	assert_int_equal(c.delta, 100 + 2 - 5 - 7);
	assert_string_equal(compare_kind_name(c.list[2].kind), "down");
	assert_string_equal(compare_section_name(c.list[2].section), "package");
}

static void compare_records_same(void **state)
{
	(void)state;
	struct err e;
	struct comparison c;
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(compare(OLD, OLD, &a, &c, &e), 0);
	assert_int_equal(c.count, 0);
	assert_int_equal(c.delta, 0);
}

static void compare_records_partitions(void **state)
{
	(void)state;
	struct err e;
	struct comparison c;
	cleanup_arena struct arena a = { 0 };
	static const char none[] =
		"{\"format\": 1, \"image\": {\"size\": 1}, \"packages\": [], \"files\": []}";
	static const char one[] =
		"{\"format\": 1, \"image\": {\"size\": 1}, \"packages\": [], \"files\": [], "
		"\"partitions\": [{\"type\": \"T\", \"uuid\": \"U\", \"start\": 1, \"size\": 2}]}";
	assert_int_equal(compare(none, one, &a, &c, &e), 0);
	assert_int_equal(c.count, 1);
	assert_string_equal(c.list[0].name, "partition 1");
	assert_null(c.list[0].before);
	assert_string_equal(c.list[0].after, "T U at 1, 2 bytes");
	assert_int_equal(compare(one, none, &a, &c, &e), 0);
	assert_int_equal(c.list[0].kind, COMPARE_REMOVED);
}

static void compare_what_has_room(void **state)
{
	(void)state;
	assert_string_equal(compare_what(31).text, "type, content, mode, owner, xattrs");
}

static void compare_scripted_failures(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct comparison c;
		cleanup_arena struct arena a = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = compare(OLD, NEW, &a, &c, &e);
		if (!fail_disarm()) {
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
		cmocka_unit_test(compare_records_all_kinds),
		cmocka_unit_test(compare_records_same),
		cmocka_unit_test(compare_records_partitions),
		cmocka_unit_test(compare_what_has_room),
		cmocka_unit_test(compare_scripted_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
