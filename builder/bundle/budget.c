#include "bundle/budget.h"

#include <stdlib.h>
#include <string.h>

#include "bundle/gzip.h"

/* How many of the biggest parts an error names. */
#define NAMED 3

static int by_cost(const void *a, const void *b)
{
	const struct cost *x = a, *y = b;
	if (x->packed != y->packed)
		return x->packed < y->packed ? 1 : -1;
	return strcmp(x->name, y->name);
}

static int weigh(const struct user_data *u, struct cost *list, struct err *e)
{
	cleanup_buf struct buf packed = { 0 };
	cleanup_gzip struct gzip gzip = { 0 };
	for (size_t i = 0; i < u->piece_count; i++) {
		const struct piece *p = &u->pieces[i];
		list[i] = (struct cost){ p->name, p->size, p->size, p->secret };
		if (!u->compressed || p->size == 0)
			continue;
		buf_clear(&packed);
		if (gzip_add(&gzip, &packed, p->data, p->size, GZIP_GOOD, e) < 0)
			return -1;
		if (p->secret)
			explicit_bzero(packed.data, packed.cap);
		list[i].packed = packed.len;
	}
	return 0;
}

int budget_of(const struct user_data *u, struct arena *a, struct budget *ret, struct err *e)
{
	struct budget b = { .form = user_data_form_name(u->form),
		.used = u->raw.len,
		.max = USER_DATA_MAX,
		.count = u->piece_count + 1,
		.secret = u->secret };
	b.list = arena_array(a, b.count, sizeof(*b.list), e);
	if (b.list == NULL || weigh(u, b.list, e) < 0)
		return -1;
	size_t raw = 0, weight = 0, shared = 0;
	for (size_t i = 0; i < u->piece_count; i++) {
		raw += b.list[i].raw;
		weight += b.list[i].packed;
	}
	struct cost *rest = &b.list[u->piece_count];
	*rest = (struct cost){ .name = "headings, packages, commands" };
	rest->raw = u->text_size > raw ? u->text_size - raw : 0;
	weight += u->compressed ? rest->raw / 4 : rest->raw;
	for (size_t i = 0; i < u->piece_count; i++) {
		struct cost *c = &b.list[i];
		c->packed = weight == 0
				    ? 0
				    : (size_t)((double)c->packed / (double)weight * (double)b.used);
		shared += c->packed;
	}
	rest->packed = b.used - shared;
	if (u->piece_count > 0)
		qsort(b.list, u->piece_count, sizeof(*b.list), by_cost);
	*ret = b;
	return 0;
}

int budget_table(const struct budget *b, const char *name, struct buf *out, struct err *e)
{
	int width = (int)strlen(name);
	for (size_t i = 0; i < b->count; i++)
		if ((int)strlen(b->list[i].name) > width)
			width = (int)strlen(b->list[i].name);
	size_t raw = 0;
	if (buf_printf(out, e, "%-*s  %9s %9s\n", width, name, "raw", b->form) < 0)
		return -1;
	for (size_t i = 0; i < b->count; i++) {
		const struct cost *c = &b->list[i];
		raw += c->raw;
		if (c->secret ? buf_printf(out, e, "%-*s  %9s %9s\n", width, c->name, "secret",
					"secret") < 0
			      : buf_printf(out, e, "%-*s  %9zu %9zu\n", width, c->name, c->raw,
					c->packed) < 0)
			return -1;
	}
	if (b->secret)
		return buf_printf(out, e, "%-*s  fits in %zu\n", width, "together", b->max);
	return buf_printf(
		out, e, "%-*s  %9zu %9zu of %zu\n", width, "together", raw, b->used, b->max);
}

int budget_exceeded(const struct user_data *u, const char *name, const struct recipe *recipe,
	struct arena *a, struct err *e)
{
	struct budget b;
	cleanup_buf struct buf biggest = { 0 };
	if (budget_of(u, a, &b, e) < 0 || buf_reserve(&biggest, 0, e) < 0)
		return -1;
	bool sites = strcmp(b.list[0].name, "/etc/hub/sites.json") == 0;
	for (size_t i = 0; i < b.count && i < NAMED; i++) {
		const struct cost *c = &b.list[i];
		if (buf_printf(&biggest, e, "%s%s", i > 0 ? ", " : "", c->name) < 0 ||
			(!c->secret && buf_printf(&biggest, e, " %zu", c->packed) < 0))
			return -1;
	}
	const char *advice =
		sites ? "move the sites to an S3 object: set the variable sites_url, and upload "
			"sites.json there"
		: recipe->overlay_url == NULL
			? "publish overlay.tar.gz and name its URL in the recipe's overlay_url, "
			  "then user-data fetches it"
			: "make the recipe's parts smaller, or let them fetch what they need";
	return err_set(e, ERR_INPUT, 0,
		"%s takes %zu bytes%s: at most %d are allowed; the biggest parts of it: %s; %s",
		name, u->raw.len, u->compressed ? " compressed" : "", USER_DATA_MAX, biggest.data,
		advice);
}
