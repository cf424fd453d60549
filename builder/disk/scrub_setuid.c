#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/scrub.h"

#define OVERRIDES     "/var/lib/dpkg/statoverride"
#define OVERRIDES_MAX ((size_t)1 << 20) /* bytes */

/* Names of files that lost their bits, with what dpkg is to give them. */
struct lost {
	const char *path;
	const char *line;
};

struct setuid {
	struct rootfs *r;
	const struct owners *owners;
	struct lost *list;
	size_t count;
	size_t cap;
};

static const char *name_of(
	struct setuid *s, const struct owner *list, size_t count, uint32_t id, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (list[i].id == id)
			return list[i].name;
	return id == 0 ? "root" : arena_printf(s->r->arena, e, "#%u", id);
}

static int note(struct setuid *s, const struct rootfs_node *file, const char *path, struct err *e)
{
	const char *user = name_of(s, s->owners->users, s->owners->user_count, file->uid, e);
	if (user == NULL)
		return -1;
	const char *group = name_of(s, s->owners->groups, s->owners->group_count, file->gid, e);
	if (group == NULL)
		return -1;
	struct lost *l = arena_push(s->r->arena, &s->list, &s->count, &s->cap, sizeof(*l), e);
	if (l == NULL)
		return -1;
	l->path = path;
	l->line = arena_printf(
		s->r->arena, e, "%s %s %o %s\n", user, group, file->mode & 07777, path);
	return l->line != NULL ? 0 : -1;
}

/* Packages may still call /usr/bin/x by /bin/x: where /bin is such a link, both are noted. */
static int note_names(struct setuid *s, const struct rootfs_node *n, const struct rootfs_node *file,
	struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	if (rootfs_path(n, &path, e) < 0)
		return -1;
	const char *full = arena_strdup(s->r->arena, path.data, e);
	if (full == NULL || note(s, file, full, e) < 0)
		return -1;
	for (const struct rootfs_node *top = s->r->root->children; top != NULL; top = top->next) {
		if (top->gone || !S_ISLNK(top->mode))
			continue;
		const struct rootfs_node *folder = rootfs_resolve(s->r, top->name), *up = n->parent;
		while (up != NULL && up != folder)
			up = up->parent;
		if (up == NULL || folder == NULL || folder->parent == NULL)
			continue;
		path.len = 0;
		if (rootfs_path(folder, &path, e) < 0)
			return -1;
		const char *other =
			arena_printf(s->r->arena, e, "/%s%s", top->name, full + path.len);
		if (other == NULL || note(s, file, other, e) < 0)
			return -1;
	}
	return 0;
}

static bool keeps(const struct rootfs *r, const struct words *keep, const struct rootfs_node *file)
{
	for (size_t i = 0; i < keep->count; i++) {
		struct rootfs_node *n = rootfs_resolve(r, keep->list[i].text);
		if (n != NULL && rootfs_file(n) == file)
			return true;
	}
	return false;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct lost *)a)->path, ((const struct lost *)b)->path);
}

/* The path of an existing line, NUL-terminated in place; NULL: none. */
static const char *path_of(const char *line, size_t len, char *copy)
{
	memcpy(copy, line, len);
	copy[len] = '\0';
	return strchr(copy, '/');
}

static int write_overrides(struct setuid *s, struct err *e)
{
	struct rootfs_node *old = rootfs_find(s->r, OVERRIDES);
	struct rootfs_node *dpkg = rootfs_find(s->r, "/var/lib/dpkg");
	cleanup_buf struct buf out = { .max = OVERRIDES_MAX };
	if (s->count == 0 || dpkg == NULL || !S_ISDIR(dpkg->mode))
		return 0;
	qsort(s->list, s->count, sizeof(*s->list), by_path);
	old = old != NULL ? rootfs_file(old) : NULL;
	if (old != NULL && old->size > 0 && old->data == NULL)
		return err_set(e, ERR_BUG, 0, OVERRIDES ": not in memory");
	const char *at = old != NULL && old->size > 0 ? old->data : "";
	const char *end = at + (old != NULL ? old->size : 0);
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		char *copy = arena_alloc(s->r->arena, (size_t)(stop - at) + 1, e);
		if (copy == NULL)
			return -1;
		struct lost key = { .path = path_of(at, (size_t)(stop - at), copy) };
		/* A line of the base for the same file is where its bits came from. */
		if (copy[0] != '\0' &&
			(key.path == NULL ||
				bsearch(&key, s->list, s->count, sizeof(key), by_path) == NULL) &&
			(buf_add(&out, at, (size_t)(stop - at), e) < 0 ||
				buf_putc(&out, '\n', e) < 0))
			return -1;
		at = stop + 1;
	}
	for (size_t i = 0; i < s->count; i++)
		if (buf_puts(&out, s->list[i].line, e) < 0)
			return -1;
	const char *text = arena_strndup(s->r->arena, out.data, out.len, e);
	return text != NULL && rootfs_put(s->r, OVERRIDES, 0644, text, out.len, e) != NULL ? 0 : -1;
}

int scrub_setuid(struct rootfs *r, const struct words *keep, const struct owners *o, struct err *e)
{
	struct setuid s = { .r = r, .owners = o };
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		if (n->gone || n->same_as != NULL || !S_ISREG(n->mode) ||
			(n->mode & (S_ISUID | S_ISGID)) == 0 || keeps(r, keep, n))
			continue;
		n->mode &= ~(uint32_t)(S_ISUID | S_ISGID);
		if (n->overlay)
			continue;
		for (struct rootfs_node *name = n; name != NULL; name = name->further)
			if (!name->gone && note_names(&s, name, n, e) < 0)
				return -1;
	}
	return write_overrides(&s, e);
}
