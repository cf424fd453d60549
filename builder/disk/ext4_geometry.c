#include <et/com_err.h>
#include <stdlib.h>
#include <string.h>

#include "disk/ext4_internal.h"

/* Blocks of a journal, at most: most of a small disk is for files, and in a large one four extents
 * in the inode are enough. */
#define JOURNAL_SMALL_FS ((uint64_t)1 << 20)
#define JOURNAL_SMALL    4096
#define JOURNAL_LARGE    131072

int ext4_fail(struct err *e, errcode_t rc, const char *what)
{
	if (rc == EXT2_ET_NO_MEMORY || rc == ENOMEM)
		return err_nomem(e);
	return err_set(e, ERR_BUG, 0, "%s: libext2fs: %s", what, error_message(rc));
}

/* libext2fs wants a device to open; whatever it would do with it is refused. */
static errcode_t none_open(const char *name, int flags, io_channel *ret);

static errcode_t none_close(io_channel io)
{
	free(io);
	return 0;
}

static errcode_t none_set_blksize(io_channel io, int size)
{
	io->block_size = size;
	return 0;
}

static errcode_t none_read(io_channel io, unsigned long block, int count, void *data)
{
	(void)io, (void)block, (void)count, (void)data;
	return EXT2_ET_OP_NOT_SUPPORTED;
}

static errcode_t none_write(io_channel io, unsigned long block, int count, const void *data)
{
	(void)io, (void)block, (void)count, (void)data;
	return EXT2_ET_OP_NOT_SUPPORTED;
}

static errcode_t none_flush(io_channel io)
{
	(void)io;
	return 0;
}

static struct struct_io_manager none = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER,
	.name = "none",
	.open = none_open,
	.close = none_close,
	.set_blksize = none_set_blksize,
	.read_blk = none_read,
	.write_blk = none_write,
	.flush = none_flush,
};

static errcode_t none_open(const char *name, int flags, io_channel *ret)
{
	(void)name, (void)flags;
	io_channel io = calloc(1, sizeof(*io));
	if (io == NULL)
		return EXT2_ET_NO_MEMORY;
	io->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	io->manager = &none;
	io->refcount = 1;
	*ret = io;
	return 0;
}

void ext4_fs_free(ext2_filsys *fs)
{
	if (*fs != NULL)
		ext2fs_free(*fs);
	*fs = NULL;
}

static void features(struct ext2_super_block *sb)
{
	sb->s_feature_compat = EXT3_FEATURE_COMPAT_HAS_JOURNAL | EXT2_FEATURE_COMPAT_EXT_ATTR |
			       EXT2_FEATURE_COMPAT_RESIZE_INODE | EXT2_FEATURE_COMPAT_DIR_INDEX;
	sb->s_feature_incompat = EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS |
				 EXT4_FEATURE_INCOMPAT_64BIT | EXT4_FEATURE_INCOMPAT_FLEX_BG;
	sb->s_feature_ro_compat =
		EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
		EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
		EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
}

