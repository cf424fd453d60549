/*
 * The way back: every node of a tree read from the image with libext2fs.
 */
#ifndef IMGBUILD_TESTS_EXT4_READ_H
#define IMGBUILD_TESTS_EXT4_READ_H

#include "ext4_tree.h"

static inline ext2_filsys open_image(const struct image *i)
{
	char option[48];
	ext2_filsys fs = NULL;
	snprintf(option, sizeof(option), "offset=%llu", (unsigned long long)OFFSET);
	errcode_t rc = ext2fs_open2(i->path, option, EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &fs);
	assert_int_equal(rc, 0);
	return fs;
}

struct reading {
	ext2_filsys fs;
	struct tree *t;
	const struct rootfs_node *folder;
	size_t found;
	bool lost;
};

static inline int read_name(
	struct ext2_dir_entry *entry, int offset, int size, char *buf, void *ctx)
{
	struct reading *r = ctx;
	static const uint8_t types[16] = { 0, EXT2_FT_FIFO, EXT2_FT_CHRDEV, 0, EXT2_FT_DIR, 0,
		EXT2_FT_BLKDEV, 0, EXT2_FT_REG_FILE, 0, EXT2_FT_SYMLINK, 0, EXT2_FT_SOCK };
	size_t len = (size_t)ext2fs_dirent_name_len(entry);
	(void)offset, (void)size, (void)buf;
	if ((len == 1 && entry->name[0] == '.') || (len == 2 && memcmp(entry->name, "..", 2) == 0))
		return 0;
	struct rootfs_node *n = rootfs_child(&r->t->r, r->folder, entry->name, len);
	if (n == NULL && r->folder->parent == NULL && len == 10 &&
		memcmp(entry->name, "lost+found", 10) == 0) {
		r->lost = true;
		return 0;
	}
	assert_non_null(n);
	assert_false(n->gone);
	assert_int_equal(entry->inode, rootfs_file(n)->ino);
	assert_int_equal(ext2fs_dirent_file_type(entry), types[rootfs_file(n)->mode >> 12]);
	r->found++;
	return 0;
}

static inline void read_folder(ext2_filsys fs, struct tree *t, const struct rootfs_node *folder)
{
	struct reading r = { .fs = fs, .t = t, .folder = folder };
	size_t live = 0;
	errcode_t rc = ext2fs_dir_iterate(fs, folder->ino, 0, NULL, read_name, &r);
	assert_int_equal(rc, 0);
	for (const struct rootfs_node *n = folder->children; n != NULL; n = n->next)
		live += !n->gone;
	assert_int_equal(r.found, live);
}

static inline void read_bytes(
	ext2_file_t file, const struct rootfs_node *n, uint64_t from, uint64_t len, bool zero)
{
	static unsigned char got[65536];
	__u64 at = 0;
	assert_int_equal(ext2fs_file_llseek(file, from, EXT2_SEEK_SET, &at), 0);
	while (len > 0) {
		unsigned step = len < sizeof(got) ? (unsigned)len : (unsigned)sizeof(got),
			 n_got = 0;
		size_t same = step;
		const unsigned char *want = n->data != NULL ? (const unsigned char *)n->data + from
							    : bytes_at(n->entry, from, &same);
		step = (unsigned)same;
		assert_int_equal(ext2fs_file_read(file, got, step, &n_got), 0);
		assert_int_equal(n_got, step);
		if (!zero)
			assert_memory_equal(got, want, step);
		for (unsigned i = 0; zero && i < step; i++)
			assert_int_equal(got[i], 0);
		from += step;
		len -= step;
	}
}

static inline void read_file(ext2_filsys fs, const struct rootfs_node *n)
{
	ext2_file_t file = NULL;
	assert_int_equal(ext2fs_file_open(fs, n->ino, 0, &file), 0);
	uint64_t end = 0;
	for (size_t i = 0; i < n->span_count; i++) {
		const struct rootfs_span *s = &n->spans[i];
		uint64_t hole = s->offset - end;
		/* Holes near what is there: they share its blocks. */
		read_bytes(file, n, end, hole < 9000 ? hole : 9000, true);
		read_bytes(file, n, s->offset - (hole < 9000 ? hole : 9000),
			hole < 9000 ? hole : 9000, true);
		read_bytes(file, n, s->offset, s->length, false);
		end = s->offset + s->length;
	}
	if (n->spans == NULL)
		read_bytes(file, n, 0, n->size, false);
	else
		read_bytes(file, n, end, n->size - end < 9000 ? n->size - end : 9000, true);
	ext2fs_file_close(file);
}

