/*
 * What an archive must not hold is refused with its reason; one that is cut short, damaged or
 * changed under way is never taken for a tree.
 */
#include "intake_take.h"

struct hostile {
	struct tar_entry list[4];
	const char *said; /* behind "ARCHIVE: " */
};

#define DEEP10 "d/d/d/d/d/d/d/d/d/d/"

static const struct hostile HOSTILE[] = {
	{ { { .name = "../etc/passwd", .data = "x" } },
		"../etc/passwd: \"..\" in its path: nothing above the root can be in an image" },
	{ { { .name = "a/../../b", .data = "x" } },
		"a/../../b: \"..\" in its path: nothing above the root can be in an image" },
	{ { { .name = "a/..", .type = '5' } },
		"a/..: \"..\" in its path: nothing above the root can be in an image" },
	{ { { .name = "l", .type = '2', .target = "../../etc" }, { .name = "l/x", .data = "x" } },
		"l/x: /l, which it lies below, is a link that leaves the tree: make the archive anew" },
	{ { { .name = "l", .type = '2', .target = "nowhere" }, { .name = "l/x", .data = "x" } },
		"l/x: /l, which it lies below, is a link to no folder of the archive: make the archive anew" },
	{ { { .name = "l", .type = '2', .target = "l" }, { .name = "l/x", .data = "x" } },
		"l/x: /l, which it lies below, is a link to no folder of the archive: make the archive anew" },
	{ { { .name = "f", .data = "x" }, { .name = "f/x", .data = "x" } },
		"f/x: /f, which it lies below, is no folder: make the archive anew" },
	{ { { .name = "f", .data = "x" }, { .name = "l", .type = '2', .target = "f" },
		  { .name = "l/x", .data = "x" } },
		"l/x: /f, which it lies below, is no folder: make the archive anew" },
	{ { { .name = "l", .type = '2', .target = "/dev/null" }, { .name = "l/x", .data = "x" } },
		"l/x: /l, which it lies below, is a link to no folder of the archive: make the archive anew" },
	{ { { .name = "h", .type = '1', .target = "missing" }, { .name = "x", .data = "x" } },
		"/h: a hard link to missing, which is not in the archive: make it anew from the whole tree" },
	{ { { .name = "h", .type = '1', .target = "../x" } },
		"h: a hard link to ../x, with \"..\" in it: make the archive anew" },
	{ { { .name = "d/", .type = '5' }, { .name = "h", .type = '1', .target = "d" } },
		"h: a hard link to d, which is a folder" },
	{ { { .name = "h", .type = '1', .target = "/" } },
		"h: a hard link to /, which is no file" },
	{ { { .name = "d/x", .data = "x" }, { .name = "d", .data = "x" } },
		"d: a file where there is a folder: make the archive anew" },
	{ { { .name = "d", .data = "x" }, { .name = "d/", .type = '5' } },
		"d/: a folder where there is a file: make the archive anew" },
	{ { { .name = "c", .type = '3', .major = 4096 } },
		"c: device 4096:0 is out of range (4095:1048575)" },
	{ { { .name = "c", .type = '4', .minor = 1048576 } },
		"c: device 0:1048576 is out of range (4095:1048575)" },
	{ { { .name = "u", .uid = 4294967295 } }, "u: owner 4294967295:0 is out of range" },
	{ { { .name = "u", .gid = 1ull << 40 } }, "u: owner 0:1099511627776 is out of range" },
	{ { { .name = "t", .mtime = 1ll << 34 } },
		"t: its time, 17179869184 s since 1970, is out of ext4's range (1901 to 2446)" },
	{ { { .name = "big", .says = (1ull << 43) + 1 } },
		"big: 8796093022209 bytes: a file has at most 8796093022208" },
	{ { { .name = "big", .says = 1ull << 40, .data = "x" } },
		"big: Truncated input file (needed 1099511627776 bytes, only 1536 available): make or fetch the archive anew" },
	{ { { .name = "v", .type = 'M', .data = "x" } },
		"v: a kind of file that is not known here (0)" },
	{ { { .name = "l", .type = '2', .target = "" } },
		"l: a link to a path of 0 bytes: 1 to 4095 are possible" },
};

static void replace_archive(char *text, size_t size, const char *path)
{
	/* The archive's path stands in the text as ARCHIVE. */
	char *at;
	while ((at = strstr(text, path)) != NULL) {
		memmove(at + 7, at + strlen(path), strlen(at + strlen(path)) + 1);
		memcpy(at, "ARCHIVE", 7);
	}
	assert_true(strlen(text) < size);
}

