/*
 * Products: the files of out/RECIPE/. They are handed to a sink one by one as they are made, so
 * that ten thousand sheets never lie in memory together, and are remembered by path, size and
 * digest for the manifest.
 */
#ifndef IMGBUILD_BUNDLE_PRODUCT_H
#define IMGBUILD_BUNDLE_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"

/* Where products go: a set on disk (set_write), or nowhere (plan, --dry-run). */
struct sink {
	int (*write)(void *ctx, const char *path, const void *data, size_t len, unsigned mode,
		struct err *e);
	void *ctx;
};

struct product {
	const char *path; /* below out/RECIPE/, at most one folder in it */
	size_t size;      /* bytes */
	struct sha256 digest;
	bool secret; /* holds a key: mode 0600, and neither size nor digest is told to anyone */
};

struct products {
	struct product *list; /* in the order made */
	size_t count;
	size_t cap;
	struct arena *arena;
	struct sink sink;
};

/* Hash, remember, hand on. */
must_check int product_emit(struct products *p, const char *path, const void *data, size_t len,
	bool secret, struct err *e);

#endif
