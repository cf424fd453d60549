/*
 * A tree as text, for tests to compare: a line a name, in the order of the tree's list,
 *
 *   /etc/passwd -rw-r--r-- 0:0 1700000000.5 12 user.x=0aff [0+4] = /etc/other
 *
 * with devices' numbers or a link's target in place of the size.
 */
#ifndef IMGBUILD_TESTS_TREE_TEXT_H
#define IMGBUILD_TESTS_TREE_TEXT_H

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "disk/rootfs.h"

struct held {
	struct arena arena;
	struct rootfs tree;
	char line[16384]; /* of the last that was asked for */
};

static inline void held_make(struct held *h)
{
	struct err e;
	*h = (struct held){ .arena = { .max = (size_t)1 << 30 } };
	assert_int_equal(rootfs_init(&h->tree, &h->arena, 1700000000, &e), 0);
}

static inline void held_free(struct held *h)
{
	arena_free(&h->arena);
}

static inline void tree_add_path(const struct rootfs_node *n, char *out)
{
	struct err e;
	struct buf path = { 0 };
	assert_int_equal(rootfs_path(n, &path, &e), 0);
	strcat(out, path.data);
	buf_free(&path);
}

static inline char kind_letter(uint32_t mode)
{
	return S_ISDIR(mode)    ? 'd'
	       : S_ISLNK(mode)  ? 'l'
	       : S_ISCHR(mode)  ? 'c'
	       : S_ISBLK(mode)  ? 'b'
	       : S_ISFIFO(mode) ? 'p'
				: '-';
}

static inline const char *node_line(struct held *h, struct rootfs_node *n)
{
	char *out = h->line;
	const struct rootfs_node *f = rootfs_file(n);
	out[0] = '\0';
	tree_add_path(n, out);
	sprintf(out + strlen(out), " %c%04o %u:%u %lld", kind_letter(f->mode), f->mode & 07777,
		f->uid, f->gid, (long long)f->mtime);
	if (f->mtime_nsec != 0)
		sprintf(out + strlen(out), ".%09u", f->mtime_nsec);
	if (S_ISLNK(f->mode))
		sprintf(out + strlen(out), " -> %s", f->target);
	else if (S_ISCHR(f->mode) || S_ISBLK(f->mode))
		sprintf(out + strlen(out), " %u,%u", f->major, f->minor);
	else if (S_ISREG(f->mode))
		sprintf(out + strlen(out), " %llu", (unsigned long long)f->size);
	for (const struct rootfs_xattr *x = f->xattrs; x != NULL; x = x->next) {
		sprintf(out + strlen(out), " %s=", x->name);
		for (size_t i = 0; i < x->len; i++)
			sprintf(out + strlen(out), "%02x", ((const unsigned char *)x->value)[i]);
	}
	for (size_t i = 0; i < f->span_count; i++)
		sprintf(out + strlen(out), " [%llu+%llu]", (unsigned long long)f->spans[i].offset,
			(unsigned long long)f->spans[i].length);
	if (f != n) {
		strcat(out, " = ");
		tree_add_path(f, out);
	}
	return out;
}

/* The line of a path; "none" where there is nothing. */
static inline const char *line_of(struct held *h, const char *path)
{
	struct rootfs_node *n = rootfs_find(&h->tree, path);
	return n != NULL ? node_line(h, n) : "none";
}

#define assert_line(h, path, text) assert_string_equal(line_of(h, path), path " " text)
#define assert_none(h, path)       assert_null(rootfs_find(&(h)->tree, path))

/* What every tree promises, whatever was done to it. */
static inline void assert_whole(const struct rootfs *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		uint32_t names = 1;
		size_t found = 0;
		struct buf path = { 0 };
		struct err e;
		if (n->parent != NULL) {
			for (const struct rootfs_node *c = n->parent->children; c != NULL;
				c = c->next) {
				found += c == n;
				assert_true(c->parent == n->parent);
				assert_true(c->next != NULL ? c->next->prev == c
							    : n->parent->last == c);
			}
			assert_int_equal(found, 1);
		}
		if (n->gone)
			continue;
		assert_true(n->parent == NULL || !n->parent->gone);
		assert_int_equal(rootfs_path(n, &path, &e), 0);
		assert_ptr_equal(rootfs_find(r, path.data), n);
		buf_free(&path);
		if (n->same_as != NULL) {
			assert_false(n->same_as->gone);
			assert_null(n->same_as->same_as);
			continue;
		}
		for (const struct rootfs_node *f = n->further; f != NULL; f = f->further) {
			assert_ptr_equal(f->same_as, n);
			names += !f->gone;
		}
		if (!S_ISDIR(n->mode))
			assert_int_equal(n->links, names);
	}
}

#endif
