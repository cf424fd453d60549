#include <string.h>

#include "disk/ext4_internal.h"

/* One bit a block, of the blocks up to where the tree ends. */
struct bits {
	unsigned char *map;
	uint64_t count;
};

/* Bits from `start` up to, but not with, `end`. */
static void set_bits(unsigned char *map, uint64_t start, uint64_t end)
{
	while (start < end && start % 8 != 0)
		map[start / 8] |= (unsigned char)(1u << (start % 8)), start++;
	if (end - start >= 8) {
		memset(map + start / 8, 0xff, (size_t)((end - start) / 8));
		start += (end - start) / 8 * 8;
	}
	while (start < end)
		map[start / 8] |= (unsigned char)(1u << (start % 8)), start++;
}

static uint32_t count_bits(const unsigned char *map, size_t bytes)
{
	uint32_t count = 0;
	for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
		uint64_t word;
		memcpy(&word, map + i, sizeof(word));
		count += (uint32_t)__builtin_popcountll(word);
	}
	return count;
}

static void set_place(const struct ext4_plan *p, struct bits *b, uint64_t start, uint64_t count)
{
	struct ext4_walk walk = ext4_walk_from(&p->g.map, start);
	uint64_t at = 0, step;
	while (count > 0 && (step = ext4_walk_next(&walk, count, &at)) > 0) {
		set_bits(b->map, at, at + step);
		count -= step;
	}
}

static void set_node(const struct ext4_plan *p, struct bits *b, const struct rootfs_node *n)
{
	const struct ext4_place *place = n->place;
	if (n->gone || place == NULL)
		return;
	set_place(p, b, place->start, place->blocks);
	set_place(p, b, place->tree_start, place->tree);
	if (place->xattrs != 0)
		set_bits(b->map, place->xattrs, place->xattrs + 1);
}

static int tree_bits(const struct ext4_plan *p, struct buf *memory, struct bits *b, struct err *e)
{
	b->count = (p->end / EXT4_GROUP + 1) * EXT4_GROUP;
	size_t bytes = (size_t)(b->count / 8);
	if (buf_reserve(memory, bytes, e) < 0)
		return -1;
	b->map = memset(memory->data, 0, bytes);
	set_node(p, b, p->lost);
	for (size_t i = 0; i < p->r->count; i++)
		set_node(p, b, p->r->list[i]);
	return 0;
}

/* What all groups have in common while they are written one after the other. */
struct groups {
	struct ext4_writer *w;
	struct bits tree;
	size_t run; /* of the map of free blocks */
	uint64_t free_blocks;
	uint32_t free_inodes;
};

static uint64_t low(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Blocks of the file system's own in a group, as bits; how many. */
static uint32_t own_bits(struct groups *s, uint64_t start, uint64_t end, unsigned char *map)
{
	const struct ext4_map *free_map = &s->w->p->g.map;
	uint64_t at = start, own = 0;
	while (at < end) {
		while (s->run < free_map->count && free_map->runs[s->run].end <= at)
			s->run++;
		uint64_t next = s->run < free_map->count ? free_map->runs[s->run].start : end;
		if (next > at) {
			next = low(next, end);
			set_bits(map, at - start, next - start);
			own += next - at;
			at = next;
		} else {
			at = low(free_map->runs[s->run].end, end);
		}
	}
	return (uint32_t)own;
}

static int write_blocks(struct groups *s, uint32_t group, struct err *e)
{
	const struct ext4_geometry *g = &s->w->p->g;
	ext2_filsys fs = s->w->fs;
	unsigned char map[EXT4_BLOCK] = { 0 };
	uint64_t start = (uint64_t)group * EXT4_GROUP;
	uint64_t end = low(start + EXT4_GROUP, g->blocks);
	uint32_t own = own_bits(s, start, end, map);
	if (start < s->tree.count)
		for (size_t i = 0; i < sizeof(map); i++)
			map[i] |= s->tree.map[start / 8 + i];
	uint32_t used = count_bits(map, sizeof(map));
	uint32_t left = (uint32_t)(end - start) - used;
	ext2fs_bg_free_blocks_count_set(fs, group, left);
	s->free_blocks += left;
	/* Nothing in it but a copy of the superblock: the kernel knows without a bitmap. */
	if (used == own && own == ext4_backup_blocks(g, group) && group + 1 < g->groups) {
		ext2fs_bg_flags_set(fs, group, EXT2_BG_BLOCK_UNINIT);
		return 0;
	}
	set_bits(map, end - start, EXT4_GROUP);
	errcode_t rc = ext2fs_block_bitmap_csum_set(fs, group, (char *)map, sizeof(map));
	if (rc != 0)
		return ext4_fail(e, rc, "a bitmap's checksum");
	uint64_t at = g->tables[group].block_bitmap * EXT4_BLOCK;
	return ext4_stream_put(s->w->s, at, map, sizeof(map), e);
}

static const struct rootfs_node *inode_node(const struct ext4_plan *p, uint32_t ino)
{
	if (ino == EXT4_INO_ROOT)
		return p->r->root;
	if (ino == EXT4_INO_LOST)
		return p->lost;
	uint64_t slot = (uint64_t)ino - EXT4_INO_FIRST;
	return ino >= EXT4_INO_FIRST && slot < p->slot_count ? p->slots[slot] : NULL;
}

static int write_inodes(struct groups *s, uint32_t group, struct err *e)
{
	const struct ext4_geometry *g = &s->w->p->g;
	ext2_filsys fs = s->w->fs;
	unsigned char map[EXT4_BLOCK] = { 0 };
	uint32_t used = 0, folders = 0, end = 0;
	for (uint32_t i = 0; i < g->inodes_per_group; i++) {
		uint64_t ino = (uint64_t)group * g->inodes_per_group + i + 1;
		if (ino >= (uint64_t)EXT4_INO_FIRST + s->w->p->slot_count)
			break;
		const struct rootfs_node *n = inode_node(s->w->p, (uint32_t)ino);
		if (n == NULL && ino >= EXT4_INO_LOST)
			continue;
		map[i / 8] |= (unsigned char)(1u << (i % 8));
		used++;
		folders += n != NULL && (n->mode & LINUX_S_IFMT) == LINUX_S_IFDIR;
		end = i + 1;
	}
	uint32_t left = g->inodes_per_group - used;
	s->free_inodes += left;
	ext2fs_bg_free_inodes_count_set(fs, group, left);
	ext2fs_bg_used_dirs_count_set(fs, group, folders);
	ext2fs_bg_itable_unused_set(fs, group, g->inodes_per_group - end);
	if (used == 0) {
		ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_UNINIT);
		return 0;
	}
	set_bits(map, g->inodes_per_group, EXT4_GROUP);
	errcode_t rc = ext2fs_inode_bitmap_csum_set(
		fs, group, (char *)map, (int)(g->inodes_per_group / 8));
	if (rc != 0)
		return ext4_fail(e, rc, "a bitmap's checksum");
	uint64_t at = g->tables[group].inode_bitmap * EXT4_BLOCK;
	return ext4_stream_put(s->w->s, at, map, sizeof(map), e);
}

