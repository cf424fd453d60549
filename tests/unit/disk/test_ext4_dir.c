/*
 * Folders: linear and indexed ones. Each name is looked up as the kernel does it, through the index
 * (fs/ext4/namei.c: dx_probe, ext4_htree_next_block), which e2fsck's reading does not go through.
 */
#include "ext4_read.h"

#define NAME_MAX_LEN 255

static uint32_t hash_of(const char *name)
{
	struct ext4_options o = usual_options(MIB);
	uint32_t seed[4], hash = 0;
	memcpy(seed, o.hash_seed, sizeof(seed));
	ext2fs_dirhash2(EXT2_HASH_HALF_MD4, name, (int)strlen(name), NULL, 0, seed, &hash, NULL);
	return hash;
}

struct lookup {
	ext2_filsys fs;
	ext2_file_t file;
	unsigned char block[EXT4_BLOCK];
};

static void load(struct lookup *l, uint32_t block)
{
	unsigned got = 0;
	__u64 at = (uint64_t)block * EXT4_BLOCK;
	assert_int_equal(ext2fs_file_llseek(l->file, at, EXT2_SEEK_SET, NULL), 0);
	assert_int_equal(ext2fs_file_read(l->file, l->block, EXT4_BLOCK, &got), 0);
	assert_int_equal(got, EXT4_BLOCK);
}

struct level {
	struct {
		uint32_t hash, block;
	} entries[512];
	unsigned count, at;
};

/* The entries of an index block, and the one that a hash is below. */
static void load_level(
	struct lookup *l, struct level *v, uint32_t block, unsigned head, uint32_t hash)
{
	load(l, block);
	uint16_t limit, count;
	memcpy(&limit, l->block + head, 2);
	memcpy(&count, l->block + head + 2, 2);
	assert_int_equal(limit, (EXT4_BLOCK - head - 8) / 8);
	assert_true(count >= 1 && count <= limit);
	memcpy(v->entries, l->block + head, count * 8u);
	v->entries[0].hash = 0;
	v->count = count;
	for (v->at = 0; v->at + 1 < count; v->at++) {
		assert_true((v->entries[v->at].hash | 1) <= (v->entries[v->at + 1].hash | 1));
		if (v->entries[v->at + 1].hash > hash)
			break;
	}
}

/* The inode of a name in a block of names; 0: not there. */
static uint32_t search(const unsigned char *block, const char *name)
{
	size_t len = strlen(name);
	for (unsigned at = 0; at < EXT4_BLOCK;) {
		uint32_t ino;
		uint16_t size;
		memcpy(&ino, block + at, 4);
		memcpy(&size, block + at + 4, 2);
		assert_true(size >= 12 && at + size <= EXT4_BLOCK);
		if (ino != 0 && block[at + 6] == len && memcmp(block + at + 8, name, len) == 0)
			return ino;
		at += size;
	}
	return 0;
}

static uint32_t find(struct lookup *l, const char *name)
{
	static struct level root, node;
	uint32_t hash = hash_of(name), ino;
	load(l, 0);
	unsigned levels = l->block[30];
	assert_int_equal(l->block[28], EXT2_HASH_HALF_MD4);
	assert_true(levels <= 1);
	load_level(l, &root, 0, 32, hash);
	struct level *leaf = &root;
	if (levels == 1) {
		load_level(l, &node, root.entries[root.at].block, 8, hash);
		leaf = &node;
	}
	for (;;) {
		load(l, leaf->entries[leaf->at].block);
		ino = search(l->block, name);
		if (ino != 0)
			return ino;
		/* The next block, when its start says that this hash goes on there. */
		if (++leaf->at == leaf->count) {
			if (levels == 0 || ++root.at == root.count ||
				root.entries[root.at].hash != (hash | 1))
				return 0;
			load_level(l, &node, root.entries[root.at].block, 8, hash);
			node.at = 0;
			continue;
		}
		if (leaf->entries[leaf->at].hash != (hash | 1))
			return 0;
	}
}

static void look_up_all(const struct image *i, const struct rootfs_node *folder)
{
	struct lookup l = { .fs = open_image(i) };
	assert_true(ext4_place(folder)->indexed);
	assert_int_equal(ext2fs_file_open(l.fs, folder->ino, 0, &l.file), 0);
	for (const struct rootfs_node *n = folder->children; n != NULL; n = n->next)
		assert_int_equal(find(&l, n->name), n->ino);
	assert_int_equal(find(&l, "not there"), 0);
	ext2fs_file_close(l.file);
	ext2fs_close_free(&l.fs);
}

/* Written, checked, read, looked up. ext4_write needs the plan, which `place` lies in. */
static void check_folder(struct tree *t, const struct rootfs_node *folder, uint64_t size)
{
	struct ext4_options o = usual_options(size);
	struct made_source src = made_source(&t->r);
	struct ext4_plan *p = NULL;
	struct arena a = { 0 };
	struct image i;
	struct err e = { 0 };
	image_open(&i, size);
	if (ext4_plan(&t->r, &o, &a, &p, &e) < 0 || ext4_write(p, &src.s, &i.raw, OFFSET, &e) < 0)
		fail_msg("%s", e.msg);
	check_image(&i);
	read_back(&i, t);
	look_up_all(&i, folder);
	image_close(&i);
	arena_free(&a);
}

