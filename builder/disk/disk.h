/*
 * The disk image of a recipe: from a base and the bundle's overlay to disk.raw, with the record of
 * what is in it and its bill of materials.
 *
 * In this order: the base's archive becomes a tree; what no image may hold goes; overlays, boot
 * chain and units are put into it; everything is placed; the bytes stream from the archive to their
 * places; partition table and block digests come last. The result is a function of base, recipe,
 * overlays and the tool's version.
 */
#ifndef IMGBUILD_DISK_DISK_H
#define IMGBUILD_DISK_DISK_H

#include "base/digest.h"
#include "base/log.h"
#include "bundle/tree.h"
#include "disk/base.h"
#include "disk/blocks.h"
#include "disk/dpkg.h"
#include "disk/ext4.h"
#include "disk/record.h"
#include "recipe/recipe.h"

#define DISK_NAME "disk.raw"
#define SBOM_NAME "sbom.spdx.json"

struct disk_request {
	const struct recipe *recipe; /* with an image section */
	const struct tree *tree;     /* the bundle's overlay */
	const struct tree *image;    /* what the image alone has, on top of it */
	const struct base *base;
	unsigned jobs; /* cores to use; 0: all */
	const struct log *log;
};

struct disk {
	struct sha256 inputs;
	struct buf record; /* RECORD_NAME; owned */
	struct buf sbom;   /* SBOM_NAME; owned */
	/* For the report. */
	struct ext4_usage usage;
	const char *kernel; /* its version */
	size_t packages;
	size_t files; /* names of all kinds in the root file system */
	size_t blocks_present;
	size_t blocks;
};

/* What base_get is asked for, by the recipe; the lists live in `a`. ERR_MACHINE. */
must_check int disk_base_request(
	const struct recipe *r, struct arena *a, struct base_request *ret, struct err *e);

/*
 * The digest of everything that an image is a function of: equal digests, equal images.
 * ERR_MACHINE.
 */
must_check int disk_inputs(const struct disk_request *q, struct sha256 *ret, struct err *e);

/*
 * Make the image in an empty file open for reading and writing. `a` holds what must live as long as
 * *ret. ERR_INPUT: the base or the overlay cannot become an image; ERR_MACHINE.
 */
must_check int disk_make(
	const struct disk_request *q, int fd, struct arena *a, struct disk *ret, struct err *e);

/* Takes an empty one. */
void disk_free(struct disk *d);

#endif
