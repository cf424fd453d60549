#include "disk/rootfs.h"

#include <stdlib.h>

#include "fail.h"
#include "tree_text.h"

static struct rootfs_node *add(struct held *h, const char *path, uint32_t mode)
{
	struct err e;
	char folder[4096];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	struct rootfs_node *f = rootfs_folder(&h->tree, folder, false, &e);
	assert_non_null(f);
	struct rootfs_node *n = rootfs_add(&h->tree, f, slash + 1, strlen(slash + 1), mode, &e);
	assert_non_null(n);
	return n;
}

static struct rootfs_node *add_symlink(struct held *h, const char *path, const char *target)
{
	struct rootfs_node *n = add(h, path, S_IFLNK | 0777);
	n->target = target;
	return n;
}

static struct rootfs_node *add_name(struct held *h, const char *path, struct rootfs_node *file)
{
	struct err e;
	char folder[4096];
	const char *slash = strrchr(path, '/');
	snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
	struct rootfs_node *f = rootfs_folder(&h->tree, folder, false, &e);
	assert_non_null(f);
	struct rootfs_node *n =
		rootfs_add_link(&h->tree, f, slash + 1, strlen(slash + 1), file, &e);
	assert_non_null(n);
	return n;
}

static void rootfs_find_follows_nothing(void **state)
{
	(void)state;
	struct held h;
	held_make(&h);
	struct rootfs_node *file = add(&h, "/usr/lib/x", S_IFREG | 0644);
	add_symlink(&h, "/lib", "usr/lib");
	assert_ptr_equal(rootfs_find(&h.tree, "/usr/lib/x"), file);
	assert_ptr_equal(rootfs_find(&h.tree, "usr//lib/x/"), file);
	assert_ptr_equal(rootfs_find(&h.tree, "/"), h.tree.root);
	assert_none(&h, "/lib/x");
	assert_none(&h, "/usr/lib/x/y");
	assert_none(&h, "/usr/li");
	assert_line(&h, "/usr", "d0755 0:0 1700000000");
	assert_true(rootfs_find(&h.tree, "/usr")->implicit);
	assert_whole(&h.tree);
	held_free(&h);
}

static void rootfs_resolve_follows_as_a_booted_system(void **state)
{
	(void)state;
	struct held h;
	held_make(&h);
	struct rootfs_node *file = add(&h, "/usr/lib/x", S_IFREG | 0644);
	add_symlink(&h, "/lib", "usr/lib");
	add_symlink(&h, "/usr/lib/again", "/lib/../../usr/./lib/x");
	add_symlink(&h, "/up", "../../../usr");
	add_symlink(&h, "/circle", "circle/x");
	add_symlink(&h, "/nothing", "/no/such");
	add_symlink(&h, "/usr/self", ".");
	assert_ptr_equal(rootfs_resolve(&h.tree, "/lib/x"), file);
	assert_ptr_equal(rootfs_resolve(&h.tree, "/lib/again"), file);
	assert_ptr_equal(rootfs_resolve(&h.tree, "/up/self/self/lib/x"), file);
	assert_ptr_equal(rootfs_resolve(&h.tree, "/../lib/../lib/x"), file);
	assert_null(rootfs_resolve(&h.tree, "/circle"));
	assert_null(rootfs_resolve(&h.tree, "/nothing"));
	assert_null(rootfs_resolve(&h.tree, "/lib/x/.."));
	char path[600] = "/usr";
	for (int i = 0; i < 40; i++)
		strcat(path, "/self");
	assert_ptr_equal(rootfs_resolve(&h.tree, path), rootfs_find(&h.tree, "/usr"));
	assert_null(rootfs_resolve(&h.tree, strcat(path, "/self")));
	held_free(&h);
}

static void walks(
	struct held *h, const char *path, enum rootfs_walk state, const char *at, const char *rest)
{
	struct rootfs_walked w = rootfs_walk(&h->tree, path, strlen(path));
	char where[4096] = "";
	tree_add_path(w.node, where);
	assert_int_equal(w.state, state);
	assert_string_equal(where, at);
	if (rest != NULL)
		assert_string_equal(w.rest, rest);
}

