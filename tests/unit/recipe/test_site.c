#include "given.h"

#include <stdio.h>

#include "fail.h"
#include "recipe/site.h"

static const struct sites *parse(struct given *g, const char *yaml)
{
	struct sites *s = arena_alloc(&g->arena, sizeof(*s), &g->err);
	assert_non_null(s);
	assert_int_equal(sites_parse(given_yaml(g, yaml), &g->arena, &g->diag, s, &g->err), 0);
	return s;
}

static void sites_parse_nothing(void **state)
{
	struct given *g = *state;
	struct sites s;
	assert_int_equal(sites_parse(NULL, &g->arena, &g->diag, &s, &g->err), 0);
	assert_int_equal(s.count, 0);
	assert_string_equal(s.crypto->name, "rtx810");
	assert_int_equal(s.profile_count, 4);
	assert_int_equal(parse(g, "~")->count, 0);
	assert_int_equal(parse(g, "[]")->count, 0);
	assert_int_equal(parse(g, "{list: []}")->count, 0);
	assert_problems(g, "");
}

static void sites_parse_defaults(void **state)
{
	struct given *g = *state;
	const struct sites *s = parse(g, "- name: branch1\n"
					 "  peer: 203.0.113.10\n"
					 "  id: 192.168.0.1\n"
					 "  subnets: 192.168.0.0/24\n");
	assert_problems(g, "");
	assert_int_equal(s->count, 1);
	const struct site *b = &s->list[0];
	assert_string_equal(b->name, "branch1");
	assert_int_equal(b->peer_kind, PEER_ADDRESS);
	assert_string_equal(b->peer, "203.0.113.10");
	assert_string_equal(b->id, "192.168.0.1");
	assert_int_equal(b->subnet_count, 1);
	assert_string_equal(cidr_format(b->subnets[0]).text, "192.168.0.0/24");
	assert_int_equal(b->psk.kind, PSK_NONE);
	assert_string_equal(b->crypto->name, "rtx810");
	assert_null(b->crypto_pos.file);
	assert_int_equal(b->dpd_interval, 5);
	assert_int_equal(b->dpd_count, 4);
	assert_int_equal(b->pos.line, 1);
	assert_int_equal(b->peer_pos.line, 2);
	assert_int_equal(b->id_pos.col, 7);
	assert_int_equal(b->subnet_pos[0].line, 4);
}

static void sites_parse_map_with_defaults(void **state)
{
	struct given *g = *state;
	const struct sites *s = parse(g,
		"psk: ssm:/hub/psk/default\n"
		"crypto: modern\n"
		"dpd: [10, 3]\n"
		"list:\n"
		"- {name: a, peer: any, subnets: [10.1.0.0/16, 10.2.0.0/16]}\n"
		"- {name: b, peer: B.Example.COM, id: Admin@Example.com, subnets: 10.3.0.0/16,\n"
		"   psk: s3, crypto: rtx-ikev2, dpd: {count: 50, interval: 600}}\n");
	assert_problems(g, "");
	assert_int_equal(s->count, 2);
	assert_string_equal(s->psk.text, "ssm:/hub/psk/default");
	assert_string_equal(s->psk.arg, "/hub/psk/default");
	const struct site *a = &s->list[0], *b = &s->list[1];
	assert_int_equal(a->peer_kind, PEER_ANY);
	assert_string_equal(a->peer, "any");
	assert_string_equal(a->id, "@a"); /* IKEv2: from the name */
	assert_int_equal(a->id_pos.line, 5);
	assert_int_equal(a->subnet_count, 2);
	assert_int_equal(a->crypto_pos.line, 2);
	assert_int_equal(a->dpd_interval, 10);
	assert_int_equal(a->dpd_pos.line, 3);
	assert_ptr_equal(site_psk(s, a), &s->psk);
	assert_int_equal(b->peer_kind, PEER_FQDN);
	assert_string_equal(b->peer, "b.example.com");
	assert_string_equal(b->id, "admin@example.com");
	assert_int_equal(b->psk.kind, PSK_S3);
	assert_ptr_equal(site_psk(s, b), &b->psk);
	assert_string_equal(b->crypto->name, "rtx-ikev2");
	assert_int_equal(b->dpd_interval, 600);
	assert_int_equal(b->dpd_count, 50);
}

