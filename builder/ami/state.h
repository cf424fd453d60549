/*
 * out/RECIPE/state.json: what this machine's runs made on AWS. The manifest is a function of the
 * inputs and knows no ids; they are here. Later goals read it, but what AWS's own tags say counts
 * more: a pipeline starts with an empty out/.
 *
 *   {"format": 1, "recipe": "hub",
 *    "images": [{"region", "image", "snapshot", "name", "digest", "created", "encrypted", "run"}],
 *    "published": {REGION: {"parameter", "image", "before"}}}
 *
 * The newest image first, STATE_IMAGES_MAX of them.
 */
#ifndef IMGBUILD_AMI_STATE_H
#define IMGBUILD_AMI_STATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

#define STATE_NAME       "state.json"
#define STATE_IMAGES_MAX 100

struct state_image {
	const char *region;
	const char *image;
	const char *snapshot;
	const char *name;
	const char *digest;
	const char *created; /* 2026-05-01T10:20:30Z */
	bool encrypted;
	const char *run;
};

struct state {
	struct state_image *images;
	size_t count;
};

/*
 * What OUT/RECIPE/state.json says of images. Nothing is an error that it could say: a missing or
 * broken file has none. ERR_MACHINE.
 */
must_check int state_read(
	const char *out, const char *recipe, struct arena *a, struct state *ret, struct err *e);

/* Put an image in front; one with its id that is there already goes. Written whole. ERR_MACHINE. */
must_check int state_add(
	const char *out, const char *recipe, const struct state_image *image, struct err *e);

/* A region's parameter has another value now; `before` may be "". ERR_MACHINE. */
must_check int state_published(const char *out, const char *recipe, const char *region,
	const char *parameter, const char *before, const char *image, struct err *e);

#endif
