/*
 * The image's manifest: written as it is described, read back as it was, refused with the reason.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "check.h"
#include "disk/record.h"
#include "fail.h"

static struct dpkg_package list[] = {
	{ "bash", "5.2.15-2+b9", "amd64", "bash", "5.2.15-2", "" },
	{ "libc6", "2.36-9+deb12u13", "amd64", "glibc", "2.36-9+deb12u13", "" },
};
static const struct dpkg_packages PACKAGES = { list, 2, 2 };
static const struct record_partition PARTITIONS[] = { { "esp", "C12A", "0001", 1048576, 512 } };

/* One of each kind. */
static int make_tree(struct rootfs *tree, struct arena *a, struct err *e)
{
	if (rootfs_init(tree, a, 1700000000, e) < 0)
		return -1;
	struct rootfs_node *f = rootfs_put(tree, "/etc/b", S_IFREG | 04755, "abc", 3, e);
	struct rootfs_node *late = rootfs_put(tree, "/etc-late", S_IFREG | 0600, NULL, 0, e);
	if (f == NULL || late == NULL ||
		rootfs_put(tree, "/etc/a\xFF", S_IFREG | 0644, NULL, 0, e) == NULL ||
		rootfs_put_link(tree, "/etc/link", "b\xFE", e) == NULL)
		return -1;
	late->size = 77;
	f->uid = 1000;
	f->gid = 4294967295;
	struct rootfs_node *etc = rootfs_find(tree, "/etc");
	struct rootfs_node *device = rootfs_add(tree, etc, "null", 4, S_IFCHR | 0666, e);
	struct rootfs_node *fifo =
		device != NULL ? rootfs_add(tree, etc, "pipe", 4, S_IFIFO | 0600, e) : NULL;
	struct rootfs_node *more =
		fifo != NULL ? rootfs_add(tree, etc, "z", 1, S_IFREG | 04755, e) : NULL;
	struct rootfs_node *gone =
		more != NULL ? rootfs_add(tree, etc, "gone", 4, S_IFREG | 0644, e) : NULL;
	if (gone == NULL)
		return -1;
	gone->gone = true;
	device->major = 1;
	device->minor = 3;
	more->same_as = f;
	f->links = 2;
	struct rootfs_xattr *x = arena_array(a, 2, sizeof(*x), e);
	if (x == NULL)
		return -1;
	x[0] = (struct rootfs_xattr){ "user.b", "2", 1, &x[1] };
	x[1] = (struct rootfs_xattr){ "security.capability", "\1\0\0", 3, NULL };
	f->xattrs = x;
	return 0;
}

static struct record_facts facts(const struct rootfs *tree)
{
	return (struct record_facts){ .recipe = "hub",
		.tool = "0.1.0",
		.arch = "x86_64",
		.size = 2147483648,
		.base = "debian:bookworm",
		.base_digest = sha256_of("b", 1),
		.inputs = sha256_of("i", 1),
		.partitions = PARTITIONS,
		.partition_count = 1,
		.block_size = 524288,
		.blocks = 4096,
		.blocks_present = 900,
		.blocks_digest = sha256_of("x", 1),
		.packages = &PACKAGES,
		.tree = tree };
}

static const char EXPECTED[] =
	"{\n"
	" \"format\": 1,\n"
	" \"recipe\": \"hub\",\n"
	" \"tool\": {\"name\": \"imgbuild\", \"version\": \"0.1.0\"},\n"
	" \"image\": {\n"
	"  \"size\": 2147483648,\n"
	"  \"arch\": \"x86_64\",\n"
	"  \"base\": {\"name\": \"debian:bookworm\", \"sha256\": "
	"\"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d\"}\n"
	" },\n"
	" \"inputs\": \"de7d1b721a1e0632b7cf04edf5032c8ecffa9f9a08492152b926f1a5a7e765d7\",\n"
	" \"partitions\": [\n"
	"  {\"name\": \"esp\", \"type\": \"C12A\", \"uuid\": \"0001\", \"start\": 1048576, "
	"\"size\": 512}\n"
	" ],\n"
	" \"blocks\": {\"size\": 524288, \"count\": 4096, \"present\": 900, \"sha256\": "
	"\"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881\"},\n"
	" \"packages\": [\n"
	"  {\"name\": \"bash\", \"version\": \"5.2.15-2+b9\", \"architecture\": \"amd64\", "
	"\"source\": \"bash\"},\n"
	"  {\"name\": \"libc6\", \"version\": \"2.36-9+deb12u13\", \"architecture\": \"amd64\", "
	"\"source\": \"glibc\"}\n"
	" ],\n"
	" \"files\": [\n"
	"  {\"path\": \"/\", \"type\": \"folder\", \"mode\": \"0755\", \"uid\": 0, \"gid\": 0},\n"
	"  {\"path\": \"/etc\", \"type\": \"folder\", \"mode\": \"0755\", \"uid\": 0, "
	"\"gid\": 0},\n"
	"  {\"path\": \"/etc-late\", \"type\": \"file\", \"mode\": \"0600\", \"uid\": 0, "
	"\"gid\": 0, \"size\": 77},\n"
	"  {\"path\": \"/etc/a\\ufffd\", \"path_bytes\": \"2f6574632f61ff\", "
	"\"type\": \"file\", \"mode\": \"0644\", \"uid\": 0, \"gid\": 0, \"size\": 0, \"sha256\": "
	"\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"},\n"
	"  {\"path\": \"/etc/b\", \"type\": \"file\", \"mode\": \"4755\", \"uid\": 1000, "
	"\"gid\": 4294967295, \"size\": 3, \"sha256\": "
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"xattrs\": "
	"\"XATTRS\"},\n"
	"  {\"path\": \"/etc/link\", \"type\": \"link\", \"mode\": \"0777\", \"uid\": 0, "
	"\"gid\": 0, \"target\": \"b\\ufffd\", \"target_bytes\": \"62fe\"},\n"
	"  {\"path\": \"/etc/null\", \"type\": \"char\", \"mode\": \"0666\", \"uid\": 0, "
	"\"gid\": 0, \"device\": \"1:3\"},\n"
	"  {\"path\": \"/etc/pipe\", \"type\": \"fifo\", \"mode\": \"0600\", \"uid\": 0, "
	"\"gid\": 0},\n"
	"  {\"path\": \"/etc/z\", \"type\": \"file\", \"mode\": \"4755\", \"uid\": 1000, "
	"\"gid\": 4294967295, \"size\": 3, \"sha256\": "
	"\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\", \"xattrs\": "
	"\"XATTRS\", \"same\": \"/etc/b\"}\n"
	" ]\n"
	"}\n";