static void rootfs_walk_tells_what_is_in_the_way(void **state)
{
	(void)state;
	struct held h;
	held_make(&h);
	add(&h, "/usr/lib/x", S_IFREG | 0644);
	add_symlink(&h, "/lib", "usr/lib");
	add_symlink(&h, "/out", "usr/../../etc");
	add_symlink(&h, "/dangling", "usr/no/such");
	add_symlink(&h, "/file", "usr/lib/x/y");
	walks(&h, "lib", WALK_FOUND, "/usr/lib", NULL);
	walks(&h, "lib/a/b", WALK_MISSING, "/usr/lib", "a/b");
	walks(&h, "usr/lib/x/y", WALK_FILE, "/usr/lib/x", "y");
	walks(&h, "lib/x/y", WALK_FILE, "/usr/lib/x", "y");
	walks(&h, "out/x", WALK_LEAVES, "/out", NULL);
	walks(&h, "../x", WALK_LEAVES, "/", NULL);
	walks(&h, "dangling/x", WALK_LINK, "/dangling", NULL);
	walks(&h, "file/x", WALK_LINK, "/file", NULL);
	held_free(&h);
}

static void rootfs_add_refuses_what_no_kernel_can_name(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	char name[300];
	memset(name, 'n', sizeof(name));
	held_make(&h);
	assert_non_null(rootfs_add(&h.tree, h.tree.root, name, 255, S_IFREG, &e));
	assert_null(rootfs_add(&h.tree, h.tree.root, name, 256, S_IFREG, &e));
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, "a name of 256 bytes: at most 255");
	assert_null(rootfs_add(&h.tree, h.tree.root, name, 255, S_IFREG, &e));
	assert_int_equal(e.kind, ERR_BUG);
	struct rootfs_node *at = h.tree.root;
	for (int i = 0; i < ROOTFS_DEPTH_MAX; i++)
		assert_non_null(at = rootfs_add(&h.tree, at, "d", 1, S_IFDIR, &e));
	assert_null(rootfs_add(&h.tree, at, "d", 1, S_IFDIR, &e));
	assert_string_equal(e.msg, "more than 256 folders in one another");
	assert_non_null(rootfs_add(&h.tree, at, "file", 4, S_IFREG, &e));
	at = h.tree.root;
	for (int i = 0; i < 15; i++)
		assert_non_null(at = rootfs_add(&h.tree, at, name, 254, S_IFDIR, &e));
	assert_non_null(at = rootfs_add(&h.tree, at, name, 253, S_IFDIR, &e));
	assert_null(rootfs_add(&h.tree, at, name, 16, S_IFREG, &e));
	assert_string_equal(e.msg, "a path of 4096 bytes: at most 4095");
	assert_non_null(rootfs_add(&h.tree, at, name, 15, S_IFREG, &e));
	assert_null(rootfs_add(&h.tree, rootfs_find(&h.tree, "/d"), "..", 2, S_IFREG, &e));
	assert_int_equal(e.kind, ERR_BUG);
	held_free(&h);
}

