/*
 * Whole file systems: e2fsck has nothing to say, and everything reads back equal.
 */
#include "ext4_read.h"

static void write_check_read(struct tree *t, uint64_t size)
{
	struct err e = { 0 };
	struct image i;
	struct ext4_options o = usual_options(size);
	image_open(&i, size);
	if (write_tree(t, &o, &i, &e) < 0)
		fail_msg("%s", e.msg);
	check_image(&i);
	read_back(&i, t);
	image_close(&i);
}

static void write_empty_tree(void **state)
{
	(void)state;
	static const uint64_t sizes[] = { 8 * MIB, 9 * MIB, 64 * MIB, 200 * MIB, 2 * GIB, 5 * GIB,
		40 * GIB };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct tree t;
		tree_init(&t);
		write_check_read(&t, sizes[i]);
		arena_free(&t.arena);
	}
}

/* One of each kind, with all that a node can have. */
static void write_kinds(void **state)
{
	(void)state;
	struct tree t;
	char long_target[4096];
	memset(long_target, 'x', 4095);
	long_target[4095] = '\0';
	tree_init(&t);
	struct rootfs_node *dev = add_folder(&t, NULL, "dev"), *n;
	n = add(&t, dev, "console", S_IFCHR | 0600);
	n->major = 5, n->minor = 1;
	n = add(&t, dev, "sda", S_IFBLK | 0660);
	n->major = 8, n->gid = 6;
	n = add(&t, dev, "large", S_IFBLK | 0660);
	n->major = 4095, n->minor = 1048575;
	add(&t, dev, "fifo", S_IFIFO | 0600);
	add(&t, dev, "socket", S_IFSOCK | 0777);
	add_link(&t, dev, "short", "console");
	add_link(&t, dev, "59", long_target + 4095 - 59);
	add_link(&t, dev, "60", long_target + 4095 - 60);
	add_link(&t, dev, "4095", long_target);
	n = add_file(&t, NULL, "setuid", 12345);
	n->mode |= 06000;
	n->uid = 0x12345678;
	n->gid = 0x9abcdef0;
	n->mtime = -1;
	n->mtime_nsec = 999999999;
	n = add_file(&t, NULL, "old", 4096);
	n->mtime = -2147483648;
	n = add_file(&t, NULL, "later", 4097);
	n->mtime = 2147483648 + 5;
	n->mtime_nsec = 1;
	n = add_file(&t, NULL, "last", 1);
	n->mtime = 10737418239;
	add_file(&t, NULL, "empty", 0);
	n = add_file(&t, dev, "linked", 70000);
	add_name(&t, NULL, "again", n);
	add_name(&t, dev, "and again", n);
	n = add_file(&t, NULL, "memory", 0);
	n->data = pattern();
	n->size = 5000;
	n->overlay = true;
	add_folder(&t, NULL, "\xc3\xa4\xff\x01 name");
	write_check_read(&t, 64 * MIB);
	arena_free(&t.arena);
}

static void write_sparse(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t);
	struct rootfs_node *n = add_file(&t, NULL, "hole", 4 * GIB);
	n->spans = (struct rootfs_span[]){ { 0, 0 } };
	n = add_file(&t, NULL, "ends", 4 * GIB + 5);
	add_span(&t, n, 0, 1);
	add_span(&t, n, 4 * GIB, 5);
	n = add_file(&t, NULL, "shared blocks", 100000);
	add_span(&t, n, 10, 20);
	add_span(&t, n, 50, 4050);
	add_span(&t, n, 8000, 200);
	add_span(&t, n, 20000, 4096);
	add_span(&t, n, 40960, 8192);
	static const unsigned counts[] = { 4, 5, 340, 341, 1360, 1361, 2000 };
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		char name[32];
		snprintf(name, sizeof(name), "%u extents", counts[i]);
		n = add_file(&t, NULL, name, (uint64_t)counts[i] * 8192);
		for (unsigned k = 0; k < counts[i]; k++)
			add_span(&t, n, (uint64_t)k * 8192 + k % 2, 100);
	}
	write_check_read(&t, 256 * MIB);
	arena_free(&t.arena);
}

