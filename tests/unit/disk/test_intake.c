/*
 * Archives of every kind become the tree that they describe, and no other.
 */
#include <spawn.h>
#include <sys/wait.h>

#include "base/file.h"
#include "intake_take.h"

static void intake_tar_of_every_kind_of_file(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct taken t;
	tar_add(&b, (struct tar_entry){
			    .name = "./", .type = '5', .mode = 0750, .uid = 5, .mtime = 17 });
	tar_add(&b, (struct tar_entry){ .name = "./etc/", .type = '5', .mode = 0751, .mtime = 99 });
	tar_add(&b, (struct tar_entry){ .name = "./etc/a",
			    .data = "hello",
			    .mode = 04755,
			    .uid = 1000,
			    .gid = 2097152,
			    .mtime = 1234567890 });
	tar_add(&b, (struct tar_entry){ .name = "/etc/b", .type = '1', .target = "/etc/a" });
	tar_add(&b, (struct tar_entry){
			    .name = "etc/c", .type = '2', .target = "../no/such", .mode = 0700 });
	tar_add(&b, (struct tar_entry){
			    .name = "lib/char", .type = '3', .major = 4095, .minor = 1048575 });
	tar_add(&b, (struct tar_entry){ .name = "lib/block", .type = '4', .major = 8, .minor = 1 });
	tar_add(&b, (struct tar_entry){ .name = "lib/fifo", .type = '6', .mode = 0600 });
	tar_add(&b, (struct tar_entry){ .name = "lib//./odd//", .type = '5', .mode = 02775 });
	tar_add(&b, (struct tar_entry){ .name = "lib/empty" });
	tar_add(&b, (struct tar_entry){ .name = "lib/kept", .data = "in memory" });
	tar_add(&b, (struct tar_entry){ .name = "lib/kept-empty" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/", "d0750 5:0 17");
	assert_line(&t.held, "/etc", "d0751 0:0 99");
	assert_line(&t.held, "/etc/a", "-4755 1000:2097152 1234567890 5");
	assert_line(&t.held, "/etc/b", "-4755 1000:2097152 1234567890 5 = /etc/a");
	assert_line(&t.held, "/etc/c", "l0777 0:0 0 -> ../no/such");
	assert_line(&t.held, "/lib", "d0755 0:0 1700000000");
	assert_true(rootfs_find(&t.held.tree, "/lib")->implicit);
	assert_false(rootfs_find(&t.held.tree, "/etc")->implicit);
	assert_line(&t.held, "/lib/char", "c0644 0:0 0 4095,1048575");
	assert_line(&t.held, "/lib/block", "b0644 0:0 0 8,1");
	assert_line(&t.held, "/lib/fifo", "p0600 0:0 0");
	assert_line(&t.held, "/lib/odd", "d2775 0:0 0");
	assert_line(&t.held, "/lib/empty", "-0644 0:0 0 0");
	assert_null(rootfs_find(&t.held.tree, "/lib/empty")->data);
	assert_content(&t, "/etc/b", "hello");
	struct rootfs_node *kept = rootfs_find(&t.held.tree, "/lib/kept");
	assert_string_equal(kept->data, "in memory");
	assert_int_equal(kept->entry, 0);
	assert_string_equal(rootfs_find(&t.held.tree, "/lib/kept-empty")->data, "");
	assert_int_equal(t.held.tree.entries, 12);
	leave(&t);
}

static void intake_drops_what_is_in_mounts(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct taken t;
	tar_add(&b, (struct tar_entry){ .name = "dev/", .type = '5', .mode = 0700 });
	tar_add(&b, (struct tar_entry){ .name = "dev/null", .type = '3', .major = 1, .minor = 3 });
	tar_add(&b, (struct tar_entry){ .name = "dev/pts/", .type = '5' });
	tar_add(&b, (struct tar_entry){ .name = "dev/pts/0/x", .data = "x" });
	tar_add(&b, (struct tar_entry){ .name = "proc/1/cmdline", .data = "init" });
	tar_add(&b, (struct tar_entry){ .name = "tmp/", .type = '5', .mode = 01777 });
	tar_add(&b, (struct tar_entry){ .name = "tmp/x", .data = "x" });
	tar_add(&b, (struct tar_entry){ .name = "run/", .type = '5' });
	tar_add(&b, (struct tar_entry){ .name = "var/run", .type = '2', .target = "/run" });
	tar_add(&b, (struct tar_entry){ .name = "var/run/x.pid", .data = "1" });
	tar_add(&b,
		(struct tar_entry){ .name = "var/dev/null", .type = '3', .major = 1, .minor = 3 });
	tar_add(&b, (struct tar_entry){ .name = "devel", .data = "still read" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/dev", "d0700 0:0 0");
	assert_line(&t.held, "/tmp", "d1777 0:0 0");
	assert_non_null(rootfs_find(&t.held.tree, "/proc"));
	assert_null(rootfs_find(&t.held.tree, "/dev")->children);
	assert_null(rootfs_find(&t.held.tree, "/proc")->children);
	assert_null(rootfs_find(&t.held.tree, "/run")->children);
	assert_null(rootfs_find(&t.held.tree, "/tmp")->children);
	assert_line(&t.held, "/var/dev/null", "c0644 0:0 0 1,3");
	assert_content(&t, "/devel", "still read");
	leave(&t);
}

static void intake_puts_entries_where_links_to_folders_lead(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct taken t;
	tar_add(&b, (struct tar_entry){ .name = "usr/lib/", .type = '5' });
	tar_add(&b, (struct tar_entry){ .name = "lib", .type = '2', .target = "usr/lib" });
	tar_add(&b, (struct tar_entry){ .name = "lib64", .type = '2', .target = "/lib" });
	tar_add(&b, (struct tar_entry){ .name = "lib/", .type = '5', .mode = 0700 });
	tar_add(&b, (struct tar_entry){ .name = "lib/x", .data = "x" });
	tar_add(&b, (struct tar_entry){ .name = "lib64/new/y", .data = "why" });
	tar_add(&b, (struct tar_entry){ .name = "z", .type = '1', .target = "lib64/x" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/lib", "l0777 0:0 0 -> usr/lib");
	assert_line(&t.held, "/usr/lib", "d0755 0:0 0");
	assert_line(&t.held, "/usr/lib/x", "-0644 0:0 0 1");
	assert_line(&t.held, "/z", "-0644 0:0 0 1 = /usr/lib/x");
	assert_content(&t, "/usr/lib/new/y", "why");
	leave(&t);
}

static void intake_later_entry_wins(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct taken t;
	tar_add(&b, (struct tar_entry){ .name = "a", .data = "old" });
	tar_add(&b, (struct tar_entry){ .name = "b", .type = '1', .target = "a" });
	tar_add(&b, (struct tar_entry){ .name = "a", .data = "newer", .mode = 0600 });
	tar_add(&b, (struct tar_entry){ .name = "d/", .type = '5', .mode = 0700 });
	tar_add(&b, (struct tar_entry){ .name = "d/x", .data = "x" });
	tar_add(&b, (struct tar_entry){ .name = "d/", .type = '5', .mode = 0711 });
	tar_add(&b, (struct tar_entry){ .name = "b", .type = '1', .target = "b" });
	tar_add(&b, (struct tar_entry){ .name = "l", .type = '2', .target = "d" });
	tar_add(&b, (struct tar_entry){ .name = "l/y", .data = "y" });
	tar_add(&b, (struct tar_entry){ .name = "l", .data = "now a file" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/a", "-0600 0:0 0 5");
	assert_line(&t.held, "/b", "-0644 0:0 0 3");
	assert_line(&t.held, "/d", "d0711 0:0 0");
	assert_non_null(rootfs_find(&t.held.tree, "/d/x"));
	assert_non_null(rootfs_find(&t.held.tree, "/d/y"));
	assert_content(&t, "/a", "newer");
	assert_content(&t, "/b", "old");
	assert_content(&t, "/l", "now a file");
	leave(&t);
}

static void intake_hard_links_before_their_file(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct taken t;
	tar_add(&b, (struct tar_entry){ .name = "one", .type = '1', .target = "two" });
	tar_add(&b, (struct tar_entry){ .name = "two", .type = '1', .target = "three/file" });
	tar_add(&b, (struct tar_entry){ .name = "void", .type = '1', .target = "three/file" });
	tar_add(&b, (struct tar_entry){ .name = "three/file", .data = "at last" });
	tar_add(&b, (struct tar_entry){ .name = "void", .data = "came later" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/one", "-0644 0:0 0 7 = /three/file");
	assert_line(&t.held, "/two", "-0644 0:0 0 7 = /three/file");
	assert_line(&t.held, "/three/file", "-0644 0:0 0 7");
	assert_line(&t.held, "/void", "-0644 0:0 0 10");
	leave(&t);
}

/* cpio writes the bytes with the last of a file's names. */
static void intake_cpio_and_its_hard_links(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct taken t;
	cpio_add(&b, ".", 040755, 1, 3, NULL);
	cpio_add(&b, "etc", 040711, 2, 2, NULL);
	cpio_add(&b, "etc/one", 0100640, 3, 3, NULL);
	cpio_add(&b, "etc/two", 0100640, 3, 3, NULL);
	cpio_add(&b, "etc/link", 0120777, 4, 1, "one");
	cpio_add(&b, "etc/kept", 0100640, 3, 3, "the bytes");
	cpio_add(&b, "etc/tty", 020620, 5, 1, NULL);
	cpio_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/etc", "d0711 0:0 1700000001");
	assert_line(&t.held, "/etc/one", "-0640 0:0 1700000001 9");
	assert_line(&t.held, "/etc/two", "-0640 0:0 1700000001 9 = /etc/one");
	assert_line(&t.held, "/etc/kept", "-0640 0:0 1700000001 9 = /etc/one");
	assert_line(&t.held, "/etc/link", "l0777 0:0 1700000001 -> one");
	assert_string_equal(rootfs_find(&t.held.tree, "/etc/one")->data, "the bytes");
	leave(&t);
}

static void intake_pax_names_times_and_xattrs_are_exact(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 }, r = { 0 };
	struct taken t;
	static const char cap[] = "\1\0\0\2\0\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
	char long_name[512] = "long/";
	for (int i = 0; i < 250; i++)
		strcat(long_name, i == 100 ? "/" : "n");
	tar_record(&r, "path", "e\xcc\x81-nfd", 7);
	tar_record(&r, "mtime", "1700000002.123456789", 20);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "ignored" });
	tar_record(&r, "path", "\xc3\xa9-nfc", 6);
	tar_record(&r, "mtime", "-5.25", 5);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "ignored" });
	tar_record(&r, "path", "\xff\xfe", 2);
	tar_record(&r, "SCHILY.xattr.user.nul", "a\0=\n", 4);
	tar_record(&r, "SCHILY.xattr.security.capability", cap, 20);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "ignored" });
	tar_record(&r, "path", long_name, strlen(long_name));
	tar_record(&r, "uid", "4294967294", 10);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "ignored" });
	tar_record(&r, "linkpath", "e\xcc\x81-nfd", 7);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "hard", .type = '1', .target = "x" });
	tar_add(&b, (struct tar_entry){ .name = "raw-\xff" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/e\xcc\x81-nfd", "-0644 0:0 1700000002.123456789 0");
	assert_line(&t.held, "/hard", "-0644 0:0 1700000002.123456789 0 = /e\xcc\x81-nfd");
	assert_line(&t.held, "/\xc3\xa9-nfc", "-0644 0:0 -6.750000000 0");
	assert_line(&t.held, "/\xff\xfe",
		"-0644 0:0 0 0 security.capability=0100000200040000000000000000000000000000 "
		"user.nul=61003d0a");
	assert_non_null(rootfs_find(&t.held.tree, "/raw-\xff"));
	struct rootfs_node *n = rootfs_find(&t.held.tree, long_name);
	assert_non_null(n);
	assert_int_equal(n->uid, 4294967294);
	leave(&t);
}

/* As star writes them (with numbers behind the names), as tar does (names alone, which the base's
 * own files resolve, wherever they are), and as numbers. */
static void intake_acls_become_what_the_kernel_has(void **state)
{
	(void)state;
	cleanup_buf struct buf r = { 0 }, b = { 0 };
	struct taken t;
	const char *access = "user::rw-,user:bob:rwx:4321,group::r--,mask::rwx,other::---";
	const char *named =
		"user::rwx,group::r-x,group:wheel:rwx,user:alice:r--,mask::rwx,other::---";
	const char *numbers = "user::rwx,user:0:rwx,group::r-x,mask::rwx,other::r-x";
	tar_record(&r, "SCHILY.acl.access", access, strlen(access));
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "star", .mode = 0670 });
	tar_record(&r, "SCHILY.acl.access", named, strlen(named));
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "named", .mode = 0770 });
	tar_record(&r, "SCHILY.acl.default", numbers, strlen(numbers));
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "folder/", .type = '5', .mode = 02750 });
	tar_add(&b, (struct tar_entry){ .name = "etc/passwd", .data = OWN_PASSWD });
	tar_add(&b, (struct tar_entry){ .name = "etc/group", .data = OWN_GROUP });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/star",
		"-0670 0:0 0 0 system.posix_acl_access=02000000"
		"01000600ffffffff02000700e110000004000400ffffffff10000700ffffffff20000000ffffffff");
	assert_line(&t.held, "/named",
		"-0770 0:0 0 0 system.posix_acl_access=02000000"
		"01000700ffffffff02000400e903000004000500ffffffff080007004d000000"
		"10000700ffffffff20000000ffffffff");
	assert_line(&t.held, "/folder",
		"d2750 0:0 0 system.posix_acl_default=02000000"
		"01000700ffffffff020007000000000004000500ffffffff10000700ffffffff20000500ffffffff");
	leave(&t);
}