/* A name of a length, told apart by a number; its bytes are of all kinds. */
static const char *name_of(unsigned number, unsigned len)
{
	static char name[NAME_MAX_LEN + 1];
	int used = snprintf(name, sizeof(name), "%u.", number);
	for (unsigned i = (unsigned)used; i < len; i++)
		name[i] = (char)(0x80 + (number + i * 7) % 0x80);
	name[len > (unsigned)used ? len : (unsigned)used] = '\0';
	return name;
}

static void dir_blocks_at_the_edge(void **state)
{
	(void)state;
	/* 15 names of 264 bytes and two dots in 4084: 100 bytes are left for one of 92. */
	struct tree t;
	struct arena a = { 0 };
	struct ext4_options o = usual_options(8 * MIB);
	struct ext4_plan *p = NULL;
	struct err e = { 0 };
	tree_init(&t);
	struct rootfs_node *full = add_folder(&t, NULL, "full"),
			   *over = add_folder(&t, NULL, "over");
	for (unsigned i = 0; i < 15; i++) {
		add(&t, full, name_of(i, 255), S_IFIFO);
		add(&t, over, name_of(i, 255), S_IFIFO);
	}
	add(&t, full, name_of(15, 92), S_IFIFO);
	add(&t, over, name_of(15, 93), S_IFIFO);
	assert_int_equal(ext4_plan(&t.r, &o, &a, &p, &e), 0);
	assert_int_equal(ext4_place(full)->blocks, 1);
	assert_false(ext4_place(full)->indexed);
	/* The index and one block, where there are no dots. */
	assert_int_equal(ext4_place(over)->blocks, 2);
	arena_free(&a);
	check_folder(&t, over, 8 * MIB);
	arena_free(&t.arena);
}

static void dir_index_of_one_level(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t);
	struct rootfs_node *folder = add_folder(&t, NULL, "folder");
	for (unsigned i = 0; i < 3000; i++)
		add(&t, folder, name_of(i, 1 + i % 255), S_IFIFO);
	check_folder(&t, folder, 64 * MIB);
	arena_free(&t.arena);
}

/* More than 507 leaves: the root's entries are not enough. */
static void dir_index_of_two_levels(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t);
	struct rootfs_node *folder = add_folder(&t, NULL, "folder");
	for (unsigned i = 0; i < 15 * 600; i++)
		add(&t, folder, name_of(i, 255), S_IFIFO);
	check_folder(&t, folder, 64 * MIB);
	arena_free(&t.arena);
}

static void dir_of_100000_names(void **state)
{
	(void)state;
	struct tree t;
	tree_init(&t);
	struct rootfs_node *folder = add_folder(&t, NULL, "folder");
	for (unsigned i = 0; i < 100000; i++)
		add(&t, folder, name_of(i, 8 + i % 12), S_IFIFO);
	check_folder(&t, folder, 600 * MIB);
	arena_free(&t.arena);
}

struct hashed {
	uint32_t hash;
	unsigned number;
};

static int by_hash(const void *a, const void *b)
{
	const struct hashed *x = a, *y = b;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

/* Names of one hash on both sides of a block's end. */
static void dir_collision_across_blocks(void **state)
{
	(void)state;
	const unsigned count = 200000;
	struct hashed *all = calloc(count, sizeof(*all));
	for (unsigned i = 0; i < count; i++)
		all[i] = (struct hashed){ hash_of(name_of(i, 255)), i };
	qsort(all, count, sizeof(*all), by_hash);
	unsigned tried = 0;
	for (unsigned i = 20; i + 20 < count && tried < 2; i++) {
		if (all[i].hash != all[i + 1].hash)
			continue;
		/* 14 before and one of the pair fill the first block of names. */
		struct tree t;
		tree_init(&t);
		struct rootfs_node *folder = add_folder(&t, NULL, "folder");
		for (unsigned k = i - 14; k < i + 10; k++)
			add(&t, folder, name_of(all[k].number, 255), S_IFIFO);
		check_folder(&t, folder, 8 * MIB);
		arena_free(&t.arena);
		tried++;
	}
	assert_int_equal(tried, 2);
	free(all);
}

/* More folders in one than a link count holds. */
static void dir_of_65000_folders(void **state)
{
	(void)state;
	static const unsigned counts[] = { 64998, 64999 };
	for (size_t i = 0; i < 2; i++) {
		struct tree t;
		struct ext4_options o = usual_options(600 * MIB);
		struct image img;
		struct err e = { 0 };
		struct ext2_inode inode;
		tree_init(&t);
		struct rootfs_node *folder = add_folder(&t, NULL, "folder");
		for (unsigned k = 0; k < counts[i]; k++)
			add_folder(&t, folder, name_of(k, 8));
		image_open(&img, o.size);
		assert_int_equal(write_tree(&t, &o, &img, &e), 0);
		ext2_filsys fs = open_image(&img);
		assert_int_equal(ext2fs_read_inode(fs, folder->ino, &inode), 0);
		assert_int_equal(inode.i_links_count, i == 0 ? 65000 : 1);
		ext2fs_close_free(&fs);
		if (i == 1)
			check_image(&img);
		image_close(&img);
		arena_free(&t.arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dir_blocks_at_the_edge),
		cmocka_unit_test(dir_index_of_one_level),
		cmocka_unit_test(dir_index_of_two_levels),
		cmocka_unit_test(dir_of_100000_names),
		cmocka_unit_test(dir_collision_across_blocks),
		cmocka_unit_test(dir_of_65000_folders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
