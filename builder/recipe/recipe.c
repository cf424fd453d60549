#include "recipe/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/text.h"
#include "recipe/layer.h"
#include "recipe/template.h"
#include "recipe/var_type.h"

const struct key_spec RECIPE_KEYS[] = {
	{ "extends", NODE_SCALAR, false, "the recipe this one starts from: a name or a path" },
	{ "description", NODE_SCALAR, false, "one line for people" },
	{ "vars", NODE_MAP, false, "declares variables, or sets those of a base recipe" },
	{ "daemon", NODE_SCALAR, false, "the IPsec daemon: libreswan (default) or strongswan" },
	{ "packages", NODE_LIST, false, "packages to install; -NAME takes one away" },
	{ "overlays", NODE_LIST, false, "folders of files for the hub, a later file wins; -NAME" },
	{ "modes", NODE_MAP, false, "by path: owner, group, permissions, original" },
	{ "services", NODE_LIST, false, "systemd units to enable; -NAME takes one away" },
	{ "sites", NODE_ANY, false, "the sites: a file beside the recipe, or the records" },
	{ "parts", NODE_LIST, false,
		"further parts of the user-data: files beside the recipe; -NAME" },
	{ "overlay_url", NODE_SCALAR, false, "https or s3 URL where overlay.tar.gz will be" },
	{ "image", NODE_MAP, false, "the disk image: its base, size, packages, files, settings" },
	{ "ami", NODE_MAP, false, "the AMI: its name, encryption, tags" },
	{ "publish", NODE_MAP, false,
		"where and to whom the AMI is made known, and what follows it" },
	{ "keep", NODE_SCALAR, false, "AMIs that gc leaves, beside those in use (3)" },
};
const size_t RECIPE_KEY_COUNT = sizeof(RECIPE_KEYS) / sizeof(RECIPE_KEYS[0]);

static int note_input(struct loader *l, const char *label, const struct buf *data)
{
	struct recipe *r = l->recipe;
	struct sha256 digest = sha256_of(data->data, data->len);
	const char *hex = arena_strdup(l->arena, sha256_text(&digest).text, l->err);
	if (hex == NULL)
		return -1;
	struct input *in = arena_push(
		l->arena, &r->inputs, &r->input_count, &r->input_cap, sizeof(*in), l->err);
	if (in == NULL)
		return -1;
	*in = (struct input){ label, hex };
	return 0;
}

int layer_read(struct loader *l, struct spot spot, size_t max, struct node **ret)
{
	cleanup_buf struct buf data = { .max = max + 2 };
	if (file_read(AT_FDCWD, spot.path, max, &data, l->err) < 0 ||
		note_input(l, spot.label, &data) < 0)
		return -1;
	return node_parse(l->arena, spot.path, data.data != NULL ? data.data : "", data.len,
		l->diag, ret, l->err);
}

static const char *base_name(struct loader *l, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	size_t len = strlen(name);
	if (len > strlen(".yaml") && strcmp(name + len - strlen(".yaml"), ".yaml") == 0)
		len -= strlen(".yaml");
	return arena_strndup(l->arena, name, len, l->err);
}

/* Append the recipe at `spot` to the chain. -1: ERR_INPUT it cannot be read, ERR_MACHINE. */
static int add_layer(struct loader *l, struct spot spot)
{
	struct layer layer = { .spot = spot, .name = base_name(l, spot.path) };
	struct stat st = { 0 };
	if (layer.name == NULL)
		return -1;
	if (stat(spot.path, &st) < 0)
		return err_set(l->err, ERR_INPUT, errno, "open %s", spot.path);
	layer.dev = st.st_dev;
	layer.ino = st.st_ino;
	size_t before = diag_total(l->diag);
	struct pos whole = { spot.path, 0, 0 };
	if (layer_read(l, spot, RECIPE_BYTES_MAX, &layer.root) < 0)
		return -1;
	if (layer.root == NULL && diag_total(l->diag) == before)
		diag_add(l->diag, whole, "nothing in it: a recipe is a map");
	if (!find_name_valid(layer.name))
		diag_add(l->diag, whole,
			"name \"%s\": allowed are letters, digits and ._-, a letter or digit "
			"first, at most %d",
			diag_show(layer.name).text, RECIPE_NAME_MAX);
	if (layer.root != NULL)
		node_check_keys(layer.root, "recipe", RECIPE_KEYS, RECIPE_KEY_COUNT, l->diag);
	l->layers[l->count++] = layer;
	return 0;
}

