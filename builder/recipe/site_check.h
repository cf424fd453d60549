/*
 * What site_check.c (names and keys) and site_net.c (addresses) share.
 */
#ifndef IMGBUILD_RECIPE_SITE_CHECK_H
#define IMGBUILD_RECIPE_SITE_CHECK_H

#include "recipe/site.h"

struct check {
	const struct sites *sites;
	const struct site_context *context;
	struct arena *arena;
	struct diag *diag;
};

/* FILE:LINE:COL (or FILE, for the whole of it or an option), for the other place in a message. */
struct place {
	char text[256];
};
struct place place_of(struct pos pos);

/* Subnets against each other, the VPC, the hub subnet; peers and ids against subnets. */
must_check int sites_check_networks(const struct check *c, struct err *e);

#endif