static void intake_sparse_files(void **state)
{
	(void)state;
	cleanup_buf struct buf r = { 0 }, b = { 0 };
	struct taken t;
	/* GNU 0.1 and 1.0 in pax. */
	tar_record(&r, "GNU.sparse.map", "0,3,4096,3", 10);
	tar_record(&r, "GNU.sparse.size", "5368709120", 10);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "map01", .data = "abcdef" });
	tar_record(&r, "GNU.sparse.major", "1", 1);
	tar_record(&r, "GNU.sparse.minor", "0", 1);
	tar_record(&r, "GNU.sparse.name", "map10", 5);
	tar_record(&r, "GNU.sparse.realsize", "9000", 4);
	char body[518] = "1\n8000\n4\n";
	memcpy(body + 512, "tail", 4);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "x", .data = body, .len = 516 });
	tar_record(&r, "GNU.sparse.map", "1048576,0", 9);
	tar_record(&r, "GNU.sparse.size", "1048576", 7);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "hole" });
	tar_record(&r, "GNU.sparse.map", "0,1,100,2", 9);
	tar_record(&r, "GNU.sparse.size", "200", 3);
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "kept", .data = "xyz" });
	tar_end(&b);
	taken_ok(&t, &b);
	assert_line(&t.held, "/map01", "-0644 0:0 0 5368709120 [0+3] [4096+3]");
	assert_line(&t.held, "/map10", "-0644 0:0 0 9000 [8000+4]");
	struct rootfs_node *hole = rootfs_find(&t.held.tree, "/hole");
	assert_int_equal(hole->size, 1048576);
	assert_non_null(hole->spans);
	assert_int_equal(hole->span_count, 0);
	struct rootfs_node *kept = rootfs_find(&t.held.tree, "/kept");
	assert_null(kept->spans);
	assert_int_equal(kept->size, 200);
	assert_memory_equal((const char *)kept->data + 99, "\0yz\0", 4);
	struct buf out = { 0 };
	content(&t, "/map10", &out);
	assert_memory_equal(out.data + 7999, "\0tail\0", 6);
	buf_free(&out);
	leave(&t);
}