int ext4_fs_open(const struct ext4_options *o, uint32_t inodes, ext2_filsys *ret, struct err *e)
{
	struct ext2_super_block given = {
		.s_log_block_size = 2,
		.s_log_cluster_size = 2,
		.s_rev_level = EXT2_DYNAMIC_REV,
		.s_inode_size = EXT4_INODE,
		.s_inodes_count = inodes,
		.s_desc_size = EXT2_MIN_DESC_SIZE_64BIT,
		.s_log_groups_per_flex = EXT4_FLEX_LOG,
		.s_errors = EXT2_ERRORS_CONTINUE,
		.s_checksum_type = EXT2_CRC32C_CHKSUM,
	};
	uint64_t blocks = o->size / EXT4_BLOCK;
	features(&given);
	ext2fs_blocks_count_set(&given, blocks);
	ext2fs_r_blocks_count_set(&given, blocks / 20);
	ext2_filsys fs = NULL;
	errcode_t rc = ext2fs_initialize("image", EXT2_FLAG_64BITS, &given, &none, &fs);
	if (rc == EXT2_ET_TOO_MANY_INODES)
		return err_set(e, ERR_INPUT, 0,
			"%lu inodes needed: more than a file system of %llu bytes can have",
			(unsigned long)inodes, (unsigned long long)o->size);
	if (rc != 0)
		return ext4_fail(e, rc, "set up a file system");
	struct ext2_super_block *sb = fs->super;
	sb->s_checksum_type = EXT2_CRC32C_CHKSUM;
	sb->s_flags = (sb->s_flags & ~(uint32_t)EXT2_FLAGS_UNSIGNED_HASH) | EXT2_FLAGS_SIGNED_HASH;
	sb->s_def_hash_version = EXT2_HASH_HALF_MD4;
	sb->s_mkfs_time = sb->s_wtime = sb->s_lastcheck = o->time;
	sb->s_mkfs_time_hi = sb->s_wtime_hi = sb->s_lastcheck_hi = 0;
	sb->s_mtime = 0;
	sb->s_max_mnt_count = -1;
	sb->s_creator_os = EXT2_OS_LINUX;
	sb->s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
	memcpy(sb->s_uuid, o->uuid, sizeof(sb->s_uuid));
	memcpy(sb->s_hash_seed, o->hash_seed, sizeof(sb->s_hash_seed));
	if (o->label != NULL)
		memcpy(sb->s_volume_name, o->label, strnlen(o->label, EXT4_LABEL_MAX));
	ext2fs_init_csum_seed(fs);
	*ret = fs;
	return 0;
}

/* As ext2fs_bg_has_super: group 0 and the powers of 3, 5 and 7. */
static bool has_backup(uint32_t group)
{
	static const uint32_t bases[] = { 3, 5, 7 };
	if (group <= 1)
		return true;
	for (size_t i = 0; i < 3; i++) {
		uint64_t power = bases[i];
		while (power < group)
			power *= bases[i];
		if (power == group)
			return true;
	}
	return false;
}

uint32_t ext4_backup_blocks(const struct ext4_geometry *g, uint32_t group)
{
	return has_backup(group) ? 1 + g->descriptor_blocks + g->reserved_blocks : 0;
}

uint64_t ext4_inode_position(const struct ext4_geometry *g, uint32_t ino)
{
	uint32_t group = (ino - 1) / g->inodes_per_group, index = (ino - 1) % g->inodes_per_group;
	return g->tables[group].inode_table * EXT4_BLOCK + (uint64_t)index * EXT4_INODE;
}

/* All blocks but those of the superblocks' copies. */
static int without_backups(
	struct ext4_geometry *g, struct arena *a, struct ext4_map *ret, struct err *e)
{
	size_t copies = 0;
	for (uint32_t i = 0; i < g->groups; i++)
		copies += has_backup(i);
	ret->runs = arena_array(a, copies, sizeof(*ret->runs), e);
	if (ret->runs == NULL)
		return -1;
	uint64_t at = 0;
	ret->count = 0;
	for (uint32_t i = 0; i <= g->groups; i++) {
		if (i < g->groups && !has_backup(i))
			continue;
		uint64_t next = i < g->groups ? (uint64_t)i * EXT4_GROUP : g->blocks;
		if (next > at)
			ret->runs[ret->count++] = (struct ext4_run){ at, next };
		if (i < g->groups)
			at = next + ext4_backup_blocks(g, i);
	}
	return 0;
}

/* Free blocks are what lies between what is taken, in rising order. */
static void cut(struct ext4_map *out, const struct ext4_map *in, size_t *run, uint64_t *at,
	uint64_t start, uint64_t end)
{
	for (; *run < in->count; ++*run) {
		uint64_t low = in->runs[*run].start > *at ? in->runs[*run].start : *at;
		uint64_t high = in->runs[*run].end < start ? in->runs[*run].end : start;
		if (low < high)
			out->runs[out->count++] = (struct ext4_run){ low, high };
		if (in->runs[*run].end > start)
			break;
	}
	*at = end;
}

struct placing {
	struct ext4_cursor c;
	struct ext4_run *taken;
	size_t count;
};

