#include "recipe/site.h"

#include <stdio.h>
#include <string.h>

#include "recipe/site_field.h"

const struct key_spec SITES_KEYS[] = {
	{ "psk", NODE_SCALAR, false, "the key of all sites that name none, by reference" },
	{ "crypto", NODE_ANY, false, "profile or proposals of all sites that name none (rtx810)" },
	{ "dpd", NODE_ANY, false, "the routers' keepalive where a site says no other (5 s, 4)" },
	{ "list", NODE_LIST, true, "the sites" },
};
const size_t SITES_KEY_COUNT = sizeof(SITES_KEYS) / sizeof(SITES_KEYS[0]);

const struct key_spec SITE_KEYS[] = {
	{ "name", NODE_SCALAR, true, "lower-case letters, digits, dashes; at most 31" },
	{ "peer", NODE_SCALAR, true, "the router's public address, its domain name, or any" },
	{ "id", NODE_SCALAR, false,
		"the router's phase-1 identity: address, @NAME or user@host; left out with IKEv2: "
		"@ and the site's name" },
	{ "subnets", NODE_ANY, true, "the branch's networks, 1 to 64, each ADDRESS/PREFIX" },
	{ "psk", NODE_SCALAR, false,
		"its key by reference: ssm:/PATH, secretsmanager:NAME, s3, env:NAME, file:PATH" },
	{ "crypto", NODE_ANY, false, "a profile's name, or proposals" },
	{ "dpd", NODE_ANY, false, "the router's keepalive: {interval: SECONDS, count: PROBES}" },
};
const size_t SITE_KEY_COUNT = sizeof(SITE_KEYS) / sizeof(SITE_KEYS[0]);

/* What holds for sites that say nothing. */
struct defaults {
	const struct crypto *crypto;
	struct pos crypto_pos;
	unsigned dpd_interval;
	unsigned dpd_count;
	struct pos dpd_pos;
};

static int parse_id(const struct field *f, const struct node *map, struct site *s, struct err *e)
{
	const struct node *id = node_get(map, "id");
	if (id != NULL)
		return field_id(f, id, s, e);
	if (s->crypto == NULL || s->name == NULL)
		return 1;
	if (s->crypto->ike_version == 1) {
		diag_add(f->diag, map->pos,
			"%s: \"id\" is missing: with IKEv1 the router's own address as it gives it "
			"in "
			"phase 1, usually the one on its LAN",
			f->label);
		return 1;
	}
	s->id_pos = map->pos;
	s->id = arena_printf(f->arena, e, "@%s", s->name);
	return s->id != NULL ? 0 : -1;
}

static int parse_crypto(const struct field *f, const struct node *n, const struct sites *all,
	struct site *s, struct err *e)
{
	if (n == NULL)
		return 0;
	s->crypto = NULL;
	s->crypto_pos = n->pos;
	return crypto_parse(n, all->profiles, all->profile_count, f->arena, f->diag, &s->crypto, e);
}

