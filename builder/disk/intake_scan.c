#include <errno.h>
#include <string.h>

#include "disk/intake.h"
#include "disk/intake_foreign.h"
#include "disk/intake_meta.h"
#include "disk/intake_path.h"

#define PASSES_MAX 8 /* over hard links whose files come later */

/* A hard link that comes before its file. */
struct link_later {
	struct link_later *next;
	struct rootfs_node *folder;
	const char *name;
	const char *target;
	bool done;
};

struct scan {
	struct intake *in;
	struct rootfs *r;
	const struct intake_keep *keep;
	struct meta meta;
	struct link_later *later;   /* the last one met first */
	struct rootfs_node *placed; /* a file whose place in the archive the next header tells */
	struct finder finder;
};

static bool is_owner_file(const char *path)
{
	return strcmp(path, "/etc/passwd") == 0 || strcmp(path, "/etc/group") == 0;
}

/* Whether the content of a file in s->finder.folder is to be kept. */
static int wants(struct scan *s, const char *name, bool *ret, struct err *e)
{
	size_t len = s->finder.folder_path.len;
	if (buf_puts(&s->finder.folder_path, name, e) < 0)
		return -1;
	*ret = is_owner_file(s->finder.folder_path.data) ||
	       (s->keep != NULL && s->keep->want(s->keep->ctx, s->finder.folder_path.data));
	s->finder.folder_path.len = len;
	s->finder.folder_path.data[len] = '\0';
	return 0;
}

static int keep_content(
	struct scan *s, struct rootfs_node *n, const struct content *c, struct err *e)
{
	if (n->size > INTAKE_KEEP_MAX)
		return refuse(s->in, e, "%llu bytes: at most %llu can be looked at",
			(unsigned long long)n->size, (unsigned long long)INTAKE_KEEP_MAX);
	char *data = arena_alloc(s->r->arena, (size_t)n->size + 1, e);
	if (data == NULL)
		return -1;
	const void *piece;
	size_t len;
	uint64_t offset;
	int rc;
	while ((rc = reading_content(s->in, c, &piece, &len, &offset, e)) > 0)
		memcpy(data + offset, piece, len);
	if (rc < 0)
		return -1;
	n->data = data;
	n->entry = 0;
	n->spans = NULL;
	n->span_count = 0;
	return 0;
}

static struct content *content_push(struct intake *in, struct err *e)
{
	size_t at = in->content_count % CONTENTS_EACH;
	if (at == 0) {
		struct contents *fresh = arena_alloc(in->arena, sizeof(*fresh), e);
		if (fresh == NULL)
			return NULL;
		*(in->last != NULL ? &in->last->next : &in->contents) = fresh;
		in->last = fresh;
	}
	in->content_count++;
	return &in->last->list[at];
}

/* Note what an entry carries as the content of a file that is called `name` in s->finder.folder. */
static int take_content(struct scan *s, struct rootfs_node *n, const char *name,
	const struct entry *entry, struct err *e)
{
	int64_t size = entry->size;
	bool kept;
	if (size < 0)
		return refuse(s->in, e, "the archive does not say its size: make it a tar");
	if ((uint64_t)size > ROOTFS_FILE_MAX)
		return refuse(s->in, e, "%lld bytes: a file has at most %llu", (long long)size,
			(unsigned long long)ROOTFS_FILE_MAX);
	if (entry->encrypted)
		return refuse(s->in, e, "it is encrypted: make the archive without a password");
	n->size = (uint64_t)size;
	n->data = NULL;
	n->entry = 0;
	n->spans = NULL;
	n->span_count = 0;
	n->at = 0;
	if (wants(s, name, &kept, e) < 0)
		return -1;
	if (size == 0) {
		n->data = kept ? "" : NULL;
		return 0;
	}
	if (meta_spans(&s->meta, n, entry, e) < 0)
		return -1;
	uint64_t bytes = n->size;
	if (n->spans != NULL) {
		bytes = 0;
		for (size_t i = 0; i < n->span_count; i++)
			bytes += n->spans[i].length;
	}
	struct content *c = content_push(s->in, e);
	if (c == NULL)
		return -1;
	*c = (struct content){ .entry = s->in->entry, .size = n->size, .bytes = bytes };
	n->entry = s->in->entry;
	if (kept)
		return keep_content(s, n, c, e);
	n->at = entry->at;
	if (n->spans == NULL && entry->archive != NULL)
		s->placed = n;
	return reading_skip(s->in, e);
}

static void note_place(struct scan *s)
{
	if (s->placed != NULL)
		s->placed->at = foreign_began(s->in, s->placed->size);
	s->placed = NULL;
}

