#include "disk/merge.h"

#include <string.h>
#include <sys/stat.h>

struct merge {
	struct rootfs *r;
	const struct owners *owners;
	size_t first; /* nodes from here on are this tree's */
};

/* How an entry is named in messages. */
static const char *said_by(const struct entry *entry)
{
	return entry->source != NULL ? entry->source : entry->path;
}

static bool is_of_this_tree(const struct merge *m, const struct rootfs_node *n)
{
	for (size_t i = m->first; n->overlay && i < m->r->count; i++)
		if (m->r->list[i] == n)
			return true;
	return false;
}

static int own(struct merge *m, struct rootfs_node *n, const struct entry *entry, struct err *e)
{
	return owners_user(m->owners, entry->owner, &n->uid, e) < 0 ||
			       owners_group(m->owners, entry->group, &n->gid, e) < 0
		       ? err_wrap(e, "%s", said_by(entry))
		       : 0;
}

static int merge_folder(struct merge *m, const struct entry *entry, struct err *e)
{
	struct rootfs_node *n = rootfs_folder(m->r, entry->path, true, e);
	if (n == NULL)
		return err_wrap(e, "%s", said_by(entry));
	if (entry->implicit)
		return 0;
	n->mode = S_IFDIR | (entry->mode & 07777);
	n->implicit = false;
	return own(m, n, entry, e);
}

/* What has the name that the overlay takes lives on under NAME.orig. */
static int keep_original(
	struct merge *m, struct rootfs_node *folder, struct rootfs_node *old, struct err *e)
{
	char name[ROOTFS_NAME_MAX + 8];
	size_t len = strlen(old->name);
	memcpy(name, old->name, len);
	memcpy(name + len, ".orig", 6);
	if (rootfs_child(m->r, folder, name, len + 5) != NULL)
		return 0;
	struct rootfs_node *file = rootfs_file(old);
	if (file->links > 1) {
		struct rootfs_node *n = rootfs_add_link(m->r, folder, name, len + 5, file, e);
		if (n == NULL)
			return -1;
		n->overlay = true;
		return 0;
	}
	struct rootfs_node *n = rootfs_add(m->r, folder, name, len + 5, file->mode, e);
	if (n == NULL)
		return -1;
	n->overlay = true;
	n->uid = file->uid;
	n->gid = file->gid;
	n->mtime = file->mtime;
	n->mtime_nsec = file->mtime_nsec;
	n->major = file->major;
	n->minor = file->minor;
	n->size = file->size;
	n->target = file->target;
	n->xattrs = file->xattrs;
	n->spans = file->spans;
	n->span_count = file->span_count;
	n->data = file->data;
	n->late = file->late;
	n->entry = file->entry;
	return 0;
}

static int make_room(struct merge *m, struct rootfs_node *folder, const char *name,
	const struct entry *entry, struct err *e)
{
	struct rootfs_node *old = rootfs_child(m->r, folder, name, strlen(name));
	if (old == NULL)
		return 0;
	if (S_ISDIR(old->mode))
		return err_set(e, ERR_INPUT, 0,
			"%s: the base has a folder at %s: only a file or a link can be replaced",
			said_by(entry), entry->path);
	if (is_of_this_tree(m, old))
		return err_set(e, ERR_INPUT, 0,
			"%s: another path of the overlays is the same file in this base: keep one of them",
			said_by(entry));
	if (entry->keep_original && keep_original(m, folder, old, e) < 0)
		return err_wrap(e, "%s", said_by(entry));
	return rootfs_remove(m->r, old, e);
}

static int merge_other(struct merge *m, const struct entry *entry, struct err *e)
{
	const char *name = strrchr(entry->path, '/');
	name = name != NULL ? name + 1 : entry->path;
	char folder_path[TREE_PATH_MAX + 1];
	size_t len = (size_t)(name - entry->path);
	if (len >= sizeof(folder_path))
		return err_set(e, ERR_BUG, 0, "%s: path too long", entry->path);
	memcpy(folder_path, entry->path, len);
	folder_path[len] = '\0';
	struct rootfs_node *folder = rootfs_folder(m->r, folder_path, true, e);
	if (folder == NULL)
		return err_wrap(e, "%s", said_by(entry));
	if (make_room(m, folder, name, entry, e) < 0)
		return -1;
	bool link = entry->kind == ENTRY_LINK;
	uint32_t mode = link ? S_IFLNK | 0777u : S_IFREG | (entry->mode & 07777u);
	struct rootfs_node *n = rootfs_add(m->r, folder, name, strlen(name), mode, e);
	if (n == NULL)
		return err_wrap(e, "%s", said_by(entry));
	n->overlay = true;
	n->size = entry->size;
	if (link)
		n->target = entry->data;
	else
		n->data = entry->data;
	if (link && (entry->size == 0 || entry->size > ROOTFS_PATH_MAX))
		return err_set(e, ERR_INPUT, 0, "%s: a link's target has 1 to %d bytes",
			said_by(entry), ROOTFS_PATH_MAX);
	return own(m, n, entry, e);
}

int merge_tree(struct rootfs *r, const struct tree *t, const struct owners *o, struct err *e)
{
	struct merge m = { .r = r, .owners = o, .first = r->count };
	for (size_t i = 0; i < t->count; i++) {
		const struct entry *entry = &t->list[i];
		int rc = entry->kind == ENTRY_FOLDER ? merge_folder(&m, entry, e)
						     : merge_other(&m, entry, e);
		if (rc < 0)
			return -1;
	}
	return 0;
}
