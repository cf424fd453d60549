/*
 * Sites: the input is a sites file. What passes the checks is written as sheets and as the hub's
 * JSON; what does not must not let a marked key out in a message.
 */
#include <string.h>

#include "bundle/hubfiles.h"
#include "bundle/peer.h"
#include "fuzz.h"

static void check_site(const struct sites *s, const struct site *site)
{
	must(site->name != NULL && strlen(site->name) <= SITE_NAME_MAX);
	must(id_valid(site->id));
	must(site->peer != NULL &&
		(site->peer_kind == PEER_ANY) == (strcmp(site->peer, "any") == 0));
	must(site->subnet_count >= 1 && site->subnet_count <= SITE_SUBNETS_MAX);
	must(site->dpd_interval >= 1 && site->dpd_interval <= 600);
	must(site->dpd_count >= 1 && site->dpd_count <= 50);
	const struct crypto *c = site->crypto;
	must(c->ike_count >= 1 && c->ike_count <= PROPOSALS_MAX && c->esp_count >= 1);
	must(c->ike_version == 1 || c->ike_version == 2);
	for (size_t i = 0; i < c->ike_count; i++)
		must(c->ike[i].group != NULL && c->ike[i].cipher->weak == NULL);
	must(site_psk(s, site) != NULL);
}

/* A sheet is text of whole lines, and never a part of one when there is an error. */
static void check_sheets(const struct peer_context *c, const struct site *site)
{
	for (size_t i = 0; i < PEER_SHEET_COUNT; i++) {
		struct buf out = { .max = 1 << 20 };
		struct err e;
		int rc = PEER_SHEETS[i].write(c, site, &out, &e);
		must(rc == 0 || (rc == 1 && i == 0));
		must(out.len > 0 && out.data[out.len - 1] == '\n' && strlen(out.data) == out.len);
		buf_free(&out);
	}
}

/* "SITE: psk: no ...": the seeds write keys that begin with KEY- where a reference should be. */
static bool about_a_key(const char *text)
{
	const char *colon = strstr(text, ": ");
	return colon != NULL && strncmp(colon, ": psk: no ", 10) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { .max = (size_t)64 << 20 };
	struct diag d = { .arena = &a };
	struct err e;
	struct node *n;
	struct sites s;
	struct site_context x = { .daemon = size % 2 ? DAEMON_STRONGSWAN : DAEMON_LIBRESWAN,
		.vpc = { 0xac100000, 16 },
		.hub_subnet = { 0xac100100, 24 },
		.hub_id = "@vpn.example.com" };
	must(node_parse(&a, "f.yaml", (const char *)data, size, &d, &n, &e) == 0);
	must(sites_parse(n, &a, &d, &s, &e) == 0);
	for (size_t i = 0; i < s.count; i++)
		check_site(&s, &s.list[i]);
	must(sites_check(&s, &x, &a, &d, &e) == 0);
	struct peer_context c = { .pool_name = "vpn.example.com",
		.hub_id = "@vpn.example.com",
		.vpc = x.vpc,
		.tunnel_mss = 1360,
		.sites = &s };
	for (size_t i = 0; i < s.count && i < 20; i++)
		check_sheets(&c, &s.list[i]);
	struct buf out = { .max = (size_t)16 << 20 };
	must(hubfiles_sites(&s, &out, &e) == 0);
	must(hubfiles_crypto(&s, &out, &e) == 0);
	buf_free(&out);
	diag_sort(&d);
	for (size_t i = 0; i < d.count; i++)
		must(!about_a_key(d.list[i].text) || strstr(d.list[i].text, "KEY-") == NULL);
	arena_free(&a);
	return 0;
}
