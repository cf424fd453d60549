#include "disk/rootfs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define TABLE_FIRST 8192
#define MET_MAX     1000 /* names made to collide, not met by chance */

/* FNV-1a, carried on from the folder's. */
static uint32_t hash_of(const struct rootfs_node *folder, const char *name, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u ^ ((uint64_t)folder->hash << 16);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

/* The first place of a hash, and the one behind a place. */
static size_t place_of(const struct rootfs *r, uint32_t hash)
{
	return hash & (r->table_size - 1);
}

static size_t behind(const struct rootfs *r, size_t at)
{
	return (at + 1) & (r->table_size - 1);
}

static void table_insert(struct rootfs *r, struct rootfs_node *n)
{
	size_t at = place_of(r, n->hash);
	while (r->table[at].node != NULL)
		at = behind(r, at);
	r->table[at] = (struct rootfs_place){ n, n->hash };
}

/* What lies behind it moves up, if that does not put it before its first place. */
static void table_remove(struct rootfs *r, const struct rootfs_node *n)
{
	size_t mask = r->table_size - 1, hole = place_of(r, n->hash);
	while (r->table[hole].node != NULL && r->table[hole].node != n)
		hole = behind(r, hole);
	if (r->table[hole].node == NULL)
		return;
	for (size_t at = behind(r, hole); r->table[at].node != NULL; at = behind(r, at)) {
		size_t first = place_of(r, r->table[at].hash);
		if (((at - first) & mask) < ((at - hole) & mask))
			continue;
		r->table[hole] = r->table[at];
		hole = at;
	}
	r->table[hole] = (struct rootfs_place){ 0 };
}

static int table_grow(struct rootfs *r, struct err *e)
{
	const struct rootfs_place *old = r->table;
	size_t old_size = r->table_size, size = old_size != 0 ? old_size * 2 : TABLE_FIRST;
	struct rootfs_place *table = arena_array(r->arena, size, sizeof(*table), e);
	if (table == NULL)
		return -1;
	r->table = table;
	r->table_size = size;
	for (size_t i = 0; i < old_size; i++)
		if (old[i].node != NULL)
			table_insert(r, old[i].node);
	return 0;
}

int rootfs_init(struct rootfs *r, struct arena *a, int64_t epoch, struct err *e)
{
	struct rootfs fresh = { .arena = a, .epoch = epoch };
	a->large = true;
	struct rootfs_node *root = arena_alloc(a, sizeof(*root), e);
	if (root == NULL || table_grow(&fresh, e) < 0)
		return -1;
	struct rootfs_node **slot = arena_push(
		a, &fresh.list, &fresh.count, &fresh.cap, sizeof(struct rootfs_node *), e);
	if (slot == NULL)
		return -1;
	*root = (struct rootfs_node){
		.name = "", .mode = S_IFDIR | 0755, .mtime = epoch, .links = 1, .implicit = true
	};
	*slot = fresh.root = root;
	*r = fresh;
	return 0;
}

static bool is_named(const struct rootfs_place *p, uint32_t hash, const struct rootfs_node *folder,
	const char *name, size_t len)
{
	return p->hash == hash && p->node->parent == folder &&
	       strncmp(p->node->name, name, len) == 0 && p->node->name[len] == '\0';
}

struct rootfs_node *rootfs_child(
	const struct rootfs *r, const struct rootfs_node *folder, const char *name, size_t len)
{
	uint32_t hash = hash_of(folder, name, len);
	size_t at = place_of(r, hash);
	while (r->table[at].node != NULL && !is_named(&r->table[at], hash, folder, name, len))
		at = behind(r, at);
	return r->table[at].node;
}

struct rootfs_node *rootfs_file(struct rootfs_node *n)
{
	return n->same_as != NULL ? n->same_as : n;
}

/* Names and folders above stay within what a kernel can name. */
static int check_place(const struct rootfs_node *folder, const char *name, size_t len,
	bool is_folder, struct err *e)
{
	size_t depth = is_folder, bytes = len + 1;
	for (const struct rootfs_node *up = folder; up->parent != NULL; up = up->parent) {
		depth++;
		bytes += strlen(up->name) + 1;
	}
	bool dots = (len == 1 || (len == 2 && name[1] == '.')) && name[0] == '.';
	if (len == 0 || dots || memchr(name, '/', len) != NULL)
		return err_set(e, ERR_BUG, 0, "\"%.*s\" is no name", (int)len, name);
	if (len > ROOTFS_NAME_MAX)
		return err_set(
			e, ERR_INPUT, 0, "a name of %zu bytes: at most %d", len, ROOTFS_NAME_MAX);
	if (depth > ROOTFS_DEPTH_MAX)
		return err_set(
			e, ERR_INPUT, 0, "more than %d folders in one another", ROOTFS_DEPTH_MAX);
	if (bytes > ROOTFS_PATH_MAX)
		return err_set(
			e, ERR_INPUT, 0, "a path of %zu bytes: at most %d", bytes, ROOTFS_PATH_MAX);
	return 0;
}

struct rootfs_node *rootfs_add(struct rootfs *r, struct rootfs_node *folder, const char *name,
	size_t len, uint32_t mode, struct err *e)
{
	if (!S_ISDIR(folder->mode) || folder->gone) {
		err_set(e, ERR_BUG, 0, "%s is no folder to add to", folder->name);
		return NULL;
	}
	if (check_place(folder, name, len, S_ISDIR(mode), e) < 0)
		return NULL;
	if (r->count >= ROOTFS_NODES_MAX) {
		err_set(e, ERR_INPUT, 0, "more than %zu files", ROOTFS_NODES_MAX);
		return NULL;
	}
	if (r->count >= r->table_size / 2 && table_grow(r, e) < 0)
		return NULL;
	uint32_t hash = hash_of(folder, name, len);
	unsigned met = 0;
	for (size_t at = place_of(r, hash); r->table[at].node != NULL; at = behind(r, at)) {
		if (is_named(&r->table[at], hash, folder, name, len)) {
			err_set(e, ERR_BUG, 0, "%s is there already", r->table[at].node->name);
			return NULL;
		}
		if (++met > MET_MAX) {
			err_set(e, ERR_INPUT, 0, "names that were made to slow this down");
			return NULL;
		}
	}
	/* The name lies behind its node. */
	struct rootfs_node *n = arena_alloc(r->arena, sizeof(*n) + len + 1, e);
	if (n == NULL)
		return NULL;
	struct rootfs_node **slot =
		arena_push(r->arena, &r->list, &r->count, &r->cap, sizeof(struct rootfs_node *), e);
	if (slot == NULL)
		return NULL;
	*slot = n;
	char *text = (char *)(n + 1);
	memcpy(text, name, len);
	n->name = text;
	n->hash = hash;
	n->mode = mode;
	n->mtime = r->epoch;
	n->links = 1;
	n->parent = folder;
	n->prev = folder->last;
	if (folder->last != NULL)
		folder->last->next = n;
	else
		folder->children = n;
	folder->last = n;
	table_insert(r, n);
	return n;
}

struct rootfs_node *rootfs_add_link(struct rootfs *r, struct rootfs_node *folder, const char *name,
	size_t len, struct rootfs_node *file, struct err *e)
{
	if (S_ISDIR(file->mode) || file->same_as != NULL || file->gone) {
		err_set(e, ERR_BUG, 0, "%s takes no further names", file->name);
		return NULL;
	}
	if (file->links >= ROOTFS_LINKS_MAX) {
		err_set(e, ERR_INPUT, 0, "more than %d hard links of one file", ROOTFS_LINKS_MAX);
		return NULL;
	}
	struct rootfs_node *n = rootfs_add(r, folder, name, len, file->mode, e);
	if (n == NULL)
		return NULL;
	n->same_as = file;
	/* Behind the first: the order of names only decides who is next. */
	n->further = file->further;
	file->further = n;
	file->links++;
	return n;
}

/* `fresh` takes the place of `old` among its siblings. */
static void take_place(struct rootfs_node *fresh, const struct rootfs_node *old)
{
	struct rootfs_node *folder = old->parent;
	fresh->parent = folder;
	fresh->prev = old->prev;
	fresh->next = old->next;
	*(old->prev != NULL ? &old->prev->next : &folder->children) = fresh;
	*(old->next != NULL ? &old->next->prev : &folder->last) = fresh;
}

static void swap_places(struct rootfs *r, struct rootfs_node *a, struct rootfs_node *b)
{
	struct rootfs_node spare = { 0 };
	table_remove(r, a);
	table_remove(r, b);
	take_place(&spare, a);
	take_place(a, b);
	take_place(b, &spare);
	const char *name = a->name;
	uint32_t hash = a->hash;
	a->name = b->name;
	a->hash = b->hash;
	b->name = name;
	b->hash = hash;
	table_insert(r, a);
	table_insert(r, b);
}

/*
 * The name that a file lives on under, taken off the list of its further ones: one of the base
 * where there is one, so that the base's folders keep their size.
 */
static struct rootfs_node *take_heir(struct rootfs_node *n)
{
	while (n->further->gone)
		n->further = n->further->further;
	struct rootfs_node **at = &n->further;
	for (struct rootfs_node **p = at; *p != NULL; p = &(*p)->further) {
		if (!(*p)->gone && !(*p)->overlay) {
			at = p;
			break;
		}
	}
	struct rootfs_node *heir = *at;
	*at = heir->further;
	return heir;
}

/* Take one name out. Returns what is at its place then, which is gone. */
static struct rootfs_node *drop(struct rootfs *r, struct rootfs_node *n)
{
	if (!S_ISDIR(n->mode) && n->same_as == NULL && n->links > 1) {
		struct rootfs_node *heir = take_heir(n);
		swap_places(r, n, heir);
		n = heir;
	}
	if (n->same_as != NULL)
		n->same_as->links--;
	table_remove(r, n);
	n->gone = true;
	return n;
}

int rootfs_remove(struct rootfs *r, struct rootfs_node *n, struct err *e)
{
	if (n->parent == NULL)
		return err_set(e, ERR_BUG, 0, "the root cannot be removed");
	if (n->gone)
		return err_set(e, ERR_BUG, 0, "%s is gone already", n->name);
	struct rootfs_node *top = n->parent, *at = n;
	bool more = true;
	while (more) {
		if (S_ISDIR(at->mode) && !at->gone && at->children != NULL) {
			at = at->children;
			continue;
		}
		for (;;) {
			if (!at->gone)
				at = drop(r, at);
			if (at->parent == top) {
				more = false;
				break;
			}
			if (at->next != NULL) {
				at = at->next;
				break;
			}
			at = at->parent;
		}
	}
	return 0;
}

int rootfs_path(const struct rootfs_node *n, struct buf *out, struct err *e)
{
	if (n->parent == NULL)
		return buf_putc(out, '/', e);
	size_t bytes = 0;
	for (const struct rootfs_node *up = n; up->parent != NULL; up = up->parent)
		bytes += strlen(up->name) + 1;
	if (buf_reserve(out, bytes + 1, e) < 0)
		return -1;
	char *at = out->data + out->len + bytes;
	*at = '\0';
	out->len += bytes;
	for (const struct rootfs_node *up = n; up->parent != NULL; up = up->parent) {
		size_t len = strlen(up->name);
		at -= len;
		memcpy(at, up->name, len);
		*--at = '/';
	}
	return 0;
}