/* The chain as "acme -> hub -> acme", for a message. */
static const char *chain_text(struct loader *l, size_t from)
{
	const char *text = l->layers[from].name;
	for (size_t i = from + 1; i <= l->count && text != NULL; i++)
		text = arena_printf(l->arena, l->err, "%s -> %s", text,
			l->layers[i < l->count ? i : from].name);
	return text;
}

/* Where `extends` of the last layer leads. 1: found; 0: it does not, the problem is noted. */
static int find_base(struct loader *l, const struct node *n, struct spot *ret)
{
	const struct layer *from = &l->layers[l->count - 1];
	if (find_is_path(n->text)) {
		if (find_beside(l, from->spot, n->text, ret) < 0)
			return -1;
	} else {
		int found = find_name_valid(n->text)
				    ? find_named(l, FIND_RECIPE, n->text, from, ret)
				    : 0;
		if (found < 0)
			return -1;
		if (found == 0) {
			const char *hint = find_hint(l, FIND_RECIPE, n->text, from);
			if (hint == NULL)
				return -1;
			diag_add(l->diag, n->pos, "no recipe \"%s\": %s", diag_show(n->text).text,
				hint);
			return 0;
		}
	}
	struct stat st;
	for (size_t i = 0; stat(ret->path, &st) == 0 && i < l->count; i++) {
		if (st.st_dev != l->layers[i].dev || st.st_ino != l->layers[i].ino)
			continue;
		const char *chain = chain_text(l, i);
		if (chain == NULL)
			return -1;
		diag_add(l->diag, n->pos, "extends goes in a circle, %s: a chain must end", chain);
		return 0;
	}
	if (l->count == EXTENDS_DEPTH_MAX) {
		diag_add(l->diag, n->pos,
			"too many recipes in a chain of extends: at most %d are allowed",
			EXTENDS_DEPTH_MAX);
		return 0;
	}
	return 1;
}

/* Read what the recipe extends. *ret_whole: the chain is complete and of maps. */
static int read_chain(struct loader *l, bool *ret_whole)
{
	*ret_whole = false;
	for (;;) {
		const struct node *root = l->layers[l->count - 1].root;
		if (root == NULL || root->kind != NODE_MAP)
			return 0;
		const struct node *n = node_get(root, "extends");
		if (n != NULL && n->kind != NODE_SCALAR)
			return 0;
		if (n == NULL || node_is_null(n))
			break;
		struct spot spot;
		int found = find_base(l, n, &spot);
		if (found <= 0)
			return found;
		if (add_layer(l, spot) < 0) {
			if (l->err->kind != ERR_INPUT)
				return -1;
			diag_add(l->diag, n->pos, "extends: %s", l->err->msg);
			return 0;
		}
	}
	*ret_whole = true;
	return 0;
}

struct node *layers_get(struct loader *l, const char *key, struct layer **ret_layer)
{
	for (size_t i = 0; i < l->count; i++) {
		struct node *root = l->layers[i].root;
		for (unsigned k = 0; k < root->count; k++)
			if (strcmp(root->keys[k]->text, key) == 0) {
				*ret_layer = &l->layers[i];
				return root->items[k];
			}
	}
	return NULL;
}

static void read_description(struct loader *l)
{
	struct layer *layer;
	const struct node *n = layers_get(l, "description", &layer);
	if (n == NULL || n->kind != NODE_SCALAR || node_is_null(n))
		return;
	if (strchr(n->text, '\n') != NULL)
		diag_add(l->diag, n->pos, "description of more than one line: one is allowed");
	else
		l->recipe->description = n->text;
}

static const char *daemon_at(const void *ctx, size_t i)
{
	(void)ctx;
	return daemon_name((enum daemon)i);
}

static void read_daemon(struct loader *l)
{
	struct layer *layer;
	const struct node *n = layers_get(l, "daemon", &layer);
	if (n == NULL || n->kind != NODE_SCALAR || node_is_null(n))
		return;
	for (size_t i = 0; i < DAEMON_COUNT; i++)
		if (strcmp(daemon_at(NULL, i), n->text) == 0) {
			l->recipe->daemon = (enum daemon)i;
			l->recipe->daemon_pos = n->pos;
			return;
		}
	const char *near = text_nearest(n->text, daemon_at, NULL, DAEMON_COUNT);
	if (near != NULL)
		diag_add(l->diag, n->pos, "daemon \"%s\": did you mean %s?",
			diag_show(n->text).text, near);
	else
		diag_add(l->diag, n->pos, "daemon \"%s\": allowed is libreswan or strongswan",
			diag_show(n->text).text);
}

