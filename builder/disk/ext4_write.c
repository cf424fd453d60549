#include "disk/ext4_internal.h"

static void free_writer(struct ext4_writer *w)
{
	buf_free(&w->scratch);
	buf_free(&w->spare);
	ext4_fs_free(&w->fs);
}

/* The tree's blocks, all at once: a full disk is found at the beginning, and every write is
 * cheaper. */
static int reserve(const struct ext4_plan *p, struct raw *raw, uint64_t offset, struct err *e)
{
	uint64_t start = p->g.journal + p->g.journal_blocks;
	if (p->end <= start)
		return 0;
	return raw_reserve(raw, offset + start * EXT4_BLOCK, (p->end - start) * EXT4_BLOCK, e);
}

/* All that is known without the archive. */
static int own(struct ext4_writer *w, struct err *e)
{
	return ext4_inodes_write(w, e) < 0 || ext4_folders_write(w, e) < 0 ||
			       ext4_made_write(w, e) < 0 || ext4_groups_write(w, e) < 0
		       ? -1
		       : 0;
}

int ext4_write(const struct ext4_plan *p, struct rootfs_source *src, struct raw *raw,
	uint64_t offset, struct err *e)
{
	struct ext4_writer w __attribute__((cleanup(free_writer))) = { .p = p };
	cleanup_ext4_stream struct ext4_stream s = { 0 };
	if (offset > raw->size || raw->size - offset < p->o.size)
		return err_set(e, ERR_BUG, 0, "ext4: the image ends before the file system");
	if (ext4_fs_open(&p->o, p->g.inodes, &w.fs, e) < 0 ||
		ext4_stream_open(&s, raw, offset, e) < 0)
		return -1;
	w.s = &s;
	if (reserve(p, raw, offset, e) < 0)
		return -1;
	int rc = src != NULL && src->map != NULL ? ext4_copy(&w, src, own, e) : own(&w, e);
	if (rc < 0 || ext4_data_write(&w, src, e) < 0)
		return -1;
	return ext4_super_write(&w, e);
}