static inline void read_xattrs(ext2_filsys fs, const struct rootfs_node *n)
{
	struct ext2_xattr_handle *h = NULL;
	size_t want = 0, count = 0;
	assert_int_equal(ext2fs_xattrs_open(fs, n->ino, &h), 0);
	assert_int_equal(ext2fs_xattrs_read(h), 0);
	for (const struct rootfs_xattr *x = n->xattrs; x != NULL; x = x->next, want++) {
		void *value = NULL;
		size_t len = 0;
		assert_int_equal(ext2fs_xattr_get(h, x->name, &value, &len), 0);
		assert_int_equal(x->len, len);
		/* libext2fs has 0 where the kernel has -1: in entries of an ACL that have no id. */
		for (size_t i = 4; strncmp(x->name, "system.", 7) == 0 && i < len; i += 8)
			if (memcmp((char *)value + i + 4, "\0\0\0", 4) == 0)
				memset((char *)value + i + 4, 0xff, 4);
		assert_memory_equal(x->value, value, len);
		ext2fs_free_mem(&value);
	}
	assert_int_equal(ext2fs_xattrs_count(h, &count), 0);
	assert_int_equal(count, want);
	ext2fs_xattrs_close(&h);
}

static inline void read_node(ext2_filsys fs, struct tree *t, const struct rootfs_node *n)
{
	struct ext2_inode_large i = { 0 };
	char target[4097] = { 0 };
	assert_int_equal(ext2fs_read_inode_full(fs, n->ino, (void *)&i, sizeof(i)), 0);
	assert_int_equal(i.i_mode, n->mode);
	assert_int_equal(inode_uid(i), n->uid);
	assert_int_equal(inode_gid(i), n->gid);
	int64_t sec = (int32_t)i.i_mtime + ((int64_t)(i.i_mtime_extra & 3) << 32);
	assert_true(sec == n->mtime);
	assert_int_equal(i.i_mtime_extra >> 2, n->mtime_nsec);
	assert_int_equal(i.i_ctime_extra, i.i_mtime_extra);
	if (!S_ISDIR(n->mode))
		assert_int_equal(i.i_links_count, n->links);
	read_xattrs(fs, n);
	switch (n->mode & S_IFMT) {
	case S_IFDIR:
		read_folder(fs, t, n);
		break;
	case S_IFREG:
		assert_true(EXT2_I_SIZE(&i) == n->size);
		read_file(fs, n);
		break;
	case S_IFLNK:
		assert_int_equal(i.i_size, strlen(n->target));
		if (i.i_size > 59) {
			ext2_file_t file = NULL;
			unsigned got = 0;
			assert_int_equal(ext2fs_file_open(fs, n->ino, 0, &file), 0);
			assert_int_equal(ext2fs_file_read(file, target, 4096, &got), 0);
			ext2fs_file_close(file);
		} else {
			memcpy(target, i.i_block, i.i_size);
		}
		assert_string_equal(target, n->target);
		break;
	case S_IFCHR:
	case S_IFBLK:
		if (i.i_block[0] != 0) {
			assert_int_equal(i.i_block[0], n->major << 8 | n->minor);
		} else {
			uint32_t d = i.i_block[1];
			assert_int_equal((d >> 8) & 0xfff, n->major);
			assert_int_equal((d & 0xff) | (d >> 12 & 0xfff00), n->minor);
		}
		break;
	default:
		break;
	}
}

/* All that was planned is there, and nothing else. */
static inline void read_back(const struct image *img, struct tree *t)
{
	ext2_filsys fs = open_image(img);
	for (size_t i = 0; i < t->r.count; i++)
		if (!t->r.list[i]->gone && t->r.list[i]->same_as == NULL)
			read_node(fs, t, t->r.list[i]);
	ext2fs_close_free(&fs);
}

#endif