static void intake_formats_and_filters(void **state)
{
	(void)state;
	static const int FORMATS[] = { ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FORMAT_TAR_PAX_INTERCHANGE,
		ARCHIVE_FORMAT_TAR_GNUTAR, ARCHIVE_FORMAT_CPIO_POSIX,
		ARCHIVE_FORMAT_CPIO_SVR4_NOCRC, ARCHIVE_FORMAT_ZIP };
	static const int FILTERS[] = { ARCHIVE_FILTER_NONE, ARCHIVE_FILTER_GZIP,
		ARCHIVE_FILTER_BZIP2, ARCHIVE_FILTER_XZ, ARCHIVE_FILTER_ZSTD, ARCHIVE_FILTER_LZ4,
		ARCHIVE_FILTER_LZIP, ARCHIVE_FILTER_LZMA, ARCHIVE_FILTER_COMPRESS };
	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
		for (size_t k = 0; k < sizeof(FILTERS) / sizeof(FILTERS[0]); k++) {
			if (FORMATS[i] == ARCHIVE_FORMAT_ZIP && FILTERS[k] != ARCHIVE_FILTER_NONE)
				continue;
			struct taken t;
			file_make(t.path, "", 0);
			write_with(t.path, FORMATS[i], FILTERS[k]);
			if (take_file(&t, t.path) < 0)
				fail_msg(
					"format %d filter %d: %s", FORMATS[i], FILTERS[k], t.e.msg);
			assert_line(&t.held, "/etc", "d0755 33:44 1600000000");
			assert_line(&t.held, "/etc/f", "-4711 33:44 1600000000 9");
			assert_line(&t.held, "/etc/l", "l0777 33:44 1600000000 -> f");
			assert_content(&t, "/etc/f", "some text");
			assert_content(&t, "/etc/kept", "more");
			/* The first three are tars. */
			bool lies = i < 3 && FILTERS[k] == ARCHIVE_FILTER_NONE;
			assert_int_equal(rootfs_find(&t.held.tree, "/etc/f")->at != 0, lies);
			leave(&t);
		}
	}
}

