/*
 * Copies of an image in other regions (Amazon EC2 User Guide, "Copy an Amazon EC2 AMI").
 */
#ifndef IMGBUILD_AWS_EC2_COPY_H
#define IMGBUILD_AWS_EC2_COPY_H

#include "aws/client.h"
#include "base/arena.h"

struct ec2_copy_tag {
	const char *key;
	const char *value;
};

struct ec2_copy {
	const char *source_region;
	const char *source_image;
	const char *name;
	const char *description; /* NULL */
	bool encrypted;          /* encrypt the copy's snapshots; those of an encrypted image are */
	const char *kms_key;     /* of the region that is copied to; NULL: its default key */
	/*
	 * A copy that failed, or has been deregistered: the client token would name it again. NULL
	 * at first.
	 */
	const char *instead_of;
	const struct ec2_copy_tag *tags; /* of the image and of its snapshots */
	size_t tag_count;
};

/*
 * Start a copy in `region`. The same call again, also by another run, gives the same image: the
 * client token is made of the image, the region and all that would make it another copy. The image
 * is pending for minutes. With `dry_run` nothing is done and *ret_image is "".
 */
must_check int ec2_copy_image(struct aws *aws, const char *region, const struct ec2_copy *c,
	bool dry_run, struct arena *a, const char **ret_image, struct err *e);

#endif
