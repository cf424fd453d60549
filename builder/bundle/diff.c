#include "bundle/diff.h"

#include <string.h>

const char *change_kind_name(enum change_kind k)
{
	static const char *const names[] = { "added", "removed", "changed", "unknown" };
	return names[k];
}

static int add(struct changes *c, enum change_kind kind, const struct manifest_item *before,
	const struct manifest_item *after, struct arena *a, struct err *e)
{
	struct change *slot = arena_push(a, &c->list, &c->count, &c->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	const struct manifest_item *any = after != NULL ? after : before;
	*slot = (struct change){ .kind = kind,
		.section = any->section,
		.name = any->name,
		.before = before != NULL ? before->value : NULL,
		.after = after != NULL ? after->value : NULL };
	c->real += kind != CHANGE_UNKNOWN;
	return 0;
}

int manifest_diff(const struct manifest *before, const struct manifest *after, struct arena *a,
	struct changes *ret, struct err *e)
{
	struct changes c = { 0 };
	size_t i = 0, k = 0;
	while (i < before->count || k < after->count) {
		const struct manifest_item *x = i < before->count ? &before->list[i] : NULL;
		const struct manifest_item *y = k < after->count ? &after->list[k] : NULL;
		int order = x == NULL                  ? 1
			    : y == NULL                ? -1
			    : x->section != y->section ? (x->section < y->section ? -1 : 1)
						       : strcmp(x->name, y->name);
		int rc = 0;
		if (order < 0)
			rc = add(&c, CHANGE_REMOVED, x, NULL, a, e);
		else if (order > 0)
			rc = add(&c, CHANGE_ADDED, NULL, y, a, e);
		else if (x->secret && y->secret)
			rc = add(&c, CHANGE_UNKNOWN, x, y, a, e);
		else if (strcmp(x->value, y->value) != 0)
			rc = add(&c, CHANGE_CHANGED, x, y, a, e);
		if (rc < 0)
			return -1;
		i += order <= 0;
		k += order >= 0;
	}
	*ret = c;
	return 0;
}
