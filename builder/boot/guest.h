/*
 * What a recipe's guest is given: the keys, the sites object and the zone that the local AWS has
 * for it, and its user-data, which is the recipe's own with other endpoints set and one part more.
 */
#ifndef IMGBUILD_BOOT_GUEST_H
#define IMGBUILD_BOOT_GUEST_H

#include <stdbool.h>

#include "boot/aws_local.h"
#include "bundle/bundle.h"
#include "recipe/recipe.h"

#define GUEST_CA   "/etc/hub/boot-ca.pem"
#define GUEST_ZONE "Z0IMGBUILDBOOT" /* where the recipe names none */

/* Stock the local AWS with what the recipe refers to. ERR_MACHINE. */
must_check int guest_stock(const struct bundle *b, struct aws_local *aws, struct err *e);

/* Whether the guest will put a record into the zone: its recipe has the unit that does. */
bool guest_joins(const struct recipe *r);

struct guest_options {
	const struct recipe_query *query; /* the recipe as asked for */
	const struct bundle *bundle;      /* prepared from it */
	const char *endpoint;             /* URL of the local AWS, from the guest */
	const struct buf *ca;             /* PEM */
	bool adhoc;              /* the pasteable form, else that of the image's instances */
	bool ssh;                /* this machine may log in */
	const char *apt_sources; /* lines of sources.list(5) in place of the guest's; or NULL */
};

/*
 * The user-data: of the recipe with the endpoints, CA file and zone set (those of them that it has
 * variables for), with a part more that brings the CA and, for `ssh`, lets this machine in. It may
 * be larger than EC2 takes. `overlay_url` is passed over: the form that fetches needs a published
 * archive. ERR_INPUT: such a recipe has problems; ERR_MACHINE.
 */
must_check int guest_user_data(
	const struct guest_options *o, struct arena *a, struct buf *ret, struct err *e);

#endif
