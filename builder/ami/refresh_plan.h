/*
 * What an Auto Scaling group needs so that its instances run an image. Nothing here talks to AWS.
 */
#ifndef IMGBUILD_AMI_REFRESH_PLAN_H
#define IMGBUILD_AMI_REFRESH_PLAN_H

#include "aws/autoscaling.h"
#include "base/arena.h"

/* As it was found. */
struct refresh_found {
	const struct asg_group *group;
	/*
	 * Of each of the group's templates, or of its launch configuration: what it launches; "".
	 * Where all overrides of its mixed instances policy name an image, these instead.
	 */
	const char **launches;
	size_t launch_count;
	/* Of each of its instances; "" where it is not known (any more). */
	const char **runs;
	size_t run_count;
	const struct asg_refresh *refreshes; /* newest first */
	size_t refresh_count;
	/* When the parameter was last set; 0: no parameter. */
	int64_t changed;
	/*
	 * A version of the group's template that launches the image although the version that the
	 * group names does not; version "": none.
	 */
	struct asg_template other;
};

enum refresh_what {
	REFRESH_NOTHING, /* all instances run it */
	REFRESH_START,
	REFRESH_JOIN,   /* one towards the same is in progress */
	REFRESH_CANNOT, /* `why` */
};

struct refresh_plan {
	enum refresh_what what;
	const char *id; /* REFRESH_JOIN; REFRESH_CANNOT: the other one in progress, or NULL */
	const char *why;
	/* REFRESH_START, REFRESH_JOIN: the group is to take this version; NULL: as it is. */
	const struct asg_template *take;
	size_t old; /* instances that run something else */
};

/* ERR_MACHINE. */
must_check int refresh_plan(const struct refresh_found *f, const char *image, struct arena *a,
	struct refresh_plan *ret, struct err *e);

/* Instances that run none of the images that the group launches. */
size_t refresh_old(const struct refresh_found *f, const char *image);

#endif
