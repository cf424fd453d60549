/*
 * Blocks of a completed snapshot, fetched many at once, each held to its checksum.
 */
#ifndef IMGBUILD_AMI_FETCH_H
#define IMGBUILD_AMI_FETCH_H

#include "aws/client.h"
#include "aws/ebs.h"
#include "base/digest.h"

/* A block came: EBS_BLOCK bytes, not kept. -1 ends the fetching. */
typedef int fetch_block(void *ctx, uint32_t index, const unsigned char *data,
	const struct sha256 *digest, struct err *e);

/* Fetch all that are listed, in no order. ERR_REMOTE, and what `each` returns. */
must_check int fetch_blocks(struct aws *aws, const char *region, const char *snapshot,
	const struct ebs_block *list, size_t count, fetch_block *each, void *ctx, struct err *e);

#endif
