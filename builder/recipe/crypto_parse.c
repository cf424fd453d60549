#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "recipe/crypto_proposal.h"

const struct key_spec CRYPTO_KEYS[] = {
	{ "profile", NODE_SCALAR, false, "the profile whose lines hold where none is given here" },
	{ "ike_version", NODE_SCALAR, false, "1 (main mode) or 2" },
	{ "ike", NODE_ANY, false, "IKE proposals, best first: CIPHER-INTEG-GROUP" },
	{ "esp", NODE_ANY, false, "ESP proposals, best first: CIPHER-INTEG, or an AEAD cipher" },
	{ "pfs", NODE_SCALAR, false, "true: a fresh key exchange for each ESP key" },
	{ "ike_lifetime", NODE_SCALAR, false, "seconds, 300 to 86400" },
	{ "esp_lifetime", NODE_SCALAR, false, "seconds, 300 to 86400" },
};
const size_t CRYPTO_KEY_COUNT = sizeof(CRYPTO_KEYS) / sizeof(CRYPTO_KEYS[0]);

struct profile_list {
	const struct crypto *list;
	size_t count;
};

static const char *profile_name_at(const void *ctx, size_t i)
{
	const struct profile_list *p = ctx;
	return p->list[i].name;
}

static const struct crypto *find_profile(
	const struct node *n, const struct profile_list *profiles, struct diag *d)
{
	if (n->kind != NODE_SCALAR)
		return NULL;
	for (size_t i = 0; i < profiles->count; i++)
		if (strcmp(profiles->list[i].name, n->text) == 0)
			return &profiles->list[i];

	char all[200];
	size_t len = 0;
	all[0] = '\0';
	for (size_t i = 0; i < profiles->count && len < sizeof(all); i++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s", i > 0 ? ", " : "",
			profiles->list[i].name);
	const char *near = text_nearest(n->text, profile_name_at, profiles, profiles->count);
	diag_add(d, n->pos, "crypto: unknown profile \"%s\"%s%s%s: one of %s, or a map",
		diag_show(n->text).text, near != NULL ? " (did you mean " : "",
		near != NULL ? near : "", near != NULL ? "?)" : "", all);
	return NULL;
}

static bool parse_number(const struct node *n, const char *key, unsigned low, unsigned high,
	unsigned *ret, struct diag *d)
{
	unsigned long long v;
	if (n == NULL || n->kind != NODE_SCALAR)
		return true;
	if (!text_number(n->text, low, high, &v)) {
		diag_add(d, n->pos, "%s: \"%s\": a whole number from %u to %u", key,
			diag_show(n->text).text, low, high);
		return false;
	}
	*ret = (unsigned)v;
	return true;
}

static bool parse_bool(const struct node *n, const char *key, bool *ret, struct diag *d)
{
	static const char *const words[][2] = { { "false", "true" }, { "no", "yes" },
		{ "off", "on" } };
	if (n == NULL || n->kind != NODE_SCALAR)
		return true;
	for (size_t i = 0; i < 3 && !n->quoted; i++) {
		for (size_t k = 0; k < 2; k++) {
			if (strcmp(words[i][k], n->text) == 0) {
				*ret = k == 1;
				return true;
			}
		}
	}
	diag_add(d, n->pos, "%s: \"%s\": true or false", key, diag_show(n->text).text);
	return false;
}

/* A proposal, or a list of them. 0, 1 when there was a problem, -1 ERR_MACHINE. */
static int parse_proposals(const struct node *n, const char *key, bool ike, const struct crypto *c,
	struct arena *a, struct diag *d, struct proposal **ret, size_t *ret_count, struct err *e)
{
	const struct node *const *items = (const struct node *const *)n->items;
	size_t count = n->count;
	if (n->kind == NODE_SCALAR) {
		items = &n;
		count = 1;
	}
	if (n->kind == NODE_MAP || count == 0 || count > PROPOSALS_MAX) {
		diag_add(d, n->pos, "%s: a proposal or a list of 1 to %d of them, best first", key,
			PROPOSALS_MAX);
		return 1;
	}
	struct proposal *list = arena_array(a, count, sizeof(*list), e);
	if (list == NULL)
		return -1;
	bool ok = true;
	for (size_t i = 0; i < count; i++) {
		list[i] = (struct proposal){ .text = items[i]->text, .pos = items[i]->pos };
		if (items[i]->kind != NODE_SCALAR) {
			diag_add(d, items[i]->pos, "%s: each proposal is one word", key);
			ok = false;
			continue;
		}
		ok = proposal_parse(&list[i], ike, c, d) && ok;
		for (size_t k = 0; k < i; k++) {
			if (strcmp(list[k].text, list[i].text) != 0)
				continue;
			diag_add(d, list[i].pos, "%s: \"%s\" stands twice", key,
				diag_show(list[i].text).text);
			ok = false;
			break;
		}
	}
	*ret = list;
	*ret_count = count;
	return ok ? 0 : 1;
}

