/*
 * Where `publish --rollback` goes back to. Nothing here talks to AWS.
 *
 * A parameter's history tells: each version that imgbuild writes says in its description whether it
 * was published or gone back to. Going back from what was published third leads to the second, and
 * going back once more to the first: not to the third again. When a run of --rollback was cut short
 * after the parameter was set, its groups do not run the value yet: the next --rollback finishes
 * that, and does not go back further.
 */
#ifndef IMGBUILD_AMI_ROLLBACK_PLAN_H
#define IMGBUILD_AMI_ROLLBACK_PLAN_H

#include "ami/publish_plan.h"
#include "aws/ssm.h"

#define ROLLBACK_MARK "imgbuild rollback"

/* The version before the value that is there now; NULL: there was none. `history`: oldest first. */
const struct ssm_parameter *rollback_value(const struct ssm_parameter *history, size_t count);

/* The value now was gone back to, so that a run may have been cut short. */
bool rollback_under_way(const struct ssm_parameter *history, size_t count);

/*
 * The version that a template goes back to: the newest with `image`, or, with NULL, the newest
 * before the default one that launches another image. NULL: none.
 */
const struct ec2_template_version *rollback_version(
	const struct publish_template *t, const char *image);

#endif
