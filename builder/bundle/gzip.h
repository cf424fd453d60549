/*
 * gzip (RFC 1952) without name and time, by libdeflate: the same bytes for the same input.
 */
#ifndef IMGBUILD_BUNDLE_GZIP_H
#define IMGBUILD_BUNDLE_GZIP_H

#include <stddef.h>

#include "base/buf.h"

/*
 * Of libdeflate's levels: FAST for what may be large, GOOD for what must be small (60 KB in
 * 1.5 ms), BEST where GOOD is not small enough (5 times slower, 3 % smaller).
 */
#define GZIP_FAST 6
#define GZIP_GOOD 9
#define GZIP_BEST 12

/* Append the compressed bytes. ERR_MACHINE. */
must_check int gzip_add(struct buf *out, const void *data, size_t len, int level, struct err *e);

#endif
