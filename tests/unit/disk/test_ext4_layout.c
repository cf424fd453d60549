/*
 * Where things are placed: free blocks, extents, the file system's own tables; the base's place
 * does not depend on the overlay.
 */
#include "ext4_read.h"

static struct ext4_run RUNS[] = { { 10, 20 }, { 30, 31 }, { 40, 200 } };
static const struct ext4_map MAP = { .runs = RUNS, .count = 3 };

static void cursor_take_crosses_runs(void **state)
{
	(void)state;
	struct ext4_cursor c = ext4_cursor_at_start(&MAP);
	assert_int_equal(ext4_cursor_take(&c, 0), 0);
	assert_int_equal(ext4_cursor_take(&c, 9), 10);
	assert_int_equal(ext4_cursor_take(&c, 3), 19);
	assert_int_equal(ext4_cursor_take(&c, 1), 41);
	assert_int_equal(c.taken, 13);
	assert_int_equal(ext4_cursor_take(&c, 158), 42);
	assert_int_equal(c.missing, 0);
	(void)ext4_cursor_take(&c, 5);
	assert_int_equal(c.missing, 5);
}

static void cursor_align_skips_runs(void **state)
{
	(void)state;
	struct ext4_cursor c = ext4_cursor_at_start(&MAP);
	ext4_cursor_align(&c, 5);
	assert_int_equal(c.at, 10);
	(void)ext4_cursor_take(&c, 1);
	ext4_cursor_align(&c, 16);
	assert_int_equal(c.at, 16);
	(void)ext4_cursor_take(&c, 1);
	ext4_cursor_align(&c, 16);
	assert_int_equal(c.at, 48);
	ext4_cursor_align(&c, 128);
	assert_int_equal(c.at, 128);
	(void)ext4_cursor_take(&c, 1);
	ext4_cursor_align(&c, 128);
	assert_int_equal(ext4_cursor_take(&c, 1), 0);
	assert_int_equal(c.missing, 1);
}

static void cursor_take_whole_leaves_small_runs(void **state)
{
	(void)state;
	struct ext4_cursor c = ext4_cursor_at_start(&MAP);
	uint64_t at = 0;
	assert_true(ext4_cursor_take_whole(&c, 10, &at));
	assert_int_equal(at, 10);
	assert_true(ext4_cursor_take_whole(&c, 2, &at));
	assert_int_equal(at, 40);
	assert_false(ext4_cursor_take_whole(&c, 159, &at));
}

static void walk_meets_what_was_taken(void **state)
{
	(void)state;
	uint64_t at = 0;
	struct ext4_walk w = ext4_walk_from(&MAP, 15);
	assert_int_equal(ext4_walk_next(&w, 3, &at), 3);
	assert_int_equal(at, 15);
	assert_int_equal(ext4_walk_next(&w, 100, &at), 2);
	assert_int_equal(at, 18);
	assert_int_equal(ext4_walk_next(&w, 100, &at), 1);
	assert_int_equal(at, 30);
	assert_int_equal(ext4_walk_next(&w, 100, &at), 100);
	assert_int_equal(at, 40);
	w = ext4_walk_from(&MAP, 200);
	assert_int_equal(ext4_walk_next(&w, 1, &at), 0);
}

static void extents_of_a_plain_file(void **state)
{
	(void)state;
	struct ext4_run run = { 1000, 200000 };
	struct ext4_map map = { &run, 1 };
	struct rootfs_node n = { .size = 70000 * (uint64_t)EXT4_BLOCK - 1 };
	assert_int_equal(ext4_file_blocks(&n), 70000);
	struct ext4_extents x = ext4_extents_of(&n, 70000, &map, 1000);
	struct ext4_extent e;
	static const uint32_t counts[] = { 32768, 32768, 4464 };
	for (uint32_t i = 0; i < 3; i++) {
		assert_true(ext4_extent_next(&x, &e));
		assert_int_equal(e.logical, i * 32768);
		assert_int_equal(e.start, 1000 + i * 32768);
		assert_int_equal(e.count, counts[i]);
	}
	assert_false(ext4_extent_next(&x, &e));
}

static void extents_of_a_sparse_file(void **state)
{
	(void)state;
	/* Within one block, ending at a block, touching the next, and one across two blocks. */
	struct rootfs_span spans[] = { { 1, 2 }, { 100, 3996 }, { 4096, 1 }, { 20000, 0 },
		{ 20479, 2 }, { 40960, 4096 } };
	struct rootfs_node n = { .size = 1 << 20, .spans = spans, .span_count = 6 };
	struct ext4_extents x = ext4_extents_of(&n, 0, NULL, 0);
	struct ext4_extent e;
	assert_int_equal(ext4_file_blocks(&n), 5);
	assert_true(ext4_extent_next(&x, &e));
	assert_int_equal(e.logical, 0);
	assert_int_equal(e.count, 2);
	assert_true(ext4_extent_next(&x, &e));
	assert_int_equal(e.logical, 4);
	assert_int_equal(e.count, 2);
	assert_true(ext4_extent_next(&x, &e));
	assert_int_equal(e.logical, 10);
	assert_int_equal(e.count, 1);
	assert_false(ext4_extent_next(&x, &e));
}

