/*
 * Who may launch an image, until when it should be, and whether it can be deregistered.
 *
 * Launch permissions are all that others need to launch it, also of an encrypted one, whose
 * snapshots then need no permission of their own (Amazon EC2 User Guide, "Share an AMI with
 * specific AWS accounts"); its KMS key must be a customer managed one whose policy lets them use
 * it, which is the key owner's to say. Reading the snapshots, and so copying the image, stays
 * refused to them.
 */
#ifndef IMGBUILD_AWS_EC2_SHARE_H
#define IMGBUILD_AWS_EC2_SHARE_H

#include "aws/client.h"
#include "base/arena.h"

enum ec2_grantee_kind { EC2_ACCOUNT, EC2_EVERYBODY, EC2_ORGANIZATION, EC2_UNIT };

struct ec2_grantee {
	enum ec2_grantee_kind kind;
	const char *name; /* account id, "all", or ARN */
};

/* The image's launch permissions; the owner is none of them. */
must_check int ec2_permissions(struct aws *aws, const char *region, const char *image,
	struct arena *a, struct ec2_grantee **ret, size_t *ret_count, struct err *e);

/* Add some and remove others. Nothing to do with both empty. */
must_check int ec2_permissions_change(struct aws *aws, const char *region, const char *image,
	const struct ec2_grantee *add, size_t add_count, const struct ec2_grantee *remove,
	size_t remove_count, bool dry_run, struct arena *a, struct err *e);

/* `at`: seconds since 1970, a whole minute. */
must_check int ec2_deprecate(struct aws *aws, const char *region, const char *image, int64_t at,
	bool dry_run, struct arena *a, struct err *e);
must_check int ec2_deprecate_never(struct aws *aws, const char *region, const char *image,
	bool dry_run, struct arena *a, struct err *e);

/* With cooldown, the image cannot be deregistered for 24 hours after protection is taken off. */
must_check int ec2_protect(struct aws *aws, const char *region, const char *image, bool cooldown,
	bool dry_run, struct arena *a, struct err *e);
must_check int ec2_unprotect(struct aws *aws, const char *region, const char *image, bool dry_run,
	struct arena *a, struct err *e);

#endif
