/*
 * An ext4 file system written into an image in one planned pass: every block and inode is placed by
 * arithmetic before a byte is written, and the files' bytes then stream from the archive to their
 * places. libext2fs gives geometry, directory hashes, checksums and the journal's superblock; its
 * searching functions (bitmaps, directories, files) are not used.
 *
 * The format is that of the kernel's Documentation/filesystems/ext4/ (super, group_descr, bitmaps,
 * inodes, ifork, directory, attributes, journal, checksums), with the features that mke2fs of
 * Debian 12 gives ext4: has_journal ext_attr resize_inode dir_index filetype extent 64bit flex_bg
 * sparse_super large_file huge_file dir_nlink extra_isize metadata_csum. Blocks of 4096 bytes,
 * inodes of 256, one inode for each 16 KiB of the file system or as many as the tree needs and a
 * quarter more; 5 % of the blocks are reserved for root; groups in flexible ones of 16; as many
 * blocks reserved for group descriptors as mke2fs reserves, so that the mounted file system can be
 * grown to 1024 times its size.
 *
 * Where things lie (a flexible group of 16 is 2 GiB):
 *   superblock, group descriptors, those reserved for growth
 *   bitmaps and inode tables of the flexible group; of the following ones likewise at their start
 *   the journal: as large as mke2fs makes it, but at most 16 MiB in a file system under 4 GiB, and
 *     at most 512 MiB
 *   folders, long links and xattrs of the base; its files, all in the order of the tree's list
 *   from the next 512 KiB on: the overlay's folders, and the base's whose names the overlay changed
 *   from the next 512 KiB on: the overlay's files
 * The base's place is a function of the base's nodes alone: those that are gone, and folders that
 * moved, leave theirs free. The overlay's inodes start at the next 512 KiB of the inode table.
 * The copies of the superblock and of the group descriptors count all as free: as in a file system
 * in use they are only good for where things lie, and no overlay changes them.
 *
 * What is not written holds nothing that is read: the journal behind its superblock, and inode
 * tables behind the last inode of each group (itable_unused; the kernel zeroes them when mounted).
 *
 * The same tree and options give the same bytes: atime, ctime and crtime of a node are its mtime,
 * those of the builder's own inodes the option `time`; times
 * are cut to those from 1901-12-13 to 2310-04-04; hashes of names are signed on every machine.
 */
#ifndef IMGBUILD_DISK_EXT4_H
#define IMGBUILD_DISK_EXT4_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "disk/raw.h"
#include "disk/rootfs.h"
#include "disk/source.h"

#define EXT4_SIZE_MIN  ((uint64_t)8 << 20)  /* bytes of a file system: less has no journal */
#define EXT4_SIZE_MAX  ((uint64_t)16 << 40) /* those of block numbers in 32 bits */
#define EXT4_LABEL_MAX 16                   /* bytes */

struct ext4_options {
	uint64_t size; /* bytes of the file system, a multiple of 4096 */
	unsigned char uuid[16];
	unsigned char hash_seed[16];
	const char *label; /* NULL: none */
	uint32_t time;     /* seconds since 1970: made, written and checked */
	bool digest;       /* SHA-256 of every file while it is written, into its node */
	unsigned jobs;     /* threads that copy the archive's files; 0: one a core */
};

struct ext4_plan;

struct ext4_usage {
	uint64_t size;     /* bytes of the file system */
	uint64_t used;     /* bytes: its own tables, the journal and the tree */
	uint64_t content;  /* bytes of these that are the tree's folders and files, in blocks */
	uint64_t overlay;  /* bytes of these that are the overlay's */
	uint64_t base_end; /* bytes from the start: no block of the base lies behind */
	uint32_t inodes;   /* there are */
	uint32_t inodes_used;
};

/*
 * Place a tree. Nothing is written; of the tree only the writer's own fields of the nodes change.
 * The plan lives in `a` and points into the tree and into `label`: neither may change before it is
 * written. ERR_INPUT: it does not fit (the message says how many bytes or inodes are missing), a
 * file, folder or device number is beyond what ext4 holds, an xattr that it has no place for.
 */
must_check int ext4_plan(struct rootfs *r, const struct ext4_options *o, struct arena *a,
	struct ext4_plan **ret, struct err *e);

struct ext4_usage ext4_usage(const struct ext4_plan *p);

/*
 * Write it at `offset` of an image that reads as zero there (a multiple of RAW_BLOCK, for the
 * overlay's alignment to be worth anything). `src` brings the bytes of the base's files; NULL:
 * there is no archive. Late content is asked for when all other files are written, in the order of
 * the list. The superblock comes last: what failed before has none. ERR_INPUT: the archive is not
 * the one that was planned; ERR_MACHINE; what the source says.
 */
must_check int ext4_write(const struct ext4_plan *p, struct rootfs_source *src, struct raw *raw,
	uint64_t offset, struct err *e);

#endif
