#include "given.h"

#include <stdio.h>

#include "fail.h"
#include "recipe/crypto.h"
#include "recipe/crypto_proposal.h"

static const struct crypto *profiles(struct given *g, size_t *ret_count)
{
	struct crypto *list;
	assert_int_equal(crypto_profiles(&g->arena, &list, ret_count, &g->err), 0);
	return list;
}

static const struct crypto *profile(struct given *g, const char *name)
{
	size_t count;
	const struct crypto *list = profiles(g, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0)
			return &list[i];
	fail_msg("no profile %s", name);
	return NULL;
}

/* What a site's `crypto: YAML` comes to. */
static const struct crypto *parse(struct given *g, const char *yaml)
{
	size_t count;
	const struct crypto *list = profiles(g, &count), *ret;
	struct node *n = given_yaml(g, yaml);
	assert_non_null(n);
	assert_int_equal(crypto_parse(n, list, count, &g->arena, &g->diag, &ret, &g->err), 0);
	assert_true((ret == NULL) == (diag_total(&g->diag) != 0));
	return ret;
}

static const char *texts(struct given *g, const struct proposal *list, size_t count)
{
	struct buf b = { 0 };
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_printf(&b, &g->err, "%s ", list[i].text), 0);
	const char *text = arena_strdup(&g->arena, b.data, &g->err);
	buf_free(&b);
	return text;
}

static void algorithms_have_one_name_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < ALG_COUNT; i++) {
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(ALGS[i].name, ALGS[k].name);
		/* An RTX's name for a group or prf in ESP makes no sense. */
		if (ALGS[i].kind == ALG_GROUP || ALGS[i].kind == ALG_PRF)
			assert_null(ALGS[i].rtx_esp);
		/* Neutral names are strongSwan's. */
		assert_string_equal(ALGS[i].name, ALGS[i].daemons[DAEMON_STRONGSWAN]);
	}
	assert_string_equal(daemon_name(DAEMON_LIBRESWAN), "libreswan");
	assert_string_equal(daemon_name(DAEMON_STRONGSWAN), "strongswan");
}

static void profiles_in_the_manuals_order(void **state)
{
	struct given *g = *state;
	static const char *const names[] = { "rtx810", "rtx-ikev2", "modern", "rtx810-modp1024" };
	size_t count;
	const struct crypto *list = profiles(g, &count);
	assert_int_equal(count, 4);
	for (size_t i = 0; i < count; i++) {
		assert_string_equal(list[i].name, names[i]);
		assert_non_null(list[i].help);
		assert_in_range(list[i].ike_lifetime, LIFETIME_MIN, LIFETIME_MAX);
		assert_in_range(list[i].esp_lifetime, LIFETIME_MIN, LIFETIME_MAX);
	}
}

static void profile_rtx810_meets_either_router_setting(void **state)
{
	struct given *g = *state;
	const struct crypto *c = profile(g, "rtx810");
	assert_int_equal(c->ike_version, 1);
	assert_false(c->pfs);
	assert_false(c->own_key);
	assert_string_equal(texts(g, c->ike, c->ike_count),
		"aes256-sha256-modp2048 aes256-sha256-modp1536 aes128-sha1-modp2048 aes128-sha1-modp1536 ");
	assert_string_equal(texts(g, c->esp, c->esp_count), "aes256-sha256 aes128-sha1 ");
	assert_int_equal(c->ike_lifetime, 28800);
	assert_int_equal(c->esp_lifetime, 28800);
	for (size_t i = 0; i < c->ike_count; i++)
		assert_true(proposal_rtx(&c->ike[i], true));
	for (size_t i = 0; i < c->esp_count; i++)
		assert_true(proposal_rtx(&c->esp[i], false));
}

