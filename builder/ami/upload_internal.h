/* Between the parts of an upload. */
#ifndef IMGBUILD_AMI_UPLOAD_INTERNAL_H
#define IMGBUILD_AMI_UPLOAD_INTERNAL_H

#include "ami/journal.h"
#include "ami/upload.h"
#include "ami/upload_plan.h"

struct upload {
	const struct upload_request *r;
	struct arena *arena;
	struct journal journal;
	struct plan plan;
	const char *parent; /* used; NULL: none */
	size_t sent;
	int64_t ms;
	bool resumed;
	bool refused; /* a block was refused: the snapshot may be gone */
};

/*
 * The journal's state becomes JOURNAL_STARTED or more: taken up where it was, or with a snapshot
 * just started; u->parent tells what was started with.
 */
must_check int upload_start(struct upload *u, struct err *e);

/* Send what was not acknowledged. On failure all that was acknowledged is in the journal. */
must_check int upload_send(struct upload *u, struct err *e);

/* Blocks that are to be sent and were not acknowledged. */
size_t upload_left(const struct upload *u);

/* CompleteSnapshot, and wait until it is. */
must_check int upload_complete(struct upload *u, struct err *e);

/*
 * What EBS says when a snapshot is not as it was told, no longer pending, or not there. All else,
 * too many requests, no permission, expired credentials, says nothing of the snapshot.
 */
bool upload_disputed(const struct aws_reply *reply);

/*
 * Delete the snapshot that the journal names, or would name, and clear the journal. What may not be
 * deleted is told. When it cannot be known whether there is one, the journal stays.
 */
must_check int upload_drop(struct aws *aws, const struct log *log, struct journal *j,
	const char **ret_deleted, struct err *e);

#endif
