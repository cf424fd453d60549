#include <string.h>
#include <sys/stat.h>

#include "disk/rootfs.h"

#define LINKS_MAX 40 /* followed on one walk: path_resolution(7) */

/* The next component of a path; false: there is none left. */
static bool component(const char **path, const char *end, const char **ret, size_t *ret_len)
{
	const char *p = *path;
	while (p < end && *p == '/')
		p++;
	if (p == end)
		return false;
	const char *slash = memchr(p, '/', (size_t)(end - p));
	*ret = p;
	*path = slash != NULL ? slash : end;
	*ret_len = (size_t)(*path - p);
	return true;
}

struct rootfs_node *rootfs_find(const struct rootfs *r, const char *path)
{
	struct rootfs_node *at = r->root;
	const char *end = path + strlen(path), *name;
	size_t len;
	while (at != NULL && component(&path, end, &name, &len))
		at = S_ISDIR(at->mode) ? rootfs_child(r, at, name, len) : NULL;
	return at;
}

static bool is_dot(const char *name, size_t len)
{
	return len == 1 && name[0] == '.';
}

static bool is_dotdot(const char *name, size_t len)
{
	return len == 2 && name[0] == '.' && name[1] == '.';
}

/* What is left to walk: of the path, and above it of the links that are being followed. */
struct trail {
	struct {
		const char *at;
		const char *end;
	} parts[LINKS_MAX + 1];
	size_t depth;
	size_t links;
	struct rootfs_node *link; /* the outermost that is being followed */
	const char *rest;         /* the component of the path proper */
};

static bool trail_next(struct trail *t, const char **name, size_t *len)
{
	for (;;) {
		if (component(&t->parts[t->depth].at, t->parts[t->depth].end, name, len))
			break;
		if (t->depth == 0)
			return false;
		/* The target is walked: what is met from here on is the path's again. */
		if (--t->depth == 0)
			t->link = NULL;
	}
	if (t->depth == 0)
		t->rest = *name;
	return true;
}

static bool trail_follow(struct trail *t, struct rootfs_node *link)
{
	if (++t->links > LINKS_MAX)
		return false;
	if (t->depth == 0)
		t->link = link;
	t->depth++;
	t->parts[t->depth].at = link->target;
	t->parts[t->depth].end = link->target + strlen(link->target);
	return true;
}

/* `clamp`: above the root is the root, as a booted system has it. */
static struct rootfs_walked walk(const struct rootfs *r, const char *path, size_t size, bool clamp)
{
	struct trail t = { .parts = { { path, path + size } }, .rest = path };
	struct rootfs_node *at = r->root;
	const char *name;
	size_t len;
	while (trail_next(&t, &name, &len)) {
		struct rootfs_node *link = t.link, *next;
		if (!S_ISDIR(at->mode))
			return (struct rootfs_walked){ link != NULL ? WALK_LINK : WALK_FILE,
				link != NULL ? link : at, t.rest };
		if (is_dot(name, len))
			continue;
		if (is_dotdot(name, len)) {
			if (at->parent == NULL && !clamp)
				return (struct rootfs_walked){ WALK_LEAVES,
					link != NULL ? link : at, t.rest };
			at = at->parent != NULL ? at->parent : at;
			continue;
		}
		next = rootfs_child(r, at, name, len);
		if (next == NULL)
			return (struct rootfs_walked){ link != NULL ? WALK_LINK : WALK_MISSING,
				link != NULL ? link : at, t.rest };
		if (!S_ISLNK(next->mode)) {
			at = next;
			continue;
		}
		if (!trail_follow(&t, next))
			return (struct rootfs_walked){ WALK_LINK, t.link, t.rest };
		if (next->target[0] == '/')
			at = r->root;
	}
	return (struct rootfs_walked){ WALK_FOUND, at, t.rest };
}

struct rootfs_walked rootfs_walk(const struct rootfs *r, const char *path, size_t len)
{
	return walk(r, path, len, false);
}

struct rootfs_node *rootfs_resolve(const struct rootfs *r, const char *path)
{
	struct rootfs_walked w = walk(r, path, strlen(path), true);
	return w.state == WALK_FOUND ? w.node : NULL;
}

static int in_the_way(struct rootfs_node *n, const char *path, const char *what, struct err *e)
{
	cleanup_buf struct buf at = { 0 };
	if (rootfs_path(n, &at, e) < 0)
		return -1;
	return err_set(e, ERR_INPUT, 0, "%s: %s is %s", path, at.data, what);
}

static struct rootfs_node *folder_of(
	struct rootfs *r, const char *path, size_t size, bool overlay, struct err *e)
{
	for (;;) {
		struct rootfs_walked w = walk(r, path, size, true);
		const char *rest = w.rest, *name;
		size_t len;
		if (w.state == WALK_FOUND && S_ISDIR(w.node->mode))
			return w.node;
		if (w.state != WALK_MISSING) {
			(void)in_the_way(w.node, path,
				w.state == WALK_LINK ? "a link to no folder" : "no folder", e);
			return NULL;
		}
		/* From here on all is new, but for ".." in the path, which has another walk. */
		struct rootfs_node *at = w.node;
		while (component(&rest, path + size, &name, &len)) {
			if (is_dot(name, len))
				continue;
			if (is_dotdot(name, len))
				break;
			at = rootfs_add(r, at, name, len, S_IFDIR | 0755, e);
			if (at == NULL) {
				err_wrap(e, "%s", path);
				return NULL;
			}
			at->implicit = true;
			at->overlay = overlay;
		}
	}
}

struct rootfs_node *rootfs_folder(struct rootfs *r, const char *path, bool overlay, struct err *e)
{
	return folder_of(r, path, strlen(path), overlay, e);
}

static struct rootfs_node *put(struct rootfs *r, const char *path, uint32_t mode, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	struct rootfs_node *folder = folder_of(r, path, (size_t)(name - path), true, e);
	if (folder == NULL)
		return NULL;
	struct rootfs_node *old = rootfs_child(r, folder, name, strlen(name));
	if (old != NULL && S_ISDIR(old->mode)) {
		err_set(e, ERR_INPUT, 0, "%s: there is a folder of that name", path);
		return NULL;
	}
	if (old != NULL && rootfs_remove(r, old, e) < 0)
		return NULL;
	struct rootfs_node *n = rootfs_add(r, folder, name, strlen(name), mode, e);
	if (n == NULL)
		err_wrap(e, "%s", path);
	else
		n->overlay = true;
	return n;
}

struct rootfs_node *rootfs_put(struct rootfs *r, const char *path, uint32_t mode, const void *data,
	size_t len, struct err *e)
{
	struct rootfs_node *n = put(r, path, S_IFREG | (mode & 07777), e);
	if (n != NULL) {
		n->data = data;
		n->size = len;
	}
	return n;
}

struct rootfs_node *rootfs_put_link(
	struct rootfs *r, const char *path, const char *target, struct err *e)
{
	size_t len = strlen(target);
	if (len == 0 || len > ROOTFS_PATH_MAX) {
		err_set(e, ERR_INPUT, 0, "%s: a link's target has 1 to %d bytes", path,
			ROOTFS_PATH_MAX);
		return NULL;
	}
	char *copy = arena_strndup(r->arena, target, len, e);
	struct rootfs_node *n = copy != NULL ? put(r, path, S_IFLNK | 0777, e) : NULL;
	if (n != NULL) {
		n->target = copy;
		n->size = len;
	}
	return n;
}