static void assert_refused(struct buf *b, const char *said)
{
	struct taken t;
	assert_int_equal(take(&t, b), -1);
	assert_int_equal(t.e.kind, ERR_INPUT);
	replace_archive(t.e.msg, sizeof(t.e.msg), t.path);
	char want[1024];
	snprintf(want, sizeof(want), "ARCHIVE: %s", said);
	assert_string_equal(t.e.msg, want);
	leave(&t);
}

static void intake_hostile_entries_are_refused_with_the_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(HOSTILE) / sizeof(HOSTILE[0]); i++) {
		cleanup_buf struct buf b = { 0 };
		for (size_t k = 0; k < 4 && HOSTILE[i].list[k].name != NULL; k++)
			tar_add(&b, HOSTILE[i].list[k]);
		tar_end(&b);
		assert_refused(&b, HOSTILE[i].said);
	}
}

static void intake_limits(void **state)
{
	(void)state;
	cleanup_buf struct buf r = { 0 }, name = { 0 }, depth = { 0 }, xattr = { 0 }, odd = { 0 },
			       acl = { 0 };
	char text[8192];
	memset(text, 'n', sizeof(text));
	tar_record(&r, "path", text, 256);
	tar_pax(&name, &r);
	tar_add(&name, (struct tar_entry){ .name = "x" });
	tar_end(&name);
	char said[600];
	char shown[256];
	memset(shown, 'n', 255);
	memcpy(shown + 125, "...", 3);
	shown[253] = '\0';
	snprintf(said, sizeof(said), "%s: a name of 256 bytes: at most 255", shown);
	assert_refused(&name, said);

	for (int i = 0; i < 514; i += 2)
		memcpy(text + i, "d/", 2);
	tar_record(&r, "path", text, 514);
	tar_pax(&depth, &r);
	tar_add(&depth, (struct tar_entry){ .name = "x" });
	tar_end(&depth);
	struct taken t;
	assert_int_equal(take(&t, &depth), -1);
	assert_non_null(strstr(t.e.msg, ": more than 256 folders in one another"));
	leave(&t);

	tar_record(&r, "SCHILY.xattr.user.big", text, 3968);
	tar_pax(&xattr, &r);
	tar_add(&xattr, (struct tar_entry){ .name = "x" });
	tar_end(&xattr);
	assert_refused(&xattr, "x: more than 3968 bytes of extended attributes (with user.big)");

	tar_record(&r, "SCHILY.xattr.com.apple.quarantine", "x", 1);
	tar_pax(&odd, &r);
	tar_add(&odd, (struct tar_entry){ .name = "x" });
	tar_end(&odd);
	assert_refused(&odd,
		"x: the extended attribute com.apple.quarantine has no place in ext4: leave it out of the archive");

	tar_record(
		&r, "SCHILY.xattr.system.posix_acl_access", "\2\0\0\0\1\0\7\0\xff\xff\xff\xff", 12);
	tar_pax(&acl, &r);
	tar_add(&acl, (struct tar_entry){ .name = "x" });
	tar_end(&acl);
	assert_refused(&acl, "x: an ACL that Linux would not take");
}

static void intake_acl_of_an_unknown_user(void **state)
{
	(void)state;
	cleanup_buf struct buf r = { 0 }, b = { 0 };
	const char *named = "user::rwx,group::r-x,user:alcie:r--,mask::rwx,other::---";
	tar_record(&r, "SCHILY.acl.access", named, strlen(named));
	tar_pax(&b, &r);
	tar_add(&b, (struct tar_entry){ .name = "named" });
	tar_add(&b, (struct tar_entry){ .name = "etc/passwd", .data = OWN_PASSWD });
	tar_end(&b);
	assert_refused(&b,
		"/named: ACL: no user \"alcie\" in the base's /etc/passwd: did you mean \"alice\"?");
}

static void intake_what_is_no_archive(void **state)
{
	(void)state;
	struct taken t = { 0 };
	cleanup_buf struct buf text = { 0 }, nothing = { 0 }, empty = { 0 };
	struct err e;
	assert_int_equal(buf_puts(&text, "Just a text, and no archive at all.\n", &e), 0);
	assert_refused(&text, "no tar, cpio or zip archive, compressed or not");
	assert_int_equal(buf_reserve(&nothing, 1, &e), 0);
	assert_refused(&nothing, "no tar, cpio or zip archive, compressed or not");
	tar_end(&empty);
	assert_refused(&empty, "an empty archive");
	assert_int_equal(take_file(&t, "/tmp"), -1);
	assert_int_equal(t.e.kind, ERR_INPUT);
	assert_string_equal(t.e.msg, "/tmp: no regular file");
	leave(&t);
	assert_int_equal(take_file(&t, "/no/such.tar"), -1);
	assert_int_equal(t.e.kind, ERR_INPUT);
	assert_string_equal(t.e.msg, "open /no/such.tar: No such file or directory");
	leave(&t);
}

