/*
 * What EC2's changing calls have in common: client tokens and DryRun.
 */
#ifndef IMGBUILD_AWS_EC2_TOKEN_H
#define IMGBUILD_AWS_EC2_TOKEN_H

#include "aws/query.h"

struct ec2_token {
	char text[65]; /* 64 characters, as many as EC2 takes */
};

/*
 * A client token made of what is asked for (NULL-terminated), so that asking again, also by a run
 * after a killed one, is the same request to EC2.
 */
struct ec2_token ec2_token(const char *const *words);

/*
 * query_call of a change. With `dry_run` it asks EC2 whether it would be allowed: 0 when it would
 * (the refusal DryRunOperation), *ret is then NULL.
 */
must_check int ec2_change(struct aws *aws, struct query *q, bool dry_run, struct arena *a,
	struct xml_node **ret, struct err *e);

#endif
