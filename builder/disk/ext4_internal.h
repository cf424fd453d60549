/*
 * The parts of the ext4 writer, for one another only. Block numbers are those of the file system.
 */
#ifndef IMGBUILD_DISK_EXT4_INTERNAL_H
#define IMGBUILD_DISK_EXT4_INTERNAL_H

/* libext2fs's headers, whose inline functions our warnings do not like. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wpointer-arith"
#include <ext2fs/ext2_fs.h>
#include <ext2fs/ext2fs.h>
#pragma GCC diagnostic pop

#include "base/buf.h"
#include "base/digest.h"
#include "disk/ext4.h"

/* libext2fs keeps group descriptors as on disk, and structures are filled in as they lie there. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written for little-endian machines");

#define EXT4_BLOCK        4096u
#define EXT4_GROUP        32768u /* blocks of a group */
#define EXT4_FLEX_LOG     4      /* groups of a flexible group */
#define EXT4_INODE        256u   /* bytes */
#define EXT4_INO_ROOT     2u
#define EXT4_INO_RESIZE   7u
#define EXT4_INO_JOURNAL  8u
#define EXT4_INO_LOST     11u
#define EXT4_INO_FIRST    12u /* of the base's nodes */
#define EXT4_ALIGN_BLOCKS ((uint32_t)(RAW_BLOCK / EXT4_BLOCK))
#define EXT4_ALIGN_INODES ((uint32_t)(RAW_BLOCK / EXT4_INODE))
#define EXT4_LOST_BLOCKS  4u /* as mke2fs: room for what e2fsck finds on a full disk */
#define EXT4_LINK_MAX     65000u
#define EXT4_FAST_LINK    59u /* bytes of a target kept in the inode */
#define EXT4_EXTRA        32u /* bytes of the inode behind the first 128 that have a meaning */
#define EXT4_IBODY        (EXT4_INODE - 128 - EXT4_EXTRA) /* left there for xattrs */

/* ext4_map.c: free blocks, all that the file system does not need itself. */
struct ext4_run {
	uint64_t start;
	uint64_t end; /* the block behind */
};
struct ext4_map {
	struct ext4_run *runs; /* in order, apart, none empty */
	size_t count;
};
/* Where the next blocks are taken from. */
struct ext4_cursor {
	const struct ext4_map *map;
	size_t run;
	uint64_t at;
	uint64_t missing; /* blocks that were not to be had */
	uint64_t taken;
};
/* Blocks that were taken at once, met again piece by piece. */
struct ext4_walk {
	const struct ext4_map *map;
	size_t run;
	uint64_t at;
};

struct ext4_cursor ext4_cursor_at_start(const struct ext4_map *map);
/* Go on at a multiple of `unit`. */
void ext4_cursor_align(struct ext4_cursor *c, uint32_t unit);
/* The first of the next `count` blocks; they lie in order but not always in one piece. */
uint64_t ext4_cursor_take(struct ext4_cursor *c, uint64_t count);
/* The same in one piece; false: nowhere. */
bool ext4_cursor_take_whole(struct ext4_cursor *c, uint64_t count, uint64_t *ret);
struct ext4_walk ext4_walk_from(const struct ext4_map *map, uint64_t start);
/* At most `count` more blocks in one piece: how many, and where they start. */
uint64_t ext4_walk_next(struct ext4_walk *w, uint64_t count, uint64_t *ret_start);

/* ext4_geometry.c */
struct ext4_tables {
	uint64_t block_bitmap;
	uint64_t inode_bitmap;
	uint64_t inode_table;
};
struct ext4_geometry {
	uint64_t blocks;
	uint32_t groups;
	uint32_t inodes;
	uint32_t inodes_per_group;
	uint32_t table_blocks; /* of a group's inode table */
	uint32_t descriptor_blocks;
	uint32_t reserved_blocks; /* for more descriptors */
	struct ext4_tables *tables;
	uint64_t resize_block; /* of the resize inode */
	uint64_t journal;
	uint32_t journal_blocks;
	struct ext4_map map; /* what is left */
};

void ext4_fs_free(ext2_filsys *fs);
#define cleanup_ext4_fs __attribute__((cleanup(ext4_fs_free)))
/* libext2fs's handle of a new file system with at least so many inodes. Reads and writes nothing.
 */