static int write_super(
	struct ext4_writer *w, uint32_t group, struct ext2_super_block sb, struct err *e)
{
	uint64_t at = group == 0 ? SUPERBLOCK_OFFSET : (uint64_t)group * EXT4_GROUP * EXT4_BLOCK;
	sb.s_block_group_nr = (uint16_t)group;
	errcode_t rc = ext2fs_superblock_csum_set(w->fs, &sb);
	if (rc != 0)
		return ext4_fail(e, rc, "the superblock's checksum");
	return ext4_stream_put(w->s, at, &sb, sizeof(sb), e);
}

static int write_descriptors(struct ext4_writer *w, uint32_t group, struct err *e)
{
	for (uint32_t i = 0; i < w->p->g.groups; i++)
		ext2fs_group_desc_csum_set(w->fs, i);
	uint64_t at = ((uint64_t)group * EXT4_GROUP + 1) * EXT4_BLOCK;
	return ext4_stream_put(
		w->s, at, w->fs->group_desc, (size_t)w->fs->desc_blocks * EXT4_BLOCK, e);
}

static void describe_empty(struct ext4_writer *w)
{
	const struct ext4_geometry *g = &w->p->g;
	for (uint32_t i = 0; i < g->groups; i++) {
		uint64_t start = (uint64_t)i * EXT4_GROUP;
		ext2fs_bg_flags_zap(w->fs, i);
		ext2fs_block_bitmap_loc_set(w->fs, i, g->tables[i].block_bitmap);
		ext2fs_inode_bitmap_loc_set(w->fs, i, g->tables[i].inode_bitmap);
		ext2fs_inode_table_loc_set(w->fs, i, g->tables[i].inode_table);
		ext2fs_bg_free_blocks_count_set(
			w->fs, i, (uint32_t)(low(start + EXT4_GROUP, g->blocks) - start));
		ext2fs_bg_free_inodes_count_set(w->fs, i, g->inodes_per_group);
		ext2fs_bg_used_dirs_count_set(w->fs, i, 0);
		ext2fs_bg_itable_unused_set(w->fs, i, 0);
	}
}

/* Copies, as of a file system without a file: e2fsck counts again when it needs one. */
static int write_copies(struct ext4_writer *w, struct err *e)
{
	struct ext2_super_block sb = *w->fs->super;
	ext2fs_free_blocks_count_set(&sb, w->p->g.blocks);
	sb.s_free_inodes_count = w->p->g.inodes;
	sb.s_state &= (uint16_t)~EXT2_VALID_FS;
	describe_empty(w);
	for (uint32_t group = 1; group < w->p->g.groups; group++)
		if (ext4_backup_blocks(&w->p->g, group) > 0 &&
			(write_super(w, group, sb, e) < 0 || write_descriptors(w, group, e) < 0))
			return -1;
	return 0;
}

int ext4_groups_write(struct ext4_writer *w, struct err *e)
{
	struct groups s = { .w = w };
	cleanup_buf struct buf memory = { 0 };
	if (write_copies(w, e) < 0 || tree_bits(w->p, &memory, &s.tree, e) < 0)
		return -1;
	for (uint32_t i = 0; i < w->p->g.groups; i++)
		if (write_blocks(&s, i, e) < 0)
			return -1;
	for (uint32_t i = 0; i < w->p->g.groups; i++)
		if (write_inodes(&s, i, e) < 0)
			return -1;
	ext2fs_free_blocks_count_set(w->fs->super, s.free_blocks);
	w->fs->super->s_free_inodes_count = s.free_inodes;
	return write_descriptors(w, 0, e);
}

int ext4_super_write(struct ext4_writer *w, struct err *e)
{
	if (ext4_stream_flush(w->s, e) < 0 || write_super(w, 0, *w->fs->super, e) < 0)
		return -1;
	return ext4_stream_flush(w->s, e);
}
