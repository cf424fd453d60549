#include "disk/enable.h"

#include <string.h>
#include <sys/stat.h>

#include "disk/enable_find.h"

#define UNITS_MAX 64 /* enabled by one call, by way of Also= */

struct job {
	struct rootfs *r;
	struct arena *arena;
	struct unit_list todo; /* by name; the first was asked for, the others by Also= */
};

/* Make a link in the configuration; one that leads to the same unit may be there. */
static int make_link(struct job *j, const struct unit *u, const char *path, struct err *e)
{
	struct rootfs_node *old = rootfs_find(j->r, path);
	if (old != NULL && S_ISLNK(old->mode)) {
		if (strcmp(old->target, u->path) == 0)
			return 0;
		struct rootfs_node *here = rootfs_resolve(j->r, path);
		struct rootfs_node *there = rootfs_resolve(j->r, u->path);
		if (here != NULL && here == there)
			return 0;
	}
	if (old != NULL)
		return err_set(e, ERR_INPUT, 0,
			"unit %s cannot be enabled: %s is there already%s%s", u->name, path,
			S_ISLNK(old->mode) ? ", and leads to " : "",
			S_ISLNK(old->mode) ? old->target : "");
	return rootfs_put_link(j->r, path, u->path, e) != NULL ? 0 : -1;
}

/* What a unit is installed as: of a template, its default instance; the template without one. */
static const char *installed_name(struct job *j, const struct unit *u, struct err *e)
{
	if (unit_kind(u->name) != UNIT_TEMPLATE || u->install.default_instance == NULL)
		return u->name;
	const char *instance = unit_expand(j->arena, u->install.default_instance, u->name, e);
	return instance != NULL ? unit_instance(j->arena, u->name, instance, e) : NULL;
}

static int not_a_unit(const struct unit *u, const char *text, struct err *e)
{
	return err_set(e, ERR_INPUT, 0, "unit %s: \"%s\" in its [Install] section is no unit",
		u->name, text);
}

static int make_wants(struct job *j, const struct unit *u, const char *name,
	const struct unit_list *by, const char *suffix, struct err *e)
{
	if (by->count > 0 && unit_kind(name) == UNIT_TEMPLATE)
		return err_set(
			e, ERR_INPUT, 0, "unit %s is a template: name an instance of it", name);
	for (size_t i = 0; i < by->count; i++) {
		const char *target = unit_expand(j->arena, by->list[i], name, e);
		if (target == NULL)
			return -1;
		if (unit_kind(target) == UNIT_INVALID)
			return not_a_unit(u, target, e);
		const char *path =
			arena_printf(j->arena, e, CONFIG "/%s.%s/%s", target, suffix, name);
		if (path == NULL || make_link(j, u, path, e) < 0)
			return -1;
	}
	return 0;
}

static int make_aliases(struct job *j, const struct unit *u, const char *name, struct err *e)
{
	for (size_t i = 0; i < u->install.alias.count; i++) {
		const char *alias = unit_expand(j->arena, u->install.alias.list[i], name, e);
		if (alias == NULL)
			return -1;
		const char *slash = strrchr(alias, '/');
		enum unit_kind kind = unit_kind(slash != NULL ? slash + 1 : alias);
		if (kind == UNIT_INVALID || (slash != NULL && strchr(alias, '/') != slash))
			return not_a_unit(u, alias, e);
		/* An instance has the alias as an instance, too. */
		if (kind == UNIT_TEMPLATE && slash == NULL && unit_kind(name) == UNIT_INSTANCE) {
			const char *instance = unit_instance_of(j->arena, name, e);
			alias = instance != NULL ? unit_instance(j->arena, alias, instance, e)
						 : NULL;
			if (alias == NULL)
				return -1;
		}
		const char *path = arena_printf(j->arena, e, CONFIG "/%s", alias);
		if (path == NULL || (strcmp(alias, u->name) != 0 && make_link(j, u, path, e) < 0))
			return -1;
	}
	return 0;
}

