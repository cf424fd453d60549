/*
 * Bring the instances of Auto Scaling groups to an image by instance refresh, and watch that to its
 * end.
 */
#ifndef IMGBUILD_AMI_REFRESH_H
#define IMGBUILD_AMI_REFRESH_H

#include "ami/launch.h"
#include "ami/refresh_plan.h"
#include "base/log.h"
#include "recipe/ami.h"

struct refresh_job {
	struct aws *aws;
	const char *region;
	const struct publish *publish;
	const char *image;
	const char *parameter; /* NULL: none */
	int64_t changed;       /* when it was last set; 0: not known */
	bool cancel;           /* a refresh towards something else gives way */
	const struct log *log;
	struct buf *scratch;
	struct arena *arena;
};

/* A group of the recipe that is in the region. */
struct refresh_group {
	struct asg_group group;
	struct refresh_found found;
	struct refresh_plan plan;
};

/* The recipe's groups that are in the region, and what each needs. */
must_check int refresh_look(
	const struct refresh_job *j, struct refresh_group **ret, size_t *ret_count, struct err *e);

/*
 * Do it for all of them, one after another. ERR_REMOTE: the message says which group, and what Auto
 * Scaling gave as the reason. A refresh that is watched goes on when this program ends.
 */
must_check int refresh_run(
	const struct refresh_job *j, struct refresh_group *groups, size_t count, struct err *e);

#endif
