/*
 * Extended attributes: in the inode, in a block, ACLs in the file system's own form.
 */
#include "ext4_read.h"

static const unsigned char ACL[] = { 2, 0, 0, 0, /* version */
	1, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,      /* owner */
	2, 0, 5, 0, 0xe8, 3, 0, 0,               /* user 1000 */
	4, 0, 5, 0, 0xff, 0xff, 0xff, 0xff,      /* group */
	8, 0, 4, 0, 0x78, 0x56, 0x34, 0x12,      /* group 0x12345678 */
	0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff,   /* mask */
	0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff }; /* others */
static const unsigned char CAPABILITY[20] = { 1, 0, 0, 2, 0, 0x20 };

/* What a plan says of one node: 0 in the inode, 1 a block, -1 ERR_INPUT. */
static int planned(const char *name, size_t len)
{
	struct rootfs_xattr x = { .name = name, .value = pattern(), .len = len };
	struct rootfs_node n = { .xattrs = &x };
	struct err e = { 0 };
	bool block = false;
	if (ext4_xattr_plan(&n, &block, &e) == 0)
		return block;
	assert_int_equal(e.kind, ERR_INPUT);
	return -1;
}

static void xattr_plan_by_size(void **state)
{
	(void)state;
	/* 88 bytes less an entry of 16 and 4 of name: 68 of value. */
	assert_int_equal(planned("user.abc", 68), 0);
	assert_int_equal(planned("user.abc", 69), 1);
	assert_int_equal(planned("user.abcd", 68), 0);
	assert_int_equal(planned("user.abcde", 68), 1);
	assert_int_equal(planned("user.abcde", 0), 0);
	/* 4096 less 32 of head, 4 of end, 20 of entry. */
	assert_int_equal(planned("user.abc", 4040), 1);
	assert_int_equal(planned("user.abc", 4041), -1);
	assert_int_equal(planned("user.abc", 100000), -1);
}