static void rootfs_remove_takes_folders_with_all_in_them(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	add(&h, "/a/b/c/d", S_IFREG | 0644);
	add(&h, "/a/b/e", S_IFREG | 0644);
	add(&h, "/a/f", S_IFREG | 0644);
	add(&h, "/g", S_IFREG | 0644);
	assert_int_equal(rootfs_remove(&h.tree, rootfs_find(&h.tree, "/a/b"), &e), 0);
	assert_none(&h, "/a/b");
	assert_none(&h, "/a/b/c/d");
	assert_non_null(rootfs_find(&h.tree, "/a/f"));
	add(&h, "/a/b/c/d", S_IFREG | 0600);
	assert_line(&h, "/a/b/c/d", "-0600 0:0 1700000000 0");
	assert_whole(&h.tree);
	assert_int_equal(rootfs_remove(&h.tree, rootfs_find(&h.tree, "/a"), &e), 0);
	assert_whole(&h.tree);
	size_t alive = 0;
	for (size_t i = 0; i < h.tree.count; i++)
		alive += !h.tree.list[i]->gone;
	assert_int_equal(alive, 2);
	assert_int_equal(rootfs_remove(&h.tree, h.tree.root, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	held_free(&h);
}

static void rootfs_remove_passes_a_file_to_its_next_name(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	struct rootfs_node *file = add(&h, "/a/one", S_IFREG | 0644);
	file->size = 7;
	add(&h, "/b/x", S_IFREG | 0644);
	struct rootfs_node *two = add_name(&h, "/b/two", file);
	add_name(&h, "/a/three", file);
	assert_int_equal(file->links, 3);
	assert_line(&h, "/b/two", "-0644 0:0 1700000000 7 = /a/one");
	assert_int_equal(rootfs_remove(&h.tree, two, &e), 0);
	assert_int_equal(file->links, 2);
	assert_int_equal(rootfs_remove(&h.tree, file, &e), 0);
	/* Still the node that it was, so that it lies where it would have lain. */
	assert_false(file->gone);
	assert_ptr_equal(rootfs_find(&h.tree, "/a/three"), file);
	assert_ptr_equal(h.tree.list[2], file);
	assert_none(&h, "/a/one");
	assert_whole(&h.tree);
	assert_int_equal(rootfs_remove(&h.tree, file, &e), 0);
	assert_true(file->gone);
	assert_whole(&h.tree);
	held_free(&h);
}

/* Names of one file in the folder that goes and in others, neighbours among them. */
static void rootfs_remove_of_a_folder_with_hard_links(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	struct rootfs_node *file = add(&h, "/a/1", S_IFREG | 0644);
	add_name(&h, "/a/2", file);
	add_name(&h, "/a/sub/3", file);
	struct rootfs_node *inside = add(&h, "/a/sub/4", S_IFREG | 0644);
	add_name(&h, "/a/5", inside);
	add_name(&h, "/keep", file);
	assert_int_equal(rootfs_remove(&h.tree, rootfs_find(&h.tree, "/a"), &e), 0);
	assert_whole(&h.tree);
	assert_none(&h, "/a");
	assert_true(inside->gone);
	assert_ptr_equal(rootfs_find(&h.tree, "/keep"), file);
	assert_int_equal(file->links, 1);
	held_free(&h);
}

/* Whatever order things are added and removed in, the tree stays whole. */
static void rootfs_random_changes(void **state)
{
	(void)state;
	struct err e;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct held h;
		held_make(&h);
		srand(seed);
		for (int step = 0; step < 1500; step++) {
			char path[64];
			snprintf(path, sizeof(path), "/d%d/e%d/f%d", rand() % 3, rand() % 3,
				rand() % 8);
			struct rootfs_node *n = rootfs_find(&h.tree, path);
			struct rootfs_node *any = h.tree.list[(size_t)rand() % h.tree.count];
			if (n == NULL && rand() % 2 == 0)
				add(&h, path, S_IFREG | 0644);
			else if (n == NULL && !any->gone && !S_ISDIR(any->mode))
				add_name(&h, path, rootfs_file(any));
			else if (n != NULL && rand() % 2 == 0)
				assert_int_equal(rootfs_remove(&h.tree, n, &e), 0);
			if (step % 97 == 0 && (n = rootfs_find(&h.tree, "/d1")) != NULL)
				assert_int_equal(rootfs_remove(&h.tree, n, &e), 0);
			if (step % 50 == 0)
				assert_whole(&h.tree);
		}
		assert_whole(&h.tree);
		held_free(&h);
	}
}

static void rootfs_put_replaces_but_folders(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	held_make(&h);
	add(&h, "/usr/lib/systemd/old", S_IFREG | 0644);
	add(&h, "/etc/folder/x", S_IFREG | 0644);
	add_symlink(&h, "/lib", "usr/lib");
	add_symlink(&h, "/etc/link", "folder/x");
	add_symlink(&h, "/etc/dangling", "nowhere");
	struct rootfs_node *n = rootfs_put(&h.tree, "/lib/systemd/new/deep", 0640, "data", 4, &e);
	assert_non_null(n);
	assert_true(n->overlay && n->parent->overlay && n->parent->implicit);
	assert_line(&h, "/usr/lib/systemd/new/deep", "-0640 0:0 1700000000 4");
	assert_non_null(rootfs_put(&h.tree, "/etc/link", 0644, "x", 1, &e));
	assert_line(&h, "/etc/link", "-0644 0:0 1700000000 1");
	assert_non_null(rootfs_put_link(&h.tree, "/lib/systemd/old", "new/deep", &e));
	assert_line(&h, "/usr/lib/systemd/old", "l0777 0:0 1700000000 -> new/deep");
	assert_int_equal(rootfs_find(&h.tree, "/usr/lib/systemd/old")->size, 8);
	assert_whole(&h.tree);
	assert_null(rootfs_put(&h.tree, "/etc/folder", 0644, "", 0, &e));
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, "/etc/folder: there is a folder of that name");
	assert_null(rootfs_put(&h.tree, "/etc/folder/x/y", 0644, "", 0, &e));
	assert_string_equal(e.msg, "/etc/folder/x/y: /etc/folder/x is no folder");
	assert_null(rootfs_folder(&h.tree, "/etc/dangling/x", true, &e));
	assert_string_equal(e.msg, "/etc/dangling/x: /etc/dangling is a link to no folder");
	assert_null(rootfs_put_link(&h.tree, "/x", "", &e));
	assert_int_equal(e.kind, ERR_INPUT);
	held_free(&h);
}