static void sites_parse_each_kind_of_key(void **state)
{
	static const struct {
		const char *text;
		enum psk_kind kind;
		const char *arg;
	} good[] = {
		{ "ssm:/a", PSK_SSM, "/a" },
		{ "ssm:/hub/psk/branch-1.x_Y", PSK_SSM, "/hub/psk/branch-1.x_Y" },
		{ "secretsmanager:hub/psk+a=b.c@d-e_f", PSK_SECRETSMANAGER, "hub/psk+a=b.c@d-e_f" },
		{ "secretsmanager:arn:aws:secretsmanager:eu-west-1:123456789012:secret:psk-AbCdEf",
			PSK_SECRETSMANAGER,
			"arn:aws:secretsmanager:eu-west-1:123456789012:secret:psk-AbCdEf" },
		{ "s3", PSK_S3, "" },
		{ "env:HUB_PSK_1", PSK_ENV, "HUB_PSK_1" },
		{ "file:keys/branch 1.key", PSK_FILE, "keys/branch 1.key" },
	};
	static const char *const bad[] = { "ssm:", "ssm:/", "ssm:a", "ssm:/a/", "ssm://a",
		"ssm:/a b", "ssm:/a\\\"b", "secretsmanager:", "secretsmanager:a b",
		"secretsmanager:a:b", "s3:x", "S3", "env:", "env:1A", "env:A-B",
		"file:", "file:a\\nb", "SSM:/a", "psk", " ssm:/a" };
	struct given *g = *state;
	char yaml[400];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(yaml, sizeof(yaml), "{psk: \"%s\", list: []}", good[i].text);
		const struct sites *s = parse(g, yaml);
		assert_int_equal(s->psk.kind, good[i].kind);
		assert_string_equal(s->psk.text, good[i].text);
		assert_string_equal(s->psk.arg, good[i].arg);
	}
	assert_problems(g, "");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		g->diag = (struct diag){ .arena = &g->arena };
		snprintf(yaml, sizeof(yaml), "{psk: \"%s\", list: []}", bad[i]);
		assert_int_equal(parse(g, yaml)->psk.kind, PSK_NONE);
		assert_int_equal(diag_total(&g->diag), 1);
	}
}

/* A key written where its reference should be is not told to the screen and to logs. */
static void sites_parse_never_shows_a_key(void **state)
{
	static const char *const forms[] = { "%s", "ssm:%s", "secretsmanager:%s !", "env:%s!",
		"s3:%s", "psk:%s", "text %s", "0x%s", "SSM:/%s", "ssm:/%s\\t", "%s:/a" };
	static const char key[] = "MarkedKey4711";
	struct given *g = *state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		char value[80], yaml[400];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(value, sizeof(value), forms[i], key);
#pragma GCC diagnostic pop
		snprintf(yaml, sizeof(yaml),
			"psk: \"%s\"\nlist:\n- {name: a, peer: any, id: 10.0.0.1, subnets: 10.0.0.0/8, "
			"psk: \"%s\"}\n",
			value, value);
		g->diag = (struct diag){ .arena = &g->arena };
		assert_int_equal(parse(g, yaml)->count, 0);
		assert_int_equal(diag_total(&g->diag), 2);
		assert_null(strstr(given_problems(g), key));
	}
}

static void sites_parse_leaves_out_what_is_wrong(void **state)
{
	struct given *g = *state;
	const struct sites *s = parse(g,
		"- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16}\n"
		"- {name: B, peer: any, id: 10.2.0.1, subnets: 10.2.0.0/16}\n"
		"- {name: c, peer: any, id: 10.3.0.1, subnets: 10.3.0.0/16, crypto: moder}\n"
		"- {name: d, peer: any, id: 10.4.0.1, subnets: 10.4.0.0/33}\n"
		"- {name: e, peer: any, id: 10.5.0.1}\n"
		"- {name: f, peer: any, id: 10.6.0.1, subnets: 10.6.0.0/16, dpd: [0, 1]}\n"
		"- x\n"
		"- {name: h, peer: any, id: 10.8.0.1, subnets: 10.8.0.0/16}\n");
	assert_int_equal(s->count, 2);
	assert_string_equal(s->list[0].name, "a");
	assert_string_equal(s->list[1].name, "h");
	assert_int_equal(diag_total(&g->diag), 6);
}

/* The same faulty node brought up again by an alias: noted once, left out each time. */
static void sites_parse_shared_faults(void **state)
{
	struct given *g = *state;
	const struct sites *s = parse(g,
		"- {name: a, peer: any, subnets: 10.1.0.0/16, crypto: &x {profile: modern, esp: md5}}\n"
		"- {name: b, peer: any, subnets: 10.2.0.0/16, crypto: *x}\n");
	assert_int_equal(s->count, 0);
	assert_int_equal(diag_total(&g->diag), 1);
}

static void sites_parse_bad_defaults(void **state)
{
	struct given *g = *state;
	const struct sites *s =
		parse(g, "crypto: nothing\nlist:\n- {name: a, peer: any, subnets: 10.0.0.0/8}\n");
	assert_int_equal(s->count, 0);
	assert_non_null(s->crypto);
	assert_int_equal(diag_total(&g->diag), 1);
}