/* A profile's own proposals under a changed ike_version. */
static bool recheck(const struct crypto *c, const struct node *map, struct diag *d)
{
	for (size_t i = 0; i < c->ike_count; i++) {
		struct proposal p = c->ike[i];
		p.pos = map->pos;
		if (!proposal_parse(&p, true, c, d))
			return false;
	}
	return true;
}

/* 0, 1 when there was a problem, -1 ERR_MACHINE. */
static int parse_map(const struct node *n, const struct profile_list *profiles, struct arena *a,
	struct diag *d, struct crypto *c, struct err *e)
{
	const struct node *base = node_get(n, "profile"), *ike = node_get(n, "ike"),
			  *esp = node_get(n, "esp"), *version = node_get(n, "ike_version");
	bool ok = node_check_keys(n, "crypto", CRYPTO_KEYS, CRYPTO_KEY_COUNT, d);
	int rc = 0;
	*c = (struct crypto){ .pfs = true, .ike_lifetime = 28800, .esp_lifetime = 3600 };
	if (base != NULL) {
		const struct crypto *p = find_profile(base, profiles, d);
		if (p == NULL)
			return 1;
		*c = *p;
		c->name = NULL;
		c->help = NULL;
	} else if (ike == NULL || esp == NULL || version == NULL) {
		diag_add(d, n->pos,
			"crypto: without \"profile\" it needs \"ike_version\", \"ike\" and "
			"\"esp\"");
		ok = false;
	}
	ok = parse_number(version, "ike_version", 1, 2, &c->ike_version, d) && ok;
	ok = parse_number(node_get(n, "ike_lifetime"), "ike_lifetime", LIFETIME_MIN, LIFETIME_MAX,
		     &c->ike_lifetime, d) &&
	     ok;
	ok = parse_number(node_get(n, "esp_lifetime"), "esp_lifetime", LIFETIME_MIN, LIFETIME_MAX,
		     &c->esp_lifetime, d) &&
	     ok;
	ok = parse_bool(node_get(n, "pfs"), "pfs", &c->pfs, d) && ok;
	if (ike == NULL && base != NULL)
		ok = recheck(c, n, d) && ok;
	if (ike != NULL)
		rc = parse_proposals(ike, "ike", true, c, a, d, &c->ike, &c->ike_count, e);
	ok = ok && rc == 0;
	if (rc >= 0 && esp != NULL)
		rc = parse_proposals(esp, "esp", false, c, a, d, &c->esp, &c->esp_count, e);
	return rc < 0 ? -1 : ok && rc == 0 ? 0 : 1;
}

int crypto_parse(const struct node *n, const struct crypto *profiles, size_t count, struct arena *a,
	struct diag *d, const struct crypto **ret, struct err *e)
{
	struct profile_list all = { profiles, count };
	*ret = NULL;
	if (n->kind == NODE_SCALAR) {
		*ret = find_profile(n, &all, d);
		return 0;
	}
	if (n->kind == NODE_LIST) {
		diag_add(d, n->pos,
			"crypto: a list: a profile's name, or a map of ike, esp and "
			"further lines");
		return 0;
	}
	struct crypto *c = arena_alloc(a, sizeof(*c), e);
	if (c == NULL)
		return -1;
	int rc = parse_map(n, &all, a, d, c, e);
	if (rc == 0)
		*ret = c;
	return rc < 0 ? -1 : 0;
}