/* EXPECTED with the digest of the attributes, computed as record.h says. */
static int expected(struct buf *out, struct err *e)
{
	static const char bytes[] = "security.capability\0"
				    "3\0"
				    "\1\0\0"
				    "user.b\0"
				    "1\0"
				    "2";
	struct sha256 digest = sha256_of(bytes, sizeof(bytes) - 1);
	const char *at = EXPECTED;
	for (const char *hit; (hit = strstr(at, "XATTRS")) != NULL; at = hit + 6) {
		if (buf_add(out, at, (size_t)(hit - at), e) < 0 ||
			buf_puts(out, sha256_text(&digest).text, e) < 0)
			return -1;
	}
	return buf_puts(out, at, e);
}

static void record_write_document(void **state)
{
	(void)state;
	struct err e;
	struct rootfs tree;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf out = { 0 };
	cleanup_buf struct buf want = { 0 };
	assert_int_equal(make_tree(&tree, &a, &e), 0);
	struct record_facts f = facts(&tree);
	assert_int_equal(record_write(&f, &out, &e), 0);
	assert_int_equal(expected(&want, &e), 0);
	assert_string_equal(out.data, want.data);
	struct sha256 disk = sha256_of("d", 1);
	f.disk = &disk;
	buf_clear(&out);
	assert_int_equal(record_write(&f, &out, &e), 0);
	assert_non_null(
		strstr(out.data, " \"disk\": {\"sha256\": \"18ac3e7343f016890c510e93f935261"));
}

static void record_parse_gives_back(void **state)
{
	(void)state;
	struct err e;
	struct rootfs tree;
	struct record r;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(make_tree(&tree, &a, &e), 0);
	struct record_facts f = facts(&tree);
	assert_int_equal(record_write(&f, &out, &e), 0);
	assert_int_equal(record_parse("x", out.data, out.len, &a, &r, &e), 0);
	assert_string_equal(r.recipe, "hub");
	assert_string_equal(r.tool, "0.1.0");
	assert_string_equal(r.arch, "x86_64");
	assert_string_equal(r.base, "debian:bookworm");
	assert_string_equal(r.base_digest, sha256_text(&f.base_digest).text);
	assert_string_equal(r.inputs, sha256_text(&f.inputs).text);
	assert_string_equal(r.blocks_digest, sha256_text(&f.blocks_digest).text);
	assert_int_equal(r.size, 2147483648);
	assert_int_equal(r.partition_count, 1);
	assert_string_equal(r.partitions[0].uuid, "0001");
	assert_int_equal(r.package_count, 2);
	assert_string_equal(r.packages[1].version, "2.36-9+deb12u13");
	assert_int_equal(r.file_count, 9);
	assert_string_equal(r.files[2].path, "/etc-late");
	assert_null(r.files[2].content);
	assert_int_equal(r.files[2].size, 77);
	assert_string_equal(r.files[3].path, "/etc/a\xFF");
	assert_int_equal(r.files[4].mode, 04755);
	assert_int_equal(r.files[4].uid, 1000);
	assert_int_equal(r.files[4].gid, 4294967295);
	assert_non_null(r.files[4].xattrs);
	assert_false(r.files[4].further);
	assert_string_equal(r.files[5].type, "link");
	assert_string_equal(r.files[5].content, "b\xFE");
	assert_string_equal(r.files[6].content, "1:3");
	assert_null(r.files[7].content);
	assert_true(r.files[8].further);
}

#define HEAD  "{\"format\": 1, \"image\": {\"size\": 1}, \"packages\": ["
#define FILES HEAD "], \"files\": ["
#define ATTR  "\"type\": \"file\", \"mode\": \"0644\", \"uid\": 0, \"gid\": 0"

