#include "disk/ext4_internal.h"

static void free_writer(struct ext4_writer *w)
{
	buf_free(&w->scratch);
	buf_free(&w->spare);
	ext4_fs_free(&w->fs);
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
	if (ext4_inodes_write(&w, e) < 0 || ext4_data_write(&w, src, e) < 0 ||
		ext4_groups_write(&w, e) < 0)
		return -1;
	return ext4_stream_flush(&s, e);
}