static void rootfs_add_link_has_a_limit(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	char name[32];
	held_make(&h);
	struct rootfs_node *file = add(&h, "/x", S_IFREG | 0644);
	for (int i = 1; i < ROOTFS_LINKS_MAX; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		assert_non_null(
			rootfs_add_link(&h.tree, h.tree.root, name, strlen(name), file, &e));
	}
	assert_null(rootfs_add_link(&h.tree, h.tree.root, "more", 4, file, &e));
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(file->links, ROOTFS_LINKS_MAX);
	/* And all of them go again, one after another, in no time. */
	while (!file->gone)
		assert_int_equal(rootfs_remove(&h.tree, file, &e), 0);
	for (struct rootfs_node *n = h.tree.root->children; n != NULL; n = n->next)
		assert_true(n->gone);
	held_free(&h);
}

#define CROWD 4000 /* as many as the first table takes: they lie in long rows there */

static void rootfs_find_after_removals_in_a_crowd(void **state)
{
	(void)state;
	struct held h;
	struct err e;
	static bool gone[CROWD];
	char name[16];
	uint64_t random = 1;
	held_make(&h);
	for (int i = 0; i < CROWD; i++) {
		int len = snprintf(name, sizeof(name), "n%d", i);
		assert_non_null(
			rootfs_add(&h.tree, h.tree.root, name, (size_t)len, S_IFREG | 0644, &e));
	}
	for (int removed = 0; removed < CROWD / 2; removed++) {
		random = random * 6364136223846793005u + 1442695040888963407u;
		int which = (int)((random >> 33) % CROWD);
		snprintf(name, sizeof(name), "/n%d", which);
		struct rootfs_node *n = rootfs_find(&h.tree, name);
		assert_int_equal(n == NULL, gone[which]);
		if (n != NULL)
			assert_int_equal(rootfs_remove(&h.tree, n, &e), 0);
		gone[which] = true;
		for (int i = 0; removed % 100 == 0 && i < CROWD; i++) {
			snprintf(name, sizeof(name), "/n%d", i);
			assert_int_equal(rootfs_find(&h.tree, name) == NULL, gone[i]);
		}
	}
	held_free(&h);
}

static int build(struct rootfs *r, struct arena *a, struct err *e)
{
	if (rootfs_init(r, a, 0, e) < 0)
		return -1;
	for (int i = 0; i < 40; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/d%d/e/f", i);
		if (rootfs_put(r, path, 0644, "x", 1, e) == NULL)
			return -1;
	}
	struct rootfs_node *file = rootfs_find(r, "/d1/e/f");
	if (rootfs_add_link(r, r->root, "link", 4, file, e) == NULL ||
		rootfs_put_link(r, "/d2/e/f", "/d3", e) == NULL ||
		rootfs_remove(r, file->parent, e) < 0)
		return -1;
	return 0;
}

/* An arena that is full at any moment: each of its allocations fails once. */
static void rootfs_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct err e = { 0 };
	struct rootfs r;
	struct arena whole = { 0 };
	assert_int_equal(build(&r, &whole, &e), 0);
	size_t all = whole.used;
	arena_free(&whole);
	assert_true(all > 10000);
	for (size_t max = 32; max < all; max += 64) {
		struct arena a = { .max = max };
		assert_int_equal(build(&r, &a, &e), -1);
		assert_int_equal(e.kind, ERR_MACHINE);
		arena_free(&a);
	}
	struct arena a = { 0 };
	fail_arm(FAIL_ALLOC, 1);
	assert_int_equal(build(&r, &a, &e), -1);
	assert_true(fail_disarm());
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rootfs_find_follows_nothing),
		cmocka_unit_test(rootfs_resolve_follows_as_a_booted_system),
		cmocka_unit_test(rootfs_walk_tells_what_is_in_the_way),
		cmocka_unit_test(rootfs_add_refuses_what_no_kernel_can_name),
		cmocka_unit_test(rootfs_remove_takes_folders_with_all_in_them),
		cmocka_unit_test(rootfs_remove_passes_a_file_to_its_next_name),
		cmocka_unit_test(rootfs_remove_of_a_folder_with_hard_links),
		cmocka_unit_test(rootfs_random_changes),
		cmocka_unit_test(rootfs_put_replaces_but_folders),
		cmocka_unit_test(rootfs_add_link_has_a_limit),
		cmocka_unit_test(rootfs_find_after_removals_in_a_crowd),
		cmocka_unit_test(rootfs_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
