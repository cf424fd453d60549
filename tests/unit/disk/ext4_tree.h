/*
 * Trees for the ext4 writer's tests, a source that brings made-up bytes, and the way back: e2fsck
 * on what was written, and every node read again with libext2fs.
 */
#ifndef IMGBUILD_TESTS_EXT4_TREE_H
#define IMGBUILD_TESTS_EXT4_TREE_H

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/ext4_internal.h"
/* behind libext2fs's */
#include "base/child.h"
#include "base/file.h"
#include "check.h"
#include "fail.h"

#define MIB    ((uint64_t)1 << 20)
#define GIB    ((uint64_t)1 << 30)
#define OFFSET MIB /* of the file system in the image */

/* Numbers that are the same on every run. */
static inline uint32_t roll(uint64_t *state, uint32_t below)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return below == 0 ? 0 : (uint32_t)(*state >> 33) % below;
}

#define PATTERN ((size_t)1 << 20)

/* Bytes of files: those of an entry start at a place of their own in these. */
static inline const unsigned char *pattern(void)
{
	static unsigned char bytes[PATTERN];
	static bool made;
	uint64_t state = 1;
	for (size_t i = 0; !made && i < PATTERN; i++)
		bytes[i] = (unsigned char)(1 + roll(&state, 255));
	made = true;
	return bytes;
}

/* The bytes of an entry from `offset` on, as many as follow one another. */
static inline const unsigned char *bytes_at(size_t entry, uint64_t offset, size_t *len)
{
	size_t at = (size_t)((entry * 7919 + offset) % PATTERN);
	if (*len > PATTERN - at)
		*len = PATTERN - at;
	return pattern() + at;
}

struct tree {
	struct arena arena;
	struct rootfs r;
	size_t entries;
};

static inline void tree_init(struct tree *t)
{
	struct err e = { 0 };
	*t = (struct tree){ 0 };
	assert_int_equal(rootfs_init(&t->r, &t->arena, 1700000000, &e), 0);
}

static inline struct rootfs_node *add(
	struct tree *t, struct rootfs_node *folder, const char *name, uint32_t mode)
{
	struct err e = { 0 };
	struct rootfs_node *n = rootfs_add(
		&t->r, folder != NULL ? folder : t->r.root, name, strlen(name), mode, &e);
	if (n == NULL)
		fail_msg("%s", e.msg);
	return n;
}

static inline struct rootfs_node *add_file(
	struct tree *t, struct rootfs_node *folder, const char *name, uint64_t size)
{
	struct rootfs_node *n = add(t, folder, name, S_IFREG | 0644);
	n->size = size;
	if (size > 0)
		t->r.entries = n->entry = ++t->entries;
	return n;
}

static inline struct rootfs_node *add_folder(
	struct tree *t, struct rootfs_node *folder, const char *name)
{
	return add(t, folder, name, S_IFDIR | 0755);
}

static inline struct rootfs_node *add_link(
	struct tree *t, struct rootfs_node *folder, const char *name, const char *target)
{
	struct rootfs_node *n = add(t, folder, name, S_IFLNK | 0777);
	struct err e = { 0 };
	n->target = arena_strdup(&t->arena, target, &e);
	assert_non_null(n->target);
	return n;
}

static inline struct rootfs_node *add_name(
	struct tree *t, struct rootfs_node *folder, const char *name, struct rootfs_node *file)
{
	struct err e = { 0 };
	struct rootfs_node *n = rootfs_add_link(
		&t->r, folder != NULL ? folder : t->r.root, name, strlen(name), file, &e);
	if (n == NULL)
		fail_msg("%s", e.msg);
	return n;
}

static inline void add_span(struct tree *t, struct rootfs_node *n, uint64_t offset, uint64_t length)
{
	struct err e = { 0 };
	size_t cap = n->span_count == 0 ? 0 : 1;
	while (cap < n->span_count)
		cap *= 2;
	struct rootfs_span *s =
		arena_push(&t->arena, &n->spans, &n->span_count, &cap, sizeof(*n->spans), &e);
	assert_non_null(s);
	*s = (struct rootfs_span){ offset, length };
}

static inline void add_xattr(
	struct tree *t, struct rootfs_node *n, const char *name, const void *value, size_t len)
{
	struct err e = { 0 };
	struct rootfs_xattr *x = arena_alloc(&t->arena, sizeof(*x), &e);
	assert_non_null(x);
	*x = (struct rootfs_xattr){ .name = arena_strdup(&t->arena, name, &e),
		.value = arena_strndup(&t->arena, value, len, &e),
		.len = len,
		.next = n->xattrs };
	n->xattrs = x;
}

