#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "bundle/intake.h"
#include "bundle/tree.h"
#include "recipe/template.h"

/* One overlay being walked. */
struct walk {
	struct tree *tree;
	const struct found *overlay;
	struct vars *vars;
	struct diag *diag;
	struct buf read;   /* the file at hand */
	struct buf filled; /* the same, filled */
};

static int folder(struct walk *w, int fd, const char *path, unsigned depth, struct err *e);

static struct pos whole(const char *source)
{
	return (struct pos){ .file = source };
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static struct entry *meet(struct walk *w, const char *path, const char *source,
	enum entry_kind kind, unsigned mode, struct err *e)
{
	struct tree *t = w->tree;
	struct entry *entry =
		arena_push(t->arena, &t->met, &t->met_count, &t->met_cap, sizeof(*entry), e);
	if (entry == NULL)
		return NULL;
	*entry = (struct entry){ .path = path,
		.kind = kind,
		.mode = mode,
		.owner = "root",
		.group = "root",
		.layer = w->overlay->word.text,
		.source = source,
		.data = "",
		.order = t->met_count };
	return entry;
}

static bool is_template(const char *path)
{
	size_t n = strlen(path);
	return n > 3 && strcmp(path + n - 3, ".in") == 0;
}

static int fill(struct walk *w, const char *source, struct err *e)
{
	struct pos start = { .file = source, .line = 1, .col = 1 };
	w->filled.len = 0;
	if (buf_reserve(&w->filled, 0, e) < 0)
		return -1;
	return template_fill(w->read.data, w->read.len, start, w->vars, &w->filled, w->diag, e);
}

static int file(struct walk *w, int fd, const char *name, const char *path, const char *source,
	const struct stat *st, struct err *e)
{
	struct tree *t = w->tree;
	if ((unsigned long long)st->st_size > TREE_FILE_MAX) {
		diag_add(w->diag, whole(source), "%lld bytes: a file may have at most %zu",
			(long long)st->st_size, TREE_FILE_MAX);
		return 0;
	}
	buf_clear(&w->read);
	if (buf_reserve(&w->read, 0, e) < 0)
		return -1;
	if (file_read(fd, name, TREE_FILE_MAX, &w->read, e) < 0) {
		if (e->kind != ERR_INPUT)
			return err_wrap(e, "%s", source);
		diag_add(w->diag, whole(source), "%s", e->msg);
		return 0;
	}
	struct sha256 digest = sha256_of(w->read.data, w->read.len);

	const struct buf *content = &w->read;
	if (is_template(path)) {
		size_t n = strlen(path) - 3;
		path = arena_strndup(t->arena, path, n, e);
		if (path == NULL || fill(w, source, e) < 0)
			return -1;
		content = &w->filled;
	}
	t->bytes += content->len;
	if (t->bytes > TREE_BYTES_MAX) {
		if (t->bytes - content->len <= TREE_BYTES_MAX)
			diag_add(w->diag, whole(source),
				"more than %zu bytes in all overlays: that is the limit",
				TREE_BYTES_MAX);
		return 0;
	}
	struct entry *entry =
		meet(w, path, source, ENTRY_FILE, st->st_mode & S_IXUSR ? 0755 : 0644, e);
	if (entry == NULL)
		return -1;
	entry->source_digest = digest;
	entry->size = content->len;
	entry->data = arena_strndup(t->arena, content->data, content->len, e);
	return entry->data == NULL ? -1 : 0;
}

static int link_of(struct walk *w, int fd, const char *name, const char *path, const char *source,
	struct err *e)
{
	char target[TREE_PATH_MAX + 1];
	ssize_t n = readlinkat(fd, name, target, sizeof(target));
	if (n < 0)
		return err_set(e, ERR_MACHINE, errno, "read link %s", source);
	if ((size_t)n == sizeof(target)) {
		diag_add(w->diag, whole(source), "a link of more than %d bytes", TREE_PATH_MAX);
		return 0;
	}
	target[n] = '\0';
	for (ssize_t i = 0; i < n; i++) {
		if ((unsigned char)target[i] < 0x20 || target[i] == 0x7f) {
			diag_add(w->diag, whole(source),
				"a control character in what the link points to");
			return 0;
		}
	}
	struct entry *entry = meet(w, path, source, ENTRY_LINK, 0777, e);
	if (entry == NULL)
		return -1;
	entry->data = arena_strndup(w->tree->arena, target, (size_t)n, e);
	entry->size = (size_t)n;
	return entry->data == NULL ? -1 : 0;
}

static int subfolder(struct walk *w, int fd, const char *name, const char *path, const char *source,
	unsigned depth, struct err *e)
{
	if (depth == TREE_DEPTH_MAX) {
		diag_add(w->diag, whole(source), "more than %d folders in one another",
			TREE_DEPTH_MAX);
		return 0;
	}
	size_t before = w->tree->met_count;
	if (meet(w, path, source, ENTRY_FOLDER, 0755, e) == NULL)
		return -1;
	cleanup_fd int sub = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (sub < 0) {
		diag_add(w->diag, whole(source), "cannot be opened: %s", strerrordesc_np(errno));
		return 0;
	}
	if (folder(w, sub, path, depth + 1, e) < 0)
		return -1;
	w->tree->met[before].implicit = w->tree->met_count > before + 1;
	return 0;
}

static const char *kind_name(mode_t mode)
{
	return S_ISCHR(mode)    ? "a character device"
	       : S_ISBLK(mode)  ? "a block device"
	       : S_ISFIFO(mode) ? "a named pipe"
	       : S_ISSOCK(mode) ? "a socket"
				: "of an unknown kind";
}

static int thing(struct walk *w, int fd, const char *name, const char *folder_path, unsigned depth,
	struct err *e)
{
	struct arena *a = w->tree->arena;
	const char *path = arena_printf(a, e, "%s/%s", folder_path, name);
	const char *source =
		path == NULL ? NULL : arena_printf(a, e, "%s%s", w->overlay->path, path);
	if (source == NULL)
		return -1;
	const char *refused = intake_refuses(name);
	if (refused == NULL)
		refused = intake_refuses_place(path);
	if (refused != NULL) {
		diag_add(w->diag, whole(source), "%s", refused);
		return 0;
	}
	if (strlen(path) > TREE_PATH_MAX) {
		diag_add(w->diag, whole(source), "a path of more than %d bytes", TREE_PATH_MAX);
		return 0;
	}
	if (w->tree->met_count >= TREE_ENTRIES_MAX) {
		if (w->tree->met_count == TREE_ENTRIES_MAX)
			diag_add(w->diag, whole(source),
				"more than %d files and folders in all overlays: that is the limit",
				TREE_ENTRIES_MAX);
		return 0;
	}
	struct stat st;
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_set(e, ERR_MACHINE, errno, "stat %s", source);
	if (S_ISDIR(st.st_mode))
		return subfolder(w, fd, name, path, source, depth, e);
	if (S_ISLNK(st.st_mode))
		return link_of(w, fd, name, path, source, e);
	if (S_ISREG(st.st_mode))
		return file(w, fd, name, path, source, &st, e);
	diag_add(w->diag, whole(source), "%s: an overlay may hold files, folders and symlinks",
		kind_name(st.st_mode));
	return 0;
}

struct names {
	char **list;
	size_t count;
	size_t cap;
};

static int list_names(struct walk *w, DIR *dir, const char *path, struct names *ret, struct err *e)
{
	struct tree *t = w->tree;
	struct dirent *d;
	while (errno = 0, (d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (intake_ignores(d->d_name)) {
			const char **slot = arena_push(t->arena, &t->ignored, &t->ignored_count,
				&t->ignored_cap, sizeof(*slot), e);
			if (slot == NULL)
				return -1;
			*slot = arena_printf(
				t->arena, e, "%s%s/%s", w->overlay->path, path, d->d_name);
			if (*slot == NULL)
				return -1;
			continue;
		}
		char **slot =
			arena_push(t->arena, &ret->list, &ret->count, &ret->cap, sizeof(*slot), e);
		if (slot == NULL)
			return -1;
		*slot = arena_strdup(t->arena, d->d_name, e);
		if (*slot == NULL)
			return -1;
		if (ret->count > TREE_ENTRIES_MAX)
			break;
	}
	if (errno != 0)
		return err_set(e, ERR_MACHINE, errno, "read %s%s", w->overlay->path, path);
	return 0;
}

/* Everything in the folder `fd`, which is `path` on the hub ("" for the root), in order of name. */
static int folder(struct walk *w, int fd, const char *path, unsigned depth, struct err *e)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = own < 0 ? NULL : fdopendir(own);
	if (dir == NULL) {
		int errnum = errno;
		fd_close(&own);
		return err_set(e, ERR_MACHINE, errnum, "open %s%s", w->overlay->path, path);
	}
	struct names names = { 0 };
	int rc = list_names(w, dir, path, &names, e);
	closedir(dir);
	if (rc == 0 && names.count > 0)
		qsort(names.list, names.count, sizeof(*names.list), by_name);
	for (size_t i = 0; rc == 0 && i < names.count; i++)
		rc = thing(w, fd, names.list[i], path, depth, e);
	return rc;
}

int tree_overlay(
	struct tree *t, const struct found *overlay, struct vars *vs, struct diag *d, struct err *e)
{
	struct walk w = { .tree = t, .overlay = overlay, .vars = vs, .diag = d };
	cleanup_fd int fd = open(overlay->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		diag_add(d, overlay->word.pos, "overlay %s: %s: %s", overlay->word.text,
			overlay->path, strerrordesc_np(errno));
		return 0;
	}
	int rc = folder(&w, fd, "", 0, e);
	buf_free(&w.read);
	buf_free(&w.filled);
	return rc;
}