static void tree_blocks_by_extents(void **state)
{
	(void)state;
	static const struct {
		size_t extents;
		uint32_t blocks;
	} cases[] = { { 0, 0 }, { 4, 0 }, { 5, 1 }, { 340, 1 }, { 341, 2 }, { 1360, 4 },
		{ 1361, 6 }, { 115600, 341 }, { 115601, 343 }, { 462400, 1364 },
		{ 462401, 1361 + 5 + 1 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(ext4_tree_blocks(cases[i].extents), cases[i].blocks);
}

static void check_geometry(uint64_t size, uint32_t inodes)
{
	struct ext4_options o = usual_options(size);
	struct ext4_geometry g;
	struct arena a = { 0 };
	struct err e = { 0 };
	ext2_filsys fs = NULL;
	assert_int_equal(ext4_fs_open(&o, inodes, &fs, &e), 0);
	assert_int_equal(ext4_geometry(fs, &a, &g, &e), 0);
	/* Every block is a copy's, a table's or free, and only one of these. */
	unsigned char *used = calloc(1, g.blocks);
	for (uint32_t i = 0; i < g.groups; i++) {
		assert_int_equal(ext4_backup_blocks(&g, i) > 0, ext2fs_bg_has_super(fs, i));
		for (uint32_t b = 0; b < ext4_backup_blocks(&g, i); b++)
			used[(uint64_t)i * EXT4_GROUP + b]++;
		used[g.tables[i].block_bitmap]++;
		used[g.tables[i].inode_bitmap]++;
		for (uint32_t b = 0; b < g.table_blocks; b++)
			used[g.tables[i].inode_table + b]++;
	}
	used[g.resize_block]++;
	for (uint32_t b = 0; b < g.journal_blocks; b++)
		used[g.journal + b]++;
	uint64_t end = 0;
	for (size_t i = 0; i < g.map.count; i++) {
		assert_true(i == 0 || g.map.runs[i].start > end);
		end = g.map.runs[i].end;
		for (uint64_t b = g.map.runs[i].start; b < end; b++)
			used[b]++;
	}
	for (uint64_t b = 0; b < g.blocks; b++)
		assert_int_equal(used[b], 1);
	assert_int_equal(ext4_inode_position(&g, 1) % RAW_BLOCK, 0);
	free(used);
	ext4_fs_free(&fs);
	arena_free(&a);
}

static void geometry_covers_all_blocks(void **state)
{
	(void)state;
	check_geometry(8 * MIB, 512);
	check_geometry(8 * MIB, 8192);
	check_geometry(129 * MIB, 100);
	check_geometry(2 * GIB, 131072);
	check_geometry(2 * GIB, 16 * 32768);
	check_geometry(9 * GIB + 4096, 600000);
}

static void times_have_two_more_bits(void **state)
{
	(void)state;
	static const struct {
		int64_t sec;
		uint32_t low, epoch;
	} cases[] = { { 0, 0, 0 }, { -1, 0xffffffff, 0 }, { -2147483648, 0x80000000, 0 },
		{ 2147483647, 0x7fffffff, 0 }, { 2147483648, 0x80000000, 1 }, { 4294967296, 0, 1 },
		{ 6442450944, 0x80000000, 2 }, { 10737418239, 0x7fffffff, 2 },
		{ 10737418240, 0x7fffffff, 2 }, { INT64_MAX, 0x7fffffff, 2 },
		{ -2147483649, 0x80000000, 0 }, { INT64_MIN, 0x80000000, 0 } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ext2_inode_large inode = { 0 };
		ext4_inode_times(&inode, cases[i].sec, 999999999);
		assert_int_equal(inode.i_mtime, cases[i].low);
		assert_int_equal(inode.i_mtime_extra & 3, cases[i].epoch);
		assert_int_equal(inode.i_mtime_extra >> 2, 999999999);
		assert_int_equal(inode.i_crtime_extra, inode.i_atime_extra);
	}
}

/* A base of some size; `overlay`: files put on top, some in place of the base's. */
static void make_base(struct tree *t, bool overlay, size_t len)
{
	struct rootfs_node *folder = NULL;
	struct err e = { 0 };
	char name[32];
	tree_init(t);
	for (unsigned i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "node%u", i);
		if (i % 100 == 0)
			folder = add_folder(t, NULL, name);
		else if (i % 17 == 0)
			add_link(t, folder, name,
				"a target of more than 59 bytes, so that it needs a block of its own");
		else
			add_file(t, folder, name, i * 7);
	}
	if (!overlay)
		return;
	assert_non_null(rootfs_put(&t->r, "/node0/node5", 0644, pattern(), 700, &e));
	assert_non_null(rootfs_put(&t->r, "/node0/fresh", 0644, pattern(), len, &e));
	assert_non_null(rootfs_put(&t->r, "/etc/hub/file", 0644, pattern(), 100000, &e));
	assert_int_equal(rootfs_remove(&t->r, rootfs_find(&t->r, "/node200"), &e), 0);
}

static struct ext4_plan *plan_of(struct tree *t, struct arena *a)
{
	struct ext4_options o = usual_options(128 * MIB);
	struct ext4_plan *p = NULL;
	struct err e = { 0 };
	if (ext4_plan(&t->r, &o, a, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static void base_place_is_the_bases_alone(void **state)
{
	(void)state;
	struct tree plain, with;
	struct arena a = { 0 };
	make_base(&plain, false, 0);
	make_base(&with, true, 5);
	const struct ext4_plan *p = plan_of(&plain, &a), *q = plan_of(&with, &a);
	assert_true(p->base_end == q->base_end);
	for (size_t i = 0; i < plain.r.count; i++) {
		const struct rootfs_node *n = plain.r.list[i], *m = with.r.list[i];
		if (m->gone)
			continue;
		assert_int_equal(n->ino, m->ino);
		if (n->place == NULL || !ext4_dir_same(m))
			continue;
		assert_memory_equal(n->place, m->place, sizeof(struct ext4_place));
	}
	/* What the overlay has or changes lies behind, each region at a multiple of 512 KiB. */
	struct rootfs_node *root = with.r.root, *put = rootfs_find(&with.r, "/node0/node5");
	assert_true(ext4_place(root)->start >= q->base_end);
	assert_int_equal(ext4_place(root)->start % EXT4_ALIGN_BLOCKS, 0);
	assert_int_equal(ext4_place(put)->start % EXT4_ALIGN_BLOCKS, 0);
	assert_int_equal(ext4_inode_position(&q->g, put->ino) % RAW_BLOCK, 0);
	assert_int_equal(ext4_place(put)->start + 1,
		ext4_place(rootfs_find(&with.r, "/node0/fresh"))->start);
	arena_free(&a);
	arena_free(&plain.arena);
	arena_free(&with.arena);
}

/* Blocks of 512 KiB that differ. */
static unsigned differences(const struct image *x, const struct image *y)
{
	static unsigned char a[RAW_BLOCK], b[RAW_BLOCK];
	unsigned count = 0;
	for (uint64_t at = 0; at < x->raw.size; at += RAW_BLOCK) {
		ssize_t n = pread(x->fd, a, sizeof(a), (off_t)at);
		assert_int_equal(n, pread(y->fd, b, sizeof(b), (off_t)at));
		count += memcmp(a, b, (size_t)n) != 0;
	}
	return count;
}

static void write_as(struct image *i, bool overlay, size_t len)
{
	struct tree t;
	struct err e = { 0 };
	struct ext4_options o = usual_options(128 * MIB);
	image_open(i, o.size);
	make_base(&t, overlay, len);
	if (write_tree(&t, &o, i, &e) < 0)
		fail_msg("%s", e.msg);
	check_image(i);
	read_back(i, &t);
	arena_free(&t.arena);
}

static void overlay_changes_few_blocks(void **state)
{
	(void)state;
	struct image none, one, same, line, more;
	write_as(&none, false, 0);
	write_as(&one, true, 5);
	write_as(&same, true, 5);
	write_as(&line, true, 6);
	write_as(&more, true, 9000);
	assert_int_equal(differences(&one, &same), 0);
	/* The inode, and the file's block. */
	assert_int_equal(differences(&one, &line), 2);
	/* And those behind it, bitmap and free counts. */
	assert_true(differences(&one, &more) <= 5);
	assert_true(differences(&none, &one) <= 10);
	image_close(&none);
	image_close(&one);
	image_close(&same);
	image_close(&line);
	image_close(&more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cursor_take_crosses_runs),
		cmocka_unit_test(cursor_align_skips_runs),
		cmocka_unit_test(cursor_take_whole_leaves_small_runs),
		cmocka_unit_test(walk_meets_what_was_taken),
		cmocka_unit_test(extents_of_a_plain_file),
		cmocka_unit_test(extents_of_a_sparse_file),
		cmocka_unit_test(tree_blocks_by_extents),
		cmocka_unit_test(geometry_covers_all_blocks),
		cmocka_unit_test(times_have_two_more_bits),
		cmocka_unit_test(base_place_is_the_bases_alone),
		cmocka_unit_test(overlay_changes_few_blocks),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
