#include <string.h>

#include "bundle/peer_text.h"

/*
 * Yamaha's command reference (RTX810 Rev.11.01; later ones where that says nothing). With IKEv1 a
 * router names one pair of networks for each IPsec SA, and one peer address may stand at one
 * gateway only: several subnets are several policies of one gateway, each with its own ids and
 * tunnel. With IKEv2 it asks for all addresses and takes what the hub narrows that to.
 *
 * What is pasted has no ? " ' \ | > in it: the router's console would act on them.
 */

#define FILTER_ROUTE 9001 /* first of the filters that choose a tunnel by subnet */
#define FILTER_WAN   9101 /* first of the filters to append by hand */

static const struct proposal *first_spoken(const struct proposal *list, size_t count, bool ike)
{
	for (size_t i = 0; i < count; i++)
		if (proposal_rtx(&list[i], ike))
			return &list[i];
	return NULL;
}

/* Why this router cannot do what the site asks for, or NULL. */
static const char *obstacle(const struct site *s)
{
	const struct crypto *k = s->crypto;
	if (k->name != NULL && k->router == NULL)
		return "its profile is meant for other routers";
	if (first_spoken(k->ike, k->ike_count, true) == NULL)
		return "an RTX speaks none of its IKE proposals";
	if (first_spoken(k->esp, k->esp_count, false) == NULL)
		return "an RTX speaks none of its ESP proposals";
	if (k->ike_version == 1 && id_kind_of(s->id) != ID_ADDRESS)
		return "in IKEv1 main mode an RTX gives an address as its id, no name";
	if (k->ike_version == 2 && s->subnet_count > 1)
		return "with IKEv2 an RTX carries one subnet";
	return NULL;
}

static int refuse(struct sheet *o, const char *why, struct err *e)
{
	sheet_put(o,
		"# %s: no sheet for a Yamaha RTX: %s.\n"
		"# The site's crypto is %s. For an RTX write `crypto: rtx810` (IKEv1, public WAN\n"
		"# address) or `crypto: rtx-ikev2` (IKEv2, also behind NAT) in its record.\n",
		o->site->name, why, sheet_crypto(o->site));
	return sheet_end(o, e) < 0 ? -1 : 1;
}

static void head(struct sheet *o)
{
	const struct site *s = o->site;
	sheet_put(o, "# %s: the tunnel to the hubs at %s, for a Yamaha RTX810 (Rev.11.01)\n#\n",
		s->name, o->context->pool_name);
	if (s->subnet_count == 1)
		sheet_put(o,
			"# It takes tunnel 1, policy 1 and security gateway 1: where one of them "
			"is in use, write\n# another number in all lines.\n");
	else
		sheet_put(o,
			"# It takes tunnels 1 to %zu, policies 1 to %zu, security gateway 1 and "
			"filters %d to %zu:\n"
			"# where one of them is in use, write another number in all lines.\n",
			s->subnet_count, s->subnet_count, FILTER_ROUTE,
			FILTER_ROUTE + s->subnet_count - 1);
	switch (s->peer_kind) {
	case PEER_ADDRESS:
		sheet_put(o, "# The hubs know this router by its WAN address %s", s->peer);
		break;
	case PEER_FQDN:
		sheet_put(o, "# The hubs know this router by its domain name %s", s->peer);
		break;
	case PEER_ANY:
		sheet_put(o, "# The hubs take this router from any WAN address");
		break;
	}
	sheet_put(o, " and by its id %s.\n#\n", s->id);
	sheet_key(o, "# ");
	sheet_put(o, "#\n# To be pasted as administrator, with the key filled in:\n"
		     "# ---- from here ----\n");
}

/* Another group with the same cipher and hash, for firmware without the first. */
static const struct alg *other_group(const struct crypto *k, const struct proposal *p)
{
	for (size_t i = 0; i < k->ike_count; i++) {
		const struct proposal *q = &k->ike[i];
		if (q->cipher == p->cipher && q->integ == p->integ && q->group != p->group &&
			q->group->rtx_ike != NULL)
			return q->group;
	}
	return NULL;
}

static void group(struct sheet *o, const struct proposal *p)
{
	const struct alg *other = other_group(o->site->crypto, p);
	sheet_put(o, "  ipsec ike group 1 %s\n", p->group->rtx_ike);
	if (other != NULL)
		sheet_put(o, "# %s does as well: for firmware without %s\n", other->rtx_ike,
			p->group->rtx_ike);
}