/* Wherever an archive ends: an error, or the whole tree where only its end mark is cut. */
static void truncate_everywhere(const struct buf *b, size_t step, size_t whole_from)
{
	for (size_t len = 0; len < b->len; len += step) {
		struct taken t;
		struct buf part = { .data = b->data, .len = len };
		int rc = take(&t, &part);
		if (rc == 0 && len < whole_from)
			fail_msg("%zu of %zu bytes were taken for the whole", len, b->len);
		if (rc < 0)
			assert_int_equal(t.e.kind, ERR_INPUT);
		else
			assert_content(&t, "/c", "the last one");
		leave(&t);
	}
}

static void intake_truncated_anywhere(void **state)
{
	(void)state;
	cleanup_buf struct buf r = { 0 }, tar = { 0 }, cpio = { 0 };
	tar_add(&tar, (struct tar_entry){ .name = "a/", .type = '5' });
	tar_record(&r, "SCHILY.xattr.user.x", "y", 1);
	tar_pax(&tar, &r);
	tar_add(&tar, (struct tar_entry){ .name = "a/b", .data = "text" });
	tar_add(&tar, (struct tar_entry){ .name = "c", .data = "the last one" });
	size_t end = tar.len;
	tar_end(&tar);
	truncate_everywhere(&tar, 512, end + 512);
	truncate_everywhere(&tar, 61, end + 512);
	cpio_add(&cpio, "a", 040755, 1, 2, NULL);
	cpio_add(&cpio, "a/b", 0100644, 2, 1, "text");
	cpio_add(&cpio, "c", 0100644, 3, 1, "the last one");
	cpio_end(&cpio);
	truncate_everywhere(&cpio, 1, cpio.len - 1);

	static const struct {
		int format;
		int filter;
	} OTHERS[] = { { ARCHIVE_FORMAT_ZIP, ARCHIVE_FILTER_NONE },
		{ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_GZIP },
		{ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_XZ },
		{ ARCHIVE_FORMAT_TAR_USTAR, ARCHIVE_FILTER_ZSTD } };
	for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++) {
		char path[64];
		struct err e;
		cleanup_buf struct buf b = { 0 };
		file_make(path, "", 0);
		write_with(path, OTHERS[i].format, OTHERS[i].filter);
		FILE *f = fopen(path, "rb");
		char block[65536];
		assert_int_equal(buf_add(&b, block, fread(block, 1, sizeof(block), f), &e), 0);
		fclose(f);
		unlink(path);
		for (size_t len = 0; len < b.len; len++) {
			struct taken t;
			struct buf part = { .data = b.data, .len = len };
			/* What only a check sum at the end would tell may pass: the tree is whole.
			 */
			if (take(&t, &part) == 0)
				assert_line(&t.held, "/etc/l", "l0777 33:44 1600000000 -> f");
			else
				assert_int_equal(t.e.kind, ERR_INPUT);
			leave(&t);
		}
	}
}

/* Each bit of the headers, turned: a tree or an error, never more than that. */
static void intake_damaged_headers(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	cpio_add(&b, "a", 040755, 1, 2, NULL);
	cpio_add(&b, "a/b", 0100644, 2, 2, "text");
	cpio_add(&b, "c", 0100644, 2, 2, "the last one");
	cpio_end(&b);
	for (size_t i = 0; i < b.len; i++) {
		for (int bit = 0; bit < 8; bit += 7) {
			struct taken t;
			b.data[i] = (char)(b.data[i] ^ 1 << bit);
			if (take(&t, &b) == 0)
				assert_whole(&t.held.tree);
			else
				assert_true(t.e.kind == ERR_INPUT);
			leave(&t);
			b.data[i] = (char)(b.data[i] ^ 1 << bit);
		}
	}
}

static int read_all(struct taken *t, struct err *e)
{
	struct rootfs_source *s;
	size_t entry;
	int rc;
	if (intake_source(t->in, &s, e) < 0)
		return -1;
	while ((rc = s->next(s, &entry, e)) > 0) {
		const void *data;
		size_t len;
		uint64_t offset;
		while ((rc = s->read(s, &data, &len, &offset, e)) > 0)
			;
		if (rc < 0)
			break;
	}
	return rc;
}

