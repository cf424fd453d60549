#include "recipe/site_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct place place_of(struct pos pos)
{
	struct place p;
	const char *file = pos.file != NULL ? pos.file : "";
	if (pos.line == 0)
		snprintf(p.text, sizeof(p.text), "%s", file);
	else
		snprintf(p.text, sizeof(p.text), "%s:%u:%u", file, pos.line, pos.col);
	return p;
}

/* A word of a site that may be compared with the same word of another. */
struct word_of {
	const char *text;
	const struct site *site;
	struct pos pos;
};

static int by_text(const void *va, const void *vb)
{
	const struct word_of *a = va, *b = vb;
	int c = strcmp(a->text, b->text);
	return c != 0 ? c : a->site < b->site ? -1 : a->site > b->site;
}

/* Problems for words that stand at several sites: each later one names the first. */
static void report_equal(const struct check *c, struct word_of *list, size_t count,
	const char *what, const char *why)
{
	qsort(list, count, sizeof(*list), by_text);
	for (size_t first = 0, i = 1; i < count; i++) {
		const struct site *s = list[i].site;
		if (strcmp(list[first].text, list[i].text) != 0)
			first = i;
		else if (list[i].text == s->name)
			diag_add(c->diag, list[i].pos, "name %s is taken (%s): %s", s->name,
				place_of(list[first].pos).text, why);
		else
			diag_add(c->diag, list[i].pos,
				"site %s: %s %s is that of site %s (%s) as well: %s", s->name, what,
				list[i].text, list[first].site->name,
				place_of(list[first].pos).text, why);
	}
}

static int check_duplicates(const struct check *c, struct err *e)
{
	size_t n = c->sites->count, peers = 0;
	struct word_of *words = arena_array(c->arena, n, sizeof(*words), e);
	if (words == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct site *s = &c->sites->list[i];
		words[i] = (struct word_of){ s->name, s, s->pos };
	}
	report_equal(c, words, n, "name", "each needs its own");
	for (size_t i = 0; i < n; i++) {
		const struct site *s = &c->sites->list[i];
		words[i] = (struct word_of){ s->id, s, s->id_pos };
	}
	report_equal(c, words, n, "id", "the hub tells sites apart by it");
	for (size_t i = 0; i < n; i++) {
		const struct site *s = &c->sites->list[i];
		if (s->peer_kind != PEER_ANY)
			words[peers++] = (struct word_of){ s->peer, s, s->peer_pos };
	}
	report_equal(c, words, peers, "peer", "sites behind one address need `any` and IKEv2");
	return 0;
}

/* What a site's profile and IKE version ask of its peer, id and number of subnets. */
static void check_kinds(const struct check *c, const struct site *s)
{
	const struct crypto *k = s->crypto;
	bool main_mode = k->ike_version == 1;
	uint32_t addr;
	if (main_mode && s->peer_kind == PEER_FQDN)
		diag_add(c->diag, s->peer_pos,
			"site %s: peer %s: IKEv1 main mode picks the key by the peer's address: "
			"write the address, or any (all such sites then share one key), or use "
			"IKEv2",
			s->name, s->peer);
	if (main_mode && k->router != NULL && addr_parse(s->id, &addr) != CIDR_OK)
		diag_add(c->diag, s->id_pos,
			"site %s: id %s: in IKEv1 main mode %s can only give an address: that of "
			"`ipsec ike local address`",
			s->name, s->id, k->router);
	if (k->subnets_max != 0 && s->subnet_count > k->subnets_max)
		diag_add(c->diag, s->subnet_pos[k->subnets_max],
			"site %s: %zu subnets: with IKEv%u %s can carry %u: name one network that "
			"holds several of them",
			s->name, s->subnet_count, k->ike_version, k->router, k->subnets_max);
	if (c->context->hub_id != NULL && strcmp(s->id, c->context->hub_id) == 0)
		diag_add(c->diag, s->id_pos,
			"site %s: id %s is the hubs' own (hub_id): take another", s->name, s->id);
}

static void report_unspoken(const struct check *c, const struct site *s, const struct alg *alg)
{
	const char *profile = s->crypto->name != NULL ? s->crypto->name : "its proposals";
	const char *daemon = c->context->daemon == DAEMON_LIBRESWAN ? "Libreswan" : "strongSwan";
	if (strcmp(alg->name, "modp1024") == 0)
		diag_add(c->diag, s->crypto_pos,
			"site %s: %s needs modp1024, which %s does not speak: set the router to "
			"`ipsec ike group 1 modp2048` (or modp1536) and use crypto rtx810, or "
			"set `daemon: strongswan`",
			s->name, profile, daemon);
	else
		diag_add(c->diag, s->crypto_pos, "site %s: %s needs %s, which %s does not speak",
			s->name, profile, alg->name, daemon);
}

static void check_spoken(const struct check *c)
{
	struct pos said = { 0 };
	for (size_t i = 0; i < c->sites->count; i++) {
		const struct site *s = &c->sites->list[i];
		const struct alg *alg = crypto_unspoken(s->crypto, c->context->daemon);
		struct pos pos = s->crypto_pos;
		if (alg == NULL ||
			(pos.file == said.file && pos.line == said.line && pos.col == said.col))
			continue; /* the default of all is said once */
		report_unspoken(c, s, alg);
		said = pos;
	}
}

