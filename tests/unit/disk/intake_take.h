/*
 * Archives taken in by a test: into a tree, and read again.
 */
#ifndef IMGBUILD_TESTS_INTAKE_TAKE_H
#define IMGBUILD_TESTS_INTAKE_TAKE_H

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>

#include "disk/intake.h"
#include "fail.h"
#include "tar_make.h"
#include "tree_text.h"

struct taken {
	struct held held;
	struct intake *in;
	char path[64];
	struct err e;
};

static inline bool keeps_kept(void *ctx, const char *path)
{
	(void)ctx;
	return strstr(path, "kept") != NULL;
}
static const struct intake_keep KEEP = { .want = keeps_kept };

static inline int take_file(struct taken *t, const char *path)
{
	held_make(&t->held);
	t->in = NULL;
	t->e = (struct err){ 0 };
	if (intake_open(path, 0, &t->held.arena, &t->in, &t->e) < 0)
		return -1;
	return intake_scan(t->in, &t->held.tree, &KEEP, &t->e);
}

static inline int take(struct taken *t, const struct buf *b)
{
	file_make(t->path, b->data, b->len);
	return take_file(t, t->path);
}

static inline void leave(struct taken *t)
{
	intake_close(t->in);
	held_free(&t->held);
	if (t->path[0] != '\0')
		unlink(t->path);
	t->path[0] = '\0';
}

static inline void taken_ok(struct taken *t, const struct buf *b)
{
	if (take(t, b) < 0)
		fail_msg("%s", t->e.msg);
	assert_whole(&t->held.tree);
}

/* The second reading's bytes of a file, zeroes between its pieces. */
static inline void content(struct taken *t, const char *path, struct buf *out)
{
	struct rootfs_source *s;
	struct err e;
	size_t entry;
	int rc = 0;
	struct rootfs_node *n = rootfs_find(&t->held.tree, path);
	assert_non_null(n);
	n = rootfs_file(n);
	buf_clear(out);
	if (n->data != NULL) {
		assert_int_equal(buf_add(out, n->data, n->size, &e), 0);
		return;
	}
	assert_int_equal(intake_source(t->in, &s, &e), 0);
	while ((rc = s->next(s, &entry, &e)) > 0 && entry != n->entry)
		;
	assert_int_equal(rc, 1);
	const void *data;
	size_t len;
	uint64_t offset;
	while ((rc = s->read(s, &data, &len, &offset, &e)) > 0) {
		assert_true(len > 0 && offset >= out->len);
		while (out->len < offset)
			assert_int_equal(buf_putc(out, '\0', &e), 0);
		assert_int_equal(buf_add(out, data, len, &e), 0);
	}
	if (rc < 0)
		fail_msg("%s", e.msg);
	while (out->len < n->size)
		assert_int_equal(buf_putc(out, '\0', &e), 0);
	assert_int_equal(out->len, n->size);
	if (n->at == 0)
		return;
	/* The same bytes, where they are said to lie. */
	assert_true(n->at < s->map_len && n->size <= s->map_len - n->at);
	assert_memory_equal(s->map + n->at, out->data, n->size);
}

static inline void assert_content(struct taken *t, const char *path, const char *text)
{
	struct buf b = { 0 };
	content(t, path, &b);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data != NULL ? b.data : "", text, b.len);
	buf_free(&b);
}

/* The same few files as libarchive writes them. */
static inline void write_with(const char *path, int format, int filter)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	assert_int_equal(archive_write_add_filter(a, filter), ARCHIVE_OK);
	assert_int_equal(archive_write_set_format(a, format), ARCHIVE_OK);
	assert_int_equal(archive_write_open_filename(a, path), ARCHIVE_OK);
	const struct {
		const char *name;
		unsigned type;
		unsigned mode;
		const char *text;
	} LIST[] = { { "etc", AE_IFDIR, 0755, NULL }, { "etc/f", AE_IFREG, 04711, "some text" },
		{ "etc/kept", AE_IFREG, 0600, "more" }, { "etc/l", AE_IFLNK, 0777, "f" } };
	for (size_t i = 0; i < sizeof(LIST) / sizeof(LIST[0]); i++) {
		archive_entry_clear(entry);
		archive_entry_set_pathname(entry, LIST[i].name);
		archive_entry_set_filetype(entry, LIST[i].type);
		archive_entry_set_perm(entry, LIST[i].mode);
		archive_entry_set_uid(entry, 33);
		archive_entry_set_gid(entry, 44);
		archive_entry_set_mtime(entry, 1600000000, 0);
		archive_entry_set_nlink(entry, 1);
		archive_entry_set_ino(entry, (la_int64_t)i + 1);
		if (LIST[i].type == AE_IFLNK)
			archive_entry_set_symlink(entry, LIST[i].text);
		size_t len = LIST[i].type == AE_IFREG ? strlen(LIST[i].text) : 0;
		archive_entry_set_size(entry, (la_int64_t)len);
		assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
		assert_int_equal(archive_write_data(a, LIST[i].text, len), len);
	}
	archive_entry_free(entry);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_write_free(a);
}

#define OWN_PASSWD "root:x:0:0::/:/bin/sh\nalice:x:1001:1001::/:/bin/sh\n"
#define OWN_GROUP  "root:x:0:\nwheel:x:77:alice\n"

#endif
