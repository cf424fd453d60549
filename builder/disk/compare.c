#include "disk/compare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct comparing {
	struct comparison found;
	struct arena *arena;
	struct err *e;
};

const char *compare_kind_name(enum compare_kind k)
{
	static const char *const names[] = { "added", "removed", "changed", "up", "down" };
	return names[k];
}

const char *compare_section_name(enum compare_section s)
{
	static const char *const names[] = { "image", "package", "file" };
	return names[s];
}

struct compare_text compare_what(unsigned what)
{
	static const char *const names[] = { "type", "content", "mode", "owner", "xattrs" };
	struct compare_text t = { "" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		size_t used = strlen(t.text);
		if ((what & 1u << i) != 0)
			snprintf(t.text + used, sizeof(t.text) - used, "%s%s", used > 0 ? ", " : "",
				names[i]);
	}
	return t;
}

static struct compare_change *add(struct comparing *c, enum compare_kind kind,
	enum compare_section section, const char *name, const char *before, const char *after)
{
	if (name == NULL || (before == NULL && kind != COMPARE_ADDED) ||
		(after == NULL && kind != COMPARE_REMOVED))
		return NULL;
	struct comparison *f = &c->found;
	struct compare_change *slot =
		arena_push(c->arena, &f->list, &f->count, &f->cap, sizeof(*slot), c->e);
	if (slot == NULL)
		return NULL;
	*slot = (struct compare_change){
		.kind = kind, .section = section, .name = name, .before = before, .after = after
	};
	f->files += section == COMPARE_FILE;
	f->packages += section == COMPARE_PACKAGE;
	return slot;
}

static int fact(struct comparing *c, const char *name, const char *before, const char *after)
{
	if (before == NULL || after == NULL)
		return -1;
	if (strcmp(before, after) == 0)
		return 0;
	return add(c, COMPARE_CHANGED, COMPARE_IMAGE, name, before, after) != NULL ? 0 : -1;
}

static const char *partition_text(struct comparing *c, const struct record_partition *p)
{
	return arena_printf(c->arena, c->e, "%s %s at %" PRIu64 ", %" PRIu64 " bytes", p->type,
		p->uuid, p->start, p->size);
}

static int compare_partitions(struct comparing *c, const struct record *x, const struct record *y)
{
	size_t most =
		x->partition_count > y->partition_count ? x->partition_count : y->partition_count;
	for (size_t i = 0; i < most; i++) {
		const char *before =
			i < x->partition_count ? partition_text(c, &x->partitions[i]) : NULL;
		const char *after =
			i < y->partition_count ? partition_text(c, &y->partitions[i]) : NULL;
		const char *name = arena_printf(c->arena, c->e, "partition %zu", i + 1);
		if (before != NULL && after != NULL && strcmp(before, after) == 0)
			continue;
		enum compare_kind kind = i >= x->partition_count   ? COMPARE_ADDED
					 : i >= y->partition_count ? COMPARE_REMOVED
								   : COMPARE_CHANGED;
		if (add(c, kind, COMPARE_IMAGE, name, before, after) == NULL)
			return -1;
	}
	return 0;
}

static int compare_image(struct comparing *c, const struct record *x, const struct record *y)
{
	struct arena *a = c->arena;
	if (fact(c, "arch", x->arch, y->arch) < 0 ||
		fact(c, "base", arena_printf(a, c->e, "%s %s", x->base, x->base_digest),
			arena_printf(a, c->e, "%s %s", y->base, y->base_digest)) < 0 ||
		fact(c, "blocks", x->blocks_digest, y->blocks_digest) < 0 ||
		compare_partitions(c, x, y) < 0 ||
		fact(c, "size", arena_printf(a, c->e, "%" PRIu64, x->size),
			arena_printf(a, c->e, "%" PRIu64, y->size)) < 0)
		return -1;
	return fact(c, "tool", x->tool, y->tool);
}

/* Packages of one name stand together. */
static size_t same_name(const struct record_package *p, const struct record_package *end)
{
	const struct record_package *at = p;
	while (at < end && strcmp(at->name, p->name) == 0)
		at++;
	return (size_t)(at - p);
}

static const char *package_name(
	struct comparing *c, const struct record_package *p, bool with_architecture)
{
	if (!with_architecture)
		return p->name; /* NOLINT(clang-analyzer-core.NullDereference) one of two is there
				 */
	return arena_printf(c->arena, c->e, "%s:%s", p->name, p->architecture);
}

static int compare_package(struct comparing *c, const struct record_package *x,
	const struct record_package *y, bool several)
{
	const struct record_package *any = y != NULL ? y : x;
	const char *name = package_name(c, any, several);
	enum compare_kind kind = x == NULL ? COMPARE_ADDED : COMPARE_REMOVED;
	const char *before = x != NULL ? x->version : NULL, *after = y != NULL ? y->version : NULL;
	if (x != NULL && y != NULL) {
		bool moved = strcmp(x->architecture, y->architecture) != 0;
		if (!moved && strcmp(x->version, y->version) == 0)
			return 0;
		int order = dpkg_version_compare(x->version, y->version);
		kind = order < 0 ? COMPARE_UP : order > 0 ? COMPARE_DOWN : COMPARE_CHANGED;
		if (moved) {
			before = arena_printf(c->arena, c->e, "%s %s", x->version, x->architecture);
			after = arena_printf(c->arena, c->e, "%s %s", y->version, y->architecture);
		}
	}
	return add(c, kind, COMPARE_PACKAGE, name, before, after) != NULL ? 0 : -1;
}

