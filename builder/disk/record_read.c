#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "disk/record.h"

#define RECORD_BYTES_MAX ((size_t)512 << 20)

struct reading {
	const char *path; /* of the document, for messages */
	struct record record;
	struct arena *arena;
	struct err *e;
};

static int bad(struct reading *r, const char *where, size_t i, const char *what)
{
	return err_set(r->e, ERR_INPUT, 0, "%s: %s[%zu]: %s", r->path, where, i, what);
}

/* A copy of a text; NULL only without memory. */
static const char *copy(struct reading *r, const json_t *o, const char *key)
{
	const char *value = json_string_value(json_object_get(o, key));
	return arena_strdup(r->arena, value != NULL ? value : "", r->e);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The bytes of a name: those behind `bytes`, where it is there. NULL: none, or no memory. */
static const char *name_of(struct reading *r, const json_t *o, const char *key, const char *bytes)
{
	const char *hex = json_string_value(json_object_get(o, bytes));
	if (hex == NULL)
		return copy(r, o, key);
	size_t len = strlen(hex) / 2;
	char *text = arena_alloc(r->arena, len + 1, r->e);
	for (size_t i = 0; text != NULL && i < len; i++) {
		int high = hex_digit(hex[2 * i]), low = hex_digit(hex[2 * i + 1]);
		text[i] = (char)(high < 0 || low < 0 ? '?' : high << 4 | low);
	}
	return text;
}

static bool number(const json_t *o, const char *key, uint64_t max, uint64_t *ret)
{
	const json_t *value = json_object_get(o, key);
	json_int_t n = json_integer_value(value);
	if (!json_is_integer(value) || n < 0 || (uint64_t)n > max)
		return false;
	*ret = (uint64_t)n;
	return true;
}

static const char *type_of(const json_t *o)
{
	static const char *const types[] = { "file", "folder", "link", "char", "block", "fifo",
		"socket" };
	const char *type = json_string_value(json_object_get(o, "type"));
	for (size_t i = 0; type != NULL && i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(type, types[i]) == 0)
			return types[i];
	}
	return NULL;
}

static bool mode_of(const json_t *o, uint32_t *ret)
{
	const char *mode = json_string_value(json_object_get(o, "mode"));
	if (mode == NULL || strlen(mode) != 4 || strspn(mode, "01234567") != 4)
		return false;
	*ret = (uint32_t)strtoul(mode, NULL, 8);
	return true;
}

/* The one text that says what a file holds. 0, or -1 without memory. */
static int add_content(struct reading *r, const json_t *o, struct record_file *f)
{
	static const char *const keys[] = { "sha256", "target", "device" };
	for (size_t i = 0; i < 3; i++) {
		if (!json_is_string(json_object_get(o, keys[i])))
			continue;
		f->content = i == 1 ? name_of(r, o, "target", "target_bytes") : copy(r, o, keys[i]);
		if (f->content == NULL)
			return -1;
		break;
	}
	if (!json_is_string(json_object_get(o, "xattrs")))
		return 0;
	f->xattrs = copy(r, o, "xattrs");
	return f->xattrs != NULL ? 0 : -1;
}

static int read_file(struct reading *r, const json_t *o, size_t i, struct record_file *f)
{
	uint64_t uid, gid;
	f->path = name_of(r, o, "path", "path_bytes");
	if (f->path == NULL)
		return -1;
	f->type = type_of(o);
	if (f->path[0] != '/')
		return bad(r, "files", i, "\"path\" is no absolute path");
	if (f->type == NULL)
		return bad(r, "files", i, "\"type\" is none that is known");
	if (!mode_of(o, &f->mode))
		return bad(r, "files", i, "\"mode\" is not four octal digits");
	if (!number(o, "uid", UINT32_MAX, &uid) || !number(o, "gid", UINT32_MAX, &gid))
		return bad(r, "files", i, "\"uid\" or \"gid\" is no number of a user or group");
	if (strcmp(f->type, "file") == 0 && !number(o, "size", INT64_MAX, &f->size))
		return bad(r, "files", i, "\"size\" is no number of bytes");
	f->uid = (uint32_t)uid;
	f->gid = (uint32_t)gid;
	f->further = json_is_string(json_object_get(o, "same"));
	return add_content(r, o, f);
}

static int read_package(struct reading *r, const json_t *o, size_t i, struct record_package *p)
{
	p->name = copy(r, o, "name");
	p->version = copy(r, o, "version");
	p->architecture = copy(r, o, "architecture");
	if (p->name == NULL || p->version == NULL || p->architecture == NULL)
		return -1;
	if (p->name[0] == '\0' || p->version[0] == '\0')
		return bad(r, "packages", i, "without a name or a version");
	return 0;
}

