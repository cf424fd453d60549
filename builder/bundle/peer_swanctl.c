#include <string.h>

#include "bundle/peer_text.h"

/*
 * swanctl.conf(5) of strongSwan 5.9.6 or later. Algorithm names are the table's own: they are
 * strongSwan's. The branch starts, rekeys at three quarters of a lifetime and dials again
 * (looking the name up afresh) when its hub is dead; a hub does none of it.
 */

static void proposals(struct sheet *o, const char *indent, const char *key,
	const struct proposal *list, size_t count)
{
	sheet_put(o, "%s%s = ", indent, key);
	for (size_t i = 0; i < count; i++)
		sheet_put(o, "%s%s", i > 0 ? ", " : "", list[i].text);
	sheet_put(o, "\n");
}

/* With PFS each ESP proposal carries the groups of IKE, best first: one exchange settles it. */
static void esp_proposals(struct sheet *o, const struct crypto *k)
{
	sheet_put(o, "        esp_proposals = ");
	for (size_t i = 0; i < k->esp_count; i++) {
		sheet_put(o, "%s%s", i > 0 ? ", " : "", k->esp[i].text);
		for (size_t g = 0; k->pfs && g < k->ike_count; g++) {
			bool before = false;
			for (size_t h = 0; h < g; h++)
				before = before || k->ike[h].group == k->ike[g].group;
			if (!before)
				sheet_put(o, "-%s", k->ike[g].group->name);
		}
	}
	sheet_put(o, "\n");
}

/* Rekey at three quarters, spread over a twentieth, so that branches do not come all at once. */
static void lifetime(struct sheet *o, const char *indent, unsigned life, const char *limit)
{
	unsigned rekey = life / 4 * 3;
	sheet_put(o, "%srekey_time = %us\n%s%s = %us\n%srand_time = %us\n", indent, rekey, indent,
		limit, strcmp(limit, "over_time") == 0 ? life - rekey : life, indent, life / 20);
}

static void child(struct sheet *o, size_t i)
{
	const struct site *s = o->site;
	const struct crypto *k = s->crypto;
	if (i == 0)
		sheet_put(o, "      %s {\n", s->name);
	else
		sheet_put(o, "      %s-%zu {\n", s->name, i + 1);
	sheet_put(o, "        local_ts = %s\n        remote_ts = %s\n",
		cidr_format(s->subnets[i]).text, cidr_format(o->context->vpc).text);
	esp_proposals(o, k);
	lifetime(o, "        ", k->esp_lifetime, "life_time");
	sheet_put(o, "        start_action = trap|start\n"
		     "        close_action = start\n"
		     "        dpd_action = restart\n"
		     "      }\n");
}

static void head(struct sheet *o)
{
	const struct site *s = o->site;
	sheet_put(o,
		"# %s: tunnel to the hubs at %s, for strongSwan 5.9.6 or later\n"
		"# To be put in /etc/swanctl/conf.d/ with the key filled in (readable by root "
		"alone);\n"
		"# then: swanctl --load-all\n",
		s->name, o->context->pool_name);
	sheet_key(o, "# ");
	/* The first probe goes out after an interval; what follows are its retransmissions. */
	if (s->crypto->ike_version == 2)
		sheet_put(o,
			"# How fast a dead hub is noticed with IKEv2 is for all connections, in /etc/strongswan.conf;\n"
			"# %u s:  charon { retransmit_timeout = %u.0  retransmit_base = 1.0  retransmit_tries = %u }\n",
			s->dpd_interval * (s->dpd_count > 2 ? s->dpd_count : 3), s->dpd_interval,
			s->dpd_count > 2 ? s->dpd_count - 2 : 1);
	if (s->peer_kind != PEER_ANY)
		sheet_put(o, "# The hubs know this branch by its public address: %s\n", s->peer);
	sheet_put(o, "\n");
}

int peer_write_swanctl(
	const struct peer_context *c, const struct site *s, struct buf *out, struct err *e)
{
	struct sheet o = { .out = out, .context = c, .site = s };
	const struct crypto *k = s->crypto;
	head(&o);
	sheet_put(&o,
		"connections {\n"
		"  %s {\n"
		"    version = %u\n"
		"    remote_addrs = %s\n",
		s->name, k->ike_version, c->pool_name);
	proposals(&o, "    ", "proposals", k->ike, k->ike_count);
	lifetime(&o, "    ", k->ike_lifetime, "over_time");
	sheet_put(
		&o, "    keyingtries = 0\n    mobike = no\n    dpd_delay = %us\n", s->dpd_interval);
	if (k->ike_version == 1)
		sheet_put(&o, "    dpd_timeout = %us\n", s->dpd_interval * s->dpd_count);
	sheet_put(&o,
		"    local {\n"
		"      auth = psk\n"
		"      id = %s\n"
		"    }\n"
		"    remote {\n"
		"      auth = psk\n"
		"      id = %s\n"
		"    }\n"
		"    children {\n",
		s->id, c->hub_id);
	for (size_t i = 0; i < s->subnet_count; i++)
		child(&o, i);
	sheet_put(&o,
		"    }\n"
		"  }\n"
		"}\n"
		"secrets {\n"
		"  ike-%s {\n"
		"    id-local = %s\n"
		"    id-hub = %s\n"
		"    secret = \"" PEER_KEY "\"\n"
		"  }\n"
		"}\n",
		s->name, s->id, c->hub_id);
	return sheet_end(&o, e);
}