static void profile_modern_and_rtx_ikev2(void **state)
{
	struct given *g = *state;
	const struct crypto *c = profile(g, "modern");
	assert_int_equal(c->ike_version, 2);
	assert_true(c->pfs);
	assert_string_equal(texts(g, c->ike, c->ike_count),
		"aes256gcm16-prfsha384-ecp384 aes256gcm16-prfsha256-modp2048 aes256-sha256-modp2048 ");
	assert_string_equal(texts(g, c->esp, c->esp_count), "aes256gcm16 aes256-sha256 ");
	assert_int_equal(c->esp_lifetime, 3600);
	assert_false(proposal_rtx(&c->ike[0], true));
	assert_false(proposal_rtx(&c->esp[0], false));
	assert_true(proposal_rtx(&c->esp[1], false));
	c = profile(g, "rtx-ikev2");
	assert_int_equal(c->ike_version, 2);
	assert_true(c->own_key);
	assert_true(crypto_same_ike(c, c));
	assert_false(crypto_same_ike(c, profile(g, "rtx810")));
}

static void crypto_unspoken_by_daemon(void **state)
{
	struct given *g = *state;
	const struct crypto *c = profile(g, "rtx810-modp1024");
	assert_string_equal(crypto_unspoken(c, DAEMON_LIBRESWAN)->name, "modp1024");
	assert_null(crypto_unspoken(c, DAEMON_STRONGSWAN));
	size_t count;
	const struct crypto *list = profiles(g, &count);
	for (size_t i = 0; i < 3; i++) {
		assert_null(crypto_unspoken(&list[i], DAEMON_LIBRESWAN));
		assert_null(crypto_unspoken(&list[i], DAEMON_STRONGSWAN));
	}
}

static void crypto_parse_profile_name(void **state)
{
	struct given *g = *state;
	const struct crypto *c = parse(g, "modern");
	assert_string_equal(c->name, "modern");
}

static void crypto_parse_unknown_profile(void **state)
{
	struct given *g = *state;
	assert_null(parse(g, "modren"));
	assert_problems(g, "f.yaml:1:1: crypto: unknown profile \"modren\" (did you mean modern?): "
			   "one of rtx810, rtx-ikev2, modern, rtx810-modp1024, or a map\n");
}

static void crypto_parse_explicit_defaults(void **state)
{
	struct given *g = *state;
	const struct crypto *c = parse(g,
		"{ike_version: 2, ike: aes128gcm16-prfsha256-x25519, esp: [aes128gcm16, aes192-sha512]}");
	assert_null(c->name);
	assert_null(c->router);
	assert_int_equal(c->ike_version, 2);
	assert_true(c->pfs);
	assert_int_equal(c->ike_lifetime, 28800);
	assert_int_equal(c->esp_lifetime, 3600);
	assert_int_equal(c->ike_count, 1);
	assert_int_equal(c->esp_count, 2);
	assert_string_equal(c->ike[0].cipher->daemons[DAEMON_LIBRESWAN], "aes_gcm128");
	assert_string_equal(c->ike[0].integ->name, "prfsha256");
	assert_string_equal(c->ike[0].group->daemons[DAEMON_LIBRESWAN], "dh31");
	assert_null(c->esp[0].integ);
	assert_null(c->esp[0].group);
	assert_string_equal(c->esp[1].integ->name, "sha512");
}

static void crypto_parse_on_top_of_a_profile(void **state)
{
	struct given *g = *state;
	const struct crypto *c = parse(
		g, "{profile: rtx810, ike: aes128-sha1-modp1536, pfs: yes, esp_lifetime: 3600}");
	assert_null(c->name);
	assert_int_equal(c->ike_version, 1);
	assert_int_equal(c->ike_count, 1);
	assert_int_equal(c->esp_count, 2);
	assert_true(c->pfs);
	assert_int_equal(c->esp_lifetime, 3600);
	assert_int_equal(c->ike_lifetime, 28800);
	assert_string_equal(c->router, "a Yamaha RTX810");
	assert_int_equal(c->subnets_max, 6);
}

