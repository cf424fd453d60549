#include <string.h>
#include <sys/stat.h>

#include "disk/ext4_internal.h"

#define TIME_MIN (-((int64_t)1 << 31))
/* 2310-04-04: some later times are what a kernel once made of times before 1970, and e2fsck would
 * mend them. */
#define TIME_MAX (((int64_t)3 << 32) - ((int64_t)1 << 31) - 1)

/* Two bits more of seconds, and the nanoseconds (inodes.rst, "Inode Timestamps"). */
void ext4_inode_times(struct ext2_inode_large *inode, int64_t sec, uint32_t nsec)
{
	sec = sec < TIME_MIN ? TIME_MIN : sec > TIME_MAX ? TIME_MAX : sec;
	uint32_t low = (uint32_t)sec;
	uint32_t extra = (uint32_t)((sec - (int32_t)low) >> 32 & 3) | nsec << 2;
	inode->i_atime = inode->i_ctime = inode->i_mtime = inode->i_crtime = low;
	inode->i_atime_extra = inode->i_ctime_extra = inode->i_mtime_extra = inode->i_crtime_extra =
		extra;
}

int ext4_device_check(const struct rootfs_node *n, struct err *e)
{
	if ((S_ISCHR(n->mode) || S_ISBLK(n->mode)) &&
		(n->major >= 1u << 12 || n->minor >= 1u << 20))
		return err_set(e, ERR_INPUT, 0, "device %lu:%lu: Linux has 12 bits and 20",
			(unsigned long)n->major, (unsigned long)n->minor);
	return 0;
}

static void device(const struct rootfs_node *n, uint32_t *i_block)
{
	if (n->major < 256 && n->minor < 256)
		i_block[0] = n->major << 8 | n->minor;
	else
		i_block[1] = (n->minor & 0xff) | n->major << 8 | (n->minor & ~0xffu) << 12;
}

/* Of a folder: its own name, ".", and the ".." of each folder in it. */
static uint32_t folder_links(const struct ext4_plan *p, const struct rootfs_node *folder)
{
	uint32_t links = 2 + (folder == p->r->root && p->lost_added);
	for (const struct rootfs_node *n = folder->children; n != NULL; n = n->next)
		links += !n->gone && S_ISDIR(n->mode);
	return links > EXT4_LINK_MAX ? 1 : links;
}

static int mapped(struct ext4_writer *w, const struct rootfs_node *n, uint64_t *blocks,
	struct ext2_inode_large *inode, struct err *e)
{
	static const struct ext4_place nowhere;
	const struct ext4_place *place = n->place != NULL ? ext4_place(n) : &nowhere;
	bool file = S_ISREG(n->mode);
	struct ext4_extents x =
		ext4_extents_of(file ? n : NULL, place->blocks, &w->p->g.map, place->start);
	inode->i_flags |= EXT4_EXTENTS_FL | (place->indexed ? EXT2_INDEX_FL : 0);
	*blocks += place->blocks + place->tree;
	return ext4_extent_root(w, n->ino, x, place, inode->i_block, e);
}

static int content(struct ext4_writer *w, const struct rootfs_node *n, uint64_t *size,
	uint64_t *blocks, struct ext2_inode_large *inode, struct err *e)
{
	switch (n->mode & S_IFMT) {
	case S_IFREG:
		*size = n->size;
		return mapped(w, n, blocks, inode, e);
	case S_IFDIR:
		*size = (uint64_t)ext4_place(n)->blocks * EXT4_BLOCK;
		return mapped(w, n, blocks, inode, e);
	case S_IFLNK:
		*size = strlen(n->target);
		if (*size > EXT4_FAST_LINK)
			return mapped(w, n, blocks, inode, e);
		memcpy(inode->i_block, n->target, (size_t)*size);
		return 0;
	case S_IFCHR:
	case S_IFBLK:
		device(n, inode->i_block);
		return 0;
	default:
		return 0;
	}
}

