/*
 * dpkg's status file and Debian's order of versions.
 */
#include <string.h>

#include "base/child.h"
#include "check.h"
#include "disk/dpkg.h"
#include "fail.h"

static const char GOOD[] = "Package: zlib1g\n"
			   "Status: install ok installed\n"
			   "Priority: required\n"
			   "Maintainer: Mark Brown <broonie@debian.org>\n"
			   "Architecture: amd64\n"
			   "Multi-Arch: same\n"
			   "Source: zlib\n"
			   "Version: 1:1.2.13.dfsg-1\n"
			   "Description: compression library - runtime\n"
			   " zlib is a library implementing the deflate compression method found\n"
			   " .\n"
			   " Package: not-a-field\n"
			   "\n"
			   "Package: gone\n"
			   "Status: deinstall ok config-files\n"
			   "Version: 1\n"
			   "Architecture: all\n"
			   "\n"
			   "Package: half\n"
			   "Status: install reinstreq half-installed\n"
			   "Architecture: all\n"
			   "\n"
			   "\n"
			   "package:libc6\n"
			   "STATUS: hold ok installed\n"
			   "Version:  2.36-9+deb12u13 \r\n"
			   "Architecture: i386\n"
			   "\n"
			   "Package: libc6\n"
			   "Status: install ok installed\n"
			   "Version: 2.36-9+deb12u13\n"
			   "Architecture: amd64\n"
			   "Source: glibc (2.36-9+deb12u13~src)\n"
			   "Maintainer: \xC3\x84 <a@b>";

static int parse(const char *text, struct arena *a, struct dpkg_packages *ret, struct err *e)
{
	return dpkg_parse("status", text, strlen(text), a, ret, e);
}

static void dpkg_parse_installed(void **state)
{
	(void)state;
	struct err e;
	struct dpkg_packages p;
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(parse(GOOD, &a, &p, &e), 0);
	assert_int_equal(p.count, 3);
	assert_string_equal(p.list[0].name, "libc6");
	assert_string_equal(p.list[0].architecture, "amd64");
	assert_string_equal(p.list[0].source, "glibc");
	assert_string_equal(p.list[0].source_version, "2.36-9+deb12u13~src");
	assert_string_equal(p.list[0].maintainer, "\xC3\x84 <a@b>");
	assert_string_equal(p.list[1].architecture, "i386");
	assert_string_equal(p.list[1].version, "2.36-9+deb12u13");
	assert_string_equal(p.list[1].source, "libc6");
	assert_string_equal(p.list[1].source_version, "2.36-9+deb12u13");
	assert_string_equal(p.list[1].maintainer, "");
	assert_string_equal(p.list[2].name, "zlib1g");
	assert_string_equal(p.list[2].version, "1:1.2.13.dfsg-1");
	assert_string_equal(p.list[2].source, "zlib");
	assert_string_equal(p.list[2].source_version, "1:1.2.13.dfsg-1");
	assert_string_equal(p.list[2].maintainer, "Mark Brown <broonie@debian.org>");
}

static void dpkg_parse_empty(void **state)
{
	(void)state;
	struct err e;
	struct dpkg_packages p;
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(dpkg_parse("status", NULL, 0, &a, &p, &e), 0);
	assert_int_equal(p.count, 0);
	assert_int_equal(parse("\n\n", &a, &p, &e), 0);
	assert_int_equal(p.count, 0);
}

static void assert_bad(const char *text, size_t len, const char *message)
{
	struct err e;
	struct dpkg_packages p;
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(dpkg_parse("status", text, len, &a, &p, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, message);
}

static void dpkg_parse_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "Package: a\nnonsense\n", "status:2: not a line of \"Field: value\"" },
		{ ": a\n", "status:1: not a line of \"Field: value\"" },
		{ "\n a\n", "status:2: a continued line without a field before it" },
		{ "\nPackage: a\nStatus: install ok installed\nVersion: 1\n",
			"status:2: an installed package has no Architecture" },
		{ "Status: install ok installed\nVersion: 1\nArchitecture: all\n",
			"status:1: an installed package has no Package" },
		{ "Package: a\nStatus: install ok installed\nVersion:\nArchitecture: all\n",
			"status:1: an installed package has no Version" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_bad(cases[i].text, strlen(cases[i].text), cases[i].message);
	assert_bad("Package: a\0b\n", 13, "status: not text: it holds a NUL byte");
}