static bool take(struct placing *p, uint64_t blocks, uint64_t *ret)
{
	if (!ext4_cursor_take_whole(&p->c, blocks, ret))
		return false;
	p->taken[p->count++] = (struct ext4_run){ *ret, *ret + blocks };
	return true;
}

/* The tables of a flexible group, one kind after the other. */
static bool place_flex(struct ext4_geometry *g, struct placing *p, uint32_t first)
{
	uint32_t last = first + (1u << EXT4_FLEX_LOG);
	if (last > g->groups)
		last = g->groups;
	if (p->c.at < (uint64_t)first * EXT4_GROUP) {
		p->c.at = (uint64_t)first * EXT4_GROUP;
		p->c.run = ext4_walk_from(p->c.map, p->c.at).run;
	}
	for (uint32_t i = first; i < last; i++)
		if (!take(p, 1, &g->tables[i].block_bitmap))
			return false;
	for (uint32_t i = first; i < last; i++)
		if (!take(p, 1, &g->tables[i].inode_bitmap))
			return false;
	ext4_cursor_align(&p->c, EXT4_ALIGN_BLOCKS);
	for (uint32_t i = first; i < last; i++)
		if (!take(p, g->table_blocks, &g->tables[i].inode_table))
			return false;
	return true;
}

static uint32_t journal_blocks(uint64_t blocks)
{
	int usual = ext2fs_default_journal_size(blocks);
	int most = blocks < JOURNAL_SMALL_FS ? JOURNAL_SMALL : JOURNAL_LARGE;
	if (usual < 0)
		return 0;
	return (uint32_t)(usual < most ? usual : most);
}

static bool place_all(struct ext4_geometry *g, struct placing *p)
{
	for (uint32_t first = 0; first < g->groups; first += 1u << EXT4_FLEX_LOG) {
		if (!place_flex(g, p, first))
			return false;
		if (first == 0 &&
			(!take(p, 1, &g->resize_block) || !take(p, g->journal_blocks, &g->journal)))
			return false;
	}
	return true;
}

int ext4_geometry(ext2_filsys fs, struct arena *a, struct ext4_geometry *ret, struct err *e)
{
	const struct ext2_super_block *sb = fs->super;
	if (sb->s_blocks_per_group != EXT4_GROUP)
		return err_set(e, ERR_BUG, 0, "groups of %lu blocks",
			(unsigned long)sb->s_blocks_per_group);
	uint64_t blocks = ext2fs_blocks_count(fs->super);
	struct ext4_geometry g = {
		.blocks = blocks,
		.groups = fs->group_desc_count,
		.inodes = sb->s_inodes_count,
		.inodes_per_group = sb->s_inodes_per_group,
		.table_blocks = fs->inode_blocks_per_group,
		.descriptor_blocks = (uint32_t)fs->desc_blocks,
		.reserved_blocks = sb->s_reserved_gdt_blocks,
		.journal_blocks = journal_blocks(blocks),
	};
	struct ext4_map all = { 0 };
	struct placing p = { 0 };
	g.tables = arena_array(a, g.groups, sizeof(*g.tables), e);
	if (g.tables == NULL || without_backups(&g, a, &all, e) < 0)
		return -1;
	p.c = ext4_cursor_at_start(&all);
	p.taken = arena_array(a, (size_t)g.groups * 3 + 2, sizeof(*p.taken), e);
	g.map.runs = arena_array(a, all.count + (size_t)g.groups * 3 + 2, sizeof(*g.map.runs), e);
	if (p.taken == NULL || g.map.runs == NULL)
		return -1;
	if (!place_all(&g, &p))
		return err_set(e, ERR_INPUT, 0,
			"a file system of %llu bytes has no room for its own tables",
			(unsigned long long)blocks * EXT4_BLOCK);
	size_t run = 0;
	uint64_t at = 0;
	for (size_t i = 0; i < p.count; i++)
		cut(&g.map, &all, &run, &at, p.taken[i].start, p.taken[i].end);
	cut(&g.map, &all, &run, &at, blocks, blocks);
	*ret = g;
	return 0;
}
