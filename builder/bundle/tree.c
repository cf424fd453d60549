#include "bundle/tree.h"

#include <stdlib.h>
#include <string.h>

int tree_generate(struct tree *t, const char *path, const char *data, size_t len, struct err *e)
{
	struct entry *entry =
		arena_push(t->arena, &t->met, &t->met_count, &t->met_cap, sizeof(*entry), e);
	if (entry == NULL)
		return -1;
	*entry = (struct entry){ .path = path,
		.kind = ENTRY_FILE,
		.mode = 0644,
		.owner = "root",
		.group = "root",
		.layer = LAYER_GENERATED,
		.data = data,
		.size = len,
		.order = t->met_count };
	return 0;
}

static int by_path_then_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int c = strcmp(x->path, y->path);
	return c != 0 ? c : (x->order > y->order) - (x->order < y->order);
}

static const char *kind_name(enum entry_kind kind)
{
	return kind == ENTRY_FILE ? "a file" : kind == ENTRY_LINK ? "a link" : "a folder";
}

/* `upper` is about to take the place of `lower`, both at one path. */
static void check_pair(const struct entry *lower, const struct entry *upper, struct diag *d)
{
	struct pos at = { .file = upper->source != NULL ? upper->source : upper->path };
	bool folders = lower->kind == ENTRY_FOLDER && upper->kind == ENTRY_FOLDER;
	if ((lower->kind == ENTRY_FOLDER) != (upper->kind == ENTRY_FOLDER))
		diag_add(d, at, "%s where %s is %s: a layer may replace a file by a file or a link",
			kind_name(upper->kind), lower->source, kind_name(lower->kind));
	else if (!folders && upper->layer == lower->layer)
		diag_add(
			d, at, "%s gives %s as well: keep one of them", lower->source, upper->path);
}

/* The first of the entries that is not before `path`. */
static size_t lower_bound(const struct tree *t, const char *path)
{
	size_t low = 0, high = t->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(t->list[middle].path, path) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct entry *tree_find(const struct tree *t, const char *path)
{
	size_t i = lower_bound(t, path);
	return i < t->count && strcmp(t->list[i].path, path) == 0 ? &t->list[i] : NULL;
}

static void apply(struct mode_rule *rule, struct entry *entry, bool below, struct diag *d)
{
	rule->used = true;
	if (rule->has_mode && entry->kind != ENTRY_LINK) {
		entry->mode = rule->mode;
		/* For all below a folder, folders stay as open as files are readable. */
		if (below && entry->kind == ENTRY_FOLDER)
			entry->mode |= (rule->mode & 0444) >> 2;
	}
	if (rule->owner != NULL)
		entry->owner = rule->owner;
	if (rule->group != NULL)
		entry->group = rule->group;
	if (rule->keep_original && entry->kind == ENTRY_FILE)
		entry->keep_original = true;
	else if (rule->keep_original && !below)
		diag_add(d, rule->pos, "%s is %s: `original: keep` is for files", entry->path,
			kind_name(entry->kind));
}

static int apply_rule(struct tree *t, struct mode_rule *rule, struct diag *d, struct err *e)
{
	size_t n = strlen(rule->path);
	if (n < 2 || strcmp(rule->path + n - 2, "/*") != 0) {
		size_t i = lower_bound(t, rule->path);
		if (i == t->count || strcmp(t->list[i].path, rule->path) != 0)
			return 0;
		t->list[i].implicit = false;
		apply(rule, &t->list[i], false, d);
		return 0;
	}
	char *prefix = arena_strndup(t->arena, rule->path, n - 1, e);
	if (prefix == NULL)
		return -1;
	for (size_t i = lower_bound(t, prefix);
		i < t->count && strncmp(t->list[i].path, prefix, n - 1) == 0; i++)
		if (!t->list[i].implicit)
			apply(rule, &t->list[i], true, d);
	return 0;
}

int tree_finish(struct tree *t, struct mode_rules *rules, struct diag *d, struct err *e)
{
	t->list = arena_array(t->arena, t->met_count, sizeof(*t->list), e);
	if (t->list == NULL)
		return -1;
	t->count = 0;
	if (t->met_count > 0)
		qsort(t->met, t->met_count, sizeof(*t->met), by_path_then_order);
	for (size_t i = 0; i < t->met_count; i++) {
		struct entry *entry = &t->met[i];
		if (i > 0 && strcmp(entry[-1].path, entry->path) == 0) {
			check_pair(&entry[-1], entry, d);
			if (entry->kind == ENTRY_FOLDER)
				entry->implicit = entry->implicit || entry[-1].implicit;
			else
				entry->replaced = &entry[-1];
			t->count--;
		}
		t->list[t->count++] = *entry;
	}
	for (size_t i = 0; i < rules->count; i++)
		if (apply_rule(t, &rules->list[i], d, e) < 0)
			return -1;

	size_t kept = 0;
	for (size_t i = 0; i < t->count; i++)
		if (!t->list[i].implicit)
			t->list[kept++] = t->list[i];
	t->count = kept;
	return 0;
}
