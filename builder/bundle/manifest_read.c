#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "bundle/manifest.h"

#define MANIFEST_BYTES_MAX ((size_t)64 << 20)

const char *manifest_section_name(enum manifest_section s)
{
	static const char *const names[] = { "tool", "var", "package", "service", "input", "file",
		"product" };
	return names[s];
}

struct reading {
	struct manifest manifest;
	struct arena *arena;
	struct err *err;
};

static int add(struct reading *r, enum manifest_section section, const char *name,
	const char *value, bool secret)
{
	if (name == NULL || value == NULL)
		return -1;
	struct manifest *m = &r->manifest;
	struct manifest_item *slot =
		arena_push(r->arena, &m->list, &m->count, &m->cap, sizeof(*slot), r->err);
	if (slot == NULL)
		return -1;
	*slot = (struct manifest_item){ section, name, value, secret };
	return 0;
}

static const char *copy(struct reading *r, const char *text)
{
	return arena_strdup(r->arena, text != NULL ? text : "", r->err);
}

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value != NULL ? value : "";
}

static int read_words(struct reading *r, enum manifest_section section, const json_t *list)
{
	size_t i;
	json_t *word;
	json_array_foreach(list, i, word)
	{
		if (json_is_string(word) &&
			add(r, section, copy(r, json_string_value(word)), "listed", false) < 0)
			return -1;
	}
	return 0;
}

static int read_input(struct reading *r, const json_t *o)
{
	const char *overlay = text(o, "overlay"), *path = text(o, "path");
	const char *reference = text(o, "reference");
	if (reference[0] != '\0')
		return add(r, MANIFEST_INPUTS, copy(r, reference), "secret", true);
	const char *name = arena_printf(
		r->arena, r->err, "%s%s%s", overlay[0] != '\0' ? "overlay " : "", overlay, path);
	return add(r, MANIFEST_INPUTS, name, copy(r, text(o, "sha256")), false);
}

static int read_file(struct reading *r, const json_t *o)
{
	const char *link = text(o, "link");
	const char *value = arena_printf(r->arena, r->err, "%s %s %s%s%s", text(o, "mode"),
		text(o, "owner"), text(o, "sha256"), link[0] != '\0' ? "-> " : "", link);
	return add(r, MANIFEST_FILES, copy(r, text(o, "path")), value, false);
}

static int read_product(struct reading *r, const json_t *o)
{
	bool secret = json_is_true(json_object_get(o, "secret"));
	return add(r, MANIFEST_PRODUCTS, copy(r, text(o, "path")),
		secret ? "secret" : copy(r, text(o, "sha256")), secret);
}

static int read_each(
	struct reading *r, const json_t *list, int (*one)(struct reading *r, const json_t *o))
{
	size_t i;
	json_t *o;
	json_array_foreach(list, i, o)
	{
		if (one(r, o) < 0)
			return -1;
	}
	return 0;
}

static int read_all(struct reading *r, json_t *root)
{
	const char *key;
	json_t *value;
	const json_t *tool = json_object_get(root, "tool");
	if (add(r, MANIFEST_TOOL, "version", copy(r, text(tool, "version")), false) < 0 ||
		add(r, MANIFEST_TOOL, "daemon", copy(r, text(root, "daemon")), false) < 0)
		return -1;
	json_object_foreach(json_object_get(root, "vars"), key, value)
	{
		if (add(r, MANIFEST_VARS, copy(r, key), copy(r, json_string_value(value)), false) <
			0)
			return -1;
	}
	if (read_words(r, MANIFEST_PACKAGES, json_object_get(root, "packages")) < 0 ||
		read_words(r, MANIFEST_SERVICES, json_object_get(root, "services")) < 0 ||
		read_each(r, json_object_get(root, "inputs"), read_input) < 0 ||
		read_each(r, json_object_get(root, "files"), read_file) < 0)
		return -1;
	return read_each(r, json_object_get(root, "products"), read_product);
}

static int by_section_and_name(const void *a, const void *b)
{
	const struct manifest_item *x = a, *y = b;
	return x->section != y->section ? (x->section > y->section) - (x->section < y->section)
					: strcmp(x->name, y->name);
}

int manifest_parse(const char *path, const char *data, size_t len, struct arena *a,
	struct manifest *ret, struct err *e)
{
	json_error_t error;
	json_t *root = json_loadb(data, len, JSON_REJECT_DUPLICATES, &error);
	if (root == NULL) {
		if (json_error_code(&error) == json_error_out_of_memory)
			return err_nomem(e);
		return err_set(e, ERR_INPUT, 0, "%s:%d:%d: not a manifest: %s", path, error.line,
			error.column, error.text);
	}
	struct reading r = { .arena = a, .err = e };
	json_int_t format = json_integer_value(json_object_get(root, "format"));
	int rc = format == 1
			 ? read_all(&r, root)
			 : err_set(e, ERR_INPUT, 0,
				   "%s: not a manifest that this version reads: format 1 is", path);
	json_decref(root);
	if (rc < 0)
		return -1;
	if (r.manifest.count > 0)
		qsort(r.manifest.list, r.manifest.count, sizeof(*r.manifest.list),
			by_section_and_name);
	*ret = r.manifest;
	return 0;
}

int manifest_read(const char *path, struct arena *a, struct manifest *ret, struct err *e)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		path = arena_printf(a, e, "%s/" MANIFEST_NAME, path);
		if (path == NULL)
			return -1;
	}
	cleanup_buf struct buf data = { .max = MANIFEST_BYTES_MAX + 1024 };
	if (file_read(AT_FDCWD, path, MANIFEST_BYTES_MAX, &data, e) < 0)
		return -1;
	return manifest_parse(path, data.data, data.len, a, ret, e);
}
