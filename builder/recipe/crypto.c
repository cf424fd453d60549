#include "recipe/crypto.h"

#include <string.h>

#include "recipe/crypto_proposal.h"

const char *daemon_name(enum daemon d)
{
	return d == DAEMON_LIBRESWAN ? "libreswan" : "strongswan";
}

/*
 * Names: Libreswan 4.10 (algparse), strongSwan 5.9 (swanctl.conf(5)), Yamaha's command reference.
 * Groups: RFC 3526 (modp), RFC 5903 (ecp), RFC 8031 (x25519).
 */
const struct alg ALGS[] = {
	{ ALG_CIPHER, "aes128", { "aes128", "aes128" }, "aes-cbc", "aes-cbc", NULL },
	{ ALG_CIPHER, "aes192", { "aes192", "aes192" }, NULL, NULL, NULL },
	{ ALG_CIPHER, "aes256", { "aes256", "aes256" }, "aes256-cbc", "aes256-cbc", NULL },
	{ ALG_CIPHER, "3des", { "3des", "3des" }, "3des-cbc", "3des-cbc",
		"its 64-bit blocks give way on a busy link (Sweet32)" },
	{ ALG_CIPHER, "des", { NULL, "des" }, "des-cbc", "des-cbc",
		"56-bit keys are found by trying" },
	{ ALG_AEAD, "aes128gcm16", { "aes_gcm128", "aes128gcm16" }, NULL, NULL, NULL },
	{ ALG_AEAD, "aes256gcm16", { "aes_gcm256", "aes256gcm16" }, NULL, NULL, NULL },
	{ ALG_INTEG, "sha1", { "sha1", "sha1" }, "sha", "sha-hmac", NULL },
	{ ALG_INTEG, "sha256", { "sha2_256", "sha256" }, "sha256", "sha256-hmac", NULL },
	{ ALG_INTEG, "sha384", { "sha2_384", "sha384" }, NULL, NULL, NULL },
	{ ALG_INTEG, "sha512", { "sha2_512", "sha512" }, NULL, NULL, NULL },
	{ ALG_INTEG, "md5", { "md5", "md5" }, "md5", "md5-hmac", "MD5 is broken" },
	{ ALG_PRF, "prfsha1", { "sha1", "prfsha1" }, NULL, NULL, NULL },
	{ ALG_PRF, "prfsha256", { "sha2_256", "prfsha256" }, NULL, NULL, NULL },
	{ ALG_PRF, "prfsha384", { "sha2_384", "prfsha384" }, NULL, NULL, NULL },
	{ ALG_PRF, "prfsha512", { "sha2_512", "prfsha512" }, NULL, NULL, NULL },
	{ ALG_PRF, "prfmd5", { "md5", "prfmd5" }, NULL, NULL, "MD5 is broken" },
	{ ALG_GROUP, "modp768", { NULL, "modp768" }, "modp768", NULL,
		"a 768-bit group has been broken in public" },
	{ ALG_GROUP, "modp1024", { NULL, "modp1024" }, "modp1024", NULL, NULL },
	{ ALG_GROUP, "modp1536", { "modp1536", "modp1536" }, "modp1536", NULL, NULL },
	{ ALG_GROUP, "modp2048", { "modp2048", "modp2048" }, "modp2048", NULL, NULL },
	{ ALG_GROUP, "modp3072", { "modp3072", "modp3072" }, NULL, NULL, NULL },
	{ ALG_GROUP, "modp4096", { "modp4096", "modp4096" }, NULL, NULL, NULL },
	{ ALG_GROUP, "ecp256", { "dh19", "ecp256" }, NULL, NULL, NULL },
	{ ALG_GROUP, "ecp384", { "dh20", "ecp384" }, NULL, NULL, NULL },
	{ ALG_GROUP, "ecp521", { "dh21", "ecp521" }, NULL, NULL, NULL },
	{ ALG_GROUP, "x25519", { "dh31", "x25519" }, NULL, NULL, NULL },
};
const size_t ALG_COUNT = sizeof(ALGS) / sizeof(ALGS[0]);

