/*
 * The EBS direct APIs (Amazon EBS User Guide, "Use EBS direct APIs to access the contents of an EBS
 * snapshot"; service model 2019-11-02).
 */
#ifndef IMGBUILD_AWS_EBS_H
#define IMGBUILD_AWS_EBS_H

#include <stdbool.h>
#include <stdint.h>

#include "aws/client.h"
#include "base/arena.h"
#include "base/digest.h"

#define EBS_BLOCK 524288 /* bytes */

struct ebs_tag {
	const char *key;
	const char *value;
};

struct ebs_start {
	const char *region;  /* NULL: the client's */
	uint64_t gib;        /* of the volume */
	const char *parent;  /* snapshot id; NULL: none */
	bool encrypted;      /* only without a parent */
	const char *kms_key; /* arn, id or alias; NULL: the account's; only without a parent */
	const char *description;
	const char *token; /* ClientToken, at most 64 characters */
	unsigned timeout;  /* minutes, 10 to 4320 */
	const struct ebs_tag *tags;
	size_t tag_count;
};

struct ebs_snapshot {
	const char *id;
	const char *status;  /* pending, completed, error */
	const char *parent;  /* "" */
	const char *kms_key; /* arn; "": not encrypted */
};

/*
 * StartSnapshot. *ret lives in the arena. A refusal is an error and in *reply too, which the caller
 * zeroed, and frees whatever happens; the same goes for ebs_complete.
 */
must_check int ebs_start(struct aws *aws, const struct ebs_start *s, struct arena *a,
	struct ebs_snapshot *ret, struct aws_reply *reply, struct err *e);

/* A PutSnapshotBlock to be sent; `data` of EBS_BLOCK bytes stays the caller's until `done`. */
struct ebs_put {
	char path[96];
	char checksum[48];
};
must_check int ebs_put(struct aws *aws, const char *region, const char *snapshot, uint32_t index,
	const void *data, const struct sha256 *digest, struct ebs_put *put, aws_done *done,
	void *ctx, struct err *e);

/* CompleteSnapshot with the aggregate of the blocks' digests in the order of their index. */
must_check int ebs_complete(struct aws *aws, const char *region, const char *snapshot,
	uint32_t changed, const struct sha256 *aggregate, struct aws_reply *reply, struct err *e);

struct ebs_block {
	uint32_t index;
	const char *token;
};
struct ebs_blocks {
	struct ebs_block *list; /* by index, in the arena */
	size_t count;
	uint64_t gib; /* of the volume */
};
/* ListSnapshotBlocks, all pages from block `first` on (`max`: stop after so many; 0: all). */
must_check int ebs_list(struct aws *aws, const char *region, const char *snapshot, uint32_t first,
	size_t max, struct arena *a, struct ebs_blocks *ret, struct err *e);

/*
 * GetSnapshotBlock: sent like ebs_put. The reply's body is the block, and its `checksum` was found
 * to be its own: what is cut off or damaged counts as no answer.
 */
must_check int ebs_get(struct aws *aws, const char *region, const char *snapshot,
	const struct ebs_block *block, char path[static 512], aws_done *done, void *ctx,
	struct err *e);

#endif
