#include "disk/enable_find.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "disk/enable.h"

#define LINKS_MAX 8 /* unit files that are links to unit files */

/* Where units are looked for, in order (systemd.unit(5), for images). */
static const char *const FOLDERS[] = { CONFIG, "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system", "/lib/systemd/system" };
static const size_t FOLDER_COUNT = sizeof(FOLDERS) / sizeof(FOLDERS[0]);

bool enable_wants(const char *path)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		size_t len = strlen(FOLDERS[i]);
		if (strncmp(path, FOLDERS[i], len) != 0 || path[len] != '/')
			continue;
		const char *name = strrchr(path, '/') + 1, *dot = strrchr(name, '.');
		return unit_kind(name) != UNIT_INVALID ||
		       (dot != NULL && strcmp(dot, ".conf") == 0);
	}
	return false;
}

static struct rootfs_node *child_at(const struct rootfs *r, const char *folder, const char *name)
{
	struct rootfs_node *f = rootfs_resolve(r, folder);
	return f != NULL && S_ISDIR(f->mode) ? rootfs_child(r, f, name, strlen(name)) : NULL;
}

/*
 * The vendor's folder as this base's systemd calls it: any link of the base that leads there tells.
 * NULL: not one folder with two names, so that each path is its own.
 */
static const char *vendor_folder(const struct rootfs *r)
{
	const struct rootfs_node *config = rootfs_resolve(r, CONFIG);
	const struct rootfs_node *old = rootfs_resolve(r, "/lib/systemd/system");
	const struct rootfs_node *now = rootfs_resolve(r, "/usr/lib/systemd/system");
	if (old == NULL || now == NULL || old != now || config == NULL)
		return NULL;
	for (const struct rootfs_node *n = config->children; n != NULL; n = n->next) {
		const struct rootfs_node *first = S_ISDIR(n->mode) ? n->children : n;
		const struct rootfs_node *end = S_ISDIR(n->mode) ? NULL : n->next;
		for (const struct rootfs_node *l = first; l != end; l = l->next) {
			if (l->gone || l->overlay || !S_ISLNK(l->mode))
				continue;
			if (text_starts(l->target, "/lib/systemd/system/"))
				return FOLDERS[3];
			if (text_starts(l->target, "/usr/lib/systemd/system/"))
				return FOLDERS[2];
		}
	}
	return FOLDERS[2];
}

/* A unit's file of that very name; *ret_path: as systemctl would say it. */
static struct rootfs_node *find_file(
	struct rootfs *r, const char *name, const char **ret_path, struct err *e)
{
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		struct rootfs_node *n = child_at(r, FOLDERS[i], name);
		if (n == NULL || S_ISDIR(n->mode))
			continue;
		const char *folder = i >= 2 ? vendor_folder(r) : NULL;
		*ret_path = arena_printf(
			r->arena, e, "%s/%s", folder != NULL ? folder : FOLDERS[i], name);
		return *ret_path != NULL ? n : NULL;
	}
	*ret_path = NULL;
	return NULL;
}

struct names {
	const char **list;
	size_t count;
	size_t cap;
};

static const char *name_at(const void *ctx, size_t i)
{
	return ((const struct names *)ctx)->list[i];
}

/* The nearest name of the same type, by what comes before the type. */
int unit_unknown(struct rootfs *r, const char *name, struct err *e)
{
	struct names names = { 0 };
	const char *type = strrchr(name, '.');
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		const struct rootfs_node *f = rootfs_resolve(r, FOLDERS[i]);
		const struct rootfs_node *n = f != NULL ? f->children : NULL;
		for (; n != NULL; n = n->next) {
			const char *dot = strrchr(n->name, '.');
			if (n->gone || dot == NULL || strcmp(dot, type) != 0)
				continue;
			char *stem = arena_strndup(r->arena, n->name, (size_t)(dot - n->name), e);
			if (stem == NULL)
				return -1;
			const char **slot = arena_push(
				r->arena, &names.list, &names.count, &names.cap, sizeof(*slot), e);
			if (slot == NULL)
				return -1;
			*slot = stem;
		}
	}
	const char *stem = arena_strndup(r->arena, name, (size_t)(type - name), e);
	if (stem == NULL)
		return -1;
	const char *near = text_nearest(stem, name_at, &names, names.count);
	return err_set(e, ERR_INPUT, 0, "no unit %s in this base or the overlays%s%s%s%s", name,
		near != NULL ? ": did you mean " : "", near != NULL ? near : "",
		near != NULL ? type : "", near != NULL ? "?" : "");
}

static bool is_masked(struct rootfs_node *n)
{
	const struct rootfs_node *file = rootfs_file(n);
	return S_ISLNK(file->mode) ? strcmp(file->target, "/dev/null") == 0
				   : S_ISREG(file->mode) && file->size == 0;
}

