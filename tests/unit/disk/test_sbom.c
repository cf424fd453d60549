/*
 * The bill of materials: the whole document once, judged by tests/disk/spdx_check.py.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/child.h"
#include "base/file.h"
#include "check.h"
#include "disk/sbom.h"
#include "fail.h"

static struct dpkg_package list[] = {
	{ "libc6", "2.36-9+deb12u13", "amd64", "glibc", "2.36-9+deb12u13", "" },
	{ "libstdc++6", "1:12.2.0-14~x", "amd64", "gcc-12", "12.2.0-14", "" },
	{ "tzdata", "2025b-0", "all", "tzdata", "2025b-0", "" },
};
static const struct dpkg_packages PACKAGES = { list, 3, 3 };

static int make_tree(struct rootfs *tree, struct arena *a, struct err *e)
{
	if (rootfs_init(tree, a, 1700000000, e) < 0 ||
		rootfs_put(tree, "/etc/hub/hub.conf", S_IFREG | 0644, "abc", 3, e) == NULL ||
		rootfs_put(tree, "/etc/empty \xC3\xA4", S_IFREG | 0600, NULL, 0, e) == NULL ||
		rootfs_put_link(tree, "/etc/link", "hub/hub.conf", e) == NULL)
		return -1;
	struct rootfs_node *late = rootfs_put(tree, "/var/late", S_IFREG | 0644, NULL, 0, e);
	if (late == NULL)
		return -1;
	late->size = 7;
	struct rootfs_node *etc = rootfs_find(tree, "/etc");
	struct rootfs_node *base = rootfs_add(tree, etc, "base", 4, S_IFREG | 0644, e);
	if (base == NULL)
		return -1;
	base->data = "x";
	base->size = 1;
	return 0;
}

static struct sbom_facts facts(const struct sbom_files *files)
{
	return (struct sbom_facts){ .name = "hub",
		.tool = "0.1.0",
		.epoch = 1700000000,
		.key = sha256_of("", 0),
		.distro = { "debian", "12", "Debian GNU/Linux" },
		.packages = &PACKAGES,
		.files = files };
}

static void sbom_files_find_overlay(void **state)
{
	(void)state;
	struct err e;
	struct rootfs tree;
	struct sbom_files files;
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(make_tree(&tree, &a, &e), 0);
	assert_int_equal(sbom_files_find(&tree, &a, &files, &e), 0);
	assert_int_equal(files.count, 2);
	assert_string_equal(files.list[0].path, "/etc/empty \xC3\xA4");
	assert_string_equal(files.list[1].path, "/etc/hub/hub.conf");
	/* FIPS 180's example: "abc". */
	static const unsigned char abc[20] = { 0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba,
		0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2, 0x6c, 0x9c, 0xd0, 0xd8, 0x9d };
	assert_memory_equal(files.list[1].sha1, abc, 20);
}

static void write_document(const struct sbom_facts *f, const char *path)
{
	struct err e;
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sbom_write(f, &out, &e), 0);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(file_write_all(fd, out.data, out.len, &e), 0);
}

static void sbom_write_is_valid(void **state)
{
	(void)state;
	struct err e;
	struct rootfs tree;
	struct sbom_files files, none = { 0 };
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(make_tree(&tree, &a, &e), 0);
	assert_int_equal(sbom_files_find(&tree, &a, &files, &e), 0);
	char path[] = "/tmp/imgbuild-sbom-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	close(fd);
	const char *const self[] = { "/usr/bin/python3", "-B", "tests/disk/spdx_check.py",
		"--self-test", path, NULL };
	const char *const plain[] = { "/usr/bin/python3", "-B", "tests/disk/spdx_check.py", path,
		NULL };
	struct sbom_facts f = facts(&files);
	write_document(&f, path);
	int rc = child_run(self, NULL, NULL, &e);
	if (rc == 0) {
		f.files = &none;
		f.distro = (struct sbom_distro){ "", "", "" };
		write_document(&f, path);
		rc = child_run(plain, NULL, NULL, &e);
	}
	unlink(path);
	if (rc < 0)
		fail_msg("%s", e.msg);
}