static void check_key(const struct check *c, const struct site *s)
{
	const struct psk_ref *ref = site_psk(c->sites, s);
	if (ref->kind == PSK_NONE)
		diag_add(c->diag, s->pos,
			"site %s has no key: give it a psk, or all sites one (sites: {psk: ..., "
			"list: "
			"...})",
			s->name);
	if (s->psk.kind == PSK_S3 && !c->context->from_s3)
		diag_add(c->diag, s->psk.pos,
			"site %s: psk s3: no S3 object is named: set the variable sites_url, or "
			"use "
			"another reference",
			s->name);
	if (s->crypto->own_key && s->psk.kind == PSK_NONE && ref->kind != PSK_NONE)
		diag_add(c->diag, s->pos,
			"site %s: crypto %s: each site needs a key of its own, not the pool-wide "
			"one "
			"(%s): whoever holds a shared key can pose as any site",
			s->name, s->crypto->name != NULL ? s->crypto->name : "for this router",
			place_of(ref->pos).text);
}

/* References of their own that two sites share, where one of them needs its own. */
static int check_shared(const struct check *c, struct err *e)
{
	struct word_of *words = arena_array(c->arena, c->sites->count, sizeof(*words), e);
	size_t n = 0;
	if (words == NULL)
		return -1;
	for (size_t i = 0; i < c->sites->count; i++) {
		const struct site *s = &c->sites->list[i];
		if (s->psk.kind == PSK_NONE || s->psk.kind == PSK_S3)
			continue;
		words[n++] = (struct word_of){ s->psk.text, s, s->psk.pos };
		if (s->crypto->own_key && c->sites->psk.kind != PSK_NONE &&
			strcmp(s->psk.text, c->sites->psk.text) == 0)
			diag_add(c->diag, s->psk.pos,
				"site %s: psk %s is the pool-wide one (%s): this site needs a key "
				"of "
				"its own",
				s->name, s->psk.text, place_of(c->sites->psk.pos).text);
	}
	qsort(words, n, sizeof(*words), by_text);
	for (size_t first = 0, i = 1; i < n; i++) {
		if (strcmp(words[first].text, words[i].text) != 0) {
			first = i;
			continue;
		}
		const struct site *a = words[first].site, *b = words[i].site;
		if (a->crypto->own_key || b->crypto->own_key)
			diag_add(c->diag, b->psk.pos,
				"site %s: psk %s is that of site %s (%s) as well: site %s needs a "
				"key of "
				"its own: whoever holds a shared key can pose as any site",
				b->name, b->psk.text, a->name, place_of(a->psk.pos).text,
				b->crypto->own_key ? b->name : a->name);
	}
	return 0;
}

static bool same_key(const struct sites *all, const struct site *a, const struct site *b)
{
	if (a->psk.kind == PSK_S3 || b->psk.kind == PSK_S3)
		return false; /* each has the one under its own name */
	const struct psk_ref *ka = site_psk(all, a), *kb = site_psk(all, b);
	return ka->kind == PSK_NONE || kb->kind == PSK_NONE || strcmp(ka->text, kb->text) == 0;
}

static void report_any(const struct check *c, const struct site *s, struct pos pos,
	const struct site *first, struct pos first_pos, const char *what, const char *why)
{
	diag_add(c->diag, pos.file != NULL ? pos : s->pos,
		"site %s: its %s not that of site %s (%s): %s, because the hub chooses before it "
		"knows who calls",
		s->name, what, first->name,
		place_of(first_pos.file != NULL ? first_pos : first->pos).text, why);
}

/*
 * A hub has only the address to go by when it chooses IKE proposals, and with IKEv1 main mode the
 * key as well. Among sites with any address Libreswan then takes those of one of them, whoever
 * calls (4.10: loaded last, 5.2: loaded first), and the others fail or get less than they could
 * have.
 */
static void check_any(const struct check *c, unsigned version)
{
	const struct site *first = NULL;
	for (size_t i = 0; i < c->sites->count; i++) {
		const struct site *s = &c->sites->list[i];
		if (s->peer_kind != PEER_ANY || s->crypto->ike_version != version)
			continue;
		if (first == NULL) {
			first = s;
			continue;
		}
		if (version == 1 && !same_key(c->sites, first, s))
			report_any(c, s, s->psk.pos, first, first->psk.pos, "key is",
				"with IKEv1 main mode all sites with peer any must share one key");
		if (!crypto_same_ike(first->crypto, s->crypto))
			report_any(c, s, s->crypto_pos, first, first->crypto_pos,
				"set of IKE proposals is",
				version == 1 ? "with IKEv1 main mode all sites with peer any must "
					       "share one set"
					     : "with IKEv2 under Libreswan all sites with peer any "
					       "must share one set");
	}
}

int sites_check(const struct sites *s, const struct site_context *context, struct arena *a,
	struct diag *d, struct err *e)
{
	struct check c = { .sites = s, .context = context, .arena = a, .diag = d };
	if (s->psk.kind == PSK_S3 && !context->from_s3)
		diag_add(d, s->psk.pos,
			"sites: psk s3: no S3 object is named: set the variable sites_url, or use "
			"another reference");
	if (context->hub_id != NULL && !id_valid(context->hub_id))
		diag_add(d, context->hub_id_pos,
			"hub_id \"%s\": an IPv4 address, @NAME or user@host",
			diag_show(context->hub_id).text);
	if (s->count == 0)
		return 0;
	if (check_duplicates(&c, e) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		check_kinds(&c, &s->list[i]);
		check_key(&c, &s->list[i]);
	}
	check_spoken(&c);
	check_any(&c, 1);
	if (context->daemon == DAEMON_LIBRESWAN)
		check_any(&c, 2);
	return check_shared(&c, e) < 0 ? -1 : sites_check_networks(&c, e);
}