/* All packages of one name: by architecture, unless there is one on each side. */
static int compare_group(struct comparing *c, const struct record_package *x, size_t nx,
	const struct record_package *y, size_t ny)
{
	bool several = nx > 1 || ny > 1;
	if (!several)
		return compare_package(c, nx > 0 ? x : NULL, ny > 0 ? y : NULL, false);
	while (nx > 0 || ny > 0) {
		int order = nx == 0 ? 1 : ny == 0 ? -1 : strcmp(x->architecture, y->architecture);
		if (compare_package(c, order <= 0 ? x : NULL, order >= 0 ? y : NULL, true) < 0)
			return -1;
		if (order <= 0) {
			x++;
			nx--;
		}
		if (order >= 0) {
			y++;
			ny--;
		}
	}
	return 0;
}

static int compare_packages(
	struct comparing *c, const struct record *before, const struct record *after)
{
	const struct record_package *x = before->packages, *x_end = x + before->package_count;
	const struct record_package *y = after->packages, *y_end = y + after->package_count;
	while (x < x_end || y < y_end) {
		int order = x == x_end ? 1 : y == y_end ? -1 : strcmp(x->name, y->name);
		size_t nx = order <= 0 ? same_name(x, x_end) : 0;
		size_t ny = order >= 0 ? same_name(y, y_end) : 0;
		if (compare_group(c, x, nx, y, ny) < 0)
			return -1;
		x += nx;
		y += ny;
	}
	return 0;
}

static const char *file_text(struct comparing *c, const struct record_file *f)
{
	bool file = strcmp(f->type, "file") == 0, link = strcmp(f->type, "link") == 0;
	return arena_printf(c->arena, c->e, "%s%s%04o %" PRIu32 ":%" PRIu32 "%s%s",
		file || link ? "" : f->type, file || link ? "" : " ", (unsigned)f->mode, f->uid,
		f->gid,
		link                 ? " -> "
		: f->content != NULL ? " "
				     : "",
		f->content != NULL ? f->content : "");
}

static bool same_text(const char *x, const char *y)
{
	return x == y || (x != NULL && y != NULL && strcmp(x, y) == 0);
}

static unsigned differences(const struct record_file *x, const struct record_file *y)
{
	if (x->type != y->type && strcmp(x->type, y->type) != 0)
		return COMPARE_TYPE;
	unsigned what = 0;
	if (x->size != y->size || !same_text(x->content, y->content))
		what |= COMPARE_CONTENT;
	if (x->mode != y->mode)
		what |= COMPARE_MODE;
	if (x->uid != y->uid || x->gid != y->gid)
		what |= COMPARE_OWNER;
	if (!same_text(x->xattrs, y->xattrs))
		what |= COMPARE_XATTRS;
	return what;
}

/* A file with several names is there once. */
static int64_t bytes(const struct record_file *f)
{
	return f != NULL && !f->further ? (int64_t)f->size : 0;
}

static int compare_file(
	struct comparing *c, const struct record_file *x, const struct record_file *y)
{
	unsigned what = x != NULL && y != NULL ? differences(x, y) : 0;
	if (x != NULL && y != NULL && what == 0)
		return 0;
	const char *path = y != NULL ? y->path : x->path; /* NOLINT(*.NullDereference) likewise */
	struct compare_change *slot = add(c,
		x == NULL   ? COMPARE_ADDED
		: y == NULL ? COMPARE_REMOVED
			    : COMPARE_CHANGED,
		COMPARE_FILE, path, x != NULL ? file_text(c, x) : NULL,
		y != NULL ? file_text(c, y) : NULL);
	if (slot == NULL)
		return -1;
	slot->what = what;
	slot->delta = bytes(y) - bytes(x);
	c->found.delta += slot->delta;
	return 0;
}

static int compare_files(
	struct comparing *c, const struct record *before, const struct record *after)
{
	const struct record_file *x = before->files, *x_end = x + before->file_count;
	const struct record_file *y = after->files, *y_end = y + after->file_count;
	while (x < x_end || y < y_end) {
		int order = x == x_end ? 1 : y == y_end ? -1 : strcmp(x->path, y->path);
		if (compare_file(c, order <= 0 ? x : NULL, order >= 0 ? y : NULL) < 0)
			return -1;
		x += order <= 0;
		y += order >= 0;
	}
	return 0;
}

int compare_records(const struct record *before, const struct record *after, struct arena *a,
	struct comparison *ret, struct err *e)
{
	struct comparing c = { .arena = a, .e = e };
	if (compare_image(&c, before, after) < 0 || compare_packages(&c, before, after) < 0 ||
		compare_files(&c, before, after) < 0)
		return -1;
	*ret = c.found;
	return 0;
}