/* IKEv1: identities are an address (phase 1) and networks (phase 2). */
static void gateway_v1(struct sheet *o, const struct proposal *ike)
{
	const struct site *s = o->site;
	const struct crypto *k = s->crypto;
	sheet_put(o,
		"  ipsec ike duration ipsec-sa 1 %u\n"
		"  ipsec ike duration isakmp-sa 1 %u\n"
		"  ipsec ike encryption 1 %s\n"
		"  ipsec ike esp-encapsulation 1 off\n",
		k->esp_lifetime, k->ike_lifetime, ike->cipher->rtx_ike);
	group(o, ike);
	sheet_put(o,
		"  ipsec ike hash 1 %s\n"
		"  ipsec ike keepalive log 1 off\n"
		"  ipsec ike keepalive use 1 on dpd %u %u\n"
		"  ipsec ike local address 1 %s\n",
		ike->integ->rtx_ike, s->dpd_interval, s->dpd_count, s->id);
	if (s->subnet_count == 1)
		sheet_put(o, "  ipsec ike local id 1 %s\n", cidr_format(s->subnets[0]).text);
	sheet_put(o,
		"  ipsec ike log 1 message-info\n"
		"  ipsec ike pfs 1 %s\n"
		"  ipsec ike pre-shared-key 1 text " PEER_KEY "\n"
		"  ipsec ike remote address 1 %s\n",
		k->pfs ? "on" : "off", o->context->pool_name);
	if (s->subnet_count == 1)
		sheet_put(o, "  ipsec ike remote id 1 %s\n", cidr_format(o->context->vpc).text);
}

static const char *id_type(const char *id)
{
	switch (id_kind_of(id)) {
	case ID_ADDRESS:
		return "ipv4-addr";
	case ID_USER:
		return "user-fqdn";
	case ID_NAME:
		break;
	}
	return "fqdn";
}

/* IKEv2: both ends are checked by name; phase-2 ids have no effect. */
static void gateway_v2(struct sheet *o, const struct proposal *ike)
{
	const struct site *s = o->site;
	const struct crypto *k = s->crypto;
	const char *hub = o->context->hub_id;
	sheet_put(o,
		"  ipsec ike version 1 2\n"
		"  ipsec ike duration ipsec-sa 1 %u\n"
		"  ipsec ike duration isakmp-sa 1 %u\n"
		"  ipsec ike encryption 1 %s\n",
		k->esp_lifetime, k->ike_lifetime, ike->cipher->rtx_ike);
	group(o, ike);
	sheet_put(o,
		"  ipsec ike hash 1 %s\n"
		"  ipsec ike keepalive log 1 off\n"
		"  ipsec ike keepalive use 1 on rfc4306 %u %u\n"
		"  ipsec ike local name 1 %s %s\n"
		"  ipsec ike log 1 message-info\n"
		"  ipsec ike nat-traversal 1 on\n"
		"  ipsec ike pfs 1 %s\n"
		"  ipsec ike pre-shared-key 1 text " PEER_KEY "\n"
		"  ipsec ike remote address 1 %s\n"
		"  ipsec ike remote name 1 %s %s\n",
		ike->integ->rtx_ike, s->dpd_interval, s->dpd_count, id_bare(s->id), id_type(s->id),
		k->pfs ? "on" : "off", o->context->pool_name, id_bare(hub), id_type(hub));
}

static void tunnels(struct sheet *o, const struct proposal *ike, const struct proposal *esp)
{
	const struct site *s = o->site;
	for (size_t i = 0; i < s->subnet_count; i++) {
		size_t n = i + 1;
		sheet_put(o,
			"tunnel select %zu\n"
			" ipsec tunnel %zu\n"
			"  ipsec sa policy %zu 1 esp %s %s",
			n, n, n, esp->cipher->rtx_esp, esp->integ->rtx_esp);
		if (s->subnet_count > 1)
			sheet_put(o, " local-id=%s remote-id=%s", cidr_format(s->subnets[i]).text,
				cidr_format(o->context->vpc).text);
		sheet_put(o, "\n");
		if (i == 0 && s->crypto->ike_version == 1)
			gateway_v1(o, ike);
		else if (i == 0)
			gateway_v2(o, ike);
		if (i == 0)
			sheet_put(o, "  ipsec auto refresh 1 on\n");
		sheet_put(o, " ip tunnel tcp mss limit auto\n tunnel enable %zu\n", n);
	}
	sheet_put(o, "tunnel select none\nipsec auto refresh on\n");
}

