/*
 * Reading a snapshot back, without an instance, and comparing it with the digests of the image it
 * was made of.
 */
#ifndef IMGBUILD_AMI_VERIFY_H
#define IMGBUILD_AMI_VERIFY_H

#include "aws/client.h"
#include "base/arena.h"
#include "base/log.h"
#include "disk/blocks.h"

#define VERIFY_TOLD 8 /* indices that a result names of each kind */

struct verify_kind {
	size_t count;
	size_t first[VERIFY_TOLD]; /* the lowest, rising */
};

struct verify_result {
	size_t equal;
	struct verify_kind missing;   /* in the list, not in the snapshot */
	struct verify_kind different; /* in both, with other content */
	struct verify_kind extra;     /* in the snapshot, not in the list, and not zeroes */
	size_t blank; /* in the snapshot, not in the list: zeroes, put over a parent's */
	bool good;    /* none is missing, different or extra */
};

/*
 * `b` is the image's list. A block of zeroes may be missing where the volume is not encrypted: it
 * reads as zeroes. ERR_REMOTE, ERR_MACHINE: could not be read; differences are no error.
 */
must_check int verify_snapshot(struct aws *aws, const struct log *log, const char *region,
	const char *snapshot, bool encrypted, const struct blocks *b, struct arena *a,
	struct verify_result *ret, struct err *e);

/* "3 blocks are missing (12, 13, 14), 1 differs (7)"; "" when it is good. */
must_check int verify_text(const struct verify_result *r, struct buf *out, struct err *e);

#endif
