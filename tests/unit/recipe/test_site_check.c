#include "given.h"

#include <stdio.h>
#include <time.h>

#include "fail.h"
#include "recipe/site.h"

static struct site_context context(void)
{
	struct site_context c = { .daemon = DAEMON_LIBRESWAN, .hub_id = "@vpn.example.com" };
	assert_int_equal(cidr_parse("172.16.0.0/16", &c.vpc), CIDR_OK);
	assert_int_equal(cidr_parse("172.16.1.0/24", &c.hub_subnet), CIDR_OK);
	return c;
}

/* The problems of a list of sites under a pool-wide key, from checks against one another alone. */
static const char *check_in(struct given *g, const struct site_context *c, const char *list)
{
	struct buf b = { 0 };
	struct sites s;
	assert_int_equal(buf_printf(&b, &g->err, "psk: ssm:/default\nlist:\n%s", list), 0);
	struct node *n = given_yaml(g, b.data);
	buf_free(&b);
	g->diag = (struct diag){ .arena = &g->arena };
	assert_int_equal(sites_parse(n, &g->arena, &g->diag, &s, &g->err), 0);
	assert_problems(g, "");
	assert_int_equal(sites_check(&s, c, &g->arena, &g->diag, &g->err), 0);
	return given_problems(g);
}

static const char *check(struct given *g, const char *list)
{
	struct site_context c = context();
	return check_in(g, &c, list);
}

static void sites_check_all_is_well(void **state)
{
	struct given *g = *state;
	assert_string_equal(
		check(g,
			"- {name: a, peer: 203.0.113.1, id: 192.168.1.1, subnets: 192.168.1.0/24, psk: ssm:/a}\n"
			"- {name: b, peer: 203.0.113.2, id: 192.168.2.1, subnets: [192.168.2.0/24, 10.2.0.0/16], psk: ssm:/a}\n"
			"- {name: c, peer: any, id: 192.168.3.1, subnets: 192.168.3.0/24}\n"
			"- {name: d, peer: any, id: 192.168.4.1, subnets: 192.168.4.0/24, psk: ssm:/default}\n"
			"- {name: e, peer: any, subnets: 192.168.5.0/24, psk: ssm:/e, crypto: rtx-ikev2}\n"
			"- {name: f, peer: any, subnets: 192.168.6.0/24, psk: ssm:/f, crypto: rtx-ikev2}\n"
			"- {name: g, peer: g.example.com, subnets: 192.168.7.0/24, crypto: modern}\n"
			"- {name: h, peer: 203.0.113.8, subnets: 192.168.8.0/24, crypto: modern}\n"),
		"");
}

static void sites_check_nothing(void **state)
{
	struct given *g = *state;
	struct sites s;
	struct site_context c = context();
	assert_int_equal(sites_parse(NULL, &g->arena, &g->diag, &s, &g->err), 0);
	assert_int_equal(sites_check(&s, &c, &g->arena, &g->diag, &g->err), 0);
	assert_problems(g, "");
}

/* Whatever the order in the file, the later one is told, and names the earlier. */
static void sites_check_overlaps_name_both(void **state)
{
	struct given *g = *state;
	assert_string_equal(
		check(g, "- {name: a, peer: 203.0.113.1, id: 10.1.1.1, subnets: 10.1.1.0/24}\n"
			 "- {name: b, peer: 203.0.113.2, id: 203.0.113.2, subnets: 10.0.0.0/8}\n"
			 "- {name: c, peer: 203.0.113.3, id: 203.0.113.3, subnets: 10.1.1.128/25}\n"
			 "- {name: d, peer: 203.0.113.4, id: 203.0.113.4, subnets: 10.0.0.0/8}\n"),
		"f.yaml:4:58: site b: subnet 10.0.0.0/8 contains 10.1.1.0/24 of site a (f.yaml:3:55): no address can be at two sites\n"
		"f.yaml:5:58: site c: subnet 10.1.1.128/25 lies inside 10.0.0.0/8 of site b (f.yaml:4:58): no address can be at two sites\n"
		"f.yaml:6:58: site d: subnet 10.0.0.0/8 is the same as 10.0.0.0/8 of site b (f.yaml:4:58): no address can be at two sites\n");
}