static void sbom_write_what_it_says(void **state)
{
	(void)state;
	struct err e;
	struct rootfs tree;
	struct sbom_files files;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf one = { 0 };
	cleanup_buf struct buf two = { 0 };
	assert_int_equal(make_tree(&tree, &a, &e), 0);
	assert_int_equal(sbom_files_find(&tree, &a, &files, &e), 0);
	struct sbom_facts f = facts(&files);
	assert_int_equal(sbom_write(&f, &one, &e), 0);
	assert_int_equal(sbom_write(&f, &two, &e), 0);
	assert_string_equal(one.data, two.data);
	static const char *const wanted[] = {
		"\"created\": \"2023-11-14T22:13:20Z\"",
		"\"Tool: imgbuild-0.1.0\"",
		"\"https://spdx.org/spdxdocs/hub-e3b0c44298fc1c149afbf4c8996fb924"
		"27ae41e4649b934ca495991b7852b855\"",
		"\"SPDXRef-Package-libstdc.2b..2b.6-amd64\"",
		"\"pkg:deb/debian/libstdc%2B%2B6@1:12.2.0-14~x?arch=amd64&distro=debian-12\"",
		"\"source package: gcc-12 12.2.0-14\"",
		"\"supplier\": \"Organization: Debian GNU/Linux\"",
		"\"fileName\": \"./etc/hub/hub.conf\"",
		"{\"algorithm\": \"SHA1\", \"checksumValue\": "
		"\"a9993e364706816aba3e25717850c26c9cd0d89d\"}",
	};
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (strstr(one.data, wanted[i]) == NULL)
			fail_msg("%s is not in %s", wanted[i], one.data);
	}
	f.epoch = INT64_MAX;
	assert_int_equal(sbom_write(&f, &two, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
}

static void sbom_distro_parse_forms(void **state)
{
	(void)state;
	struct err e;
	struct sbom_distro d;
	cleanup_arena struct arena a = { 0 };
	static const char text[] = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\n"
				   "NAME=\"Debian \\\"GNU\\\"/Linux\"\n"
				   "VERSION_ID='12'\n"
				   "ID=debian";
	assert_int_equal(sbom_distro_parse(text, strlen(text), &a, &d, &e), 0);
	assert_string_equal(d.id, "debian");
	assert_string_equal(d.version, "12");
	assert_string_equal(d.name, "Debian \"GNU\"/Linux");
	assert_int_equal(sbom_distro_parse("ID=\nNAME=\"x", 11, &a, &d, &e), 0);
	assert_string_equal(d.id, "");
	assert_string_equal(d.version, "");
	assert_string_equal(d.name, "x");
	assert_int_equal(sbom_distro_parse(NULL, 0, &a, &d, &e), 0);
	assert_string_equal(d.name, "");
}

static int all(struct err *e)
{
	struct rootfs tree;
	struct sbom_files files;
	struct sbom_distro distro;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf out = { 0 };
	if (make_tree(&tree, &a, e) < 0 || sbom_files_find(&tree, &a, &files, e) < 0 ||
		sbom_distro_parse("ID=x\n", 5, &a, &distro, e) < 0)
		return -1;
	struct sbom_facts f = facts(&files);
	f.distro = distro;
	return sbom_write(&f, &out, e);
}

static void sbom_scripted_failures(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = all(&e);
		if (!fail_disarm()) {
			assert_int_equal(rc, 0);
			assert_true(n > 5);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sbom_files_find_overlay),
		cmocka_unit_test(sbom_write_is_valid),
		cmocka_unit_test(sbom_write_what_it_says),
		cmocka_unit_test(sbom_distro_parse_forms),
		cmocka_unit_test(sbom_scripted_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