static int read_overlay_url(struct loader *l)
{
	static const char *schemes[] = { "https", "s3" };
	struct layer *layer;
	const struct node *n = layers_get(l, "overlay_url", &layer);
	if (n == NULL || n->kind != NODE_SCALAR || node_is_null(n))
		return 0;
	size_t before = diag_total(l->diag);
	const char *text, *url = NULL;
	if (template_fill_scalar(n, &l->recipe->vars, l->arena, l->diag, &text, l->err) < 0)
		return -1;
	struct var as = { .name = "overlay_url",
		.type = VAR_URL,
		.set_at = n->pos,
		.may_be_empty = true,
		.values = schemes,
		.value_count = 2 };
	if (diag_total(l->diag) == before &&
		var_check(&as, text, l->arena, l->diag, &url, l->err) < 0)
		return -1;
	if (url != NULL && url[0] != '\0')
		l->recipe->overlay_url = url;
	l->recipe->overlay_url_pos = n->pos;
	return 0;
}

int layers_resolve(struct loader *l)
{
	struct recipe *r = l->recipe;
	r->chain = arena_array(l->arena, l->count, sizeof(*r->chain), l->err);
	if (r->chain == NULL)
		return -1;
	for (size_t i = l->count; i > 0; i--) {
		const struct layer *layer = &l->layers[i - 1];
		const struct node *vars = node_get(layer->root, "vars");
		r->chain[r->chain_count++] = layer->name;
		if (vars != NULL && vars->kind == NODE_MAP &&
			vars_apply(&r->vars, vars, layer->name, l->arena, l->diag, l->err) < 0)
			return -1;
		if (layer_modes(l, layer, node_get(layer->root, "modes"), &r->modes) < 0)
			return -1;
	}
	for (size_t i = 0; l->query->sets != NULL && l->query->sets[i] != NULL; i++)
		if (vars_set(&r->vars, l->query->sets[i], l->arena, l->diag, l->err) < 0)
			return -1;
	if (vars_resolve(&r->vars, l->arena, l->diag, l->err) < 0)
		return -1;
	read_description(l);
	read_daemon(l);
	if (layers_lists(l) < 0 || read_overlay_url(l) < 0 || layers_image(l) < 0 ||
		layers_ami(l) < 0 || layers_publish(l) < 0)
		return -1;
	return layers_sites(l);
}

/* The recipe of the command line. */
static int read_first(struct loader *l)
{
	const char *name = l->query->name;
	struct spot spot;
	if (find_is_path(name))
		return find_under_root(l, name, &spot) < 0 ? -1 : add_layer(l, spot);
	int found = find_name_valid(name) ? find_named(l, FIND_RECIPE, name, NULL, &spot) : 0;
	if (found < 0)
		return -1;
	if (found > 0)
		return add_layer(l, spot);
	const char *hint = find_hint(l, FIND_RECIPE, name, NULL);
	if (hint == NULL)
		return -1;
	return err_set(l->err, ERR_INPUT, 0, "no recipe \"%s\": %s", diag_show(name).text, hint);
}

int recipe_load(const struct recipe_query *q, struct arena *a, struct diag *d, struct recipe *ret,
	struct err *e)
{
	*ret = (struct recipe){ 0 };
	struct loader l = { .query = q, .arena = a, .diag = d, .err = e, .recipe = ret };
	bool whole;
	if (read_first(&l) < 0)
		return -1;
	ret->name = l.layers[0].name;
	if (read_chain(&l, &whole) < 0)
		return -1;
	return whole ? layers_resolve(&l) : 0;
}

const char *recipe_var(const struct recipe *r, const char *name)
{
	struct var *v = vars_find(&r->vars, name);
	if (v == NULL)
		return NULL;
	v->used = true;
	return v->value;
}

static void check_rules_used(const struct mode_rules *rules, struct diag *d)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct mode_rule *m = &rules->list[i];
		if (!m->used)
			diag_add(d, m->pos, "%s: no overlay has it: name a path that one has",
				diag_show(m->path).text);
	}
}

void recipe_check_unused(const struct recipe *r, struct diag *d)
{
	for (size_t i = 0; i < r->vars.count; i++) {
		const struct var *v = &r->vars.list[i];
		if (!v->used)
			diag_add(d, v->declared,
				"variable %s is used nowhere: use {{%s}} in a template, or take it "
				"out",
				v->name, v->name);
	}
	check_rules_used(&r->modes, d);
	check_rules_used(&r->image.modes, d);
}