static void routes(struct sheet *o)
{
	const struct site *s = o->site;
	for (size_t i = 0; i < s->subnet_count && s->subnet_count > 1; i++)
		sheet_put(o, "ip filter %zu pass %s * * * *\n", FILTER_ROUTE + i,
			cidr_format(s->subnets[i]).text);
	sheet_put(o, "ip route %s", cidr_format(o->context->vpc).text);
	for (size_t i = 0; i < s->subnet_count; i++) {
		sheet_put(o, " gateway tunnel %zu", i + 1);
		if (s->subnet_count > 1)
			sheet_put(o, " filter %zu", FILTER_ROUTE + i);
	}
	sheet_put(o, "\nsave\n# ---- to here ----\n\n");
}

static void by_hand(struct sheet *o)
{
	const struct site *s = o->site;
	bool v2 = s->crypto->ike_version == 2;
	const char *lan = id_kind_of(s->id) == ID_ADDRESS ? s->id : "LAN-ADDRESS";
	sheet_put(o,
		"# To be added by hand, where it is not there yet. Numbers and interfaces differ from\n"
		"# router to router; none of these lines is to replace one that is there.\n"
		"#\n"
		"# The router looks %s up before each key exchange, outside of the tunnel:\n"
		"#   dns server ADDRESS\n"
		"#\n"
		"# Where the WAN interface masquerades (D: the number of its nat descriptor):\n"
		"#   nat descriptor masquerade static D 1 %s udp 500\n"
		"#   nat descriptor masquerade static D 2 %s esp\n",
		o->context->pool_name, lan, lan);
	if (v2)
		sheet_put(o,
			"#   nat descriptor masquerade static D 3 %s udp 4500\n"
			"#   ipsec ike local address 1 %s\n",
			lan, lan);
	sheet_put(o,
		"#\n"
		"# Where the WAN interface has filters: these, and their numbers among those of its\n"
		"# \"secure filter in\" and \"secure filter out\", before any reject that would match:\n"
		"#   ip filter %d pass * %s udp * 500\n"
		"#   ip filter %d pass * %s esp\n"
		"#   ip filter %d pass %s * udp 500 *\n"
		"#   ip filter %d pass %s * esp\n",
		FILTER_WAN, lan, FILTER_WAN + 1, lan, FILTER_WAN + 2, lan, FILTER_WAN + 3, lan);
	if (v2)
		sheet_put(o,
			"#   ip filter %d pass * %s udp * 4500\n"
			"#   ip filter %d pass %s * udp 4500 *\n",
			FILTER_WAN + 4, lan, FILTER_WAN + 5, lan);
}

/* What no page confirmed for this router: the console shows what it knows. */
static void unconfirmed(struct sheet *o, const struct proposal *ike, const struct proposal *esp)
{
	const struct site *s = o->site;
	const struct alg *other = other_group(s->crypto, ike);
	sheet_put(o, "#\n# Not confirmed for each model and firmware; check with these on the "
		     "router:\n");
	if (other != NULL)
		sheet_put(o, "#   ipsec ike group 1 ?\n#     without %s: write %s\n",
			ike->group->rtx_ike, other->rtx_ike);
	if (s->subnet_count > 1)
		sheet_put(o,
			"#   ipsec sa policy 1 1 esp %s %s ?\n"
			"#     without local-id and remote-id: name in the site's record one network "
			"that holds\n"
			"#     all of its subnets\n",
			esp->cipher->rtx_esp, esp->integ->rtx_esp);
	if (s->crypto->ike_version == 1)
		sheet_put(o,
			"#   ipsec ike nat-traversal 1 ?\n"
			"#     IKEv1 main mode needs a public WAN address; behind NAT use crypto "
			"rtx-ikev2\n");
	else
		sheet_put(o,
			"#   ipsec ike version 1 ?\n"
			"#     without 2: no IKEv2; use crypto rtx810\n"
			"#   ipsec ike child-exchange type 1 ?\n"
			"#     where it is there (RTX830 and later): ipsec ike child-exchange type "
			"1 2\n"
			"#     and ipsec ike message-id-control 1 on\n");
	sheet_put(o, "#\n# Afterwards: show ipsec sa, show status tunnel 1, show log\n");
}

int peer_write_rtx(
	const struct peer_context *c, const struct site *s, struct buf *out, struct err *e)
{
	struct sheet o = { .out = out, .context = c, .site = s };
	const char *why = obstacle(s);
	if (why != NULL)
		return refuse(&o, why, e);
	const struct proposal *ike = first_spoken(s->crypto->ike, s->crypto->ike_count, true),
			      *esp = first_spoken(s->crypto->esp, s->crypto->esp_count, false);
	head(&o);
	tunnels(&o, ike, esp);
	routes(&o);
	by_hand(&o);
	unconfirmed(&o, ike, esp);
	return sheet_end(&o, e);
}