static void intake_archive_that_changes(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 }, other = { 0 };
	struct taken t;
	struct err e;
	tar_add(&b, (struct tar_entry){ .name = "a", .data = "text" });
	tar_add(&b, (struct tar_entry){ .name = "b", .data = "text" });
	tar_end(&b);
	tar_add(&other, (struct tar_entry){ .name = "a", .data = "text" });
	tar_add(&other, (struct tar_entry){ .name = "b", .data = "texts" });
	tar_end(&other);
	taken_ok(&t, &b);
	assert_int_equal(read_all(&t, &e), 0);
	assert_int_equal(read_all(&t, &e), 0);
	struct stat st;
	assert_int_equal(stat(t.path, &st), 0);
	int fd = open(t.path, O_WRONLY);
	assert_int_equal(pwrite(fd, other.data, other.len, 0), other.len);
	assert_int_equal(read_all(&t, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.msg, ": changed while it was read"));
	/* Whoever puts the time back is found by the sizes. */
	struct timespec times[2] = { st.st_atim, st.st_mtim };
	assert_int_equal(futimens(fd, times), 0);
	assert_int_equal(read_all(&t, &e), -1);
	assert_non_null(strstr(e.msg, ": changed while it was read"));
	close(fd);
	leave(&t);
}

/* Entries of a plain tar, and with `foreign` those that only libarchive reads. */
static void make_both(struct buf *b, bool foreign)
{
	cleanup_buf struct buf r = { 0 };
	const char *acl = "user::rwx,group::r-x,user:alice:r--,mask::rwx,other::---";
	tar_add(b, (struct tar_entry){ .name = "h", .type = '1', .target = "kept" });
	tar_record(&r, "SCHILY.xattr.user.x", "y", 1);
	if (foreign)
		tar_record(&r, "SCHILY.acl.access", acl, strlen(acl));
	tar_pax(b, &r);
	tar_add(b, (struct tar_entry){ .name = "kept", .data = "text" });
	tar_add(b, (struct tar_entry){ .name = "l", .type = 'L', .data = "long/name" });
	tar_add(b, (struct tar_entry){ .name = "l", .type = 'K', .data = "long/target" });
	tar_add(b, (struct tar_entry){ .name = "l", .type = '2', .target = "text" });
	if (foreign) {
		tar_record(&r, "GNU.sparse.map", "0,3,4096,3", 10);
		tar_record(&r, "GNU.sparse.size", "5368709120", 10);
		tar_pax(b, &r);
		tar_add(b, (struct tar_entry){ .name = "map01", .data = "abcdef" });
	}
	tar_add(b, (struct tar_entry){ .name = "etc/passwd", .data = OWN_PASSWD });
	tar_end(b);
}

/* An arena that is full at any moment, and each allocation of our own. */
static void every_allocation(bool foreign)
{
	cleanup_buf struct buf b = { 0 };
	char path[64];
	make_both(&b, foreign);
	file_make(path, b.data, b.len);
	size_t all = 0;
	for (unsigned n = 1;; n++) {
		struct held h = { .arena = { 0 } };
		struct intake *in = NULL;
		struct err e = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = rootfs_init(&h.tree, &h.arena, 0, &e);
		if (rc == 0)
			rc = intake_open(path, 1, &h.arena, &in, &e);
		if (rc == 0)
			rc = intake_scan(in, &h.tree, &KEEP, &e);
		bool hit = fail_disarm();
		all = h.arena.used;
		intake_close(in);
		arena_free(&h.arena);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 4);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
	/* From where the tree's own table has found its place. */
	for (size_t max = all > 60000 ? all - 60000 : 32; max < all; max += 16) {
		struct held h = { .arena = { .max = max } };
		struct intake *in = NULL;
		struct err e = { 0 };
		int rc = rootfs_init(&h.tree, &h.arena, 0, &e);
		if (rc == 0)
			rc = intake_open(path, 0, &h.arena, &in, &e);
		if (rc == 0)
			rc = intake_scan(in, &h.tree, &KEEP, &e);
		intake_close(in);
		arena_free(&h.arena);
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
	unlink(path);
}

static void intake_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	every_allocation(false);
	every_allocation(true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intake_hostile_entries_are_refused_with_the_reason),
		cmocka_unit_test(intake_limits),
		cmocka_unit_test(intake_acl_of_an_unknown_user),
		cmocka_unit_test(intake_what_is_no_archive),
		cmocka_unit_test(intake_truncated_anywhere),
		cmocka_unit_test(intake_damaged_headers),
		cmocka_unit_test(intake_archive_that_changes),
		cmocka_unit_test(intake_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
