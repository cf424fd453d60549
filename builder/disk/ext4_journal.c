#include <string.h>
#include <sys/stat.h>

#include "disk/ext4_internal.h"

static void own_inode(
	const struct ext4_writer *w, uint64_t size, uint64_t blocks, struct ext2_inode_large *ret)
{
	*ret = (struct ext2_inode_large){
		.i_mode = S_IFREG | 0600,
		.i_links_count = 1,
		.i_size = (uint32_t)size,
		.i_size_high = (uint32_t)(size >> 32),
		.i_blocks = (uint32_t)(blocks * (EXT4_BLOCK / 512)),
		.i_extra_isize = EXT4_EXTRA,
	};
	ext4_inode_times(ret, w->p->o.time, 0);
}

int ext4_journal_write(struct ext4_writer *w, struct ext2_inode_large *ret, struct err *e)
{
	const struct ext4_geometry *g = &w->p->g;
	struct ext2fs_journal_params params = { .num_journal_blocks = g->journal_blocks };
	char *block = NULL;
	errcode_t rc = ext2fs_create_journal_superblock2(w->fs, &params, 0, &block);
	if (rc != 0)
		return ext4_fail(e, rc, "the journal's superblock");
	int put = ext4_stream_put(w->s, g->journal * EXT4_BLOCK, block, EXT4_BLOCK, e);
	ext2fs_free_mem(&block);
	if (put < 0)
		return -1;
	own_inode(w, (uint64_t)g->journal_blocks * EXT4_BLOCK, g->journal_blocks, ret);
	ret->i_flags = EXT4_EXTENTS_FL;
	/* It is no part of the map of free blocks, and lies in one piece. */
	struct ext4_run run = { g->journal, g->journal + g->journal_blocks };
	struct ext4_map map = { .runs = &run, .count = 1 };
	struct ext4_place place = { .start = g->journal, .blocks = g->journal_blocks };
	struct ext4_extents x = ext4_extents_of(NULL, place.blocks, &map, place.start);
	if (ext4_extent_root(w, EXT4_INO_JOURNAL, x, &place, ret->i_block, e) < 0)
		return -1;
	/* A copy for e2fsck, should the inode be lost. */
	struct ext2_super_block *sb = w->fs->super;
	sb->s_journal_inum = EXT4_INO_JOURNAL;
	sb->s_jnl_backup_type = EXT3_JNL_BACKUP_BLOCKS;
	memcpy(sb->s_jnl_blocks, ret->i_block, sizeof(ret->i_block));
	sb->s_jnl_blocks[15] = ret->i_size_high;
	sb->s_jnl_blocks[16] = ret->i_size;
	return 0;
}

/*
 * The inode that keeps blocks for further group descriptors: its double indirect block points to
 * those behind the descriptors of group 0, and each of them, until it is used, to its copies in the
 * other groups (ext2fs_create_resize_inode does the same, through a device).
 */
int ext4_resize_write(struct ext4_writer *w, struct ext2_inode_large *ret, struct err *e)
{
	const struct ext4_geometry *g = &w->p->g;
	const uint64_t pointers = EXT4_BLOCK / 4;
	uint32_t table[EXT4_BLOCK / 4] = { 0 }, copies[EXT4_BLOCK / 4] = { 0 };
	uint32_t first = 1 + g->descriptor_blocks, count = 0;
	for (uint32_t i = 0; i < g->reserved_blocks; i++)
		table[(g->descriptor_blocks + i) % pointers] = first + i;
	if (ext4_stream_put(w->s, g->resize_block * EXT4_BLOCK, table, sizeof(table), e) < 0)
		return -1;
	for (uint32_t i = 0; i < g->reserved_blocks; i++) {
		count = 0;
		for (uint32_t group = 1; group < g->groups; group++)
			if (ext4_backup_blocks(g, group) > 0)
				copies[count++] = group * EXT4_GROUP + first + i;
		uint64_t at = (uint64_t)(first + i) * EXT4_BLOCK;
		if (ext4_stream_put(w->s, at, copies, sizeof(copies), e) < 0)
			return -1;
	}
	uint64_t blocks = 1 + (uint64_t)g->reserved_blocks * (1 + count);
	own_inode(w, (pointers * pointers + pointers + EXT2_NDIR_BLOCKS) * EXT4_BLOCK, blocks, ret);
	ret->i_block[EXT2_DIND_BLOCK] = (uint32_t)g->resize_block;
	return 0;
}
