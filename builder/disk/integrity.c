#include "disk/integrity.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct line {
	const char *path;
	const struct rootfs_node *file;
};

struct list {
	struct rootfs_late late;
	struct line *lines; /* sorted */
	size_t count;
	size_t cap;
};

struct patterns {
	const char **list;
	size_t count;
	size_t cap;
};

static int read_patterns(
	struct rootfs *r, const struct rootfs_node *n, struct patterns *ret, struct err *e)
{
	const char *p = n->data != NULL ? n->data : "", *end = p + (n->data != NULL ? n->size : 0);
	for (size_t len; p < end; p += len + (p + len < end)) {
		const char *newline = memchr(p, '\n', (size_t)(end - p));
		len = newline != NULL ? (size_t)(newline - p) : (size_t)(end - p);
		if (len == 0 || p[0] != '/')
			continue;
		const char **slot =
			arena_push(r->arena, &ret->list, &ret->count, &ret->cap, sizeof(*slot), e);
		if (slot == NULL)
			return -1;
		*slot = arena_strndup(r->arena, p, len, e);
		if (*slot == NULL)
			return -1;
	}
	return 0;
}

static bool is_mutable(const struct patterns *patterns, const char *path)
{
	if (strcmp(path, INTEGRITY_PATH) == 0)
		return true;
	for (size_t i = 0; i < patterns->count; i++)
		if (fnmatch(patterns->list[i], path, 0) == 0)
			return true;
	return false;
}

static bool must_escape(const char *path)
{
	return strpbrk(path, "\\\n\r") != NULL;
}

/* A backslash before the digest says that the name is escaped. */
static int put_line(const struct line *l, const char *hex, struct buf *out, struct err *e)
{
	if (!must_escape(l->path))
		return buf_printf(out, e, "%s  %s\n", hex, l->path);
	if (buf_printf(out, e, "\\%s  ", hex) < 0)
		return -1;
	for (const char *p = l->path; *p != '\0'; p++) {
		const char *as = *p == '\\'   ? "\\\\"
				 : *p == '\n' ? "\\n"
				 : *p == '\r' ? "\\r"
					      : NULL;
		if ((as != NULL ? buf_puts(out, as, e) : buf_putc(out, *p, e)) < 0)
			return -1;
	}
	return buf_putc(out, '\n', e);
}

static int fill(void *ctx, struct buf *out, struct err *e)
{
	const struct list *list = ctx;
	for (size_t i = 0; i < list->count; i++) {
		const struct line *l = &list->lines[i];
		struct sha256 digest = l->file->digest;
		if (l->file->size == 0)
			digest = sha256_of("", 0);
		else if (!l->file->digested)
			return err_set(e, ERR_BUG, 0, "%s has no digest", l->path);
		if (put_line(l, sha256_text(&digest).text, out, e) < 0)
			return -1;
	}
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct line *)a)->path, ((const struct line *)b)->path);
}

static int collect(
	struct rootfs *r, const struct patterns *patterns, struct list *list, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i], *file = rootfs_file(n);
		if (n->gone || !S_ISREG(file->mode))
			continue;
		buf_clear(&path);
		if (rootfs_path(n, &path, e) < 0)
			return -1;
		if (is_mutable(patterns, path.data))
			continue;
		struct line *l =
			arena_push(r->arena, &list->lines, &list->count, &list->cap, sizeof(*l), e);
		if (l == NULL)
			return -1;
		*l = (struct line){ arena_strdup(r->arena, path.data, e), file };
		if (l->path == NULL)
			return -1;
	}
	if (list->count > 0)
		qsort(list->lines, list->count, sizeof(*list->lines), by_path);
	return 0;
}

int integrity_add(struct rootfs *r, struct err *e)
{
	const struct rootfs_node *mutable = rootfs_find(r, INTEGRITY_MUTABLE);
	if (mutable == NULL || !S_ISREG(mutable->mode))
		return 0;
	struct patterns patterns = { 0 };
	struct list *list = arena_alloc(r->arena, sizeof(*list), e);
	if (list == NULL || read_patterns(r, mutable, &patterns, e) < 0 ||
		collect(r, &patterns, list, e) < 0)
		return -1;
	static const char zero[] =
		"0000000000000000000000000000000000000000000000000000000000000000";
	cleanup_buf struct buf text = { 0 };
	for (size_t i = 0; i < list->count; i++)
		if (put_line(&list->lines[i], zero, &text, e) < 0)
			return -1;
	struct rootfs_node *n = rootfs_put(r, INTEGRITY_PATH, S_IFREG | 0644, "", 0, e);
	if (n == NULL)
		return -1;
	list->late = (struct rootfs_late){ .fill = fill, .ctx = list };
	n->size = text.len;
	n->data = NULL;
	n->late = &list->late;
	return 0;
}