static void xattr_plan_of_unknown_names(void **state)
{
	(void)state;
	static const char *const names[] = { "user.", "trusted.", "security.",
		"system.posix_acl_accessx", "system.richacl", "os2.name", "", "USER.x", "user" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_int_equal(planned(names[i], 1), -1);
	char name[5 + 257] = "user.";
	memset(name + 5, 'n', 256);
	assert_int_equal(planned(name, 1), -1);
	name[5 + 255] = '\0';
	assert_int_equal(planned(name, 1), 1);
}

static void xattr_plan_of_bad_acls(void **state)
{
	(void)state;
	for (size_t len = 0; len <= sizeof(ACL); len++) {
		unsigned char bytes[sizeof(ACL)];
		struct rootfs_xattr x = {
			.name = "system.posix_acl_access", .value = bytes, .len = len
		};
		struct rootfs_node n = { .xattrs = &x };
		struct err e = { 0 };
		bool block = false;
		memcpy(bytes, ACL, sizeof(ACL));
		assert_int_equal(
			ext4_xattr_plan(&n, &block, &e), len >= 4 && len % 8 == 4 ? 0 : -1);
		if (len < 12)
			continue;
		bytes[4] = 3;
		assert_int_equal(ext4_xattr_plan(&n, &block, &e), -1);
		bytes[4] = 0;
		assert_int_equal(ext4_xattr_plan(&n, &block, &e), -1);
		bytes[4] = 1;
		bytes[0] = 1;
		assert_int_equal(ext4_xattr_plan(&n, &block, &e), -1);
	}
}

static void write_and_read(struct tree *t)
{
	struct ext4_options o = usual_options(8 * MIB);
	struct image i;
	struct err e = { 0 };
	image_open(&i, o.size);
	if (write_tree(t, &o, &i, &e) < 0)
		fail_msg("%s", e.msg);
	check_image(&i);
	read_back(&i, t);
	image_close(&i);
}

static void xattr_of_all_kinds(void **state)
{
	(void)state;
	struct tree t;
	char name[300];
	tree_init(&t);
	struct rootfs_node *n = add_file(&t, NULL, "capability", 10);
	add_xattr(&t, n, "security.capability", CAPABILITY, sizeof(CAPABILITY));
	n = add_file(&t, NULL, "acl", 10);
	add_xattr(&t, n, "system.posix_acl_access", ACL, sizeof(ACL));
	n = add_folder(&t, NULL, "both acls");
	add_xattr(&t, n, "system.posix_acl_access", ACL, sizeof(ACL));
	add_xattr(&t, n, "system.posix_acl_default", ACL, sizeof(ACL));
	n = add_file(&t, NULL, "empty", 0);
	add_xattr(&t, n, "user.empty", "", 0);
	add_xattr(&t, n, "user.\xc3\xa4\xff", "\xff\x00\x80", 3);
	n = add_file(&t, NULL, "many", 0);
	for (int i = 0; i < 40; i++) {
		snprintf(name, sizeof(name), "%s.%c%.*s", i % 3 == 0 ? "trusted" : "user",
			'a' + i % 26, i * 3 % 23, "of some length or other");
		add_xattr(&t, n, name, pattern() + i, (size_t)i);
	}
	n = add_link(&t, NULL, "link", "somewhere");
	add_xattr(&t, n, "security.selinux", "system_u:object_r:bin_t:s0", 27);
	n = add(&t, NULL, "device", S_IFCHR);
	add_xattr(&t, n, "trusted.long", pattern(), 3000);
	add_xattr(&t, t.r.root, "user.of.the.root", "x", 1);
	/* Every split between inode and block. */
	for (unsigned i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "split%u", i);
		n = add_file(&t, NULL, name, i);
		add_xattr(&t, n, "user.one", pattern(), i);
		add_xattr(&t, n, "user.two", pattern() + 100, 100 - i);
		add_xattr(&t, n, "security.three", pattern() + 200, i / 2);
	}
	write_and_read(&t);
	arena_free(&t.arena);
}

/* As the kernel stores it: version 1, entries without an id where the tag has none. */
static void xattr_acl_on_disk(void **state)
{
	(void)state;
	static const unsigned char want[] = { 1, 0, 0, 0, 1, 0, 7, 0, 2, 0, 5, 0, 0xe8, 3, 0, 0, 4,
		0, 5, 0, 8, 0, 4, 0, 0x78, 0x56, 0x34, 0x12, 0x10, 0, 7, 0, 0x20, 0, 0, 0 };
	struct rootfs_xattr x = {
		.name = "system.posix_acl_access", .value = ACL, .len = sizeof(ACL)
	};
	struct rootfs_node n = { .xattrs = &x };
	unsigned char ibody[EXT4_IBODY] = { 0 };
	ext4_xattr_fill(&n, ibody, NULL);
	assert_int_equal(ibody[5], 2);
	assert_memory_equal(ibody + EXT4_IBODY - sizeof(want), want, sizeof(want));
}

static void xattr_too_large_names_the_file(void **state)
{
	(void)state;
	struct tree t;
	struct ext4_options o = usual_options(8 * MIB);
	struct image i;
	struct err e = { 0 };
	tree_init(&t);
	struct rootfs_node *n = add_file(&t, add_folder(&t, NULL, "etc"), "file", 1);
	add_xattr(&t, n, "user.large", pattern(), 4080);
	image_open(&i, o.size);
	assert_int_equal(write_tree(&t, &o, &i, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.msg, "/etc/file: "));
	image_close(&i);
	arena_free(&t.arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(xattr_plan_by_size),
		cmocka_unit_test(xattr_plan_of_unknown_names),
		cmocka_unit_test(xattr_plan_of_bad_acls),
		cmocka_unit_test(xattr_acl_on_disk),
		cmocka_unit_test(xattr_of_all_kinds),
		cmocka_unit_test(xattr_too_large_names_the_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
