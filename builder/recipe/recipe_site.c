#include <string.h>

#include "base/text.h"
#include "recipe/layer.h"
#include "recipe/template.h"

/* Read a sites file that someone named at `pos`; *ret NULL: problems, or empty. */
static int read_file(struct loader *l, struct spot spot, struct pos pos, struct node **ret)
{
	if (layer_read(l, spot, NODE_BYTES_MAX, ret) == 0)
		return 0;
	if (l->err->kind != ERR_INPUT)
		return -1;
	diag_add(l->diag, pos, "%s%s", pos.line > 0 ? "sites: " : "", l->err->msg);
	return 0;
}

/* The node that holds the sites, wherever they are said; *ret NULL: none. */
static int find_sites(struct loader *l, struct node **ret, struct pos *ret_pos)
{
	const char *option = l->query->sites_file;
	if (option != NULL) {
		*ret_pos = (struct pos){ option, 0, 0 };
		l->recipe->sites_path = option;
		return read_file(
			l, (struct spot){ option, option }, (struct pos){ "--sites", 0, 0 }, ret);
	}
	struct layer *layer;
	struct node *n = layers_get(l, "sites", &layer);
	if (n == NULL || node_is_null(n))
		return 0;
	*ret_pos = n->pos;
	l->recipe->sites_path = layer->spot.path;
	if (n->kind != NODE_SCALAR) {
		*ret = n;
		return 0;
	}
	const char *text;
	struct spot spot;
	if (template_fill_scalar(n, &l->recipe->vars, l->arena, l->diag, &text, l->err) < 0)
		return -1;
	if (text[0] == '\0' || template_has_braces(text, strlen(text)))
		return 0; /* a problem is noted, or nothing is named */
	if (find_beside(l, layer->spot, text, &spot) < 0)
		return -1;
	l->recipe->sites_path = spot.path;
	return read_file(l, spot, n->pos, ret);
}

/* A network from a variable; false: no such variable, or a problem with it is noted. */
static bool network(struct loader *l, const char *name, struct cidr *ret, struct pos *ret_pos)
{
	const char *text = recipe_var(l->recipe, name);
	if (text == NULL || cidr_parse(text, ret) != CIDR_OK)
		return false;
	*ret_pos = vars_find(&l->recipe->vars, name)->set_at;
	return true;
}

static void fill_context(struct loader *l)
{
	struct site_context *c = &l->recipe->context;
	c->daemon = l->recipe->daemon;
	network(l, "vpc_cidr", &c->vpc, &c->vpc_pos);
	network(l, "hub_subnet", &c->hub_subnet, &c->hub_subnet_pos);
	c->hub_id = recipe_var(l->recipe, "hub_id");
	if (c->hub_id != NULL && c->hub_id[0] == '\0')
		c->hub_id = NULL;
	if (c->hub_id != NULL)
		c->hub_id_pos = vars_find(&l->recipe->vars, "hub_id")->set_at;
	const char *url = recipe_var(l->recipe, "sites_url");
	c->from_s3 = url != NULL && url[0] != '\0';
}

/* The variables that sites are checked against, and that their sheets are made of. */
static void check_networks(struct loader *l, struct pos pos)
{
	static const char *const needed[] = { "vpc_cidr", "hub_subnet" };
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		const struct var *v = vars_find(&l->recipe->vars, needed[i]);
		if (v == NULL)
			diag_add(l->diag, pos,
				"sites without a variable %s: declare it, of type cidr", needed[i]);
		else if (v->type != VAR_CIDR)
			diag_add(l->diag, v->declared, "%s of type %s: the builder needs a cidr",
				needed[i], var_type_name(v->type));
	}
}

int layers_sites(struct loader *l)
{
	struct recipe *r = l->recipe;
	struct node *n = NULL;
	struct pos pos = { 0 };
	if (find_sites(l, &n, &pos) < 0 ||
		template_fill_nodes(n, &r->vars, l->arena, l->diag, l->err) < 0 ||
		sites_parse(n, l->arena, l->diag, &r->sites, l->err) < 0)
		return -1;
	fill_context(l);
	if (r->sites.count == 0)
		return 0;
	size_t before = diag_total(l->diag);
	check_networks(l, pos);
	if (diag_total(l->diag) != before)
		return 0;
	return sites_check(&r->sites, &r->context, l->arena, l->diag, l->err);
}
