/*
 * From a disk image to an available AMI in a region: what there is of it is used, what is missing
 * is made.
 *
 *   an AMI of the same content is there   nothing is done
 *   its snapshot is there                 it is registered
 *   a snapshot of the recipe is there     the blocks that differ are sent
 *   nothing is there                      everything is sent
 */
#ifndef IMGBUILD_AMI_MAKE_H
#define IMGBUILD_AMI_MAKE_H

#include "ami/diskfile.h"
#include "aws/client.h"
#include "base/log.h"
#include "recipe/recipe.h"

struct make_job {
	struct aws *aws;
	const struct log *log;
	struct buf *scratch;
	struct arena *arena;
	const struct recipe *recipe;
	const char *out;      /* folder that holds the sets */
	const char *endpoint; /* what was set in AWS's place; NULL */
	const struct diskfile *disk;
	const char *run; /* run id */
	bool dry_run;
};

struct made {
	const char *region;
	const char *image; /* "": dry run, and it is not there */
	const char *snapshot;
	const char *name;
	bool encrypted;
	bool reused; /* the image was there */
};

/* What stands for the content: 64 hexadecimal digits. */
struct sha256_hex make_digest(const struct diskfile *d);

/*
 * `region` and `kms_key` (NULL: the recipe's) may be another than the client's: publish uploads to
 * more regions. Ids go into state.json as soon as they are known. ERR_REMOTE, ERR_INPUT: the image
 * is not what its digests say; ERR_MACHINE.
 */
must_check int make_image(const struct make_job *j, const char *region, const char *kms_key,
	struct made *ret, struct err *e);

#endif
