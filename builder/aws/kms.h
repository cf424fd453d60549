/*
 * KMS: which key a name stands for (DescribeKey). The EBS direct APIs take ARNs of keys alone.
 */
#ifndef IMGBUILD_AWS_KMS_H
#define IMGBUILD_AWS_KMS_H

#include "aws/client.h"
#include "base/arena.h"

/*
 * The ARN of a key by its id, alias/NAME or ARN; that of a key is given back without asking.
 * ERR_REMOTE: also when the key is of another region, disabled or going to be deleted.
 */
must_check int kms_key_arn(struct aws *aws, const char *region, const char *key, struct arena *a,
	const char **ret, struct err *e);

#endif
