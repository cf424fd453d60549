/*
 * The first half of the goals ami and publish: an image that may leave this machine.
 */
#ifndef IMGBUILD_GOAL_AMI_H
#define IMGBUILD_GOAL_AMI_H

#include "ami/make.h"
#include "ami/tags.h"
#include "goal/goal.h"

struct run_ami {
	bool built; /* false: a dry run, and there is no image to speak of; nothing else is set */
	struct diskfile disk;
	struct run_id id;
	struct sha256_hex digest; /* of the content */
	struct make_job job;      /* for make_image, in any region */
};

#define RUN_AMI_NONE                                                                               \
	{                                                                                          \
		.disk = DISKFILE_NONE                                                              \
	}

/*
 * Read the recipe, build the disk image, search it for secrets, and with --boot-first boot it. 0;
 * 1: the answer is no, and was told; -1. With --dry-run what was built last is looked at,
 * and told when the recipe makes another one now. *ret
 * comes as RUN_AMI_NONE and stays where it is: its job points into it.
 */
must_check int run_ami(struct run *run, struct aws *aws, struct run_ami *ret, struct err *e);
void run_ami_end(struct run_ami *r);
#define cleanup_run_ami __attribute__((cleanup(run_ami_end)))

#endif