static void sites_check_neighbours_do_not_overlap(void **state)
{
	struct given *g = *state;
	assert_string_equal(
		check(g,
			"- {name: a, peer: 203.0.113.1, id: 10.0.0.1, subnets: [10.0.0.0/9, 11.0.0.0/24]}\n"
			"- {name: b, peer: 203.0.113.2, id: 10.128.0.1, subnets: [10.128.0.0/9, 11.0.1.0/24]}\n"),
		"");
}

static void sites_check_vpc_and_hub_subnet(void **state)
{
	struct given *g = *state;
	static const char list[] =
		"- {name: a, peer: 203.0.113.1, id: 10.9.0.1, subnets: 10.9.0.0/16}\n"
		"- {name: b, peer: 203.0.113.2, id: 203.0.113.2, subnets: 172.0.0.0/8}\n";
	struct site_context c = context();
	assert_int_equal(cidr_parse("10.9.1.0/24", &c.hub_subnet), CIDR_OK);
	c.hub_subnet_pos = (struct pos){ "r.yaml", 7, 9 };
	assert_string_equal(check_in(g, &c, list),
		"f.yaml:3:55: site a: subnet 10.9.0.0/16 overlaps the hubs' own subnet 10.9.1.0/24 (r.yaml:7:9): the hubs could not tell the two apart\n"
		"f.yaml:4:58: site b: subnet 172.0.0.0/8 overlaps the VPC 172.16.0.0/16: the hubs could not tell the two apart\n");
	c = context();
	c.vpc_pos = (struct pos){ "--set", 0, 0 };
	assert_non_null(strstr(check_in(g, &c, list), "the VPC 172.16.0.0/16 (--set): the"));
}

static void sites_check_fixed_addresses_may_differ_in_keys_and_proposals(void **state)
{
	struct given *g = *state;
	assert_string_equal(
		check(g,
			"- {name: a, peer: 203.0.113.1, id: 10.1.0.1, subnets: 10.1.0.0/16, psk: ssm:/a}\n"
			"- {name: b, peer: 203.0.113.2, id: 10.2.0.1, subnets: 10.2.0.0/16, psk: ssm:/b, crypto: {profile: rtx810, ike: aes128-sha1-modp1536}}\n"
			"- {name: c, peer: any, id: 10.3.0.1, subnets: 10.3.0.0/16}\n"),
		"");
}

/* Pluto chooses by what is settled before ids are known; ESP, PFS and lifetimes come later. */
static void sites_check_any_may_differ_in_esp(void **state)
{
	struct given *g = *state;
	assert_string_equal(
		check(g,
			"- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16}\n"
			"- {name: b, peer: any, id: 10.2.0.1, subnets: 10.2.0.0/16, crypto: {profile: rtx810, esp: aes128-sha1, pfs: true, esp_lifetime: 3600}}\n"
			"- {name: c, peer: any, subnets: 10.3.0.0/16, crypto: modern}\n"
			"- {name: d, peer: any, subnets: 10.4.0.0/16, crypto: {profile: modern, esp: aes256gcm16}}\n"),
		"");
}

static void sites_check_any_under_strongswan(void **state)
{
	struct given *g = *state;
	struct site_context c = context();
	static const char list[] =
		"- {name: a, peer: any, subnets: 10.1.0.0/16, crypto: modern}\n"
		"- {name: b, peer: any, subnets: 10.2.0.0/16, crypto: rtx-ikev2, psk: ssm:/b}\n";
	assert_non_null(strstr(check_in(g, &c, list), "with IKEv2 under Libreswan"));
	c.daemon = DAEMON_STRONGSWAN;
	assert_string_equal(check_in(g, &c, list), "");
	assert_string_equal(
		check_in(g, &c,
			"- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16, crypto: rtx810-modp1024}\n"),
		"");
}

