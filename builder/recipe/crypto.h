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
/* As a recipe writes it: "libreswan". */
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

extern const struct alg ALGS[];
extern const size_t ALG_COUNT;

struct proposal {
	const struct alg *cipher;
	const struct alg *integ; /* ESP: NULL for AEAD; IKE: the prf for AEAD */
	const struct alg *group; /* ESP: NULL */
	const char *text;
	struct pos pos;
};

#define PROPOSALS_MAX 16
#define LIFETIME_MIN  300   /* seconds; what a Yamaha RTX takes */
#define LIFETIME_MAX  86400 /* seconds; what Libreswan takes (a Yamaha RTX: 691200) */

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
	unsigned subnets_max;  /* what that router can carry to one site's hub; 0: not known */
	bool own_key;          /* each site needs a key of its own */
	const char *help;
};

/* The profiles, in the order of the manual. Fixed; `a` holds the parsed proposals. */
must_check int crypto_profiles(
	struct arena *a, struct crypto **ret, size_t *ret_count, struct err *e);

/*
 * The keys of explicit proposals: {profile, ike_version, ike, esp, pfs, ike_lifetime,
 * esp_lifetime}. With `profile` the others replace that profile's lines one by one and the limits
 * of its router hold; without it `ike_version`, `ike` and `esp` are required, `pfs` is on,
 * lifetimes are 28800 and 3600 s.
 */
extern const struct key_spec CRYPTO_KEYS[];
extern const size_t CRYPTO_KEY_COUNT;

/*
 * A site's `crypto`: a profile's name, or a map of CRYPTO_KEYS. Problems (unknown name with the
 * nearest, malformed or weak proposal, what the profile's router or IKEv1 cannot speak, ranges:
 * LIFETIME_MIN to LIFETIME_MAX) go to `d`; then *ret is NULL.
 */
must_check int crypto_parse(const struct node *n, const struct crypto *profiles, size_t count,
	struct arena *a, struct diag *d, const struct crypto **ret, struct err *e);

/* The first algorithm of it that `d` cannot speak, or NULL. */
const struct alg *crypto_unspoken(const struct crypto *c, enum daemon d);
/* Whether a Yamaha RTX has a name for all of it. `ike` tells IKE proposals from ESP ones. */
bool proposal_rtx(const struct proposal *p, bool ike);
/* Same IKE version and IKE proposals in the same order: all that is settled before ids are known.
 */
bool crypto_same_ike(const struct crypto *a, const struct crypto *b);

#endif