static int fill(
	struct ext4_writer *w, const struct rootfs_node *n, unsigned char *out, struct err *e)
{
	const struct ext4_place *place = n->place;
	uint64_t size = 0, blocks = 0;
	struct ext2_inode_large inode = {
		.i_mode = (uint16_t)n->mode,
		.i_uid = (uint16_t)n->uid,
		.i_gid = (uint16_t)n->gid,
		.i_links_count = (uint16_t)(S_ISDIR(n->mode) ? folder_links(w->p, n) : n->links),
		.i_extra_isize = EXT4_EXTRA,
	};
	inode.i_uid_high = (uint16_t)(n->uid >> 16);
	inode.i_gid_high = (uint16_t)(n->gid >> 16);
	ext4_inode_times(&inode, n->mtime, n->mtime_nsec);
	if (content(w, n, &size, &blocks, &inode, e) < 0)
		return -1;
	if (place != NULL && place->xattrs != 0) {
		inode.i_file_acl = (uint32_t)place->xattrs;
		inode.osd2.linux2.l_i_file_acl_high = (uint16_t)(place->xattrs >> 32);
		blocks++;
	}
	inode.i_size = (uint32_t)size;
	inode.i_size_high = (uint32_t)(size >> 32);
	inode.i_blocks = (uint32_t)(blocks * (EXT4_BLOCK / 512));
	inode.osd2.linux2.l_i_blocks_hi = (uint16_t)(blocks * (EXT4_BLOCK / 512) >> 32);
	memcpy(out, &inode, sizeof(inode));
	ext4_xattr_fill(n, out + 128 + EXT4_EXTRA, NULL);
	return 0;
}

/* Checksum and write; `inode` has EXT4_INODE bytes. */
static int put(struct ext4_writer *w, uint32_t ino, unsigned char *inode, struct err *e)
{
	errcode_t rc = ext2fs_inode_csum_set(w->fs, ino, (void *)inode);
	if (rc != 0)
		return ext4_fail(e, rc, "an inode's checksum");
	return ext4_stream_put(w->s, ext4_inode_position(&w->p->g, ino), inode, EXT4_INODE, e);
}

static int put_node(struct ext4_writer *w, const struct rootfs_node *n, struct err *e)
{
	unsigned char inode[EXT4_INODE] = { 0 };
	if (fill(w, n, inode, e) < 0)
		return -1;
	return put(w, n->ino, inode, e);
}

/* The first 11: those without a use are zeroes. */
static int put_first(struct ext4_writer *w, struct err *e)
{
	union {
		struct ext2_inode_large inode;
		unsigned char bytes[EXT4_INODE];
	} own[2] = { 0 };
	if (ext4_resize_write(w, &own[0].inode, e) < 0 ||
		ext4_journal_write(w, &own[1].inode, e) < 0)
		return -1;
	uint64_t start = ext4_inode_position(&w->p->g, 1);
	if (ext4_stream_zero(w->s, start, (uint64_t)EXT4_INO_LOST * EXT4_INODE, e) < 0)
		return -1;
	if (put_node(w, w->p->r->root, e) < 0 || put(w, EXT4_INO_RESIZE, own[0].bytes, e) < 0 ||
		put(w, EXT4_INO_JOURNAL, own[1].bytes, e) < 0)
		return -1;
	return put_node(w, w->p->lost, e);
}

int ext4_inodes_write(struct ext4_writer *w, struct err *e)
{
	const struct ext4_plan *p = w->p;
	if (put_first(w, e) < 0)
		return -1;
	for (uint32_t i = 0; i < p->slot_count; i++) {
		uint32_t ino = EXT4_INO_FIRST + i;
		uint64_t at = ext4_inode_position(&p->g, ino);
		if (p->slots[i] == NULL) {
			if (ext4_stream_zero(w->s, at, EXT4_INODE, e) < 0)
				return -1;
		} else if (put_node(w, p->slots[i], e) < 0) {
			return ext4_wrap_path(p->slots[i], e);
		}
	}
	return 0;
}