must_check int ext4_fs_open(
	const struct ext4_options *o, uint32_t inodes, ext2_filsys *ret, struct err *e);
must_check int ext4_geometry(
	ext2_filsys fs, struct arena *a, struct ext4_geometry *ret, struct err *e);
/* Blocks of the copy of superblock and descriptors at the start of a group; 0: it has none. */
uint32_t ext4_backup_blocks(const struct ext4_geometry *g, uint32_t group);
/* Byte of an inode in the file system. */
uint64_t ext4_inode_position(const struct ext4_geometry *g, uint32_t ino);
int ext4_fail(struct err *e, errcode_t rc, const char *what);

/* ext4_extent.c: which blocks of a file are where. */
struct ext4_extent {
	uint32_t logical;
	uint32_t count;
	uint64_t start;
};
struct ext4_extents {
	const struct rootfs_span *spans; /* NULL: blocks from 0 on */
	size_t span_count;
	size_t span;
	uint32_t logical;
	uint32_t left; /* of the piece that is there without a gap */
	struct ext4_walk walk;
};

/* Blocks of a file that are there. */
uint32_t ext4_file_blocks(const struct rootfs_node *n);
/* `map` with the file's first block; or without, to count nothing but logical pieces. */
struct ext4_extents ext4_extents_of(
	const struct rootfs_node *n, uint32_t blocks, const struct ext4_map *map, uint64_t start);
bool ext4_extent_next(struct ext4_extents *x, struct ext4_extent *ret);
/* Blocks of the tree that holds `count` extents, its root in the inode not counted. */
uint32_t ext4_tree_blocks(size_t count);

/* ext4_plan.c */
struct ext4_place {
	uint64_t start; /* of the content */
	uint64_t tree_start;
	uint64_t xattrs; /* block; 0: none */
	uint32_t blocks;
	uint32_t tree : 31;   /* blocks of the extent tree */
	uint32_t indexed : 1; /* a folder with an index of its names */
};
struct ext4_plan {
	struct rootfs *r;
	struct ext4_options o;
	struct ext4_geometry g;
	struct rootfs_node *lost; /* lost+found: the tree's, or one that is not in it */
	bool lost_added;
	struct rootfs_node **slots; /* by inode number less EXT4_INO_FIRST; NULL: not used */
	uint32_t slot_count;
	uint32_t overlay_slot; /* first of the overlay */
	uint32_t *by_entry;    /* list index of the node of an archive's entry; 0: none */
	size_t entries;
	size_t streamed;   /* files that the archive brings */
	size_t first_late; /* index in the tree's list: none before it is late */
	uint32_t inodes_used;
	uint64_t blocks_taken; /* the tree's, with free places among them */
	uint64_t base_end;     /* block */
	uint64_t end;          /* no block of the tree lies behind */
	struct ext4_usage usage;
};
/* Inode of a node, or of the file that it is a further name of. */
static inline uint32_t ext4_ino(const struct rootfs_node *n)
{
	return n->same_as != NULL ? n->same_as->ino : n->ino;
}
static inline const struct ext4_place *ext4_place(const struct rootfs_node *n)
{
	return n->place;
}
static inline bool ext4_is_late(const struct rootfs_node *n)
{
	return !n->gone && n->same_as == NULL && n->late != NULL && n->size > 0;
}
/* The node that an entry of the archive carries the content of; NULL: none. */
static inline struct rootfs_node *ext4_by_entry(const struct ext4_plan *p, size_t entry)
{
	size_t at = entry < p->entries ? p->by_entry[entry] : 0;
	return at > 0 ? p->r->list[at - 1] : NULL;
}
/* Err: "PATH: " in front. Returns -1. */
int ext4_wrap_path(const struct rootfs_node *n, struct err *e);

/* ext4_layout.c: a place for every folder and file. */
must_check int ext4_layout(struct ext4_plan *p, struct err *e);

