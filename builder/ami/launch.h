/*
 * Which image would be launched: from a version of a launch template, through the parameter that it
 * follows.
 */
#ifndef IMGBUILD_AMI_LAUNCH_H
#define IMGBUILD_AMI_LAUNCH_H

#include "ami/publish_plan.h"
#include "aws/autoscaling.h"
#include "aws/client.h"
#include "aws/ec2_template.h"

/* What was read of a region's launch templates; each is asked for once. */
struct launch {
	struct aws *aws;
	const char *region;
	struct arena *arena;
	struct ec2_template *templates;
	size_t template_count;
	bool listed;
	struct publish_template *read; /* with their versions */
	size_t read_count;
	size_t read_cap;
};

/* All launch templates of the region. ERR_REMOTE, ERR_MACHINE. */
must_check int launch_list(struct launch *l, struct err *e);
/* By id (lt-...) or name; *ret NULL: there is none in this region. */
must_check int launch_template(struct launch *l, const char *id_or_name,
	const struct publish_template **ret, struct err *e);

/*
 * The image that an Auto Scaling group's template launches now; "" when it names none, or does not
 * exist. *ret_version: the version that $Default, $Latest or a number is.
 */
must_check int launch_image(struct launch *l, const struct asg_template *t, const char **ret,
	int64_t *ret_version, struct err *e);

/* resolve:ssm:NAME is replaced by the parameter's value; "" when there is no such parameter. */
must_check int launch_resolve(struct launch *l, const char *image, const char **ret, struct err *e);

#endif
