#include "bundle/parts.h"

#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "bundle/cloudconfig.h"
#include "recipe/node.h"
#include "recipe/template.h"

/* What a part may begin with. */
static const struct {
	const char *line;
	const char *type;
} KINDS[] = {
	{ "#cloud-config", "text/cloud-config" },
	{ "#!", "text/x-shellscript" },
	{ "#cloud-boothook", "text/cloud-boothook" },
};

/* The part that the builder adds; recipes cannot use its name. */
static const char OWN_PREFIX[] = "imgbuild";

struct reading {
	struct recipe *recipe;
	const struct tree *tree;
	struct arena *arena;
	struct diag *diag;
	const struct node **documents; /* cloud-config parts so far */
	size_t document_count;
};

static const char *cloud_key(const void *ctx, size_t i)
{
	(void)ctx;
	return CLOUD_KEYS[i];
}

static bool is_cloud_key(const char *key)
{
	size_t low = 0, high = CLOUD_KEY_COUNT;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int c = strcmp(CLOUD_KEYS[middle], key);
		if (c == 0)
			return true;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

static void check_keys(const struct node *n, struct diag *d)
{
	for (size_t i = 0; i < n->count; i++) {
		const char *key = n->keys[i]->text;
		if (is_cloud_key(key))
			continue;
		const char *nearest = text_nearest(key, cloud_key, NULL, CLOUD_KEY_COUNT);
		if (nearest != NULL)
			diag_add(d, n->keys[i]->pos, "unknown key \"%s\": cloud-init knows \"%s\"",
				key, nearest);
		else
			diag_add(d, n->keys[i]->pos,
				"unknown key \"%s\": cloud-init would pass it over in silence",
				key);
	}
}

/* Values of one key in two parts that cannot both hold: cloud-init would keep one in silence. */
static void check_clash(const struct node *a, const struct node *b, const char *key, struct diag *d)
{
	if (a->kind == NODE_LIST && b->kind == NODE_LIST)
		return;
	if (a->kind == NODE_MAP && b->kind == NODE_MAP) {
		for (size_t i = 0; i < b->count; i++) {
			const struct node *other = node_get(a, b->keys[i]->text);
			if (other != NULL)
				check_clash(other, b->items[i], b->keys[i]->text, d);
		}
		return;
	}
	if (a->kind != b->kind || strcmp(a->text, b->text) != 0)
		diag_add(d, b->pos,
			"\"%s\" is set differently at %s:%u:%u: only one of the two "
			"would be in force",
			key, a->pos.file, a->pos.line, a->pos.col);
}

static bool is_merge_rule(const char *key)
{
	return strcmp(key, "merge_how") == 0 || strcmp(key, "merge_type") == 0;
}

/* A file of write_files takes the place of the tree's, unless it only adds to it. */
static void check_file(const struct reading *r, const struct node *file)
{
	const struct node *path = node_get(file, "path"), *append = node_get(file, "append");
	if (path == NULL || path->kind != NODE_SCALAR ||
		(append != NULL && strcmp(append->text, "true") == 0))
		return;
	const struct entry *entry = tree_find(r->tree, path->text);
	if (entry != NULL)
		diag_add(r->diag, path->pos,
			"%s is in overlay %s: one would replace the other; put yours into an "
			"overlay of your own",
			path->text, entry->layer);
}

static void check_document(struct reading *r, const struct node *n)
{
	check_keys(n, r->diag);
	for (size_t i = 0; i < n->count; i++) {
		const char *key = n->keys[i]->text;
		if (is_merge_rule(key) && strcmp(n->items[i]->text, CLOUD_MERGE) != 0)
			diag_add(r->diag, n->keys[i]->pos,
				"\"%s\" of its own: parts are merged by \"%s\", so that none "
				"replaces another: leave it out",
				key, CLOUD_MERGE);
		if (is_merge_rule(key))
			continue;
		for (size_t k = 0; k < r->document_count; k++) {
			const struct node *other = node_get(r->documents[k], key);
			if (other != NULL)
				check_clash(other, n->items[i], key, r->diag);
		}
	}
	const struct node *update = node_get(n, "package_update");
	if (update != NULL && update->kind == NODE_SCALAR && r->recipe->packages.count > 0 &&
		strcmp(update->text, "true") != 0)
		diag_add(r->diag, update->pos,
			"\"package_update\" is true in the recipe's own part, which installs "
			"packages: leave it out");
	static const char *const lists[] = { "packages", "write_files", "runcmd", "bootcmd" };
	for (size_t i = 0; i < sizeof(lists) / sizeof(*lists); i++) {
		const struct node *list = node_get(n, lists[i]);
		if (list != NULL && list->kind != NODE_LIST)
			diag_add(r->diag, list->pos, "\"%s\" must be a list", lists[i]);
	}
	const struct node *files = node_get(n, "write_files");
	for (size_t i = 0; files != NULL && files->kind == NODE_LIST && i < files->count; i++)
		check_file(r, files->items[i]);
}

static int parse(struct reading *r, const struct part *p, struct err *e)
{
	struct node *n;
	size_t problems = diag_total(r->diag);
	if (node_parse(r->arena, p->source, p->mime.data, p->mime.size, r->diag, &n, e) < 0)
		return -1;
	if (n == NULL || diag_total(r->diag) != problems)
		return 0;
	if (n->kind != NODE_MAP) {
		diag_add(r->diag, n->pos, "a #cloud-config part must be a map");
		return 0;
	}
	check_document(r, n);
	r->documents[r->document_count++] = n;
	return 0;
}

static const char *type_of(const char *data)
{
	for (size_t i = 0; i < sizeof(KINDS) / sizeof(*KINDS); i++) {
		size_t n = strlen(KINDS[i].line);
		if (strncmp(data, KINDS[i].line, n) != 0)
			continue;
		if (strcmp(KINDS[i].line, "#!") == 0 || strchr(" \t\r\n", data[n]) != NULL)
			return KINDS[i].type;
	}
	return NULL;
}

/* The name that the part has for cloud-init: the file's, without folder and .in. */
static const char *name_of(struct arena *a, const char *path, bool *ret_template, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t n = strlen(base);
	*ret_template = n > 3 && strcmp(base + n - 3, ".in") == 0;
	return arena_strndup(a, base, *ret_template ? n - 3 : n, e);
}

static bool is_plain_name(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789_.+-";
	return *name != '\0' && *name != '.' && name[strspn(name, allowed)] == '\0';
}

/* The bytes of a part, filled, into p->mime. 1: a problem was noted. */
static int load(struct reading *r, const struct found *f, struct part *p, struct err *e)
{
	bool template;
	p->source = f->path;
	p->mime.name = name_of(r->arena, f->path, &template, e);
	if (p->mime.name == NULL)
		return -1;
	cleanup_buf struct buf read = { 0 };
	cleanup_buf struct buf filled = { 0 };
	if (file_read(AT_FDCWD, f->path, PART_BYTES_MAX, &read, e) < 0) {
		if (e->kind != ERR_INPUT)
			return -1;
		diag_add(r->diag, f->word.pos, "part %s: %s", f->word.text, e->msg);
		return 1;
	}
	p->source_digest = sha256_of(read.data, read.len);
	const struct buf *content = &read;
	if (template) {
		struct pos start = { .file = f->path, .line = 1, .col = 1 };
		if (buf_reserve(&filled, 0, e) < 0 ||
			template_fill(read.data, read.len, start, &r->recipe->vars, &filled,
				r->diag, e) < 0)
			return -1;
		content = &filled;
	}
	p->mime.size = content->len;
	p->mime.data = arena_strndup(r->arena, content->data, content->len, e);
	return p->mime.data == NULL ? -1 : 0;
}

static int read_part(struct reading *r, const struct found *f, struct parts *parts, struct err *e)
{
	struct part *p = &parts->list[parts->count];
	int rc = load(r, f, p, e);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	struct pos at = f->word.pos;
	if (!is_plain_name(p->mime.name) || text_starts(p->mime.name, OWN_PREFIX)) {
		diag_add(r->diag, at,
			"part %s: its name may have letters, digits and _.+- and not begin with "
			"\"%s\" or a dot",
			f->word.text, OWN_PREFIX);
		return 0;
	}
	for (size_t i = 0; i < parts->count; i++) {
		if (strcmp(parts->list[i].mime.name, p->mime.name) == 0) {
			diag_add(r->diag, at,
				"part %s: %s is called %s as well, and cloud-init would keep only "
				"one: rename it",
				f->word.text, parts->list[i].source, p->mime.name);
			return 0;
		}
	}
	p->mime.type = type_of(p->mime.data);
	if (p->mime.type == NULL) {
		diag_add(r->diag, (struct pos){ .file = p->source, .line = 1, .col = 1 },
			"cloud-init knows a part by its first line: \"#cloud-config\", \"#!\" "
			"or \"#cloud-boothook\" is allowed");
		return 0;
	}
	if (strcmp(p->mime.type, "text/x-shellscript") == 0 &&
		strcmp(p->mime.name, "runcmd") == 0) {
		diag_add(r->diag, at,
			"part %s: cloud-init keeps the recipe's own commands under that name: "
			"rename it",
			f->word.text);
		return 0;
	}
	parts->count++;
	return strcmp(p->mime.type, "text/cloud-config") == 0 ? parse(r, p, e) : 0;
}

int parts_read(struct recipe *recipe, const struct tree *t, struct arena *a, struct diag *d,
	struct parts *ret, struct err *e)
{
	struct reading r = { .recipe = recipe, .tree = t, .arena = a, .diag = d };
	struct parts parts = { 0 };
	if (recipe->part_count > 0) {
		parts.list = arena_array(a, recipe->part_count, sizeof(*parts.list), e);
		r.documents = arena_array(a, recipe->part_count, sizeof(const struct node *), e);
		if (parts.list == NULL || r.documents == NULL)
			return -1;
	}
	for (size_t i = 0; i < recipe->part_count; i++) {
		parts.list[parts.count] = (struct part){ 0 };
		if (read_part(&r, &recipe->parts[i], &parts, e) < 0)
			return -1;
	}
	*ret = parts;
	return 0;
}