static void dpkg_parse_scripted_failures(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct dpkg_packages p;
		cleanup_arena struct arena a = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = parse(GOOD, &a, &p, &e);
		if (!fail_disarm()) {
			assert_int_equal(rc, 0);
			assert_true(n > 1);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

static int sign(int n)
{
	return (n > 0) - (n < 0);
}

static const char *const VERSIONS[] = { "0", "1", "1.0", "1.0-1", "1.0-0", "1.0~rc1", "1.0~rc1-1",
	"1.0~~", "1.0~", "1.0+b1", "1.0a", "1.0-1+b1", "1.0-1~bpo12+1", "1.00", "1.01", "1.10",
	"1.9", "1:0.1", "0:1.0", "00:1.0", "2:0", "1.0.", "1.0.0", "1-2-3", "1-2-10",
	"2.36-9+deb12u13", "2.36-9+deb12u9", "4.10-2+deb12u2", "5.2-2.3", "0.0.20230101",
	"1.2.13.dfsg-1", "1.2.13-1", "6.1.0-10", "6.1.148-1", "99999999999999999999999",
	"99999999999999999999998", "1.0Z", "1.0-1.1", "1.0-1ubuntu1" };
#define VERSION_COUNT (sizeof(VERSIONS) / sizeof(VERSIONS[0]))

static void dpkg_version_compare_as_dpkg_does(void **state)
{
	(void)state;
	/* One shell for all pairs; dpkg says what each is. */
	struct err e;
	cleanup_buf struct buf script = { 0 };
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(
		buf_puts(&script,
			"c() { dpkg --compare-versions $1 lt $2 && echo '<' || {"
			" dpkg --compare-versions $1 eq $2 && echo '=' || echo '>'; }; }\n",
			&e),
		0);
	for (size_t i = 0; i < VERSION_COUNT; i++) {
		for (size_t k = 0; k < i; k++)
			assert_int_equal(
				buf_printf(&script, &e, "c %s %s\n", VERSIONS[i], VERSIONS[k]), 0);
	}
	const char *const argv[] = { "sh", "-c", script.data, NULL };
	if (child_run(argv, NULL, &out, &e) < 0)
		fail_msg("%s", e.msg);
	const char *answer = out.data;
	for (size_t i = 0; i < VERSION_COUNT; i++) {
		for (size_t k = 0; k < i; k++, answer += 2) {
			int order = dpkg_version_compare(VERSIONS[i], VERSIONS[k]);
			if ("<=>"[sign(order) + 1] != *answer)
				fail_msg("%s and %s: %d, dpkg: %c", VERSIONS[i], VERSIONS[k], order,
					*answer);
			assert_int_equal(
				sign(order), -sign(dpkg_version_compare(VERSIONS[k], VERSIONS[i])));
		}
	}
}

static void dpkg_version_compare_known(void **state)
{
	(void)state;
	static const struct {
		const char *x, *y;
		int order;
	} cases[] = { { "1.0", "1.0", 0 }, { "1.0~rc1", "1.0", -1 }, { "1:1", "2", 1 },
		{ "1.10", "1.9", 1 }, { "1.0-1", "1.0", 1 }, { "1.0-0", "1.0", 0 },
		{ "0:1", "1", 0 }, { "1a", "1+", -1 }, { "", "", 0 }, { "", "0", 0 },
		{ "~", "", -1 }, { "a", "b", -1 }, { ":", "", 0 }, { "-", "", 0 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (sign(dpkg_version_compare(cases[i].x, cases[i].y)) != cases[i].order)
			fail_msg("%s and %s", cases[i].x, cases[i].y);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dpkg_parse_installed),
		cmocka_unit_test(dpkg_parse_empty),
		cmocka_unit_test(dpkg_parse_bad),
		cmocka_unit_test(dpkg_parse_scripted_failures),
		cmocka_unit_test(dpkg_version_compare_as_dpkg_does),
		cmocka_unit_test(dpkg_version_compare_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