static void sites_parse_ids(void **state)
{
	static const char *const good[][2] = { { "@branch1", "@branch1" },
		{ "@Branch.1_x-y", "@branch.1_x-y" }, { "10.0.0.1", "10.0.0.1" },
		{ "a.b+c_d-e@Example.com", "a.b+c_d-e@example.com" } };
	static const char *const bad[] = { "@", "@-a", "@a b", "@.a", "@a.", "@a..b", "@a@b", "a@",
		"a@b@c", ".a@b", "a b@c", "branch1", "10.0.0.300", "10.0.0.1/32", "127.0.0.1",
		"0.0.0.0", "169.254.1.1", "255.255.255.255", "::1", "%any", "@%any", "@a/b",
		"(a)@b" };
	struct given *g = *state;
	char yaml[300];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(yaml, sizeof(yaml),
			"- {name: a, peer: any, id: \"%s\", subnets: 10.0.0.0/8, crypto: modern}",
			good[i][0]);
		const struct sites *s = parse(g, yaml);
		assert_problems(g, "");
		assert_string_equal(s->list[0].id, good[i][1]);
		assert_true(id_valid(s->list[0].id));
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		g->diag = (struct diag){ .arena = &g->arena };
		snprintf(yaml, sizeof(yaml),
			"- {name: a, peer: any, id: \"%s\", subnets: 10.0.0.0/8, crypto: modern}",
			bad[i]);
		assert_int_equal(parse(g, yaml)->count, 0);
		assert_int_equal(diag_total(&g->diag), 1);
		assert_non_null(strstr(given_problems(g), "f.yaml:1:28: site a: id "));
	}
}

static void sites_parse_most_subnets(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	assert_int_equal(
		buf_puts(&b, "- {name: a, peer: any, crypto: modern, subnets: [10.0.0.0/24",
			&g->err),
		0);
	for (size_t i = 1; i < SITE_SUBNETS_MAX; i++)
		assert_int_equal(buf_printf(&b, &g->err, ", 10.0.%zu.0/24", i), 0);
	assert_int_equal(buf_puts(&b, "]}", &g->err), 0);
	assert_int_equal(parse(g, b.data)->list[0].subnet_count, SITE_SUBNETS_MAX);
	assert_problems(g, "");
	buf_free(&b);
}

static void sites_parse_too_many(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (size_t i = 0; i <= SITES_MAX; i++)
		assert_int_equal(buf_puts(&b, "- x\n", &g->err), 0);
	assert_int_equal(parse(g, b.data)->count, 0);
	assert_problems(g, "f.yaml:1:1: sites: 20001 of them: at most 20000\n");
	buf_free(&b);
}

static void sites_parse_without_memory(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g,
		"psk: ssm:/x\ncrypto: {profile: rtx810, esp: aes128-sha1}\nlist:\n"
		"- {name: a, peer: A.example.com, subnets: [10.0.0.0/8], crypto: modern}\n"
		"- {name: b, peer: any, id: '@B', subnets: 11.0.0.0/8, psk: env:B,\n"
		"   crypto: {profile: modern, ike: [aes256-sha256-ecp256]}}\n");
	struct sites s;
	size_t needed;
	/* Each piece of memory in turn is the first one over the arena's cap. */
	struct arena whole = { 0 };
	struct diag d = { .arena = &whole };
	assert_int_equal(sites_parse(n, &whole, &d, &s, &g->err), 0);
	assert_int_equal(s.count, 2);
	needed = whole.used;
	arena_free(&whole);
	for (size_t max = 16; max <= needed + 16; max += 16) {
		struct arena a = { .max = max };
		d = (struct diag){ .arena = &a };
		g->err = (struct err){ 0 };
		int rc = sites_parse(n, &a, &d, &s, &g->err);
		assert_int_equal(g->err.kind, rc == 0 ? ERR_NONE : ERR_MACHINE);
		arena_free(&a);
		if (max < needed)
			assert_int_equal(rc, -1);
	}
	struct arena a = { 0 };
	d = (struct diag){ .arena = &a };
	fail_arm(FAIL_ALLOC, 1);
	int rc = sites_parse(n, &a, &d, &s, &g->err);
	assert_true(fail_disarm());
	assert_int_equal(rc, -1);
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(sites_parse_nothing),
		given_test(sites_parse_defaults),
		given_test(sites_parse_map_with_defaults),
		given_test(sites_parse_each_kind_of_key),
		given_test(sites_parse_never_shows_a_key),
		given_test(sites_parse_leaves_out_what_is_wrong),
		given_test(sites_parse_shared_faults),
		given_test(sites_parse_bad_defaults),
		given_test(sites_parse_ids),
		given_test(sites_parse_most_subnets),
		given_test(sites_parse_too_many),
		given_test(sites_parse_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