static void record_parse_bad(void **state)
{
	(void)state;
	static const struct {
		const char *text, *message;
	} cases[] = {
		{ "", "x:1:0: not an image's manifest: '[' or '{' expected near end of file" },
		{ "{\"format\": 1",
			"x:1:12: not an image's manifest: '}' expected near end of file" },
		{ "[]", "x: not an image's manifest that this version reads: format 1 is" },
		{ "{\"format\": 2}",
			"x: not an image's manifest that this version reads: format 1 is" },
		{ "{\"format\": 1}",
			"x: not an image's manifest: no size of an image, files and packages" },
		{ FILES "7]}", "x: files[0]: \"path\" is no absolute path" },
		{ FILES "{\"path\": \"a\"}]}", "x: files[0]: \"path\" is no absolute path" },
		{ FILES "{\"path\": \"/\", " ATTR ", \"size\": 0}, {\"path\": \"/a\"}]}",
			"x: files[1]: \"type\" is none that is known" },
		{ FILES "{\"path\": \"/\", \"type\": \"dir\"}]}",
			"x: files[0]: \"type\" is none that is known" },
		{ FILES "{\"path\": \"/\", \"type\": \"fifo\", \"mode\": \"888\"}]}",
			"x: files[0]: \"mode\" is not four octal digits" },
		{ FILES "{\"path\": \"/\", \"type\": \"fifo\", \"mode\": \"0644\", \"uid\": -1}]}",
			"x: files[0]: \"uid\" or \"gid\" is no number of a user or group" },
		{ FILES "{\"path\": \"/\", " ATTR "}]}",
			"x: files[0]: \"size\" is no number of bytes" },
		{ HEAD "{\"name\": \"a\"}], \"files\": []}",
			"x: packages[0]: without a name or a version" },
		{ HEAD "], \"files\": [], \"partitions\": [{}]}",
			"x: partitions[0]: \"start\" or \"size\" is no number of bytes" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e = { 0 };
		struct record r;
		cleanup_arena struct arena a = { 0 };
		int rc = record_parse("x", cases[i].text, strlen(cases[i].text), &a, &r, &e);
		assert_string_equal(e.msg, cases[i].message);
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
}

static void record_read_file_and_folder(void **state)
{
	(void)state;
	struct err e;
	struct record r;
	cleanup_arena struct arena a = { 0 };
	char folder[] = "/tmp/imgbuild-record-XXXXXX", path[64], want[128];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/disk.json", folder);
	int missing = record_read(folder, &a, &r, &e);
	snprintf(want, sizeof(want), "open %s: No such file or directory", path);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	static const char text[] = FILES "]}";
	ssize_t n = write(fd, text, strlen(text));
	close(fd);
	int both = record_read(folder, &a, &r, &e) == 0 && record_read(path, &a, &r, &e) == 0;
	struct err removing;
	assert_int_equal(file_remove_tree(AT_FDCWD, folder, &removing), 0);
	assert_int_equal(n, strlen(text));
	assert_int_equal(missing, -1);
	assert_true(both);
	assert_int_equal(r.file_count, 0);
}

static int all(struct err *e)
{
	struct rootfs tree;
	struct record r;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf out = { 0 };
	if (make_tree(&tree, &a, e) < 0)
		return -1;
	struct record_facts f = facts(&tree);
	if (record_write(&f, &out, e) < 0)
		return -1;
	return record_parse("x", out.data, out.len, &a, &r, e);
}

static void record_scripted_failures(void **state)
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

/* 80,000 files: the time it takes grows with them, no faster. */
static void record_many_files(void **state)
{
	(void)state;
	struct err e;
	struct rootfs tree;
	struct record r;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(rootfs_init(&tree, &a, 0, &e), 0);
	for (int i = 80000; i > 0; i--) {
		char path[64];
		snprintf(path, sizeof(path), "/usr/lib/folder-%d/file-%d", i % 800, i);
		assert_non_null(rootfs_put(&tree, path, S_IFREG | 0644, "x", 1, &e));
	}
	struct record_facts f = facts(&tree);
	clock_t from = clock();
	assert_int_equal(record_write(&f, &out, &e), 0);
	clock_t written = clock();
	assert_int_equal(record_parse("x", out.data, out.len, &a, &r, &e), 0);
	clock_t read = clock();
	print_message("%zu bytes written in %ld ms, read in %ld ms\n", out.len,
		(long)(written - from) * 1000 / CLOCKS_PER_SEC,
		(long)(read - written) * 1000 / CLOCKS_PER_SEC);
	assert_int_equal(r.file_count, 80000 + 800 + 3);
	for (size_t i = 1; i < r.file_count; i++)
		assert_true(strcmp(r.files[i - 1].path, r.files[i].path) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(record_write_document),
		cmocka_unit_test(record_parse_gives_back),
		cmocka_unit_test(record_parse_bad),
		cmocka_unit_test(record_read_file_and_folder),
		cmocka_unit_test(record_scripted_failures),
		cmocka_unit_test(record_many_files),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