/* 0, 1 when there was a problem, -1 ERR_MACHINE. */
static int parse_site(const struct node *n, size_t index, const struct defaults *def,
	const struct sites *all, struct field *f, struct site *s, struct err *e)
{
	const struct node *name = node_get(n, "name"), *peer = node_get(n, "peer"),
			  *subnets = node_get(n, "subnets"), *psk = node_get(n, "psk"),
			  *dpd = node_get(n, "dpd");
	int rc = 0;

	*s = (struct site){ .pos = n->pos,
		.crypto = def->crypto,
		.crypto_pos = def->crypto_pos,
		.dpd_interval = def->dpd_interval,
		.dpd_count = def->dpd_count,
		.dpd_pos = def->dpd_pos };
	snprintf(f->label, sizeof(f->label), "site %zu of the list", index + 1);
	bool ok = node_check_keys(n, "site", SITE_KEYS, SITE_KEY_COUNT, f->diag);
	if (n->kind != NODE_MAP)
		return 1;
	if (name != NULL && field_name(f, name, &s->name))
		snprintf(f->label, sizeof(f->label), "site %s", s->name);
	ok = ok && s->name != NULL;
	if (psk != NULL)
		ok = field_psk(f, psk, &s->psk) && ok;
	if (dpd != NULL) {
		s->dpd_pos = dpd->pos;
		ok = field_dpd(f, dpd, &s->dpd_interval, &s->dpd_count) && ok;
	}
	if (peer != NULL)
		rc = field_peer(f, peer, s, e);
	ok = ok && rc == 0;
	if (rc >= 0)
		rc = parse_crypto(f, node_get(n, "crypto"), all, s, e);
	ok = ok && rc == 0 && s->crypto != NULL;
	if (rc >= 0)
		rc = parse_id(f, n, s, e);
	ok = ok && rc == 0;
	if (rc >= 0 && subnets != NULL)
		rc = field_subnets(f, subnets, s, e);
	return rc < 0 ? -1 : ok && rc == 0 ? 0 : 1;
}

static int parse_defaults(const struct node *n, struct sites *all, struct defaults *def,
	struct field *f, struct err *e)
{
	const struct node *psk = node_get(n, "psk"), *crypto = node_get(n, "crypto"),
			  *dpd = node_get(n, "dpd");
	snprintf(f->label, sizeof(f->label), "sites");
	node_check_keys(n, "sites", SITES_KEYS, SITES_KEY_COUNT, f->diag);
	if (psk != NULL)
		field_psk(f, psk, &all->psk);
	if (crypto != NULL) {
		def->crypto_pos = crypto->pos;
		if (crypto_parse(crypto, all->profiles, all->profile_count, f->arena, f->diag,
			    &def->crypto, e) < 0)
			return -1;
	}
	if (dpd != NULL) {
		def->dpd_pos = dpd->pos;
		field_dpd(f, dpd, &def->dpd_interval, &def->dpd_count);
	}
	if (def->crypto != NULL)
		all->crypto = def->crypto;
	return 0;
}

int sites_parse(
	const struct node *n, struct arena *a, struct diag *d, struct sites *ret, struct err *e)
{
	struct field f = { .arena = a, .diag = d };
	struct sites all = { 0 };
	struct crypto *profiles;
	if (crypto_profiles(a, &profiles, &all.profile_count, e) < 0)
		return -1;
	all.profiles = profiles;
	all.crypto = &profiles[0];

	struct defaults def = {
		.crypto = all.crypto, .dpd_interval = DPD_INTERVAL, .dpd_count = DPD_COUNT
	};
	const struct node *list = n;
	if (n != NULL && n->kind == NODE_MAP) {
		if (parse_defaults(n, &all, &def, &f, e) < 0)
			return -1;
		list = node_get(n, "list");
	} else if (n != NULL && n->kind == NODE_SCALAR && !node_is_null(n)) {
		diag_add(
			d, n->pos, "sites: a list of sites, or a map of psk, crypto, dpd and list");
	}
	if (list == NULL || list->kind != NODE_LIST) {
		*ret = all;
		return 0;
	}
	if (list->count > SITES_MAX) {
		diag_add(d, list->pos, "sites: %zu of them: at most %d", (size_t)list->count,
			SITES_MAX);
		*ret = all;
		return 0;
	}
	if (list->count > 0) {
		all.list = arena_array(a, list->count, sizeof(*all.list), e);
		if (all.list == NULL)
			return -1;
		all.cap = list->count;
	}
	for (size_t i = 0; i < list->count; i++) {
		int rc = parse_site(list->items[i], i, &def, &all, &f, &all.list[all.count], e);
		if (rc < 0)
			return -1;
		if (rc == 0)
			all.count++;
	}
	*ret = all;
	return 0;
}

const struct psk_ref *site_psk(const struct sites *s, const struct site *site)
{
	return site->psk.kind != PSK_NONE ? &site->psk : &s->psk;
}
