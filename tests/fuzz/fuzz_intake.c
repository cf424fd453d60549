/* Archives into trees: any bytes; a tree that is whole, or an error that says why. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/intake.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	if (has_endless_name(data, size))
		return 0;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	must(fd >= 0 && pwrite(fd, data, size, 0) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	struct arena a = { .max = (size_t)64 << 20 };
	struct rootfs r;
	struct intake *in = NULL;
	struct err e = { 0 };
	const struct intake_keep keep = { .want = keeps };
	must(rootfs_init(&r, &a, 0, &e) == 0 && intake_open(path, 1, &a, &in, &e) == 0);
	if (intake_scan(in, &r, &keep, &e) == 0) {
		check_tree(&r);
		read_again(in, &r, data, size);
	} else
		must((e.kind == ERR_INPUT || e.kind == ERR_MACHINE) && e.msg[0] != '\0');
	intake_close(in);
	arena_free(&a);
	close(fd);
	return 0;
}
