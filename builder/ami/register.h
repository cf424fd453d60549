/*
 * RegisterImage, once: it has no client token, so when an answer is lost the image is found again
 * by its name.
 */
#ifndef IMGBUILD_AMI_REGISTER_H
#define IMGBUILD_AMI_REGISTER_H

#include "aws/ec2_image.h"

/*
 * The id of the registered image. An image of that name that stands on the same snapshot is this
 * very image, whoever registered it. ERR_REMOTE: also when the name is taken by another; with
 * `again` when no answer came and no such image came to light.
 */
must_check int register_image(struct aws *aws, const char *region, const struct ec2_register *r,
	struct arena *a, const char **ret_image, struct err *e);

/* Whether it would be allowed, as far as EC2 tells. */
must_check int register_dry(struct aws *aws, const char *region, const struct ec2_register *r,
	struct arena *a, struct err *e);

#endif