/* lost+found of the base, with names in it that need an index. */
static void write_lost_and_found(void **state)
{
	(void)state;
	static const unsigned counts[] = { 0, 10, 100, 230, 700 };
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		struct tree t;
		char name[32];
		tree_init(&t);
		struct rootfs_node *lost = add_folder(&t, NULL, "lost+found");
		for (unsigned k = 0; k < counts[i]; k++) {
			snprintf(name, sizeof(name), "#%0*u", k % 20, k);
			add(&t, lost, name, S_IFIFO | 0600);
		}
		write_check_read(&t, 8 * MIB);
		assert_int_equal(lost->ino, 11);
		arena_free(&t.arena);
	}
	struct tree t;
	struct image i;
	struct err e = { 0 };
	struct ext4_options o = usual_options(8 * MIB);
	tree_init(&t);
	add_file(&t, NULL, "lost+found", 5);
	image_open(&i, o.size);
	assert_int_equal(write_tree(&t, &o, &i, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	image_close(&i);
	arena_free(&t.arena);
}

/* A node of some kind somewhere in the tree. */
static void add_random(struct tree *t, struct rootfs_node **folders, unsigned *count, uint64_t *s)
{
	char name[256];
	struct rootfs_node *folder = folders[roll(s, *count)], *n;
	unsigned len = roll(s, 20) == 0 ? 200 + roll(s, 56) : 1 + roll(s, 30), kind = roll(s, 20);
	for (unsigned i = 0; i < len; i++)
		do
			name[i] = (char)(1 + roll(s, 255));
		while (name[i] == '/' || name[i] == '.');
	name[len] = '\0';
	if (rootfs_child(&t->r, folder, name, len) != NULL)
		return;
	if (kind < 3 && *count < 200) {
		/* Deep as well as wide: the next often goes into the last. */
		if (roll(s, 2) == 0 && folders[*count - 1]->ino < 30)
			folder = folders[*count - 1];
		n = folders[(*count)++] = add_folder(t, folder, name);
		n->ino = folder->ino + 1;
	} else if (kind < 5) {
		char target[4096];
		unsigned size = 1 + roll(s, kind == 3 ? 80 : 4095);
		memset(target, 'a' + (int)roll(s, 26), size);
		target[size] = '\0';
		n = add_link(t, folder, name, target);
	} else if (kind < 6) {
		static const uint32_t kinds[] = { S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK };
		n = add(t, folder, name, kinds[roll(s, 4)] | 0640);
		n->major = S_ISCHR(n->mode) || S_ISBLK(n->mode) ? roll(s, 4096) : 0;
		n->minor = n->major != 0 ? roll(s, 1 << 20) : 0;
	} else if (kind < 8) {
		uint64_t at = 0;
		n = add_file(t, folder, name, 1 + ((uint64_t)roll(s, UINT32_MAX) << roll(s, 2)));
		for (unsigned k = roll(s, 30); k > 0; k--) {
			at += roll(s, 3) == 0 ? roll(s, 5000) : roll(s, 1 << 27);
			uint64_t length = 1 + roll(s, 20000);
			if (at + length > n->size)
				break;
			add_span(t, n, at, length);
			at += length + 1;
		}
		if (n->spans == NULL)
			add_span(t, n, n->size - 1, 1);
	} else {
		n = add_file(t, folder, name, roll(s, 10) == 0 ? roll(s, 500000) : roll(s, 9000));
	}
	n->uid = roll(s, UINT32_MAX);
	n->gid = roll(s, 3000);
	n->mode |= roll(s, 07777);
	n->mtime = (int64_t)roll(s, UINT32_MAX) * 3 - 2147483648;
	n->mtime_nsec = roll(s, 1000000000);
	if (roll(s, 8) == 0)
		add_xattr(t, n, "user.some", pattern() + roll(s, 5000), roll(s, 3000));
	if (roll(s, 8) == 0)
		add_xattr(t, n, "security.capability", pattern() + roll(s, 5000), 20);
	if (!S_ISDIR(n->mode) && roll(s, 8) == 0)
		for (unsigned k = 1 + roll(s, 3); k > 0; k--) {
			snprintf(name, sizeof(name), "link%u-%zu", k, t->r.count);
			add_name(t, folders[roll(s, *count)], name, n);
		}
}

/* The overlay: new files, and some that were there are gone. */
static void overlay_random(struct tree *t, uint64_t *s)
{
	struct err e = { 0 };
	size_t base = t->r.count;
	for (unsigned i = roll(s, 20); i > 0; i--) {
		struct rootfs_node *n = t->r.list[1 + roll(s, (uint32_t)base - 1)];
		if (!n->gone)
			assert_int_equal(rootfs_remove(&t->r, n, &e), 0);
	}
	for (unsigned i = roll(s, 60); i > 0; i--) {
		char name[64];
		struct rootfs_node *n = t->r.list[roll(s, (uint32_t)t->r.count)];
		if (!S_ISDIR(n->mode) || n->gone)
			n = t->r.root;
		snprintf(name, sizeof(name), "overlay%u", i);
		n = add(t, n, name, roll(s, 4) == 0 ? S_IFDIR | 0700 : S_IFREG | 0600);
		n->overlay = true;
		if (S_ISREG(n->mode)) {
			n->size = roll(s, 20000);
			n->data = pattern() + 1000;
		}
	}
}

static void write_random_trees(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 14; seed++) {
		uint64_t s = seed;
		struct tree t;
		struct rootfs_node *folders[200];
		unsigned count = 1, nodes = 20u << seed % 7;
		tree_init(&t);
		folders[0] = t.r.root;
		for (unsigned i = 0; i < nodes; i++)
			add_random(&t, folders, &count, &s);
		if (seed % 3 != 0)
			overlay_random(&t, &s);
		write_check_read(&t, (seed % 4 == 0 ? 300 : 130) * MIB + roll(&s, 1000) * 4096);
		arena_free(&t.arena);
	}
}

