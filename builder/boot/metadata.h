/*
 * The tree that an instance metadata service answers from (EC2 user guide, "Instance metadata
 * categories"): texts by path, such as meta-data/placement/region. What lies between is a folder
 * and is answered with the names in it, a line each, folders with a slash behind.
 */
#ifndef IMGBUILD_BOOT_METADATA_H
#define IMGBUILD_BOOT_METADATA_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct metadata_entry {
	const char *path; /* without the version, no slash at either end */
	const char *data;
	size_t size;
};

struct metadata {
	struct arena *arena;
	struct metadata_entry *list; /* sorted by path */
	size_t count;
	size_t cap;
};

/*
 * Put a text at a path, in place of what is there. A path that ends in a slash sets what a folder
 * is answered with where that is more than the names in it (public-keys/). `data` is copied.
 * ERR_MACHINE.
 */
must_check int metadata_set(
	struct metadata *m, const char *path, const char *data, size_t size, struct err *e);
must_check int metadata_text(
	struct metadata *m, const char *path, struct err *e, const char *fmt, ...) printf_fn(4);

/* Append what is at a path; a slash at its end makes no difference. 1: there, 0: not, -1:
 * ERR_MACHINE. */
must_check int metadata_get(
	const struct metadata *m, const char *path, struct buf *out, struct err *e);

#endif