static int read_partition(struct reading *r, const json_t *o, size_t i, struct record_partition *p)
{
	p->name = copy(r, o, "name");
	p->type = copy(r, o, "type");
	p->uuid = copy(r, o, "uuid");
	if (p->name == NULL || p->type == NULL || p->uuid == NULL)
		return -1;
	if (!number(o, "start", INT64_MAX, &p->start) || !number(o, "size", INT64_MAX, &p->size))
		return bad(r, "partitions", i, "\"start\" or \"size\" is no number of bytes");
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct record_file *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static int by_name(const void *a, const void *b)
{
	const struct record_package *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order != 0 ? order : strcmp(x->architecture, y->architecture);
}

/* Room for a list's elements, one more than there are: never nothing. */
static void *room(struct reading *r, const json_t *list, size_t size)
{
	return arena_array(r->arena, json_array_size(list) + 1, size, r->e);
}

static int read_lists(struct reading *r, const json_t *root)
{
	struct record *d = &r->record;
	const json_t *files = json_object_get(root, "files");
	const json_t *packages = json_object_get(root, "packages");
	const json_t *partitions = json_object_get(root, "partitions");
	d->files = room(r, files, sizeof(*d->files));
	d->packages = room(r, packages, sizeof(*d->packages));
	d->partitions = room(r, partitions, sizeof(*d->partitions));
	if (d->files == NULL || d->packages == NULL || d->partitions == NULL)
		return -1;
	d->file_count = json_array_size(files);
	d->package_count = json_array_size(packages);
	d->partition_count = json_array_size(partitions);
	for (size_t i = 0; i < d->file_count; i++) {
		if (read_file(r, json_array_get(files, i), i, &d->files[i]) < 0)
			return -1;
	}
	for (size_t i = 0; i < d->package_count; i++) {
		if (read_package(r, json_array_get(packages, i), i, &d->packages[i]) < 0)
			return -1;
	}
	for (size_t i = 0; i < d->partition_count; i++) {
		if (read_partition(r, json_array_get(partitions, i), i, &d->partitions[i]) < 0)
			return -1;
	}
	qsort(d->files, d->file_count, sizeof(*d->files), by_path);
	qsort(d->packages, d->package_count, sizeof(*d->packages), by_name);
	return 0;
}

static int read_all(struct reading *r, const json_t *root)
{
	struct record *d = &r->record;
	const json_t *image = json_object_get(root, "image"),
		     *base = json_object_get(image, "base");
	if (json_integer_value(json_object_get(root, "format")) != 1)
		return err_set(r->e, ERR_INPUT, 0,
			"%s: not an image's manifest that this version reads: format 1 is",
			r->path);
	if (!number(image, "size", INT64_MAX, &d->size) ||
		!json_is_array(json_object_get(root, "files")) ||
		!json_is_array(json_object_get(root, "packages")))
		return err_set(r->e, ERR_INPUT, 0,
			"%s: not an image's manifest: no size of an image, files and packages",
			r->path);
	d->recipe = copy(r, root, "recipe");
	d->tool = copy(r, json_object_get(root, "tool"), "version");
	d->arch = copy(r, image, "arch");
	d->base = copy(r, base, "name");
	d->base_digest = copy(r, base, "sha256");
	d->inputs = copy(r, root, "inputs");
	d->blocks_digest = copy(r, json_object_get(root, "blocks"), "sha256");
	if (d->recipe == NULL || d->tool == NULL || d->arch == NULL || d->base == NULL ||
		d->base_digest == NULL || d->inputs == NULL || d->blocks_digest == NULL)
		return -1;
	return read_lists(r, root);
}

int record_parse(const char *path, const char *data, size_t len, struct arena *a,
	struct record *ret, struct err *e)
{
	json_error_t error;
	json_t *root = json_loadb(data != NULL ? data : "", len, 0, &error);
	if (root == NULL && json_error_code(&error) == json_error_out_of_memory)
		return err_nomem(e);
	if (root == NULL)
		return err_set(e, ERR_INPUT, 0, "%s:%d:%d: not an image's manifest: %s", path,
			error.line, error.column, error.text);
	struct reading r = { .path = path, .arena = a, .e = e };
	int rc = read_all(&r, root);
	json_decref(root);
	if (rc == 0)
		*ret = r.record;
	return rc;
}

int record_read(const char *path, struct arena *a, struct record *ret, struct err *e)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		path = arena_printf(a, e, "%s/" RECORD_NAME, path);
		if (path == NULL)
			return -1;
	}
	cleanup_buf struct buf data = { .max = RECORD_BYTES_MAX + 1024 };
	if (file_read(AT_FDCWD, path, RECORD_BYTES_MAX, &data, e) < 0)
		return -1;
	return record_parse(path, data.data, data.len, a, ret, e);
}
