#include <stdlib.h>
#include <string.h>

#include "recipe/site_check.h"

struct range {
	struct cidr net;
	const struct site *site;
	size_t order; /* of appearance */
	struct pos pos;
};

static int by_address(const void *va, const void *vb)
{
	const struct range *a = va, *b = vb;
	if (a->net.addr != b->net.addr)
		return a->net.addr < b->net.addr ? -1 : 1;
	if (a->net.prefix != b->net.prefix)
		return a->net.prefix < b->net.prefix ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

static int collect(const struct check *c, struct range **ret, size_t *ret_count, struct err *e)
{
	size_t count = 0;
	for (size_t i = 0; i < c->sites->count; i++)
		count += c->sites->list[i].subnet_count;
	struct range *list = arena_array(c->arena, count, sizeof(*list), e);
	if (list == NULL)
		return -1;
	size_t n = 0;
	for (size_t i = 0; i < c->sites->count; i++) {
		const struct site *s = &c->sites->list[i];
		for (size_t k = 0; k < s->subnet_count; k++, n++)
			list[n] = (struct range){ s->subnets[k], s, n, s->subnet_pos[k] };
	}
	qsort(list, count, sizeof(*list), by_address);
	*ret = list;
	*ret_count = count;
	return 0;
}

static void report_overlap(const struct check *c, const struct range *a, const struct range *b)
{
	const struct range *late = a->order > b->order ? a : b, *early = late == a ? b : a;
	const char *how =
		cidr_contains(early->net, late->net)
			? early->net.prefix == late->net.prefix ? "is the same as" : "lies inside"
			: "contains";
	if (late->site == early->site)
		diag_add(c->diag, late->pos,
			"site %s: subnet %s %s its %s (%s): name each network once",
			late->site->name, cidr_format(late->net).text, how,
			cidr_format(early->net).text, place_of(early->pos).text);
	else
		diag_add(c->diag, late->pos,
			"site %s: subnet %s %s %s of site %s (%s): no address can be at two sites",
			late->site->name, cidr_format(late->net).text, how,
			cidr_format(early->net).text, early->site->name, place_of(early->pos).text);
}

/*
 * Networks nest or are apart, so in order of address and size each one overlaps an earlier one
 * exactly when it lies inside the last outermost one. Leaves the outermost ones in the list and
 * returns how many.
 */
static size_t sweep(const struct check *c, struct range *list, size_t count)
{
	size_t outer = 0;
	for (size_t i = 0; i < count; i++) {
		if (outer > 0 && cidr_contains(list[outer - 1].net, list[i].net))
			report_overlap(c, &list[outer - 1], &list[i]);
		else
			list[outer++] = list[i];
	}
	return outer;
}

/* The outermost range that holds `addr`, or NULL. */
static const struct range *range_at(const struct range *list, size_t count, uint32_t addr)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (list[mid].net.addr <= addr)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && cidr_last(list[low - 1].net) >= addr ? &list[low - 1] : NULL;
}

static bool own_address(const struct site *s, uint32_t addr)
{
	for (size_t i = 0; i < s->subnet_count; i++)
		if (cidr_contains(s->subnets[i], (struct cidr){ addr, 32 }))
			return true;
	return false;
}

/* A peer inside of any tunnel, and an id that is some other router's. */
static void check_addresses(const struct check *c, const struct range *list, size_t count)
{
	for (size_t i = 0; i < c->sites->count; i++) {
		const struct site *s = &c->sites->list[i];
		const struct range *r = NULL;
		uint32_t addr;
		if (s->peer_kind == PEER_ADDRESS && addr_parse(s->peer, &addr) == CIDR_OK)
			r = range_at(list, count, addr);
		if (r != NULL)
			diag_add(c->diag, s->peer_pos,
				"site %s: peer %s lies inside subnet %s of site %s (%s): it is the router's public address, outside of all tunnels",
				s->name, s->peer, cidr_format(r->net).text, r->site->name,
				place_of(r->pos).text);
		if (addr_parse(s->id, &addr) != CIDR_OK || own_address(s, addr))
			continue;
		r = range_at(list, count, addr);
		if (r != NULL && strcmp(r->site->id, s->id) != 0)
			diag_add(c->diag, s->id_pos,
				"site %s: id %s lies inside subnet %s of site %s (%s): it is an address of its own router",
				s->name, s->id, cidr_format(r->net).text, r->site->name,
				place_of(r->pos).text);
	}
}

static void report_hub(const struct check *c, const struct range *r, const char *what,
	struct cidr net, struct pos pos)
{
	bool known = pos.file != NULL;
	diag_add(c->diag, r->pos,
		"site %s: subnet %s overlaps the %s %s%s%s%s: the hubs could not tell the two "
		"apart",
		r->site->name, cidr_format(r->net).text, what, cidr_format(net).text,
		known ? " (" : "", known ? place_of(pos).text : "", known ? ")" : "");
}

static void check_hub(const struct check *c, const struct range *list, size_t count,
	const char *what, struct cidr net, struct pos pos)
{
	for (size_t i = 0; i < count; i++)
		if (cidr_overlaps(list[i].net, net))
			report_hub(c, &list[i], what, net, pos);
}

int sites_check_networks(const struct check *c, struct err *e)
{
	const struct site_context *x = c->context;
	struct range *list;
	size_t count;
	if (collect(c, &list, &count, e) < 0)
		return -1;
	check_hub(c, list, count, "VPC", x->vpc, x->vpc_pos);
	if (!cidr_contains(x->vpc, x->hub_subnet))
		check_hub(c, list, count, "hubs' own subnet", x->hub_subnet, x->hub_subnet_pos);
	count = sweep(c, list, count);
	check_addresses(c, list, count);
	return 0;
}
