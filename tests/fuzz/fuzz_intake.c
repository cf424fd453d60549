/*
 * Archives into trees: any bytes; a tree that is whole, or an error that says why; and the same of
 * a plain tar whether libarchive reads it or we do.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/intake_read.h"
#include "fuzz.h"

static bool keeps(void *ctx, const char *path)
{
	(void)ctx;
	return strlen(path) % 2 == 0;
}

static void check_tree(const struct rootfs *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		struct buf path = { 0 };
		struct err e;
		if (n->gone)
			continue;
		must(rootfs_path(n, &path, &e) == 0 && path.len <= ROOTFS_PATH_MAX);
		must(rootfs_find(r, path.data) == n);
		must(strstr(path.data, "/../") == NULL);
		buf_free(&path);
		must(n->same_as == NULL || (!n->same_as->gone && n->same_as->same_as == NULL));
		must(!S_ISLNK(n->mode) || n->same_as != NULL || n->target[0] != '\0');
		must(n->size <= ROOTFS_FILE_MAX);
		uint64_t end = 0;
		for (size_t k = 0; k < n->span_count; k++) {
			must(n->spans[k].length > 0 && n->spans[k].offset >= end);
			end = n->spans[k].offset + n->spans[k].length;
			must(end <= n->size);
		}
	}
}

/* The file of an entry, if it is said to lie in the archive as it is. */
static const struct rootfs_node *lying(const struct rootfs *r, size_t entry)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->list[i]->entry == entry && r->list[i]->at != 0)
			return r->list[i];
	return NULL;
}

static void read_again(struct intake *in, const struct rootfs *r, const uint8_t *bytes, size_t all)
{
	struct rootfs_source *s;
	struct err e;
	size_t entry, before = 0;
	if (intake_source(in, &s, &e) < 0)
		return;
	while (s->next(s, &entry, &e) > 0) {
		const void *data;
		size_t len;
		uint64_t offset;
		volatile unsigned char sum = 0;
		must(entry > before);
		before = entry;
		int rc;
		const struct rootfs_node *n = lying(r, entry);
		must(n == NULL || (n->at < all && n->size <= all - n->at));
		while ((rc = s->read(s, &data, &len, &offset, &e)) > 0) {
			must(len > 0);
			must(n == NULL || memcmp(bytes + n->at + offset, data, len) == 0);
			sum = (unsigned char)(sum + ((const unsigned char *)data)[len - 1]);
		}
		if (rc < 0)
			return;
	}
}

/*
 * libarchive makes room for a cpio name of up to 4 GiB before it finds that the archive is shorter
 * (memory that is never touched): not what is looked for here.
 */
static bool has_endless_name(const uint8_t *data, size_t size)
{
	for (size_t i = 0; i + 110 <= size; i++)
		if (memcmp(data + i, "07070", 5) == 0 && memcmp(data + i + 94, "000", 3) != 0)
			return true;
	return false;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static void check_same(const struct rootfs *r, const struct rootfs *other)
{
	must(r->count == other->count && r->entries == other->entries);
	for (size_t i = 0; i < r->count; i++) {
		const struct rootfs_node *a = r->list[i], *b = other->list[i];
		must(same_text(a->name, b->name) && a->gone == b->gone);
		if (a->gone)
			continue;
		must(a->mode == b->mode && a->uid == b->uid && a->gid == b->gid);
		must(a->mtime == b->mtime && a->mtime_nsec == b->mtime_nsec);
		must(a->size == b->size && a->at == b->at && a->entry == b->entry);
		must(a->major == b->major && a->minor == b->minor);
		must(same_text(a->target, b->target) && a->span_count == b->span_count);
		must((a->data == NULL) == (b->data == NULL));
		must(a->data == NULL || memcmp(a->data, b->data, a->size) == 0);
		const struct rootfs_xattr *x = a->xattrs, *y = b->xattrs;
		for (; x != NULL && y != NULL; x = x->next, y = y->next)
			must(same_text(x->name, y->name) && x->len == y->len &&
				memcmp(x->value, y->value, x->len) == 0);
		must(x == NULL && y == NULL);
	}
}

struct outcome {
	struct arena arena;
	struct rootfs tree;
	struct intake *in;
	struct err e;
	int rc;
};

static void read_with(struct outcome *o, const char *path, bool foreign)
{
	const struct intake_keep keep = { .want = keeps };
	*o = (struct outcome){ .arena = { .max = (size_t)64 << 20 } };
	must(rootfs_init(&o->tree, &o->arena, 0, &o->e) == 0);
	must(intake_open(path, 1, &o->arena, &o->in, &o->e) == 0);
	o->in->foreign = foreign;
	o->rc = intake_scan(o->in, &o->tree, &keep, &o->e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	if (has_endless_name(data, size))
		return 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct outcome own, lib;
	read_with(&own, path, false);
	read_with(&lib, path, true);
	must(own.rc == lib.rc);
	if (own.rc == 0) {
		check_tree(&own.tree);
		check_same(&own.tree, &lib.tree);
		read_again(own.in, &own.tree, data, size);
	} else {
		must((own.e.kind == ERR_INPUT || own.e.kind == ERR_MACHINE) &&
			own.e.msg[0] != '\0');
		must(strcmp(own.e.msg, lib.e.msg) == 0);
	}
	intake_close(own.in);
	intake_close(lib.in);
	arena_free(&own.arena);
	arena_free(&lib.arena);
	close(fd);
	return 0;
}

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

/* Sums that fit, most of the time: behind them begins what there is to find. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max);
	for (size_t at = 0; seed % 8 != 0 && at + 512 <= size; at += 512) {
		unsigned sum = 8 * ' ';
		if (memcmp(data + at + 257, "ustar", 5) != 0)
			continue;
		for (size_t i = 0; i < 512; i++)
			sum += i >= 148 && i < 156 ? 0u : data[at + i];
		snprintf((char *)data + at + 148, 8, "%06o", sum);
	}
	return size;
}
#endif
