#include "disk/merge.h"

#include "fail.h"
#include "tree_text.h"

#define PASSWD "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n# none\n+nis\nbad:x:\n"
#define GROUP  "root:x:0:\nadm:x:4:\nwheel:x:77:alice\n"

static void put(struct held *h, const char *path, const char *text)
{
	struct err e;
	struct rootfs_node *n = rootfs_put(&h->tree, path, 0644, text, strlen(text), &e);
	assert_non_null(n);
	n->overlay = n->parent->overlay = false;
}

static void base(struct held *h, struct owners *o)
{
	struct err e;
	held_make(h);
	put(h, "/etc/passwd", PASSWD);
	put(h, "/etc/group", GROUP);
	put(h, "/etc/ipsec.conf", "vendor's\n");
	put(h, "/usr/lib/a", "base\n");
	assert_non_null(rootfs_put_link(&h->tree, "/lib", "usr/lib", &e));
	assert_non_null(rootfs_put_link(&h->tree, "/etc/mtab", "/proc/mounts", &e));
	assert_int_equal(owners_read(&h->tree, o, &e), 0);
}

static struct entry entry(const char *path, enum entry_kind kind, const char *data, unsigned mode)
{
	return (struct entry){ .path = path,
		.kind = kind,
		.mode = mode,
		.owner = "root",
		.group = "root",
		.data = data,
		.size = data != NULL ? strlen(data) : 0 };
}

static int merge(
	struct held *h, const struct owners *o, struct entry *list, size_t count, struct err *e)
{
	struct tree t = { .list = list, .count = count };
	return merge_tree(&h->tree, &t, o, e);
}

static void merge_lays_files_folders_and_links(void **state)
{
	(void)state;
	struct held h;
	struct owners o;
	struct err e;
	base(&h, &o);
	struct entry list[] = {
		entry("/etc", ENTRY_FOLDER, NULL, 0700),
		entry("/etc/hub", ENTRY_FOLDER, NULL, 0750),
		entry("/etc/hub/keys", ENTRY_FILE, "key", 0600),
		entry("/etc/mtab", ENTRY_FILE, "x", 0644),
		entry("/lib/a", ENTRY_FILE, "over\n", 04755),
		entry("/lib/systemd/b", ENTRY_LINK, "../a", 0777),
	};
	list[1].group = "wheel";
	list[2].owner = "alice";
	list[2].group = "4";
	list[0].implicit = true;
	assert_int_equal(merge(&h, &o, list, 6, &e), 0);
	assert_line(&h, "/etc", "d0755 0:0 1700000000");
	assert_line(&h, "/etc/hub", "d0750 0:77 1700000000");
	assert_line(&h, "/etc/hub/keys", "-0600 1001:4 1700000000 3");
	assert_line(&h, "/etc/mtab", "-0644 0:0 1700000000 1");
	assert_line(&h, "/usr/lib/a", "-4755 0:0 1700000000 5");
	assert_line(&h, "/usr/lib/systemd/b", "l0777 0:0 1700000000 -> ../a");
	assert_line(&h, "/lib", "l0777 0:0 1700000000 -> usr/lib");
	assert_true(rootfs_find(&h.tree, "/usr/lib/systemd")->implicit);
	assert_true(rootfs_find(&h.tree, "/usr/lib/a")->overlay);
	/* The base keeps its place for what was replaced. */
	size_t gone = 0;
	for (size_t i = 0; i < h.tree.count; i++)
		gone += h.tree.list[i]->gone && !h.tree.list[i]->overlay;
	assert_int_equal(gone, 1);
	assert_whole(&h.tree);
	/* A further tree goes on top. */
	struct entry more[] = { entry("/etc/hub/keys", ENTRY_FILE, "other key", 0640) };
	assert_int_equal(merge(&h, &o, more, 1, &e), 0);
	assert_line(&h, "/etc/hub/keys", "-0640 0:0 1700000000 9");
	held_free(&h);
}

