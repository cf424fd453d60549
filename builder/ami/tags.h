/*
 * The tags by which this program knows its images and snapshots again, whatever machine made them.
 */
#ifndef IMGBUILD_AMI_TAGS_H
#define IMGBUILD_AMI_TAGS_H

#include "aws/ec2_image.h"
#include "base/arena.h"
#include "recipe/recipe.h"

#define TAG_RECIPE  "imgbuild:recipe"
#define TAG_DIGEST  "imgbuild:digest"  /* 64 hexadecimal digits: the content */
#define TAG_VERSION "imgbuild:version" /* of the tool */
#define TAG_RUN     "imgbuild:run"
#define TAG_BLOCKS  "imgbuild:blocks" /* parent.h: where the image's own digests start */

struct tags_facts {
	const struct recipe *recipe;
	const char *name;   /* of the AMI */
	const char *digest; /* 64 hexadecimal digits */
	size_t blocks;      /* first block of the region of digests */
	const char *run;    /* NULL: without this tag */
};

/*
 * Those of image and snapshot: Name, the recipe's own (which may say Name, too), then ours, the run
 * last. ERR_MACHINE.
 */
must_check int tags_make(
	const struct tags_facts *f, struct arena *a, struct ec2_tags *ret, struct err *e);

/* A run's id: 16 hexadecimal digits at random. ERR_MACHINE. */
struct run_id {
	char text[17];
};
must_check int run_id(struct run_id *ret, struct err *e);

#endif
