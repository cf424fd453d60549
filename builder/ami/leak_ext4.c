#include <errno.h>
#include <ext2fs/ext2fs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* behind libext2fs's, which has a struct and macros of the same kinds */
#include "ami/leak_scan.h"

#define DEPTH_MAX 64

struct walk {
	struct leak_job *job;
	ext2_filsys fs;
	int fd;
	uint64_t offset;          /* bytes: of the file system in the image */
	ext2fs_inode_bitmap seen; /* files whose content was searched, under one of their names */
	char path[4096];
	size_t len;
	unsigned depth;
	struct err *err;
	bool failed;
};

static int broken(struct walk *w, errcode_t rc, const char *what)
{
	w->failed = true;
	return err_set(w->err, rc == EXT2_ET_NO_MEMORY ? ERR_MACHINE : ERR_INPUT, 0,
		"root file system: %s %s: %s", what, w->path, error_message(rc));
}

/* ---- content ---- */

struct content {
	struct walk *w;
	uint64_t left;  /* bytes of the file not yet read */
	uint64_t start; /* blocks that follow one another, not yet read */
	uint64_t count;
	int64_t next; /* logical block behind them */
};

/* Read `len` bytes at `at` of the image into the scan. */
static int feed(struct walk *w, uint64_t at, uint64_t len)
{
	while (len > 0) {
		size_t room;
		char *to = leak_scan_room(&w->job->scan, &room);
		ssize_t n = pread(w->fd, to, room < len ? room : (size_t)len, (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			w->failed = true;
			return err_set(w->err, ERR_MACHINE, n < 0 ? errno : 0, "read %s%s", w->path,
				n < 0 ? "" : ": the image ends early");
		}
		leak_scan_added(&w->job->scan, (size_t)n);
		w->job->to->bytes += (uint64_t)n;
		at += (uint64_t)n;
		len -= (uint64_t)n;
	}
	return 0;
}

static int flush(struct content *c)
{
	uint64_t len = c->count * c->w->fs->blocksize;
	if (len > c->left)
		len = c->left;
	uint64_t at = c->w->offset + c->start * c->w->fs->blocksize;
	c->count = 0;
	c->left -= len;
	return feed(c->w, at, len);
}

/* The blocks come in their order; holes are passed over. */
static int take_block(
	ext2_filsys fs, blk64_t *block, e2_blkcnt_t logical, blk64_t ref, int offset, void *ctx)
{
	struct content *c = ctx;
	(void)fs, (void)ref, (void)offset;
	if (logical < 0)
		return 0;
	if (c->count > 0 && c->start + c->count == *block && c->next == logical) {
		c->count++;
		c->next++;
		return 0;
	}
	if (c->count > 0 && flush(c) < 0)
		return BLOCK_ABORT;
	/* Behind a hole less of the file is left than the blocks before it say. */
	if (logical > c->next) {
		uint64_t hole = (uint64_t)(logical - c->next) * c->w->fs->blocksize;
		c->left = hole < c->left ? c->left - hole : 0;
	}
	c->start = *block;
	c->count = 1;
	c->next = logical + 1;
	return 0;
}

static int read_inline(struct walk *w, ext2_ino_t ino)
{
	ext2_file_t file;
	errcode_t rc = ext2fs_file_open(w->fs, ino, 0, &file);
	while (rc == 0) {
		size_t room;
		unsigned got = 0;
		char *to = leak_scan_room(&w->job->scan, &room);
		rc = ext2fs_file_read(file, to, room < 65536 ? (unsigned)room : 65536, &got);
		if (got == 0)
			break;
		leak_scan_added(&w->job->scan, got);
		w->job->to->bytes += got;
	}
	if (rc == 0)
		ext2fs_file_close(file);
	return rc == 0 ? 0 : broken(w, rc, "read");
}

static int scan_file(struct walk *w, ext2_ino_t ino, struct ext2_inode *inode)
{
	uint64_t size = EXT2_I_SIZE(inode);
	struct content c = { .w = w, .left = size };
	leak_scan_begin(&w->job->scan);
	if (inode->i_flags & EXT4_INLINE_DATA_FL)
		return read_inline(w, ino);
	if (!ext2fs_inode_has_valid_blocks2(w->fs, inode))
		return 0;
	errcode_t rc = ext2fs_block_iterate3(
		w->fs, ino, BLOCK_FLAG_READ_ONLY | BLOCK_FLAG_DATA_ONLY, NULL, take_block, &c);
	if (w->failed)
		return -1;
	if (rc != 0)
		return broken(w, rc, "read");
	return c.count > 0 ? flush(&c) : 0;
}

/*
 * A file under one more name: its content is searched the first time, but each name is looked at
 * with what the content starts with.
 */
static int look_at_file(struct walk *w, ext2_ino_t ino, struct ext2_inode *inode)
{
	struct leak_job *j = w->job;
	uint64_t size = EXT2_I_SIZE(inode);
	bool again = ext2fs_test_inode_bitmap2(w->seen, ino) != 0;
	if (again) {
		const char *reason = leak_path(w->path, size, NULL, 0);
		return reason != NULL ? leak_note(j, w->path, reason, w->err) : 0;
	}
	ext2fs_mark_inode_bitmap2(w->seen, ino);
	if (scan_file(w, ino, inode) < 0)
		return -1;
	j->to->files++;
	const char *reason = leak_scan_end(&j->scan, w->path, size);
	return reason != NULL ? leak_note(j, w->path, reason, w->err) : 0;
}

/* ---- folders ---- */

static int folder(struct walk *w, ext2_ino_t ino);

static int look_at(struct walk *w, ext2_ino_t ino)
{
	struct ext2_inode inode;
	errcode_t rc = ext2fs_read_inode(w->fs, ino, &inode);
	if (rc != 0)
		return broken(w, rc, "read");
	if (LINUX_S_ISDIR(inode.i_mode))
		return folder(w, ino);
	if (LINUX_S_ISREG(inode.i_mode))
		return look_at_file(w, ino, &inode);
	const char *reason = leak_link(w->path);
	return reason != NULL ? leak_note(w->job, w->path, reason, w->err) : 0;
}

static int take_name(ext2_ino_t dir, int entry, struct ext2_dir_entry *d, int offset, int size,
	char *buf, void *ctx)
{
	struct walk *w = ctx;
	size_t n = (size_t)ext2fs_dirent_name_len(d), before = w->len;
	(void)dir, (void)entry, (void)offset, (void)size, (void)buf;
	if ((n == 1 && d->name[0] == '.') || (n == 2 && memcmp(d->name, "..", 2) == 0))
		return 0;
	if (before + n + 2 > sizeof(w->path)) {
		broken(w, EXT2_ET_DIR_CORRUPTED, "too long a path below");
		return DIRENT_ABORT;
	}
	w->path[w->len++] = '/';
	memcpy(w->path + w->len, d->name, n);
	w->len += n;
	w->path[w->len] = '\0';
	int rc = look_at(w, d->inode);
	w->len = before;
	w->path[before] = '\0';
	if (rc < 0)
		w->failed = true;
	return rc < 0 ? DIRENT_ABORT : 0;
}

static int folder(struct walk *w, ext2_ino_t ino)
{
	if (w->depth == DEPTH_MAX)
		return broken(w, EXT2_ET_DIR_CORRUPTED, "folders too deep at");
	w->depth++;
	errcode_t rc = ext2fs_dir_iterate2(w->fs, ino, 0, NULL, take_name, w);
	w->depth--;
	if (w->failed)
		return -1;
	return rc != 0 ? broken(w, rc, "read folder") : 0;
}

int leak_ext4(struct leak_job *j, const char *path, int fd, uint64_t offset, struct err *e)
{
	char option[48];
	struct walk *w = arena_alloc(j->arena, sizeof(*w), e);
	if (w == NULL)
		return -1;
	*w = (struct walk){ .job = j, .fd = fd, .offset = offset, .err = e };
	snprintf(option, sizeof(option), "offset=%llu", (unsigned long long)offset);
	errcode_t rc = ext2fs_open2(path, option, EXT2_FLAG_64BITS, 0, 0, unix_io_manager, &w->fs);
	if (rc != 0)
		return broken(w, rc, "open");
	rc = ext2fs_allocate_inode_bitmap(w->fs, "seen", &w->seen);
	int done = rc != 0 ? broken(w, rc, "open") : folder(w, EXT2_ROOT_INO);
	if (w->seen != NULL)
		ext2fs_free_inode_bitmap(w->seen);
	ext2fs_close_free(&w->fs);
	return done;
}