static void crypto_parse_own_key_is_inherited(void **state)
{
	struct given *g = *state;
	assert_true(parse(g, "{profile: rtx-ikev2, esp: aes128-sha1}")->own_key);
}

static void crypto_parse_problems(void **state)
{
	static const struct {
		const char *yaml, *problem;
	} cases[] = {
		{ "[]", "crypto: a list: a profile's name, or a map of ike, esp and further lines" },
		{ "{}", "crypto: without \"profile\" it needs \"ike_version\", \"ike\" and \"esp\"" },
		{ "{ike_version: 3, profile: modern}",
			"ike_version: \"3\": a whole number from 1 to 2" },
		{ "{profile: modern, ike_lifetime: 299}",
			"ike_lifetime: \"299\": a whole number from 300 to 86400" },
		{ "{profile: modern, ike_lifetime: 86401}",
			"ike_lifetime: \"86401\": a whole number from 300 to 86400" },
		{ "{profile: modern, pfs: 'true'}", "pfs: \"true\": true or false" },
		{ "{profile: modern, esp: []}",
			"esp: a proposal or a list of 1 to 16 of them, best first" },
		{ "{profile: modern, esp: {}}",
			"esp: a proposal or a list of 1 to 16 of them, best first" },
		{ "{profile: modern, esp: [[aes256]]}", "esp: each proposal is one word" },
		{ "{profile: modern, esp: aes256-cha1}",
			"proposal \"aes256-cha1\": unknown algorithm \"cha1\": did you mean sha1?" },
		{ "{profile: modern, esp: blowfish-sha1}",
			"proposal \"blowfish-sha1\": unknown algorithm \"blowfish\": write CIPHER-INTEG such as aes256-sha256, or an AEAD such as aes256gcm16" },
		{ "{profile: modern, esp: AES256-sha1}",
			"proposal \"AES256-sha1\": unknown algorithm \"AES256\": did you mean aes256?" },
		{ "{profile: modern, esp: aes_gcm256}",
			"proposal \"aes_gcm256\": unknown algorithm \"aes_gcm256\": did you mean aes256gcm16?" },
		{ "{profile: modern, ike: aes256-sha256-curve25519}",
			"proposal \"aes256-sha256-curve25519\": unknown algorithm \"curve25519\": did you mean x25519?" },
		{ "{profile: modern, esp: sha256-aes256}",
			"proposal \"sha256-aes256\": write CIPHER-INTEG such as aes256-sha256, or an AEAD such as aes256gcm16" },
		{ "{profile: modern, esp: aes256gcm16-sha256}",
			"proposal \"aes256gcm16-sha256\": write CIPHER-INTEG such as aes256-sha256, or an AEAD such as aes256gcm16" },
		{ "{profile: modern, ike: aes256gcm16-sha256-modp2048}",
			"proposal \"aes256gcm16-sha256-modp2048\": write CIPHER-INTEG-GROUP such as aes256-sha256-modp2048, or AEAD-prfHASH-GROUP such as aes256gcm16-prfsha384-ecp384" },
		{ "{profile: modern, ike: aes256-sha256-modp2048-x}",
			"proposal \"aes256-sha256-modp2048-x\": write CIPHER-INTEG-GROUP such as aes256-sha256-modp2048, or AEAD-prfHASH-GROUP such as aes256gcm16-prfsha384-ecp384" },
		{ "{profile: modern, ike: aes256--modp2048}",
			"proposal \"aes256--modp2048\": write CIPHER-INTEG-GROUP such as aes256-sha256-modp2048, or AEAD-prfHASH-GROUP such as aes256gcm16-prfsha384-ecp384" },
		{ "{profile: modern, esp: aes256-md5}",
			"proposal \"aes256-md5\": md5 is too weak: MD5 is broken" },
		{ "{profile: rtx-ikev2, esp: aes192-sha256}",
			"proposal \"aes192-sha256\": a Yamaha RTX does not speak aes192: aes256-sha256 or aes128-sha1" },
	};
	struct given *g = *state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char expected[400], *colon;
		g->diag = (struct diag){ .arena = &g->arena };
		assert_null(parse(g, cases[i].yaml));
		assert_int_equal(diag_total(&g->diag), 1);
		colon = strstr(given_problems(g), ": ");
		snprintf(expected, sizeof(expected), ": %s\n", cases[i].problem);
		assert_string_equal(colon, expected);
	}
}