/* 1: found, 0: there is none, or a masked one that Also= names (systemctl skips it, too). */
static int find_unit(struct rootfs *r, const char *asked, bool by_name, struct unit *u,
	struct rootfs_node **ret, struct err *e)
{
	const char *name = asked, *path;
	for (unsigned i = 0; i < LINKS_MAX; i++) {
		struct rootfs_node *n = find_file(r, name, &path, e);
		if (n == NULL && path == NULL && unit_kind(name) == UNIT_INSTANCE) {
			const char *template = unit_template(r->arena, name, e);
			if (template == NULL)
				return -1;
			n = find_file(r, template, &path, e);
		}
		if (n == NULL) {
			if (path != NULL)
				return -1;
			/* Told apart from no memory by the error that is not set. */
			return e->kind == ERR_NONE ? 0 : -1;
		}
		if (is_masked(n) && by_name)
			return err_set(
				e, ERR_INPUT, 0, "unit %s is masked and cannot be enabled", asked);
		if (is_masked(n))
			return 0;
		if (!S_ISLNK(n->mode)) {
			*u = (struct unit){ .name = name, .path = path };
			*ret = rootfs_file(n);
			return 1;
		}
		const char *base = strrchr(n->target, '/');
		base = base != NULL ? base + 1 : n->target;
		enum unit_kind kind = unit_kind(base);
		if (kind == UNIT_INVALID)
			break;
		/* A link from an instance or template to a template keeps the instance. */
		if (kind == UNIT_TEMPLATE && unit_kind(name) == UNIT_INSTANCE) {
			const char *instance = unit_instance_of(r->arena, name, e);
			if (instance == NULL)
				return -1;
			base = unit_instance(r->arena, base, instance, e);
			if (base == NULL)
				return -1;
		}
		if (strcmp(base, name) == 0) {
			/* The same name elsewhere. */
			struct rootfs_node *file = rootfs_resolve(r, n->target);
			if (file == NULL || !S_ISREG(file->mode))
				break;
			*u = (struct unit){ .name = name, .path = n->target };
			*ret = rootfs_file(file);
			return 1;
		}
		name = base;
	}
	return err_set(e, ERR_INPUT, 0, "unit %s is a link that leads to no unit", asked);
}

static int parse_node(struct rootfs *r, const struct rootfs_node *n, struct unit *u, struct err *e)
{
	n = n->same_as != NULL ? n->same_as : n;
	if (n->size > 0 && n->data == NULL)
		return err_set(e, ERR_BUG, 0, "unit file %s: not in memory", n->name);
	return n->size > 0 ? unit_parse(r->arena, n->data, (size_t)n->size, &u->install, e) : 0;
}

static int by_file_name(const void *a, const void *b)
{
	const struct rootfs_node *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

/* NAME.d/X.conf of all folders, by X; of one X, the first folder's counts. */
static int parse_dropins(struct rootfs *r, const char *name, struct unit *u, struct err *e)
{
	struct {
		struct rootfs_node **list;
		size_t count;
		size_t cap;
	} found = { 0 };
	const char *folder = arena_printf(r->arena, e, "%s.d", name);
	if (folder == NULL)
		return -1;
	for (size_t i = 0; i < FOLDER_COUNT; i++) {
		struct rootfs_node *d = child_at(r, FOLDERS[i], folder);
		struct rootfs_node *n = d != NULL && S_ISDIR(d->mode) ? d->children : NULL;
		for (; n != NULL; n = n->next) {
			const char *dot = strrchr(n->name, '.');
			bool taken = n->gone || dot == NULL || strcmp(dot, ".conf") != 0;
			for (size_t k = 0; k < found.count && !taken; k++)
				taken = strcmp(found.list[k]->name, n->name) == 0;
			if (taken)
				continue;
			struct rootfs_node **slot = arena_push(r->arena, &found.list, &found.count,
				&found.cap, sizeof(struct rootfs_node *), e);
			if (slot == NULL)
				return -1;
			*slot = n;
		}
	}
	if (found.count > 0)
		qsort(found.list, found.count, sizeof(struct rootfs_node *), by_file_name);
	for (size_t i = 0; i < found.count; i++) {
		struct rootfs_node *n = found.list[i];
		cleanup_buf struct buf path = { 0 };
		if (S_ISLNK(n->mode)) {
			if (rootfs_path(n, &path, e) < 0)
				return -1;
			n = rootfs_resolve(r, path.data);
		}
		if (n != NULL && S_ISREG(rootfs_file(n)->mode) && parse_node(r, n, u, e) < 0)
			return -1;
	}
	return 0;
}

int unit_find(struct rootfs *r, const char *name, bool by_name, struct unit *ret, struct err *e)
{
	struct unit u = { 0 };
	struct rootfs_node *file = NULL;
	*e = (struct err){ 0 };
	int rc = find_unit(r, name, by_name, &u, &file, e);
	if (rc <= 0)
		return rc;
	if (parse_node(r, file, &u, e) < 0)
		return -1;
	if (unit_kind(u.name) == UNIT_INSTANCE) {
		const char *template = unit_template(r->arena, u.name, e);
		if (template == NULL || parse_dropins(r, template, &u, e) < 0)
			return -1;
	}
	if (parse_dropins(r, u.name, &u, e) < 0)
		return -1;
	*ret = u;
	return 1;
}
