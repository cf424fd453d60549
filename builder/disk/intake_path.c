#include "disk/intake_path.h"

#include <string.h>

static bool is_dot(const char *p, size_t len)
{
	return len == 1 && p[0] == '.';
}

static const char *last_slash(const char *p, size_t len)
{
	return memrchr(p, '/', len);
}

struct place entry_place(const char *path)
{
	size_t len = strlen(path);
	for (;;) {
		while (len > 0 && path[len - 1] == '/')
			len--;
		const char *slash = last_slash(path, len);
		const char *name = slash != NULL ? slash + 1 : path;
		size_t name_len = len - (size_t)(name - path);
		if (!is_dot(name, name_len))
			return (struct place){ path, (size_t)(name - path), name, name_len };
		len -= name_len;
	}
}

bool path_has_dotdot(const char *path, size_t len)
{
	const char *p = path, *end = path + len;
	while (p < end) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		const char *stop = slash != NULL ? slash : end;
		if (stop - p == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p = stop + 1;
	}
	return false;
}

/* Folders that are mounts when the image runs: what an archive has in them is not taken. */
static bool drops(const char *name, size_t len)
{
	static const char *const MOUNTS[] = { "dev", "proc", "sys", "run", "tmp" };
	for (size_t i = 0; i < sizeof(MOUNTS) / sizeof(MOUNTS[0]); i++)
		if (strlen(MOUNTS[i]) == len && memcmp(MOUNTS[i], name, len) == 0)
			return true;
	return false;
}

static bool is_dropped(const struct rootfs_node *folder)
{
	const struct rootfs_node *up = folder;
	if (up->parent == NULL)
		return false;
	while (up->parent->parent != NULL)
		up = up->parent;
	return drops(up->name, strlen(up->name));
}

struct rootfs_node *finder_add(struct finder *s, struct rootfs_node *folder, const char *name,
	size_t len, uint32_t mode, struct err *e)
{
	struct rootfs_node *n = rootfs_add(s->r, folder, name, len, mode, e);
	if (n == NULL)
		err_wrap(e, "%s: %s", s->in->path, shown(s->in->name).text);
	return n;
}

/* Make what is missing of a folder; *ret NULL: it is in one whose content is dropped. */
static int make_folders(struct finder *s, struct rootfs_node *at, const char *rest, const char *end,
	struct rootfs_node **ret, struct err *e)
{
	while (rest < end) {
		const char *slash = memchr(rest, '/', (size_t)(end - rest));
		size_t len = (size_t)((slash != NULL ? slash : end) - rest);
		if (len > 0 && !is_dot(rest, len)) {
			if (is_dropped(at)) {
				*ret = NULL;
				return 0;
			}
			at = finder_add(s, at, rest, len, S_IFDIR | 0755, e);
			if (at == NULL)
				return -1;
			at->implicit = true;
		}
		rest += len + 1;
	}
	*ret = is_dropped(at) ? NULL : at;
	return 0;
}

int finder_walk(struct finder *s, const char *prefix, size_t len, bool make,
	struct rootfs_node **ret, struct err *e)
{
	if (path_has_dotdot(prefix, len))
		return refuse(
			s->in, e, "\"..\" in its path: nothing above the root can be in an image");
	struct rootfs_walked w = rootfs_walk(s->r, prefix, len);
	cleanup_buf struct buf path = { 0 };
	switch (w.state) {
	case WALK_MISSING:
		if (make)
			return make_folders(s, w.node, w.rest, prefix + len, ret, e);
		*ret = NULL;
		return 0;
	case WALK_FOUND:
		if (S_ISDIR(w.node->mode)) {
			*ret = is_dropped(w.node) ? NULL : w.node;
			return 0;
		}
		break;
	case WALK_FILE:
	case WALK_LINK:
	case WALK_LEAVES:
		break;
	}
	if (rootfs_path(w.node, &path, e) < 0)
		return -1;
	const char *what = w.state == WALK_LEAVES ? "a link that leaves the tree"
			   : w.state == WALK_LINK ? "a link to no folder of the archive"
						  : "no folder";
	return refuse(s->in, e, "%s, which it lies below, is %s: make the archive anew",
		shown(path.data).text, what);
}

int finder_folder(struct finder *s, const struct place *p, struct rootfs_node **ret, struct err *e)
{
	if (s->known && s->prefix.len == p->prefix_len &&
		(p->prefix_len == 0 || memcmp(s->prefix.data, p->prefix, p->prefix_len) == 0)) {
		*ret = s->folder;
		return 0;
	}
	s->known = false;
	if (finder_walk(s, p->prefix, p->prefix_len, true, &s->folder, e) < 0)
		return -1;
	buf_clear(&s->prefix);
	buf_clear(&s->folder_path);
	if (buf_add(&s->prefix, p->prefix, p->prefix_len, e) < 0 ||
		buf_puts(&s->folder_path, "/", e) < 0)
		return -1;
	if (s->folder != NULL && s->folder->parent != NULL) {
		buf_clear(&s->folder_path);
		if (rootfs_path(s->folder, &s->folder_path, e) < 0 ||
			buf_putc(&s->folder_path, '/', e) < 0)
			return -1;
	}
	s->known = true;
	*ret = s->folder;
	return 0;
}

void finder_free(struct finder *s)
{
	buf_free(&s->prefix);
	buf_free(&s->folder_path);
}