/* A key from the S3 object is another one for each site, unless it is the pool's. */
static void sites_check_any_with_keys_from_s3(void **state)
{
	struct given *g = *state;
	struct site_context c = context();
	struct sites s;
	c.from_s3 = true;
	struct node *n =
		given_yaml(g, "psk: s3\nlist:\n"
			      "- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16}\n"
			      "- {name: b, peer: any, id: 10.2.0.1, subnets: 10.2.0.0/16}\n");
	assert_int_equal(sites_parse(n, &g->arena, &g->diag, &s, &g->err), 0);
	assert_int_equal(sites_check(&s, &c, &g->arena, &g->diag, &g->err), 0);
	assert_problems(g, "");
	/* The same word, but not the same key. */
	n = given_yaml(g, "psk: s3\nlist:\n"
			  "- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16}\n"
			  "- {name: b, peer: any, id: 10.2.0.1, subnets: 10.2.0.0/16, psk: s3}\n");
	assert_int_equal(sites_parse(n, &g->arena, &g->diag, &s, &g->err), 0);
	assert_int_equal(sites_check(&s, &c, &g->arena, &g->diag, &g->err), 0);
	assert_int_equal(diag_total(&g->diag), 1);
	assert_non_null(strstr(
		check_in(g, &c,
			"- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16}\n"
			"- {name: b, peer: any, id: 10.2.0.1, subnets: 10.2.0.0/16, psk: s3}\n"),
		"f.yaml:4:65: site b: its key is not that of site a (f.yaml:3:3)"));
}

static void sites_check_own_key(void **state)
{
	struct given *g = *state;
	assert_string_equal(
		check(g,
			"- {name: a, peer: any, subnets: 10.1.0.0/16, psk: ssm:/default, crypto: rtx-ikev2}\n"),
		"f.yaml:3:51: site a: psk ssm:/default is the pool-wide one (f.yaml:1:6): this site needs a key of its own\n");
	assert_non_null(strstr(
		check(g,
			"- {name: a, peer: any, subnets: 10.1.0.0/16, psk: ssm:/x, crypto: rtx-ikev2}\n"
			"- {name: b, peer: 203.0.113.2, subnets: 10.2.0.0/16, psk: ssm:/x, crypto: modern}\n"),
		"f.yaml:4:59: site b: psk ssm:/x is that of site a (f.yaml:3:51) as well: site a needs a key of its own"));
	/* The S3 object keeps one for each. */
	struct site_context c = context();
	c.from_s3 = true;
	assert_string_equal(
		check_in(g, &c,
			"- {name: a, peer: any, subnets: 10.1.0.0/16, psk: s3, crypto: rtx-ikev2}\n"
			"- {name: b, peer: any, subnets: 10.2.0.0/16, psk: s3, crypto: rtx-ikev2}\n"),
		"");
}

static void sites_check_hub_id(void **state)
{
	struct given *g = *state;
	struct site_context c = context();
	static const char list[] = "- {name: a, peer: any, subnets: 10.1.0.0/16, crypto: modern}\n";
	c.hub_id = "vpn.example.com";
	c.hub_id_pos = (struct pos){ "r.yaml", 3, 4 };
	assert_string_equal(check_in(g, &c, list),
		"r.yaml:3:4: hub_id \"vpn.example.com\": an IPv4 address, @NAME or user@host\n");
	c.hub_id = "@a";
	assert_string_equal(check_in(g, &c, list),
		"f.yaml:3:3: site a: id @a is the hubs' own (hub_id): take another\n");
	c.hub_id = NULL;
	assert_string_equal(check_in(g, &c, list), "");
}

