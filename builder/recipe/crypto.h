/*
 * Crypto profiles and proposals: what hub and router may agree on. One table of algorithms with
 * each speaker's name for it, one of profiles; checks, peer sheets, the hub's crypto.json and the
 * manual all come from them.
 *
 * Notation: CIPHER-INTEG-GROUP for IKE (AEAD: CIPHER-prfHASH-GROUP), CIPHER-INTEG or an AEAD CIPHER
 * for ESP, as in swanctl.conf(5).
 */
#ifndef IMGBUILD_RECIPE_CRYPTO_H
#define IMGBUILD_RECIPE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "recipe/diag.h"
#include "recipe/node.h"

enum daemon { DAEMON_LIBRESWAN, DAEMON_STRONGSWAN };
#define DAEMON_COUNT 2
const char *daemon_name(enum daemon d);

enum alg_kind { ALG_CIPHER, ALG_AEAD, ALG_INTEG, ALG_PRF, ALG_GROUP };

/* An algorithm. A name is NULL where that speaker cannot do it. */
struct alg {
	enum alg_kind kind;
	const char *name; /* neutral */
	const char *daemons[DAEMON_COUNT];
	const char *rtx_ike; /* Yamaha: `ipsec ike encryption|hash|group` */
	const char *rtx_esp; /* Yamaha: `ipsec sa policy` */
	const char *weak;    /* refused everywhere, and why; NULL if not */
};

struct proposal {
	const struct alg *cipher;
	const struct alg *integ; /* ESP: NULL for AEAD; IKE: the prf for AEAD */
	const struct alg *group; /* ESP: NULL */
	const char *text;
	struct pos pos;
};

#define PROPOSALS_MAX 16

struct crypto {
	const char *name;     /* profile; NULL for explicit proposals */
	unsigned ike_version; /* 1 (main mode) or 2 */
	struct proposal *ike;
	size_t ike_count;
	struct proposal *esp;
	size_t esp_count;
	bool pfs;
	unsigned ike_lifetime; /* seconds */
	unsigned esp_lifetime; /* seconds */
	const char *router;    /* the router it is meant for, for messages; NULL: any */
	const char *help;
};

/* The profiles, in the order of the manual. Fixed; `a` holds the parsed proposals. */
must_check int crypto_profiles(
	struct arena *a, struct crypto **ret, size_t *ret_count, struct err *e);

/*
 * A site's `crypto`: a profile's name, or a map {ike_version, ike, esp, pfs, ike_lifetime,
 * esp_lifetime}. Problems (unknown name with the nearest, malformed or weak proposal, ranges: 300
 * to 691200 s) go to `d`; then *ret is NULL.
 */
must_check int crypto_parse(const struct node *n, const struct crypto *profiles, size_t count,
	struct arena *a, struct diag *d, const struct crypto **ret, struct err *e);

/* The first algorithm of it that `d` cannot speak, or NULL. */
const struct alg *crypto_unspoken(const struct crypto *c, enum daemon d);
/* Same versions, proposals in the same order, pfs, lifetimes. */
bool crypto_equal(const struct crypto *a, const struct crypto *b);

#endif
