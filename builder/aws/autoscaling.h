/*
 * Auto Scaling groups and their instance refreshes (Amazon EC2 Auto Scaling User Guide, "Use an
 * instance refresh to update instances"; API Reference).
 */
#ifndef IMGBUILD_AWS_AUTOSCALING_H
#define IMGBUILD_AWS_AUTOSCALING_H

#include "aws/client.h"
#include "base/arena.h"

/* A launch template as a group names it. */
struct asg_template {
	const char *id;      /* "": by name alone */
	const char *name;    /* "" */
	const char *version; /* a number, $Default or $Latest; "": $Default */
};

struct asg_group {
	const char *name;
	const char *configuration;      /* launch configuration; "" */
	struct asg_template *templates; /* its own, or the mixed policy's with its overrides */
	size_t template_count;
	bool mixed; /* it has a mixed instances policy */
	/* Those that the policy's overrides name, which are launched whatever the templates say. */
	const char **images;
	size_t image_count;
	bool images_all; /* there are overrides, and all of them name one */
	int64_t desired;
	const char **instances; /* ids */
	size_t instance_count;
};

/* Groups by name, or all with `names` NULL. Names that there are none of are left out. */
must_check int asg_groups(struct aws *aws, const char *region, const char *const *names,
	size_t name_count, struct arena *a, struct asg_group **ret, size_t *ret_count,
	struct err *e);

struct asg_configuration {
	const char *name;
	const char *image;
};

/* All launch configurations. */
must_check int asg_configurations(struct aws *aws, const char *region, struct arena *a,
	struct asg_configuration **ret, size_t *ret_count, struct err *e);

struct asg_refresh {
	const char *id;
	const char *status; /* Pending, InProgress, Successful, Failed, Cancelling, Cancelled,
			       RollbackInProgress, RollbackFailed, RollbackSuccessful, Baking */
	const char *reason; /* "" */
	int64_t start;      /* seconds since 1970; 0: not yet */
	int64_t percent;
	int64_t left; /* instances to update */
	/* The desired configuration's template; all "" when it is the group's own. */
	struct asg_template wanted;
};

/* Newest first. One page when `id` is NULL, else that one. */
must_check int asg_refreshes(struct aws *aws, const char *region, const char *group, const char *id,
	struct arena *a, struct asg_refresh **ret, size_t *ret_count, struct err *e);

bool asg_refresh_ended(const struct asg_refresh *r);

struct asg_preferences {
	unsigned min_healthy; /* per cent */
	unsigned max_healthy; /* per cent; 0: not said */
	unsigned warmup;      /* seconds; 0: the group's */
	const unsigned *checkpoints;
	size_t checkpoint_count;
	unsigned checkpoint_delay; /* seconds; sent with checkpoints */
};

/*
 * Start one. With `wanted` the group takes that template version as its own when it has succeeded;
 * NULL: the configuration it has. *ret_other true and *ret_id NULL: one is in progress already.
 */
must_check int asg_refresh_start(struct aws *aws, const char *region, const char *group,
	const struct asg_preferences *p, const struct asg_template *wanted, struct arena *a,
	const char **ret_id, bool *ret_other, struct err *e);

/* Stop the one in progress. None in progress is no error. */
must_check int asg_refresh_cancel(
	struct aws *aws, const char *region, const char *group, struct arena *a, struct err *e);

#endif
