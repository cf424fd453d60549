#include "disk/record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <nettle/sha2.h>

#include "base/json.h"
#include "base/text.h"

struct entry {
	const char *path;
	struct rootfs_node *node;
};

struct entries {
	struct entry *list;
	size_t count;
	size_t cap;
	struct arena arena;
};

static int collect(struct entries *all, struct rootfs_node *n, struct buf *path, struct err *e)
{
	struct entry *slot =
		arena_push(&all->arena, &all->list, &all->count, &all->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	slot->node = n;
	slot->path = arena_strndup(
		&all->arena, path->len > 0 ? path->data : "/", path->len > 0 ? path->len : 1, e);
	if (slot->path == NULL)
		return -1;
	size_t len = path->len;
	for (struct rootfs_node *child = n->children; child != NULL; child = child->next) {
		if (child->gone)
			continue;
		path->len = len;
		if (buf_putc(path, '/', e) < 0 || buf_puts(path, child->name, e) < 0 ||
			collect(all, child, path, e) < 0)
			return -1;
	}
	path->len = len;
	return 0;
}

static int by_path(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	return strcmp(x->path, y->path);
}

static const char *type_name(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "folder";
	case S_IFLNK:
		return "link";
	case S_IFCHR:
		return "char";
	case S_IFBLK:
		return "block";
	case S_IFIFO:
		return "fifo";
	case S_IFSOCK:
		return "socket";
	default:
		return "file";
	}
}

static bool is_utf8(const char *text)
{
	size_t left = strlen(text);
	while (left > 0) {
		size_t n = text_utf8_len(text, left);
		if (n == 0)
			return false;
		text += n;
		left -= n;
	}
	return true;
}

/* The text under `key`, and under `bytes` as well when reading it back would not give the same. */
static int add_bytes(
	struct json *j, const char *key, const char *bytes, const char *text, struct err *e)
{
	json_str(j, key, text);
	if (is_utf8(text))
		return 0;
	cleanup_buf struct buf hex = { 0 };
	for (; *text != '\0'; text++) {
		if (buf_printf(&hex, e, "%02x", (unsigned char)*text) < 0)
			return -1;
	}
	json_str(j, bytes, hex.data);
	return 0;
}

static int by_xattr(const void *a, const void *b)
{
	const struct rootfs_xattr *const *x = a, *const *y = b;
	return strcmp((*x)->name, (*y)->name);
}

static int add_xattrs(struct json *j, const struct rootfs_node *n, struct err *e)
{
	size_t count = 0;
	for (const struct rootfs_xattr *x = n->xattrs; x != NULL; x = x->next)
		count++;
	if (count == 0)
		return 0;
	const struct rootfs_xattr **list = calloc(count, sizeof(const struct rootfs_xattr *));
	if (list == NULL)
		return err_nomem(e);
	count = 0;
	for (const struct rootfs_xattr *x = n->xattrs; x != NULL; x = x->next)
		list[count++] = x;
	qsort(list, count, sizeof(*list), by_xattr);
	struct sha256_ctx ctx;
	sha256_init(&ctx);
	for (size_t i = 0; i < count; i++) {
		char size[24];
		int digits = snprintf(size, sizeof(size), "%zu", list[i]->len);
		sha256_update(&ctx, strlen(list[i]->name) + 1, (const uint8_t *)list[i]->name);
		sha256_update(&ctx, (size_t)digits + 1, (const uint8_t *)size);
		sha256_update(&ctx, list[i]->len, list[i]->value);
	}
	free(list);
	struct sha256 digest;
	sha256_digest(&ctx, sizeof(digest.bytes), digest.bytes);
	json_str(j, "xattrs", sha256_text(&digest).text);
	return 0;
}

/* Digest of a file's content; false: nobody computed it. */
static bool content_digest(const struct rootfs_node *n, struct sha256 *ret)
{
	if (n->digested)
		*ret = n->digest;
	else if (n->size == 0)
		*ret = sha256_of("", 0);
	else if (n->data != NULL)
		*ret = sha256_of(n->data, n->size);
	else
		return false;
	return true;
}