/* Free blocks that a file may have, the root folder placed. */
static uint64_t room(uint64_t size)
{
	struct tree t;
	struct arena a = { 0 };
	struct ext4_options o = usual_options(size);
	struct ext4_plan *p = NULL;
	struct err e = { 0 };
	tree_init(&t);
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
	struct ext4_usage u = ext4_usage(p);
	arena_free(&a);
	arena_free(&t.arena);
	return (u.size - u.used) / EXT4_BLOCK;
}

/* To the last block; one more does not fit, and the error says how much is missing. */
static void write_full_disk(void **state)
{
	(void)state;
	static const uint64_t sizes[] = { 8 * MIB, 8 * MIB + 4096, 129 * MIB, 300 * MIB };
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		for (unsigned overlay = 0; overlay <= (sizes[i] > 100 * MIB); overlay++) {
			struct tree t;
			struct image img;
			struct err e = { 0 };
			struct ext4_options o = usual_options(sizes[i]);
			uint64_t blocks = room(sizes[i]);
			tree_init(&t);
			/* Many small ones, and one with the rest; the root's own block is there. */
			for (unsigned k = 0; k < 50; k++) {
				char name[16];
				snprintf(name, sizeof(name), "f%u", k);
				add_file(&t, NULL, name, 1 + k * 3);
			}
			struct rootfs_node *n = add_file(&t, NULL, "rest", (blocks - 51) * 4096);
			if (overlay) {
				n = add_file(&t, NULL, "over", 4096);
				n->data = pattern();
				n->overlay = true;
				/* The base's root folder stays free. */
				t.r.list[51]->size -= 4096;
			} else {
				n->size += 4096;
			}
			image_open(&img, o.size);
			if (write_tree(&t, &o, &img, &e) < 0)
				fail_msg("%s", e.msg);
			check_image(&img);
			read_back(&img, &t);
			t.r.list[51]->size += 3 * 4096;
			assert_int_equal(write_tree(&t, &o, &img, &e), -1);
			assert_int_equal(e.kind, ERR_INPUT);
			assert_non_null(strstr(e.msg, ": 12288 bytes are missing"));
			image_close(&img);
			arena_free(&t.arena);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_empty_tree),
		cmocka_unit_test(write_kinds),
		cmocka_unit_test(write_sparse),
		cmocka_unit_test(write_lost_and_found),
		cmocka_unit_test(write_random_trees),
		cmocka_unit_test(write_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
