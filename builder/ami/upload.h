/*
 * From a disk image to a completed EBS snapshot, by content: only blocks that mean something, and
 * with a parent only those that differ (upload_plan.h). The image is read once; each block's
 * SHA-256 is compared with the image's own list before it is sent.
 *
 * A journal (journal.h) makes a run that was interrupted go on: by the same call with the same
 * image and the same wishes. A snapshot that cannot be gone on with (another image, gone, timed
 * out) is deleted, and a new one started.
 */
#ifndef IMGBUILD_AMI_UPLOAD_H
#define IMGBUILD_AMI_UPLOAD_H

#include "aws/client.h"
#include "aws/ebs.h"
#include "base/arena.h"
#include "base/log.h"
#include "disk/blocks.h"

#define UPLOAD_CONNECTIONS 64

enum upload_encryption {
	UPLOAD_AS_ACCOUNT,
	UPLOAD_ENCRYPTED,
	UPLOAD_PLAIN,
};

struct upload_request {
	struct aws *aws;
	const struct log *log;
	const char *out;      /* folder of the journal's folder: --out */
	const char *recipe;   /* name */
	const char *region;   /* name, never NULL */
	const char *endpoint; /* what was set in AWS's place; NULL: AWS's own */
	int fd;               /* the image */
	const struct blocks *blocks;
	const char *parent;                 /* snapshot id; NULL: none */
	const struct blocks *parent_blocks; /* its list (parent.h) */
	const char *parent_kms;             /* its key's arn, "": not encrypted; NULL: not known */
	enum upload_encryption encryption;
	const char *kms_key; /* arn, or NULL: the account's; UPLOAD_ENCRYPTED then */
	const char *description;
	const char *run;            /* id of this run; it becomes the tag imgbuild:run */
	const struct ebs_tag *tags; /* the others */
	size_t tag_count;
	unsigned connections; /* 0: UPLOAD_CONNECTIONS */
};

struct upload_result {
	const char *snapshot;
	const char *kms_key; /* arn; "": not encrypted */
	const char *parent;  /* "": the whole image was sent */
	const char *run;     /* of the run that started the snapshot: its tag */
	bool unchanged;      /* nothing differs: `snapshot` is the parent, nothing was sent */
	bool resumed;        /* an earlier run had begun it */
	size_t blocks;       /* of the snapshot that are its own */
	size_t sent;         /* by this run */
	int64_t ms;          /* spent sending */
};

/*
 * Texts of the result are in the arena. The journal stays: a run that is interrupted before the
 * image is registered finds the completed snapshot; upload_forget when it is.
 * ERR_INPUT: the image is not what its list says. ERR_REMOTE, ERR_MACHINE; with errnum EINTR after
 * a signal: the message says that the next run goes on.
 */
must_check int upload_run(
	const struct upload_request *r, struct arena *a, struct upload_result *ret, struct err *e);

/* The snapshot is registered: its journal is not needed any more. ERR_MACHINE. */
must_check int upload_forget(
	const char *out, const char *recipe, const char *region, struct err *e);

/*
 * Delete what an interrupted upload to this region left, and its journal. *ret_snapshot: what was
 * deleted, NULL: nothing was there.
 */
must_check int upload_abandon(struct aws *aws, const struct log *log, const char *out,
	const char *recipe, const char *region, struct arena *a, const char **ret_snapshot,
	struct err *e);

#endif
