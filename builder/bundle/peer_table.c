#include <string.h>

#include "bundle/peer_text.h"

#define LABEL "%-28s"

static void line(struct sheet *o, const char *label, const char *text)
{
	sheet_put(o, LABEL "%s\n", label, text);
}

static void proposals(struct sheet *o, const char *label, const struct proposal *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		line(o, i == 0 ? label : "", list[i].text);
}

static const char *id_kind_text(const char *id)
{
	switch (id_kind_of(id)) {
	case ID_ADDRESS:
		return "IPv4 address";
	case ID_USER:
		return "user FQDN";
	case ID_NAME:
		break;
	}
	return "FQDN";
}

int peer_write_table(
	const struct peer_context *c, const struct site *s, struct buf *out, struct err *e)
{
	struct sheet o = { .out = out, .context = c, .site = s };
	const struct crypto *k = s->crypto;
	sheet_put(&o, "%s: tunnel to the hubs at %s\n\n", s->name, c->pool_name);
	line(&o, "Remote gateway", c->pool_name);
	line(&o, "", "a name: look it up before each phase 1");
	line(&o, "Local gateway (WAN)", s->peer_kind == PEER_ANY ? "any address" : s->peer);
	sheet_put(&o, LABEL "%s (%s)\n", "Local id", id_bare(s->id), id_kind_text(s->id));
	sheet_put(&o, LABEL "%s (%s)\n", "Remote id", id_bare(c->hub_id), id_kind_text(c->hub_id));
	for (size_t i = 0; i < s->subnet_count; i++)
		line(&o, i == 0 ? "Local network" : "", cidr_format(s->subnets[i]).text);
	line(&o, "Remote network", cidr_format(c->vpc).text);
	line(&o, "Mode", "tunnel, ESP");
	line(&o, "Started and rekeyed by", "this router");
	sheet_put(&o, "\n");
	line(&o, "Key exchange", k->ike_version == 1 ? "IKEv1, main mode" : "IKEv2");
	line(&o, "Authentication", "pre-shared key, both ways");
	proposals(&o, "IKE, any one of", k->ike, k->ike_count);
	sheet_put(&o, LABEL "%u s\n", "IKE lifetime", k->ike_lifetime);
	proposals(&o, "ESP, any one of", k->esp, k->esp_count);
	sheet_put(&o, LABEL "%u s, no limit in bytes\n", "ESP lifetime", k->esp_lifetime);
	line(&o, "PFS", k->pfs ? "on, the group of IKE" : "off");
	sheet_put(&o, LABEL "every %u s, dead after %u unanswered\n", "Dead peer detection",
		s->dpd_interval, s->dpd_count);
	line(&o, "NAT traversal",
		k->ike_version == 1 ? "off with a public address; else on" : "on");
	sheet_put(&o, LABEL "%u\n", "TCP MSS in the tunnel", c->tunnel_mss);
	sheet_put(&o, "\n");
	sheet_key(&o, "");
	if (s->subnet_count > 1)
		sheet_put(&o, "\nEach local network is an SA of its own, all under one phase 1.\n");
	return sheet_end(&o, e);
}