static int add_file(struct json *j, const struct entry *entry, struct err *e)
{
	const struct rootfs_node *n = rootfs_file(entry->node);
	char mode[8], device[32];
	struct sha256 digest;
	snprintf(mode, sizeof(mode), "%04o", (unsigned)(n->mode & 07777));
	json_open_flat(j, NULL, '{');
	if (add_bytes(j, "path", "path_bytes", entry->path, e) < 0)
		return -1;
	json_str(j, "type", type_name(n->mode));
	json_str(j, "mode", mode);
	json_int(j, "uid", n->uid);
	json_int(j, "gid", n->gid);
	if (S_ISREG(n->mode)) {
		json_int(j, "size", (long long)n->size);
		if (content_digest(n, &digest))
			json_str(j, "sha256", sha256_text(&digest).text);
	} else if (S_ISLNK(n->mode)) {
		if (add_bytes(j, "target", "target_bytes", n->target != NULL ? n->target : "", e) <
			0)
			return -1;
	} else if (S_ISCHR(n->mode) || S_ISBLK(n->mode)) {
		snprintf(device, sizeof(device), "%" PRIu32 ":%" PRIu32, n->major, n->minor);
		json_str(j, "device", device);
	}
	if (add_xattrs(j, n, e) < 0)
		return -1;
	if (entry->node->same_as != NULL) {
		cleanup_buf struct buf path = { 0 };
		if (rootfs_path(n, &path, e) < 0)
			return -1;
		json_str(j, "same", path.data);
	}
	json_close(j, '}');
	return 0;
}

static int add_files(struct json *j, const struct rootfs *tree, struct err *e)
{
	struct entries all = { 0 };
	cleanup_buf struct buf path = { 0 };
	int rc = collect(&all, tree->root, &path, e);
	if (rc == 0)
		qsort(all.list, all.count, sizeof(*all.list), by_path);
	json_open(j, "files", '[');
	for (size_t i = 0; rc == 0 && i < all.count; i++)
		rc = add_file(j, &all.list[i], e);
	json_close(j, ']');
	arena_free(&all.arena);
	return rc;
}

static void add_partitions(struct json *j, const struct record_facts *f)
{
	json_open(j, "partitions", '[');
	for (size_t i = 0; i < f->partition_count; i++) {
		const struct record_partition *p = &f->partitions[i];
		json_open_flat(j, NULL, '{');
		json_str(j, "name", p->name);
		json_str(j, "type", p->type);
		json_str(j, "uuid", p->uuid);
		json_int(j, "start", (long long)p->start);
		json_int(j, "size", (long long)p->size);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void add_packages(struct json *j, const struct dpkg_packages *packages)
{
	json_open(j, "packages", '[');
	for (size_t i = 0; packages != NULL && i < packages->count; i++) {
		const struct dpkg_package *p = &packages->list[i];
		json_open_flat(j, NULL, '{');
		json_str(j, "name", p->name);
		json_str(j, "version", p->version);
		json_str(j, "architecture", p->architecture);
		json_str(j, "source", p->source);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void add_facts(struct json *j, const struct record_facts *f)
{
	json_int(j, "format", 1);
	json_str(j, "recipe", f->recipe);
	json_open_flat(j, "tool", '{');
	json_str(j, "name", "imgbuild");
	json_str(j, "version", f->tool);
	json_close(j, '}');
	json_open(j, "image", '{');
	json_int(j, "size", (long long)f->size);
	json_str(j, "arch", f->arch);
	json_open_flat(j, "base", '{');
	json_str(j, "name", f->base);
	json_str(j, "sha256", sha256_text(&f->base_digest).text);
	json_close(j, '}');
	json_close(j, '}');
	json_str(j, "inputs", sha256_text(&f->inputs).text);
	if (f->disk != NULL) {
		json_open_flat(j, "disk", '{');
		json_str(j, "sha256", sha256_text(f->disk).text);
		json_close(j, '}');
	}
	add_partitions(j, f);
	json_open_flat(j, "blocks", '{');
	json_int(j, "size", (long long)f->block_size);
	json_int(j, "count", (long long)f->blocks);
	json_int(j, "present", (long long)f->blocks_present);
	json_str(j, "sha256", sha256_text(&f->blocks_digest).text);
	json_close(j, '}');
}

int record_write(const struct record_facts *f, struct buf *out, struct err *e)
{
	struct json j = json_to(out, 1);
	json_open(&j, NULL, '{');
	add_facts(&j, f);
	add_packages(&j, f->packages);
	if (add_files(&j, f->tree, e) < 0)
		return -1;
	json_close(&j, '}');
	return json_end(&j, e);
}