/* All names, ids, peers and networks, some of them clashing, against the plain quadratic check. */
static void sites_check_overlaps_as_by_pairs(void **state)
{
	struct given *g = *state;
	uint32_t seed = 1;
	for (unsigned round = 0; round < 50; round++) {
		struct buf b = { 0 };
		struct cidr nets[40];
		size_t clashing = 0, told = 0;
		for (size_t i = 0; i < 40; i++) {
			seed = seed * 1664525 + 1013904223;
			nets[i] = (struct cidr){ 0x0a000000, 8 + (seed >> 20) % 8 };
			nets[i].addr |=
				(seed >> 8 & 0xff) << 16 & ~(0x00ffffffu >> (nets[i].prefix - 8));
			assert_int_equal(
				buf_printf(&b, &g->err,
					"- {name: s%zu, peer: any, id: '@s%zu', subnets: %s, crypto: modern}\n",
					i, i, cidr_format(nets[i]).text),
				0);
			bool clash = false;
			for (size_t k = 0; k < i; k++)
				clash = clash || cidr_overlaps(nets[i], nets[k]);
			clashing += clash;
		}
		const char *said = check(g, b.data);
		/* Each that overlaps an earlier one is told of, or an earlier one tells of it. */
		for (const char *p = said;
			(p = strstr(p, "no address can be at two sites")) != NULL; p++)
			told++;
		assert_true((clashing > 0) == (told > 0));
		assert_true(told <= 39);
		for (size_t i = 0; i < 40; i++) {
			bool clash = false;
			char name[20];
			for (size_t k = 0; k < 40; k++)
				clash = clash || (k != i && cidr_overlaps(nets[i], nets[k]));
			snprintf(name, sizeof(name), "site s%zu", i);
			if (!clash)
				assert_null(strstr(said, name) != NULL &&
							    strstr(said, name)[strlen(name)] == ' '
						    ? said
						    : NULL);
		}
		buf_free(&b);
	}
}

static void sites_check_without_memory(void **state)
{
	struct given *g = *state;
	struct sites s;
	struct site_context c = context();
	struct node *n =
		given_yaml(g, "psk: ssm:/default\nlist:\n"
			      "- {name: a, peer: any, id: 10.1.0.1, subnets: 10.1.0.0/16}\n"
			      "- {name: b, peer: any, id: 10.2.0.1, subnets: 10.2.0.0/16}\n");
	assert_int_equal(sites_parse(n, &g->arena, &g->diag, &s, &g->err), 0);
	struct arena whole = { 0 };
	assert_int_equal(sites_check(&s, &c, &whole, &g->diag, &g->err), 0);
	size_t needed = whole.used;
	arena_free(&whole);
	for (size_t max = 16; max < needed; max += 16) {
		struct arena a = { .max = max };
		assert_int_equal(sites_check(&s, &c, &a, &g->diag, &g->err), -1);
		assert_int_equal(g->err.kind, ERR_MACHINE);
		arena_free(&a);
	}
}

static double seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Far from quadratic: ten thousand sites, generously timed for a sanitizer build. */
static void sites_check_ten_thousand(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (unsigned i = 0; i < 10000; i++)
		assert_int_equal(
			buf_printf(&b, &g->err,
				"- {name: s%u, peer: 203.%u.%u.1, id: 10.%u.%u.1, subnets: 10.%u.%u.0/24, psk: ssm:/s%u}\n",
				i, i / 256, i % 256, i / 256, i % 256, i / 256, i % 256, i),
			0);
	double start = seconds();
	assert_string_equal(check(g, b.data), "");
	assert_true(seconds() - start < 5);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(sites_check_all_is_well),
		given_test(sites_check_nothing),
		given_test(sites_check_overlaps_name_both),
		given_test(sites_check_neighbours_do_not_overlap),
		given_test(sites_check_vpc_and_hub_subnet),
		given_test(sites_check_fixed_addresses_may_differ_in_keys_and_proposals),
		given_test(sites_check_any_may_differ_in_esp),
		given_test(sites_check_any_under_strongswan),
		given_test(sites_check_any_with_keys_from_s3),
		given_test(sites_check_own_key),
		given_test(sites_check_hub_id),
		given_test(sites_check_overlaps_as_by_pairs),
		given_test(sites_check_without_memory),
		given_test(sites_check_ten_thousand),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