static int take_link_target(
	struct scan *s, struct rootfs_node *n, const struct entry *entry, struct err *e)
{
	const char *target = entry->symlink;
	size_t len = target != NULL ? strlen(target) : 0;
	if (len == 0 || len > ROOTFS_PATH_MAX)
		return refuse(s->in, e, "a link to a path of %zu bytes: 1 to %d are possible", len,
			ROOTFS_PATH_MAX);
	n->target = arena_strndup(s->r->arena, target, len, e);
	n->size = len;
	return n->target != NULL ? 0 : -1;
}

/* The file that a hard link names; NULL: not there (yet). */
static int find_target(struct scan *s, const char *target, struct rootfs_node **ret, struct err *e)
{
	struct place p = entry_place(target);
	if (p.len == 0)
		return refuse(s->in, e, "a hard link to %s, which is no file", shown(target).text);
	if (path_has_dotdot(target, strlen(target)))
		return refuse(s->in, e,
			"a hard link to %s, with \"..\" in it: make the archive anew",
			shown(target).text);
	struct rootfs_walked w = rootfs_walk(s->r, p.prefix, p.prefix_len);
	struct rootfs_node *n = w.state == WALK_FOUND && S_ISDIR(w.node->mode)
					? rootfs_child(s->r, w.node, p.name, p.len)
					: NULL;
	if (n != NULL && S_ISDIR(n->mode))
		return refuse(s->in, e, "a hard link to %s, which is a folder", shown(target).text);
	*ret = n != NULL ? rootfs_file(n) : NULL;
	return 0;
}

static int add_link(struct scan *s, struct rootfs_node *folder, const char *name, size_t len,
	struct rootfs_node *file, struct err *e)
{
	if (rootfs_add_link(s->r, folder, name, len, file, e) == NULL)
		return err_wrap(e, "%s: %s", s->in->path, shown(s->in->name).text);
	return 0;
}

/* Make room for an entry that is no folder. */
static int replace(struct scan *s, struct rootfs_node *old, struct err *e)
{
	if (old == NULL)
		return 0;
	if (S_ISDIR(old->mode))
		return refuse(s->in, e, "a file where there is a folder: make the archive anew");
	if (S_ISLNK(old->mode))
		s->finder.known = false;
	return rootfs_remove(s->r, old, e);
}

static int take_hard_link(struct scan *s, struct rootfs_node *folder, const struct place *p,
	const char *target, const struct entry *entry, struct err *e)
{
	struct rootfs_node *file = NULL, *old = rootfs_child(s->r, folder, p->name, p->len);
	if (find_target(s, target, &file, e) < 0)
		return -1;
	if (file == NULL) {
		struct link_later *l = arena_alloc(s->r->arena, sizeof(*l), e);
		if (l == NULL || replace(s, old, e) < 0)
			return -1;
		l->folder = folder;
		l->name = arena_strndup(s->r->arena, p->name, p->len, e);
		l->target = arena_strdup(s->r->arena, target, e);
		if (l->name == NULL || l->target == NULL)
			return -1;
		l->next = s->later;
		s->later = l;
		return 0;
	}
	if (old == NULL || rootfs_file(old) != file) {
		if (replace(s, old, e) < 0 || add_link(s, folder, p->name, p->len, file, e) < 0)
			return -1;
	}
	/* cpio has the bytes with the last of the names, pax may have them with each. */
	if (S_ISREG(file->mode) && entry->size > 0) {
		char name[ROOTFS_NAME_MAX + 1];
		memcpy(name, p->name, p->len);
		name[p->len] = '\0';
		return take_content(s, file, name, entry, e);
	}
	return 0;
}

static int take_folder(struct scan *s, struct rootfs_node *folder, const struct place *p,
	const struct entry *entry, struct err *e)
{
	struct rootfs_node *n =
		p->len == 0 ? s->r->root : rootfs_child(s->r, folder, p->name, p->len);
	if (n != NULL && S_ISLNK(n->mode)) {
		struct rootfs_node *ignored;
		return finder_walk(&s->finder, p->prefix, (size_t)(p->name + p->len - p->prefix),
			false, &ignored, e);
	}
	if (n != NULL && !S_ISDIR(n->mode))
		return refuse(s->in, e, "a folder where there is a file: make the archive anew");
	if (n == NULL)
		n = finder_add(&s->finder, folder, p->name, p->len, S_IFDIR, e);
	if (n == NULL)
		return -1;
	n->implicit = false;
	return meta_fill(&s->meta, n, entry, e);
}

static int take_other(struct scan *s, struct rootfs_node *folder, const struct place *p,
	const struct entry *entry, uint32_t type, struct err *e)
{
	if (p->len == 0)
		return refuse(s->in, e, "the root is no folder: make the archive anew");
	if (replace(s, rootfs_child(s->r, folder, p->name, p->len), e) < 0)
		return -1;
	struct rootfs_node *n = finder_add(&s->finder, folder, p->name, p->len, type, e);
	if (n == NULL || meta_fill(&s->meta, n, entry, e) < 0)
		return -1;
	if (type == S_IFLNK) {
		n->mode = S_IFLNK | 0777;
		return take_link_target(s, n, entry, e);
	}
	return type == S_IFREG ? take_content(s, n, n->name, entry, e) : 0;
}

