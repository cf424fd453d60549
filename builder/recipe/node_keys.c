#include "recipe/node_keys.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static int by_text(const void *a, const void *b, void *ctx)
{
	struct node **keys = ctx;
	unsigned i = *(const unsigned *)a, j = *(const unsigned *)b;
	int rc = strcmp(keys[i]->text, keys[j]->text);
	return rc != 0 ? rc : (i > j) - (i < j);
}

static void repeated(struct node *n, unsigned first, unsigned again, struct diag *d)
{
	diag_add(d, n->keys[again]->pos,
		"key \"%s\" a second time (first on line %u): once is allowed",
		diag_show(n->keys[again]->text).text, n->keys[first]->pos.line);
	n->items[again] = NULL;
}

int node_drop_repeated(struct node *n, struct diag *d, struct err *e)
{
	if (n->count <= 16) {
		for (unsigned i = 1; i < n->count; i++)
			for (unsigned j = 0; j < i; j++)
				if (strcmp(n->keys[i]->text, n->keys[j]->text) == 0) {
					repeated(n, j, i, d);
					break;
				}
	} else {
		unsigned *order = malloc(n->count * sizeof(*order));
		if (order == NULL)
			return err_nomem(e);
		for (unsigned i = 0; i < n->count; i++)
			order[i] = i;
		qsort_r(order, n->count, sizeof(*order), by_text, n->keys);
		for (unsigned i = 1, first = 0; i < n->count; i++) {
			if (strcmp(n->keys[order[i]]->text, n->keys[order[first]]->text) != 0)
				first = i;
			else
				repeated(n, order[first], order[i], d);
		}
		free(order);
	}
	unsigned kept = 0;
	for (unsigned i = 0; i < n->count; i++) {
		if (n->items[i] == NULL)
			continue;
		n->keys[kept] = n->keys[i];
		n->items[kept++] = n->items[i];
	}
	n->count = kept;
	return 0;
}

static const char *spec_name(const void *ctx, size_t i)
{
	return ((const struct key_spec *)ctx)[i].name;
}

static const struct key_spec *spec_find(const struct key_spec *specs, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(specs[i].name, key) == 0)
			return &specs[i];
	return NULL;
}

static void unknown_key(const struct node *key, const char *what, const struct key_spec *specs,
	size_t count, struct diag *d)
{
	const char *near = diag_full(d) ? NULL : text_nearest(key->text, spec_name, specs, count);
	if (near != NULL) {
		diag_add(d, key->pos, "unknown %s key \"%s\": did you mean \"%s\"?", what,
			diag_show(key->text).text, near);
		return;
	}
	char all[600];
	size_t len = 0;
	all[0] = '\0';
	for (size_t i = 0; i < count; i++) {
		size_t n = strlen(specs[i].name);
		if (len + n + 3 > sizeof(all))
			break;
		if (i > 0) {
			memcpy(all + len, ", ", 2);
			len += 2;
		}
		memcpy(all + len, specs[i].name, n + 1);
		len += n;
	}
	diag_add(d, key->pos, "unknown %s key \"%s\": allowed are %s", what,
		diag_show(key->text).text, all);
}

static const char *kind_allowed(enum node_kind kind)
{
	return kind == NODE_LIST ? "a list" : kind == NODE_MAP ? "a map" : "a text";
}

bool node_check_keys(const struct node *n, const char *what, const struct key_spec *specs,
	size_t count, struct diag *d)
{
	if (n->kind != NODE_MAP) {
		diag_add(d, n->pos, "%s is %s: allowed is a map", what, node_kind_text(n));
		return false;
	}
	bool good = true;
	for (unsigned i = 0; i < n->count; i++) {
		const struct key_spec *s = spec_find(specs, count, n->keys[i]->text);
		const struct node *v = n->items[i];
		if (s == NULL) {
			unknown_key(n->keys[i], what, specs, count, d);
			good = false;
		} else if (s->kind != NODE_ANY && s->kind != v->kind) {
			diag_add(d, v->pos, "%s is %s: allowed is %s", s->name, node_kind_text(v),
				kind_allowed(s->kind));
			good = false;
		}
	}
	for (size_t i = 0; i < count; i++) {
		if (!specs[i].required || node_get(n, specs[i].name) != NULL)
			continue;
		diag_add(d, n->pos, "%s without %s: it is needed", what, specs[i].name);
		good = false;
	}
	return good;
}