static const struct profile {
	struct crypto c; /* all but the proposals */
	const char *ike[4];
	const char *esp[4];
} PROFILES[] = {
	{ { .name = "rtx810",
		  .ike_version = 1,
		  .ike_lifetime = 28800,
		  .esp_lifetime = 28800,
		  .router = "a Yamaha RTX810",
		  .subnets_max = 6,
		  .help = "Yamaha RTX with IKEv1 main mode: its WAN address is public, its "
			  "phase-1 id an address; group modp2048, or modp1536 where its firmware "
			  "has no modp2048" },
		{ "aes256-sha256-modp2048", "aes256-sha256-modp1536", "aes128-sha1-modp2048",
			"aes128-sha1-modp1536" },
		{ "aes256-sha256", "aes128-sha1" } },
	{ { .name = "rtx-ikev2",
		  .ike_version = 2,
		  .ike_lifetime = 28800,
		  .esp_lifetime = 28800,
		  .router = "a Yamaha RTX",
		  .subnets_max = 1,
		  .own_key = true,
		  .help = "Yamaha RTX with IKEv2, also behind NAT: a key of its own for each "
			  "site" },
		{ "aes256-sha256-modp2048", "aes256-sha256-modp1536", "aes128-sha1-modp2048",
			"aes128-sha1-modp1536" },
		{ "aes256-sha256", "aes128-sha1" } },
	{ { .name = "modern",
		  .ike_version = 2,
		  .pfs = true,
		  .ike_lifetime = 28800,
		  .esp_lifetime = 3600,
		  .help = "IKEv2 with authenticated encryption, for strongSwan, Libreswan and "
			  "newer routers, also behind NAT" },
		{ "aes256gcm16-prfsha384-ecp384", "aes256gcm16-prfsha256-modp2048",
			"aes256-sha256-modp2048" },
		{ "aes256gcm16", "aes256-sha256" } },
	{ { .name = "rtx810-modp1024",
		  .ike_version = 1,
		  .ike_lifetime = 28800,
		  .esp_lifetime = 28800,
		  .router = "a Yamaha RTX810",
		  .subnets_max = 6,
		  .help = "Yamaha RTX whose settings cannot be changed: only with daemon "
			  "strongswan; a 1024-bit group is within reach of a large attacker" },
		{ "aes128-sha1-modp1024" }, { "aes128-sha1" } },
};
#define PROFILE_COUNT (sizeof(PROFILES) / sizeof(PROFILES[0]))
#define SLOTS         (sizeof(PROFILES[0].ike) / sizeof(PROFILES[0].ike[0]))

/* Proposals of the table above: a problem in one is a bug. */
static int fixed_proposals(const char *const *texts, bool ike, const struct crypto *c,
	struct arena *a, struct proposal **ret, size_t *ret_count, struct err *e)
{
	struct proposal *list = arena_array(a, SLOTS, sizeof(*list), e);
	size_t count = 0;
	if (list == NULL)
		return -1;
	for (; count < SLOTS && texts[count] != NULL; count++) {
		struct diag d = { .arena = a };
		list[count].text = texts[count];
		if (!proposal_parse(&list[count], ike, c, &d))
			return err_set(
				e, ERR_BUG, 0, "profile %s: proposal %s", c->name, texts[count]);
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

int crypto_profiles(struct arena *a, struct crypto **ret, size_t *ret_count, struct err *e)
{
	struct crypto *list = arena_array(a, PROFILE_COUNT, sizeof(*list), e);
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < PROFILE_COUNT; i++) {
		const struct profile *p = &PROFILES[i];
		struct crypto *c = &list[i];
		*c = p->c;
		if (fixed_proposals(p->ike, true, c, a, &c->ike, &c->ike_count, e) < 0 ||
			fixed_proposals(p->esp, false, c, a, &c->esp, &c->esp_count, e) < 0)
			return -1;
	}
	*ret = list;
	*ret_count = PROFILE_COUNT;
	return 0;
}

static const struct alg *unspoken(const struct proposal *list, size_t count, enum daemon d)
{
	for (size_t i = 0; i < count; i++) {
		const struct alg *parts[] = { list[i].cipher, list[i].integ, list[i].group };
		for (size_t k = 0; k < 3; k++)
			if (parts[k] != NULL && parts[k]->daemons[d] == NULL)
				return parts[k];
	}
	return NULL;
}

const struct alg *crypto_unspoken(const struct crypto *c, enum daemon d)
{
	const struct alg *a = unspoken(c->ike, c->ike_count, d);
	return a != NULL ? a : unspoken(c->esp, c->esp_count, d);
}

bool proposal_rtx(const struct proposal *p, bool ike)
{
	if (ike)
		return p->cipher->rtx_ike != NULL && p->integ->rtx_ike != NULL &&
		       p->group->rtx_ike != NULL;
	return p->cipher->rtx_esp != NULL && p->integ != NULL && p->integ->rtx_esp != NULL;
}

bool crypto_same_ike(const struct crypto *a, const struct crypto *b)
{
	if (a == b)
		return true;
	if (a->ike_version != b->ike_version || a->ike_count != b->ike_count)
		return false;
	for (size_t i = 0; i < a->ike_count; i++)
		if (strcmp(a->ike[i].text, b->ike[i].text) != 0)
			return false;
	return true;
}
