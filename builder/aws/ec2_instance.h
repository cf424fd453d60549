/*
 * Which images instances were launched from.
 */
#ifndef IMGBUILD_AWS_EC2_INSTANCE_H
#define IMGBUILD_AWS_EC2_INSTANCE_H

#include "aws/client.h"
#include "base/arena.h"

struct ec2_instance {
	const char *id;
	const char *image;
	const char *state; /* pending, running, shutting-down, stopping, stopped */
};

/*
 * All instances that are not terminated, where `filter` (DescribeInstances, "Filters": image-id,
 * tag:KEY, ...) has one of the values; filter NULL: all of the region.
 */
must_check int ec2_instances(struct aws *aws, const char *region, const char *filter,
	const char *const *values, size_t value_count, struct arena *a, struct ec2_instance **ret,
	size_t *ret_count, struct err *e);

#endif
