/*
 * What EC2 says about a snapshot that is being made.
 */
#ifndef IMGBUILD_AMI_SNAPSHOT_H
#define IMGBUILD_AMI_SNAPSHOT_H

#include "aws/client.h"

enum snapshot_state {
	SNAPSHOT_GONE,
	SNAPSHOT_PENDING,
	SNAPSHOT_COMPLETED,
	SNAPSHOT_ERROR,
};

/* One that is not known may be so for `patience` seconds after its start. Errors as aws_call's. */
must_check int snapshot_state(struct aws *aws, const char *region, const char *id,
	unsigned patience, enum snapshot_state *ret, struct err *e);

#endif