static int take(struct scan *s, const struct entry *entry, struct err *e)
{
	const char *path = entry->name;
	struct place p = entry_place(path);
	struct rootfs_node *folder;
	uint32_t type = entry->mode & S_IFMT;
	const char *target = entry->hardlink;
	if (path[0] == '\0')
		return refuse(s->in, e, "an entry without a name: make the archive anew");
	if (p.len > ROOTFS_NAME_MAX)
		return refuse(s->in, e, "a name of %zu bytes: at most %d", p.len, ROOTFS_NAME_MAX);
	if (p.len == 2 && memcmp(p.name, "..", 2) == 0)
		return refuse(
			s->in, e, "\"..\" in its path: nothing above the root can be in an image");
	if (finder_folder(&s->finder, &p, &folder, e) < 0)
		return -1;
	if (folder == NULL || type == S_IFSOCK)
		return reading_skip(s->in, e);
	/* cpio's folders have several names in each, which libarchive takes for hard links. */
	if (type == S_IFDIR)
		return take_folder(s, folder, &p, entry, e);
	if (target != NULL) {
		if (p.len == 0)
			return refuse(s->in, e, "the root is no folder: make the archive anew");
		return take_hard_link(s, folder, &p, target, entry, e);
	}
	switch (type) {
	case S_IFREG:
	case S_IFLNK:
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return take_other(s, folder, &p, entry, type, e);
	default:
		return refuse(s->in, e, "a kind of file that is not known here (%o)", type);
	}
}

/* 1: done, 0: the target is still missing. */
static int link_now(struct scan *s, struct link_later *l, struct err *e)
{
	struct rootfs_node *file = NULL;
	if (l->folder->gone || rootfs_child(s->r, l->folder, l->name, strlen(l->name)) != NULL)
		return 1;
	if (find_target(s, l->target, &file, e) < 0)
		return -1;
	if (file == NULL)
		return 0;
	return add_link(s, l->folder, l->name, strlen(l->name), file, e) < 0 ? -1 : 1;
}

static int links_finish(struct scan *s, struct err *e)
{
	struct link_later *missing = NULL;
	for (unsigned pass = 0; pass < PASSES_MAX; pass++) {
		missing = NULL;
		for (struct link_later *l = s->later; l != NULL; l = l->next) {
			if (l->done)
				continue;
			s->in->name = l->name;
			int rc = link_now(s, l, e);
			if (rc < 0)
				return -1;
			l->done = rc > 0;
			if (rc == 0)
				missing = l;
		}
		if (missing == NULL)
			return 0;
	}
	cleanup_buf struct buf path = { 0 };
	if (rootfs_path(missing->folder, &path, e) < 0 ||
		(path.len > 1 && buf_putc(&path, '/', e) < 0) ||
		buf_puts(&path, missing->name, e) < 0)
		return -1;
	s->in->name = path.data;
	return refuse(s->in, e,
		"a hard link to %s, which is not in the archive: make it anew from the whole tree",
		shown(missing->target).text);
}

static int scan_all(struct scan *s, struct err *e)
{
	const struct entry *entry;
	int rc;
	while ((rc = reading_next(s->in, &entry, e)) > 0) {
		note_place(s);
		if (s->in->entry > 2 * ROOTFS_NODES_MAX)
			return err_set(e, ERR_INPUT, 0, "%s: more than %zu entries", s->in->path,
				2 * ROOTFS_NODES_MAX);
		if (take(s, entry, e) < 0)
			return -1;
	}
	if (rc == 0)
		note_place(s);
	if (rc < 0 || links_finish(s, e) < 0 || meta_finish(&s->meta, e) < 0)
		return -1;
	s->r->entries = s->in->entry - 1;
	if (s->r->entries == 0)
		return err_set(e, ERR_INPUT, 0, "%s: an empty archive", s->in->path);
	return 0;
}

int intake_scan(struct intake *in, struct rootfs *r, const struct intake_keep *keep, struct err *e)
{
	struct scan s = { .in = in,
		.r = r,
		.keep = keep,
		.meta = { .in = in, .r = r },
		.finder = { .in = in, .r = r } };
	in->contents = in->last = NULL;
	in->content_count = 0;
	in->scanned = false;
	int rc = reading_begin(in, false, e);
	if (rc == 0)
		rc = scan_all(&s, e);
	in->name = NULL;
	finder_free(&s.finder);
	reading_end(in);
	in->scanned = rc == 0;
	return rc;
}