static void crypto_parse_proposals_at_most(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (size_t i = 0; i <= PROPOSALS_MAX; i++)
		assert_int_equal(
			buf_puts(&b,
				i == 0 ? "{profile: modern, esp: [aes256-sha1" : ", aes256-sha1",
				&g->err),
			0);
	assert_int_equal(buf_puts(&b, "]}", &g->err), 0);
	assert_null(parse(g, b.data));
	buf_free(&b);
	assert_problems(
		g, "f.yaml:1:24: esp: a proposal or a list of 1 to 16 of them, best first\n");
}

static void crypto_same_ike_compares_in_order(void **state)
{
	struct given *g = *state;
	const struct crypto *a = parse(g, "{profile: rtx810, esp: aes128-sha1, ike_lifetime: 300}");
	const struct crypto *b = parse(g, "{profile: rtx810, ike: [aes256-sha256-modp2048, "
					  "aes256-sha256-modp1536, aes128-sha1-modp2048]}");
	const struct crypto *c =
		parse(g, "{profile: rtx810, ike: [aes256-sha256-modp1536, "
			 "aes256-sha256-modp2048, aes128-sha1-modp2048, aes128-sha1-modp1536]}");
	assert_true(crypto_same_ike(a, profile(g, "rtx810")));
	assert_false(crypto_same_ike(a, b));
	assert_false(crypto_same_ike(a, c));
}

static void crypto_without_memory(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(
		g, "{profile: modern, ike: [aes256-sha256-ecp256, aes128-sha256-ecp256]}");
	unsigned hits = 0;
	for (unsigned nth = 1;; nth++) {
		struct arena a = { 0 };
		struct diag d = { .arena = &a };
		struct crypto *list;
		const struct crypto *ret;
		size_t count;
		fail_arm(FAIL_ALLOC, nth);
		int rc = crypto_profiles(&a, &list, &count, &g->err);
		if (rc == 0)
			rc = crypto_parse(n, list, count, &a, &d, &ret, &g->err);
		bool hit = fail_disarm();
		arena_free(&a);
		assert_int_equal(rc, hit ? -1 : 0);
		if (!hit)
			break;
		assert_int_equal(g->err.kind, ERR_MACHINE);
		hits++;
	}
	assert_true(hits > 0);
	/* Over the arena's cap at each of its pieces. */
	for (size_t max = 64; max < 8192; max += 64) {
		struct arena a = { .max = max };
		struct diag d = { .arena = &a };
		struct crypto *list;
		const struct crypto *ret = NULL;
		size_t count;
		int rc = crypto_profiles(&a, &list, &count, &g->err);
		if (rc == 0)
			rc = crypto_parse(n, list, count, &a, &d, &ret, &g->err);
		assert_true((rc == 0) == (ret != NULL));
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(algorithms_have_one_name_each),
		given_test(profiles_in_the_manuals_order),
		given_test(profile_rtx810_meets_either_router_setting),
		given_test(profile_modern_and_rtx_ikev2),
		given_test(crypto_unspoken_by_daemon),
		given_test(crypto_parse_profile_name),
		given_test(crypto_parse_unknown_profile),
		given_test(crypto_parse_explicit_defaults),
		given_test(crypto_parse_on_top_of_a_profile),
		given_test(crypto_parse_own_key_is_inherited),
		given_test(crypto_parse_problems),
		given_test(crypto_parse_proposals_at_most),
		given_test(crypto_same_ike_compares_in_order),
		given_test(crypto_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
