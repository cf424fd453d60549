/*
 * Parameters of Systems Manager that name an AMI (AWS Systems Manager User Guide, "Using native
 * parameter support for Amazon Machine Image IDs"): type String, data type aws:ec2:image, so that
 * launch templates can follow them by `resolve:ssm:NAME`. PutParameter answers before the value is
 * validated, and an image that is not there, or not to be seen, never becomes the value.
 */
#ifndef IMGBUILD_AWS_SSM_H
#define IMGBUILD_AWS_SSM_H

#include "aws/client.h"
#include "base/arena.h"

#define SSM_IMAGE_TYPE "aws:ec2:image"

struct ssm_parameter {
	const char *name;
	const char *value;
	const char *data_type;   /* "text", "aws:ec2:image"; "" where it is not told */
	const char *description; /* of a version in the history; "" */
	const char *arn;         /* "" where it is not told */
	int64_t version;
	int64_t modified; /* seconds since 1970 */
};

/*
 * The value now; *found false when there is no such parameter (or version: NAME:3, NAME:label).
 * ERR_REMOTE.
 */
must_check int ssm_get(struct aws *aws, const char *region, const char *name, struct arena *a,
	struct ssm_parameter *ret, bool *found, struct err *e);

/*
 * Give it a value that is an AMI, and wait until it shows, at most `patience` seconds. ERR_REMOTE:
 * refused, or the value never showed, because Systems Manager found no such image. The parameter is
 * made when `exists` is false.
 */
must_check int ssm_put_image(struct aws *aws, const char *region, const char *name,
	const char *image, const char *description, bool exists, unsigned patience, struct arena *a,
	struct err *e);

/* All versions, oldest first (at most 100 are kept). None when there is no such parameter. */
must_check int ssm_history(struct aws *aws, const char *region, const char *name, struct arena *a,
	struct ssm_parameter **ret, size_t *ret_count, struct err *e);

/* All parameters of type aws:ec2:image with their values. */
must_check int ssm_images(struct aws *aws, const char *region, struct arena *a,
	struct ssm_parameter **ret, size_t *ret_count, struct err *e);

typedef int ssm_each(void *ctx, const char *name, const char *value, struct err *e);

/*
 * All others that are no secret (String, StringList), one after another; a SecureString is never
 * asked for. `value` is gone after the call. *ret_refused: how many the account's user may not
 * read; ten are asked for at once, and one by one where that is refused.
 */
must_check int ssm_texts(struct aws *aws, const char *region, ssm_each *each, void *ctx,
	struct arena *a, size_t *ret_refused, struct err *e);

#endif