/* ext4_stream.c: bytes that mostly follow one another, in large writes. */
struct ext4_stream {
	struct raw *raw;
	uint64_t offset; /* of the file system in the image */
	unsigned char *buf;
	size_t len;
	uint64_t at; /* byte of the file system that buf starts at */
};
must_check int ext4_stream_open(
	struct ext4_stream *s, struct raw *raw, uint64_t offset, struct err *e);
void ext4_stream_close(struct ext4_stream *s);
#define cleanup_ext4_stream __attribute__((cleanup(ext4_stream_close)))
must_check int ext4_stream_put(
	struct ext4_stream *s, uint64_t position, const void *data, size_t len, struct err *e);
must_check int ext4_stream_zero(
	struct ext4_stream *s, uint64_t position, uint64_t len, struct err *e);
must_check int ext4_stream_flush(struct ext4_stream *s, struct err *e);

/* All that a writing needs. */
struct ext4_writer {
	const struct ext4_plan *p;
	ext2_filsys fs;
	struct ext4_stream *s;
	size_t copied; /* files that the archive brought so far */
	struct buf scratch;
	struct buf spare;
};

/* Checksum seed of what belongs to an inode (generation 0). */
static inline uint32_t ext4_seed(ext2_filsys fs, uint32_t ino)
{
	uint32_t both[2] = { ino, 0 };
	return ext2fs_crc32c_le(fs->csum_seed, (const unsigned char *)both, sizeof(both));
}

/* ext4_extent.c: the root of the tree into the inode, the rest to its place. */
must_check int ext4_extent_root(struct ext4_writer *w, uint32_t ino, struct ext4_extents x,
	const struct ext4_place *place, void *i_block, struct err *e);

/* ext4_dir.c */
enum ext4_names {
	EXT4_NAMES_BASE, /* those of the base alone, gone ones too */
	EXT4_NAMES_NOW,
};
/* Both kinds are the same names. */
bool ext4_dir_same(const struct rootfs_node *folder);
/* Set `blocks` and `indexed`. */
must_check int ext4_dir_blocks(const struct ext4_plan *p, const struct rootfs_node *folder,
	enum ext4_names names, struct buf *scratch, struct ext4_place *ret, struct err *e);
must_check int ext4_dir_write(
	struct ext4_writer *w, const struct rootfs_node *folder, struct err *e);

/* ext4_xattr.c */
/* Whether the node's xattrs need a block. ERR_INPUT: no place for one. */
must_check int ext4_xattr_plan(const struct rootfs_node *n, bool *ret, struct err *e);
/* Write them into the inode's last bytes and into a block (NULL: there is none). */
void ext4_xattr_fill(const struct rootfs_node *n, unsigned char ibody[EXT4_IBODY],
	unsigned char block[EXT4_BLOCK]);

/* ext4_inode.c */
must_check int ext4_inodes_write(struct ext4_writer *w, struct err *e);
void ext4_inode_times(struct ext2_inode_large *inode, int64_t sec, uint32_t nsec);
must_check int ext4_device_check(const struct rootfs_node *n, struct err *e);

/* ext4_journal.c: the journal's and the resize inode, their inodes into `ret`. */
must_check int ext4_journal_write(
	struct ext4_writer *w, struct ext2_inode_large *ret, struct err *e);
must_check int ext4_resize_write(
	struct ext4_writer *w, struct ext2_inode_large *ret, struct err *e);

/*
 * ext4_copy.c: the files that lie in the archive as they are, by several threads, one of which does
 * something else first. How many there were is in w->copied.
 */
must_check int ext4_copy(struct ext4_writer *w, struct rootfs_source *src,
	int (*first)(struct ext4_writer *w, struct err *e), struct err *e);

/* ext4_data.c: folders, long links and xattrs; files whose bytes are in memory; all others that
 * were not copied, the late ones last. */
must_check int ext4_folders_write(struct ext4_writer *w, struct err *e);
must_check int ext4_made_write(struct ext4_writer *w, struct err *e);
must_check int ext4_data_write(struct ext4_writer *w, struct rootfs_source *src, struct err *e);

/* ext4_group.c: bitmaps, group descriptors, copies of the superblock; then, flushed, itself. */
must_check int ext4_groups_write(struct ext4_writer *w, struct err *e);
must_check int ext4_super_write(struct ext4_writer *w, struct err *e);

#endif
