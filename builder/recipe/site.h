/*
 * Sites: one record a branch, inline in the recipe or from a file of their own, and the checks of
 * each against all the others.
 *
 *   sites:
 *     psk: ssm:/hub/psk/default          # for all that name none
 *     list:
 *     - name: branch1
 *       peer: 203.0.113.10               # address, FQDN, or any
 *       id: 192.168.0.1
 *       subnets: [192.168.0.0/24]        # one may stand without the brackets
 *       psk: ssm:/hub/psk/branch1
 *       crypto: rtx810
 *       dpd: {interval: 5, count: 4}     # or [5, 4]
 *
 * The list alone may stand in place of the map.
 */
#ifndef IMGBUILD_RECIPE_SITE_H
#define IMGBUILD_RECIPE_SITE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "recipe/cidr.h"
#include "recipe/crypto.h"
#include "recipe/diag.h"
#include "recipe/node.h"

#define SITES_MAX        20000
#define SITE_SUBNETS_MAX 64
#define SITE_NAME_MAX    31

/* The router's keepalive where neither site nor defaults say another. */
#define DPD_INTERVAL 5
#define DPD_COUNT    4

enum peer_kind { PEER_ANY, PEER_ADDRESS, PEER_FQDN };

/* How a pre-shared key is referred to. The key itself is never part of a recipe. */
enum psk_kind {
	PSK_NONE,           /* no reference: the pool-wide default holds */
	PSK_SSM,            /* ssm:/path            SSM parameter (SecureString) */
	PSK_SECRETSMANAGER, /* secretsmanager:NAME  Secrets Manager: a name or an ARN */
	PSK_S3,             /* s3                   carried by the S3 sites object: as a site's own,
			       the key under its name; as the default, the one under "default" */
	PSK_ENV,  /* env:NAME             read when building, only with --inline-secrets */
	PSK_FILE, /* file:PATH            likewise; relative to the file that says so */
};

struct psk_ref {
	enum psk_kind kind;
	const char *text; /* the whole reference as written */
	const char *arg;  /* behind the colon */
	struct pos pos;
};

struct site {
	struct pos pos;
	const char *name;
	enum peer_kind peer_kind;
	const char *peer; /* canonical text: lower case; "any" for PEER_ANY */
	struct pos peer_pos;
	/*
	 * IPv4 address, "@name" or "user@host", in lower case (daemons and routers compare names
	 * so): the branch's phase-1 identity. May be left out with IKEv2, where it is then
	 * "@SITENAME".
	 */
	const char *id;
	struct pos id_pos;
	struct cidr *subnets;
	struct pos *subnet_pos;
	size_t subnet_count;
	struct psk_ref psk; /* PSK_NONE: the default */
	const struct crypto *crypto;
	struct pos crypto_pos; /* of the default, where the site names none */
	unsigned dpd_interval; /* seconds, 1 to 600: the router's keepalive */
	unsigned dpd_count;    /* 1 to 50 */
	struct pos dpd_pos;
};

struct sites {
	struct site *list; /* in the order of the file */
	size_t count;
	size_t cap;
	struct psk_ref psk;            /* pool-wide default key; PSK_NONE if none */
	const struct crypto *crypto;   /* default profile (rtx810) */
	const struct crypto *profiles; /* all profiles there are */
	size_t profile_count;
};

/* What sites are checked against besides one another. */
struct site_context {
	enum daemon daemon;
	struct cidr vpc;
	struct cidr hub_subnet;
	struct pos vpc_pos;        /* where they were set, for messages; file NULL: not known */
	struct pos hub_subnet_pos; /* likewise */
	const char *hub_id;        /* the hubs' own phase-1 identity; NULL: not known */
	struct pos hub_id_pos;     /* likewise */
	bool from_s3;              /* the recipe names an S3 sites object: `psk: s3` is possible */
};

/* The keys of a sites map and of a site, for the check and the manual. */
extern const struct key_spec SITES_KEYS[];
extern const size_t SITES_KEY_COUNT;
extern const struct key_spec SITE_KEYS[];
extern const size_t SITE_KEY_COUNT;

/*
 * Read a sites node: a list of site maps, or a map {psk, crypto, dpd, list} with defaults for all.
 * Problems go to `d`, and records with problems are left out. A NULL or empty node is no sites.
 * What comes back points into the node, which must live as long as `a`. No message shows the text
 * of a psk that is no valid reference: it may be the key itself.
 */
must_check int sites_parse(
	const struct node *n, struct arena *a, struct diag *d, struct sites *ret, struct err *e);

/*
 * Check the sites against each other and the context: overlapping subnets, duplicate names, ids,
 * peers other than `any`; a site's subnet that overlaps the VPC or the hub subnet, or holds a
 * peer's address or another site's id; what a profile asks of its sites (kind of id and peer, own
 * key, number of subnets); proposals that the daemon cannot speak; key references that cannot be
 * resolved; and what sites with peer `any` cannot differ in, because the hub settles it before it
 * knows who calls: with IKEv1 main mode key and IKE proposals, with IKEv2 under Libreswan the IKE
 * proposals. O(n log n). Problems name both places.
 */
must_check int sites_check(const struct sites *s, const struct site_context *c, struct arena *a,
	struct diag *d, struct err *e);

/* An IPv4 address, "@name" or "user@host". */
bool id_valid(const char *id);

/* The reference in force for a site: its own or the pool-wide default. */
const struct psk_ref *site_psk(const struct sites *s, const struct site *site);

#endif