/* GNU tar's own archives of a folder that was made here, against what stat() says of it. */
static void run(const char *const *argv)
{
	extern char **environ;
	pid_t pid;
	int status;
	assert_int_equal(
		posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)(uintptr_t)argv, environ),
		0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void make(const char *folder, const char *name, const char *text, mode_t mode)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, text, strlen(text), 0), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void intake_of_gnu_tar(void **state)
{
	(void)state;
	static const char *const FORMATS[] = { "--format=gnu", "--format=pax", "--format=ustar",
		"--format=v7" };
	char folder[] = "/tmp/imgbuild-folder-XXXXXX", path[300], other[300];
	assert_non_null(mkdtemp(folder));
	char name[260];
	memset(name, 'x', 90);
	strcpy(name + 90, "\xe5\xa4\xa7.txt");
	make(folder, "a", "text", 0604);
	make(folder, name, "long", 0644);
	snprintf(path, sizeof(path), "%s/a", folder);
	snprintf(other, sizeof(other), "%s/b", folder);
	assert_int_equal(link(path, other), 0);
	snprintf(other, sizeof(other), "%s/sym", folder);
	assert_int_equal(symlink("b", other), 0);
	snprintf(other, sizeof(other), "%s/pipe", folder);
	assert_int_equal(mkfifo(other, 0600), 0);
	snprintf(other, sizeof(other), "%s/sparse", folder);
	int fd = open(other, O_WRONLY | O_CREAT, 0600);
	assert_int_equal(ftruncate(fd, 3 << 20), 0);
	assert_int_equal(pwrite(fd, "abc", 3, 1 << 20), 3);
	close(fd);
	for (size_t i = 0; i < sizeof(FORMATS) / sizeof(FORMATS[0]); i++) {
		struct taken t;
		char line[300];
		struct stat st;
		file_make(t.path, "", 0);
		const char *argv[] = { "tar", FORMATS[i], i < 2 ? "-S" : "--exclude=./pipe", "-cf",
			t.path, "-C", folder, ".", NULL };
		run(argv);
		if (take_file(&t, t.path) < 0)
			fail_msg("%s: %s", FORMATS[i], t.e.msg);
		assert_int_equal(lstat(path, &st), 0);
		struct rootfs_node *a = rootfs_file(rootfs_find(&t.held.tree, "/a"));
		assert_ptr_equal(a, rootfs_file(rootfs_find(&t.held.tree, "/b")));
		assert_int_equal(a->links, 2);
		assert_int_equal(a->mode, st.st_mode);
		assert_int_equal(a->uid, st.st_uid);
		assert_int_equal(a->gid, st.st_gid);
		assert_int_equal(a->mtime, st.st_mtim.tv_sec);
		assert_int_equal(a->mtime_nsec, i == 1 ? st.st_mtim.tv_nsec : 0);
		assert_content(&t, "/a", "text");
		assert_content(&t, "/b", "text");
		snprintf(line, sizeof(line), "/%s", name);
		assert_content(&t, line, "long");
		assert_string_equal(rootfs_find(&t.held.tree, "/sym")->target, "b");
		if (i < 2)
			assert_true(S_ISFIFO(rootfs_find(&t.held.tree, "/pipe")->mode));
		struct rootfs_node *sparse = rootfs_find(&t.held.tree, "/sparse");
		assert_int_equal(sparse->size, 3 << 20);
		assert_int_equal(sparse->span_count, i < 2);
		struct buf out = { 0 };
		content(&t, "/sparse", &out);
		assert_memory_equal(out.data + (1 << 20), "abc\0", 4);
		buf_free(&out);
		leave(&t);
	}
	struct err e;
	assert_int_equal(file_remove_tree(AT_FDCWD, folder, &e), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intake_tar_of_every_kind_of_file),
		cmocka_unit_test(intake_drops_what_is_in_mounts),
		cmocka_unit_test(intake_puts_entries_where_links_to_folders_lead),
		cmocka_unit_test(intake_later_entry_wins),
		cmocka_unit_test(intake_hard_links_before_their_file),
		cmocka_unit_test(intake_cpio_and_its_hard_links),
		cmocka_unit_test(intake_pax_names_times_and_xattrs_are_exact),
		cmocka_unit_test(intake_acls_become_what_the_kernel_has),
		cmocka_unit_test(intake_sparse_files),
		cmocka_unit_test(intake_formats_and_filters),
		cmocka_unit_test(intake_of_gnu_tar),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
