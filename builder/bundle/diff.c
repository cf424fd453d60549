#include "bundle/diff.h"

#include <string.h>

const char *change_kind_name(enum change_kind k)
{
	static const char *const names[] = { "added", "removed", "changed", "unknown" };
	return names[k];
}

static int add(struct changes *c, enum change_kind kind, const struct manifest_item *item,
	const char *before, const char *after, struct arena *a, struct err *e)
{
	struct change *slot = arena_push(a, &c->list, &c->count, &c->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = (struct change){ kind, item->section, item->name, before, after };
	c->real += kind != CHANGE_UNKNOWN;
	return 0;
}

static int order(const struct manifest_item *x, const struct manifest_item *y)
{
	return x->section != y->section ? (x->section < y->section ? -1 : 1)
					: strcmp(x->name, y->name);
}

/* What is at the same place in both. */
static int compare(struct changes *c, const struct manifest_item *x, const struct manifest_item *y,
	struct arena *a, struct err *e)
{
	if (x->secret && y->secret)
		return add(c, CHANGE_UNKNOWN, y, x->value, y->value, a, e);
	if (strcmp(x->value, y->value) == 0)
		return 0;
	return add(c, CHANGE_CHANGED, y, x->value, y->value, a, e);
}

int manifest_diff(const struct manifest *before, const struct manifest *after, struct arena *a,
	struct changes *ret, struct err *e)
{
	struct changes c = { 0 };
	const struct manifest_item *x = before->list, *y = after->list;
	const struct manifest_item *x_end = x + before->count, *y_end = y + after->count;
	while (x < x_end || y < y_end) {
		int rc;
		int o = x == x_end ? 1 : y == y_end ? -1 : order(x, y);
		if (o < 0)
			rc = add(&c, CHANGE_REMOVED, x, x->value, NULL, a, e);
		else if (o > 0)
			rc = add(&c, CHANGE_ADDED, y, NULL, y->value, a, e);
		else
			rc = compare(&c, x, y, a, e);
		if (rc < 0)
			return -1;
		x += o <= 0;
		y += o >= 0;
	}
	*ret = c;
	return 0;
}
