/*
 * Recipes from memory: the input is up to three files parted by a line `%%`: a recipe, the one that
 * it extends, and a template to fill with what they declare.
 */
#include <string.h>

#include "fuzz.h"
#include "recipe/layer.h"
#include "recipe/template.h"

/* Cut the piece up to the next separator off the input. */
static const char *next_piece(const char **data, size_t *size, size_t *ret_len)
{
	static const char line[] = "\n%%\n";
	const char *start = *data, *end = memmem(start, *size, line, sizeof(line) - 1);
	*ret_len = end != NULL ? (size_t)(end - start) + 1 : *size;
	size_t taken = end != NULL ? *ret_len + 3 : *size;
	*data += taken;
	*size -= taken;
	return start;
}

static bool add_layer(struct loader *l, const char *name, const char *text, size_t len)
{
	struct layer *layer = &l->layers[l->count];
	*layer = (struct layer){ .name = name, .spot = { name, name } };
	must(node_parse(l->arena, name, text, len, l->diag, &layer->root, l->err) == 0);
	if (layer->root == NULL || layer->root->kind != NODE_MAP)
		return false;
	node_check_keys(layer->root, "recipe", RECIPE_KEYS, RECIPE_KEY_COUNT, l->diag);
	l->count++;
	return true;
}

static void check(const struct recipe *r)
{
	must(r->vars.count <= VARS_MAX && r->overlay_count <= OVERLAYS_MAX);
	must(r->packages.count <= PACKAGES_MAX && r->modes.count <= MODES_MAX);
	for (size_t i = 0; i < r->vars.count; i++) {
		const struct var *v = &r->vars.list[i];
		must(v->ready && strlen(v->value) <= VAR_VALUE_MAX &&
			strchr(v->value, '\n') == NULL);
		must(vars_find(&r->vars, v->name) == v);
	}
	for (size_t i = 0; i < r->overlay_count; i++)
		must(r->overlays[i].path != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sets[] = { "pool_name=vpn.example.org", "no_such=1", NULL };
	struct arena a = { .max = (size_t)64 << 20 };
	struct diag d = { .arena = &a };
	struct err e;
	struct recipe r = { 0 };
	struct recipe_query q = { .name = "fuzz", .root = "/nonexistent", .sets = sets };
	struct loader l = { .query = &q, .arena = &a, .diag = &d, .err = &e, .recipe = &r };
	const char *rest = (const char *)data;
	size_t len, base_len;
	const char *top = next_piece(&rest, &size, &len);
	const char *base = next_piece(&rest, &size, &base_len);
	bool whole = add_layer(&l, "/nonexistent/recipes/top.yaml", top, len);
	if (whole && base_len > 0)
		whole = add_layer(&l, "/nonexistent/recipes/base.yaml", base, base_len);
	if (whole) {
		r.name = l.layers[0].name;
		must(layers_resolve(&l) == 0);
		check(&r);
		struct buf out = { 0 };
		must(template_fill(
			     rest, size, (struct pos){ "x.in", 1, 1 }, &r.vars, &out, &d, &e) == 0);
		must(out.len <= TEMPLATE_BYTES_MAX);
		recipe_check_unused(&r, &d);
		buf_free(&out);
	}
	diag_sort(&d);
	arena_free(&a);
	return 0;
}
