/*
 * What earlier runs, on any machine, made of a recipe: found by its tags.
 */
#ifndef IMGBUILD_AMI_FIND_H
#define IMGBUILD_AMI_FIND_H

#include "aws/ec2_image.h"
#include "recipe/ami.h"

struct find_wish {
	const char *region;
	const char *recipe;
	const char *digest;
	const char *architecture;
	uint64_t gib; /* of the root volume */
	enum ami_encryption encryption;
	const char *kms_key; /* arn of a key; NULL: any */
};

/*
 * An image of this very content, as the recipe wants it, available or pending. id NULL: none;
 * *ret_unfit then tells of one that would be it, and why it is not ("ami-1 is of this content, but
 * ..."), or is NULL.
 */
must_check int find_image(struct aws *aws, const struct find_wish *w, struct arena *a,
	struct ec2_image *ret, const char **ret_unfit, struct err *e);

/*
 * The snapshot that an upload can build upon: completed, with a list of its digests, encrypted as
 * is wished, of the same content if there is one, else the newest. id NULL: none.
 */
must_check int find_parent(struct aws *aws, const struct find_wish *w, struct arena *a,
	struct ec2_snapshot *ret, struct err *e);

#endif
