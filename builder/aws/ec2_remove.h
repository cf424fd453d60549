/*
 * Removing images with the snapshots that they stand on.
 */
#ifndef IMGBUILD_AWS_EC2_REMOVE_H
#define IMGBUILD_AWS_EC2_REMOVE_H

#include "aws/client.h"
#include "base/arena.h"

/*
 * Deregister an image, with its snapshots where no other image stands on them (DeregisterImage's
 * DeleteAssociatedSnapshots), then delete those of `snapshots` that are still there: EC2 needs some
 * seconds to see that nobody uses them any more. What is gone already is no error. ERR_REMOTE.
 */
must_check int ec2_image_remove(struct aws *aws, const char *region, const char *image,
	const char *const *snapshots, size_t snapshot_count, bool dry_run, struct arena *a,
	struct err *e);

/* A snapshot; *ret_used: an image stands on it, also after `patience` seconds, and it stays. */
must_check int ec2_snapshot_remove(struct aws *aws, const char *region, const char *snapshot,
	unsigned patience, bool dry_run, struct arena *a, bool *ret_used, struct err *e);

#endif
