/*
 * `publish --rollback`: each region's parameter back to the value before, launch templates that
 * follow none to the version before, and the groups to what that launches. rollback_plan.h says
 * what "before" is.
 *
 * Where regions have come apart, because a run failed in one of them, a region that has the older
 * image already stays with it: all end with the same build.
 */
#ifndef IMGBUILD_AMI_ROLLBACK_H
#define IMGBUILD_AMI_ROLLBACK_H

#include "ami/publish.h"

/*
 * j->digest and j->image are not used. ERR_REMOTE: a region has nothing to go back to, the image
 * is gone or not available, or as publish_run; no region is changed before all were looked at.
 */
must_check int rollback_run(const struct publish_job *j, struct publish_places *ret, struct err *e);

#endif