static void merge_keeps_the_original(void **state)
{
	(void)state;
	struct held h;
	struct owners o;
	struct err e;
	base(&h, &o);
	struct rootfs_node *vendors = rootfs_find(&h.tree, "/etc/ipsec.conf");
	vendors->uid = 5;
	vendors->mode = S_IFREG | 0600;
	vendors->mtime = 42;
	struct rootfs_node *a = rootfs_find(&h.tree, "/usr/lib/a");
	assert_non_null(rootfs_add_link(&h.tree, a->parent, "b", 1, a, &e));
	struct entry list[] = {
		entry("/etc/ipsec.conf", ENTRY_FILE, "ours", 0644),
		entry("/etc/new.conf", ENTRY_FILE, "new", 0644),
		entry("/lib/b", ENTRY_FILE, "bee", 0644),
	};
	list[0].keep_original = list[1].keep_original = list[2].keep_original = true;
	assert_int_equal(merge(&h, &o, list, 3, &e), 0);
	assert_line(&h, "/etc/ipsec.conf", "-0644 0:0 1700000000 4");
	assert_line(&h, "/etc/ipsec.conf.orig", "-0600 5:0 42 9");
	assert_string_equal(rootfs_find(&h.tree, "/etc/ipsec.conf.orig")->data, "vendor's\n");
	assert_true(vendors->gone);
	assert_none(&h, "/etc/new.conf.orig");
	assert_line(&h, "/usr/lib/b.orig", "-0644 0:0 1700000000 5 = /usr/lib/a");
	assert_line(&h, "/usr/lib/b", "-0644 0:0 1700000000 3");
	assert_whole(&h.tree);
	/* Once: what is called .orig is the vendor's. */
	struct entry again[] = { entry("/etc/ipsec.conf", ENTRY_FILE, "later", 0644) };
	again[0].keep_original = true;
	assert_int_equal(merge(&h, &o, again, 1, &e), 0);
	assert_line(&h, "/etc/ipsec.conf.orig", "-0600 5:0 42 9");
	held_free(&h);
}

static void refused(struct entry one, struct entry two, const char *said)
{
	struct held h;
	struct owners o;
	struct err e;
	base(&h, &o);
	struct entry list[] = { one, two };
	assert_int_equal(merge(&h, &o, list, two.path != NULL ? 2 : 1, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, said);
	held_free(&h);
}

static void merge_refuses(void **state)
{
	(void)state;
	struct entry none = { .path = NULL }, x = entry("/etc/x", ENTRY_FILE, "x", 0644);
	x.source = "overlays/hub/etc/x";
	refused(entry("/usr/lib", ENTRY_FILE, "x", 0644), none,
		"/usr/lib: the base has a folder at /usr/lib: only a file or a link can be replaced");
	refused(entry("/etc/passwd", ENTRY_FOLDER, NULL, 0755), none,
		"/etc/passwd: /etc/passwd: /etc/passwd is no folder");
	refused(entry("/etc/passwd/x", ENTRY_FILE, "x", 0644), none,
		"/etc/passwd/x: /etc/passwd/: /etc/passwd is no folder");
	refused(entry("/etc/mtab/x", ENTRY_FILE, "x", 0644), none,
		"/etc/mtab/x: /etc/mtab/: /etc/mtab is a link to no folder");
	refused(entry("/lib/x", ENTRY_FILE, "x", 0644), entry("/usr/lib/x", ENTRY_FILE, "y", 0644),
		"/usr/lib/x: another path of the overlays is the same file in this base: keep one of them");
	x.owner = "alcie";
	refused(x, none,
		"overlays/hub/etc/x: no user \"alcie\" in the base's /etc/passwd: did you mean \"alice\"?");
	x.owner = "root";
	x.group = "nobody-like-it";
	refused(x, none,
		"overlays/hub/etc/x: no group \"nobody-like-it\" in the base's /etc/group");
}

static void merge_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct held h;
	struct owners o;
	struct err e;
	struct entry list[] = {
		entry("/etc/ipsec.conf", ENTRY_FILE, "ours", 0644),
		entry("/opt/a/b", ENTRY_FILE, "x", 0644),
		entry("/opt/c", ENTRY_LINK, "a", 0777),
	};
	list[0].keep_original = true;
	base(&h, &o);
	size_t before = h.arena.used;
	assert_int_equal(merge(&h, &o, list, 3, &e), 0);
	size_t all = h.arena.used;
	held_free(&h);
	for (size_t max = before; max < all; max += 16) {
		base(&h, &o);
		h.arena.max = max;
		assert_int_equal(merge(&h, &o, list, 3, &e), -1);
		assert_int_equal(e.kind, ERR_MACHINE);
		held_free(&h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merge_lays_files_folders_and_links),
		cmocka_unit_test(merge_keeps_the_original),
		cmocka_unit_test(merge_refuses),
		cmocka_unit_test(merge_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