/* A source that brings the entries of all nodes that are not gone, in pieces of some size. */
struct made_source {
	struct rootfs_source s;
	const struct rootfs *r;
	const struct rootfs_node *now;
	size_t at;       /* in the list */
	size_t span;     /* of the node */
	uint64_t offset; /* in the span, or in the file */
	size_t piece;    /* bytes at once */
	size_t bring;    /* entries before the archive ends */
	int64_t longer;  /* bytes that each file has more than planned */
};

static inline int made_next(struct rootfs_source *s, size_t *ret, struct err *e)
{
	struct made_source *m = (void *)s;
	(void)e;
	while (m->at < m->r->count && m->bring > 0) {
		const struct rootfs_node *n = m->r->list[m->at++];
		if (n->entry == 0 || n->same_as != NULL)
			continue;
		m->now = n;
		m->span = 0;
		m->offset = 0;
		m->bring--;
		*ret = n->entry;
		return 1;
	}
	return 0;
}

static inline int made_read(struct rootfs_source *s, const void **ret_data, size_t *ret_len,
	uint64_t *ret_offset, struct err *e)
{
	struct made_source *m = (void *)s;
	struct rootfs_span whole = { 0, (uint64_t)((int64_t)m->now->size + m->longer) };
	const struct rootfs_span *spans = m->now->spans != NULL ? m->now->spans : &whole;
	size_t count = m->now->spans != NULL ? m->now->span_count : 1;
	(void)e;
	while (m->span < count && m->offset >= spans[m->span].length) {
		m->span++;
		m->offset = 0;
	}
	if (m->span == count)
		return 0;
	uint64_t left = spans[m->span].length - m->offset;
	*ret_offset = spans[m->span].offset + m->offset;
	*ret_len = left < m->piece ? (size_t)left : m->piece;
	*ret_data = bytes_at(m->now->entry, *ret_offset, ret_len);
	m->offset += *ret_len;
	return 1;
}

static inline struct made_source made_source(const struct rootfs *r)
{
	return (struct made_source){ .s = { .next = made_next, .read = made_read },
		.r = r,
		.piece = 65536,
		.bring = SIZE_MAX };
}

static inline struct ext4_options usual_options(uint64_t size)
{
	return (struct ext4_options){ .size = size,
		.uuid = { 0xde, 0xad, 0xbe, 0xef, 5, 6, 0x87, 8, 0x89, 10, 11, 12, 13, 14, 15, 16 },
		.hash_seed = { 16, 15, 14, 13, 12, 11, 0x8a, 9, 0x88, 7, 6, 5, 4, 3, 2, 1 },
		.label = "root",
		.time = 1700000000 };
}

/* An image in memory, which e2fsck can open by its name in /proc. */
struct image {
	struct raw raw;
	int fd;
	char path[64];
	struct arena arena;
};

static inline void image_open(struct image *i, uint64_t size)
{
	struct err e = { 0 };
	*i = (struct image){ .fd = memfd_create("image", MFD_CLOEXEC) };
	assert_true(i->fd >= 0);
	snprintf(i->path, sizeof(i->path), "/proc/%d/fd/%d", (int)getpid(), i->fd);
	assert_int_equal(raw_init(&i->raw, i->fd, OFFSET + size, &i->arena, &e), 0);
}

static inline void image_close(struct image *i)
{
	close(i->fd);
	arena_free(&i->arena);
}

static inline int write_tree(
	struct tree *t, const struct ext4_options *o, struct image *i, struct err *e)
{
	struct made_source src = made_source(&t->r);
	struct arena a = { 0 };
	struct ext4_plan *p = NULL;
	int rc = ext4_plan(&t->r, o, &a, &p, e);
	if (rc == 0)
		rc = ext4_write(p, &src.s, &i->raw, OFFSET, e);
	arena_free(&a);
	return rc;
}

/* e2fsck finds nothing: exit status 0, and no questions in what it says. */
static inline void check_image(const struct image *i)
{
	char device[96];
	struct err e = { 0 };
	struct buf out = { 0 };
	snprintf(device, sizeof(device), "%s?offset=%llu", i->path, (unsigned long long)OFFSET);
	const char *argv[] = { "e2fsck", "-fn", device, NULL };
	if (child_run(argv, NULL, &out, &e) < 0)
		fail_msg("%s\n%s", e.msg, out.data != NULL ? out.data : "");
	if (strstr(out.data, "? no") != NULL || strstr(out.data, "could be") != NULL)
		fail_msg("%s", out.data);
	buf_free(&out);
}

#endif
