/*
 * What hardens the image of the hub: the table that the manual prints. The measures themselves are
 * files of overlays/image and items of recipes/hub-image.yaml; a test holds this table to them.
 */
#ifndef IMGBUILD_DISK_HARDEN_H
#define IMGBUILD_DISK_HARDEN_H

#include <stddef.h>

struct harden_measure {
	const char *what;
	const char *why;
	const char *opt_out; /* what a recipe of one's own says, or has in an overlay of its own */
	/* Where it is made: "/PATH" of a file in overlays/image, or "image.LIST: ITEM" of the
	 * recipe. */
	const char *evidence;
};

/* What an audit with Lynis 3.0.8 in the booted hub still suggests, and why it is left so. */
struct harden_left {
	const char *test; /* of Lynis: "SSH-7408" */
	const char *what;
	const char *why;
};

extern const struct harden_measure HARDEN_MEASURES[];
extern const size_t HARDEN_MEASURE_COUNT;
extern const struct harden_left HARDEN_LEFT[];
extern const size_t HARDEN_LEFT_COUNT;

#endif
