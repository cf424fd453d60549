/*
 * The files that the hub command reads, made from the recipe's sites.
 */
#ifndef IMGBUILD_BUNDLE_HUBFILES_H
#define IMGBUILD_BUNDLE_HUBFILES_H

#include "base/buf.h"
#include "recipe/site.h"

/*
 * Append /etc/hub/sites.json, which is the product sites.json and the S3 object as well:
 * {"format": 1, "psk": REFERENCE, "sites": [RECORD...]}, a record a line, in the order of the
 * recipe. "psk" is left out of a record that has none of its own, and of the whole without a
 * pool-wide one. "crypto" is a profile's name, or an object as in crypto.json. ERR_MACHINE.
 */
must_check int hubfiles_sites(const struct sites *s, struct buf *out, struct err *e);

/* Append /etc/hub/crypto.json: all profiles by name. ERR_MACHINE. */
must_check int hubfiles_crypto(const struct sites *s, struct buf *out, struct err *e);

#endif
