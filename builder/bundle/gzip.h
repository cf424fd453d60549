/*
 * gzip (RFC 1952) without name and time, by libdeflate: the same bytes for the same input.
 */
#ifndef IMGBUILD_BUNDLE_GZIP_H
#define IMGBUILD_BUNDLE_GZIP_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Of libdeflate's levels: GOOD is within half a percent of 9 in half the time; BEST is 3 % smaller
 * and takes 5 times as long (40 KB: 4 ms), for what must be small. 11 and 12 take half as long
 * again and gain nothing on the hub's files.
 */
#define GZIP_GOOD 7
#define GZIP_BEST 10

/*
 * A compressor, zero-initialised, that is used again and again: touching its memory for the first
 * time takes as long as compressing the hub's files.
 */
struct gzip {
	struct libdeflate_compressor *compressor; /* NULL while unused */
	int level;
};

/* Append the compressed bytes. ERR_MACHINE. */
must_check int gzip_add(
	struct gzip *g, struct buf *out, const void *data, size_t len, int level, struct err *e);

/* Takes an unused one. */
void gzip_free(struct gzip *g);

#define cleanup_gzip __attribute__((cleanup(gzip_free)))

#endif