static int add_also(struct job *j, const struct unit *u, struct err *e)
{
	for (size_t i = 0; i < u->install.also.count; i++) {
		const char *name = unit_expand(j->arena, u->install.also.list[i], u->name, e);
		bool known = false;
		if (name == NULL)
			return -1;
		for (size_t k = 0; k < j->todo.count; k++)
			known = known || strcmp(j->todo.list[k], name) == 0;
		if (known)
			continue;
		if (j->todo.count == UNITS_MAX)
			return err_set(e, ERR_INPUT, 0, "unit %s: Also= names more than %d units",
				u->name, UNITS_MAX);
		const char **slot = arena_push(
			j->arena, &j->todo.list, &j->todo.count, &j->todo.cap, sizeof(*slot), e);
		if (slot == NULL)
			return -1;
		*slot = name;
	}
	return 0;
}

static int enable_one(struct job *j, const char *name, bool asked, struct err *e)
{
	struct unit u;
	int rc = unit_find(j->r, name, asked, &u, e);
	if (rc <= 0)
		return rc < 0 || !asked ? rc : unit_unknown(j->r, name, e);
	if (asked && !u.install.present)
		return err_set(e, ERR_INPUT, 0,
			"unit %s has no [Install] section: it cannot be enabled, other units start it",
			name);
	const char *as = installed_name(j, &u, e);
	if (as == NULL || make_aliases(j, &u, as, e) < 0 ||
		make_wants(j, &u, as, &u.install.wanted_by, "wants", e) < 0 ||
		make_wants(j, &u, as, &u.install.required_by, "requires", e) < 0 ||
		make_wants(j, &u, as, &u.install.upheld_by, "upholds", e) < 0)
		return -1;
	return add_also(j, &u, e);
}

int enable_unit(struct rootfs *r, const char *name, struct err *e)
{
	struct job j = { .r = r, .arena = r->arena };
	if (unit_kind(name) == UNIT_INVALID)
		return err_set(e, ERR_INPUT, 0,
			"\"%s\" is no name of a unit: NAME.service, for one", name);
	const char **slot =
		arena_push(j.arena, &j.todo.list, &j.todo.count, &j.todo.cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = name;
	for (size_t i = 0; i < j.todo.count; i++)
		if (enable_one(&j, j.todo.list[i], i == 0, e) < 0)
			return -1;
	return 0;
}

static bool is_wants(const char *name)
{
	const char *dot = strrchr(name, '.');
	return dot != NULL && (strcmp(dot, ".wants") == 0 || strcmp(dot, ".requires") == 0 ||
				      strcmp(dot, ".upholds") == 0);
}

static bool leads_to(const struct rootfs_node *link, const char *name)
{
	const char *base = strrchr(link->target, '/');
	return strcmp(base != NULL ? base + 1 : link->target, name) == 0;
}

/* Links in a folder that are called or lead to the unit. */
static int drop_links(struct rootfs *r, struct rootfs_node *folder, const char *name, struct err *e)
{
	for (struct rootfs_node *n = folder->children, *next; n != NULL; n = next) {
		next = n->next;
		if (n->gone || !S_ISLNK(n->mode) ||
			(strcmp(n->name, name) != 0 && !leads_to(n, name)))
			continue;
		if (rootfs_remove(r, n, e) < 0)
			return -1;
	}
	return 0;
}

int mask_unit(struct rootfs *r, const char *name, struct err *e)
{
	if (unit_kind(name) == UNIT_INVALID)
		return err_set(e, ERR_INPUT, 0,
			"\"%s\" is no name of a unit: NAME.service, for one", name);
	struct rootfs_node *config = rootfs_folder(r, CONFIG, true, e);
	if (config == NULL)
		return -1;
	struct rootfs_node *old = rootfs_child(r, config, name, strlen(name));
	if (old != NULL && old->overlay && S_ISREG(rootfs_file(old)->mode))
		return err_set(e, ERR_INPUT, 0,
			"unit %s is to be masked, and an overlay has " CONFIG
			"/%s: drop one of them",
			name, name);
	if (drop_links(r, config, name, e) < 0)
		return -1;
	for (struct rootfs_node *n = config->children; n != NULL; n = n->next)
		if (!n->gone && S_ISDIR(n->mode) && is_wants(n->name) &&
			drop_links(r, n, name, e) < 0)
			return -1;
	const char *path = arena_printf(r->arena, e, CONFIG "/%s", name);
	return path != NULL && rootfs_put_link(r, path, "/dev/null", e) != NULL ? 0 : -1;
}
