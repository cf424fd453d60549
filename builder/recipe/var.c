#include "recipe/var.h"

#include <limits.h>
#include <string.h>

#include "base/text.h"
#include "recipe/template.h"
#include "recipe/var_type.h"

const struct key_spec VAR_KEYS[] = {
	{ "type", NODE_SCALAR, true, "string, int, bool, cidr, address, fqdn, url or enum" },
	{ "default", NODE_SCALAR, false, "the value unless it is set; needed unless `optional`" },
	{ "help", NODE_SCALAR, true, "one line for people: what it is and when to change it" },
	{ "optional", NODE_SCALAR, false, "true: an empty value is allowed" },
	{ "min", NODE_SCALAR, false, "int: the smallest value allowed" },
	{ "max", NODE_SCALAR, false, "int: the largest value allowed" },
	{ "values", NODE_LIST, false, "enum: the words allowed" },
	{ "schemes", NODE_LIST, false, "url: those allowed, of https, http and s3" },
};
const size_t VAR_KEY_COUNT = sizeof(VAR_KEYS) / sizeof(VAR_KEYS[0]);

/* What vars_apply is at. */
struct work {
	struct vars *vars;
	const char *layer;
	struct arena *arena;
	struct diag *diag;
	struct err *err;
};

bool var_name_valid(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_");
	return text[0] >= 'a' && text[0] <= 'z' && text[len] == '\0' && len <= VAR_NAME_MAX;
}

struct var *vars_find(const struct vars *vs, const char *name)
{
	for (size_t i = 0; i < vs->count; i++)
		if (strcmp(vs->list[i].name, name) == 0)
			return &vs->list[i];
	return NULL;
}

static const char *name_at(const void *ctx, size_t i)
{
	return ((const struct vars *)ctx)->list[i].name;
}

const char *vars_nearest(const struct vars *vs, const char *name)
{
	return text_nearest(name, name_at, vs, vs->count);
}

static const char *type_at(const void *ctx, size_t i)
{
	(void)ctx;
	return var_type_name((enum var_type)i);
}

static const char *text_of(const struct node *n)
{
	return node_is_null(n) ? "" : n->text;
}

/* Each of these reads one key of a declaration; false: the problem is noted. */
static bool read_type(const struct node *n, struct var *v, struct diag *d)
{
	if (var_type_parse(n->text, &v->type))
		return true;
	const char *near = text_nearest(n->text, type_at, NULL, VAR_TYPE_COUNT);
	if (near != NULL)
		diag_add(d, n->pos, "type is \"%s\": did you mean %s?", diag_show(n->text).text,
			near);
	else
		diag_add(d, n->pos, "type is \"%s\": allowed is %s", diag_show(n->text).text,
			VAR_KEYS[0].help);
	return false;
}

static bool read_bound(
	const struct node *n, const char *key, struct var *v, long long *bound, struct diag *d)
{
	if (n == NULL)
		return true;
	if (v->type != VAR_INT) {
		diag_add(d, n->pos, "%s for a variable of type %s: only int has it", key,
			var_type_name(v->type));
		return false;
	}
	if (!var_int_parse(n->text, bound)) {
		diag_add(d, n->pos, "%s is \"%s\": allowed is a whole number", key,
			diag_show(n->text).text);
		return false;
	}
	return true;
}

static bool read_optional(const struct node *n, struct var *v, struct diag *d)
{
	if (n == NULL)
		return true;
	v->may_be_empty = strcmp(n->text, "true") == 0;
	if (v->may_be_empty || strcmp(n->text, "false") == 0)
		return true;
	diag_add(
		d, n->pos, "optional is \"%s\": allowed is true or false", diag_show(n->text).text);
	return false;
}

static bool choice_valid(const struct node *n, const struct var *v, size_t done, struct diag *d)
{
	if (n->kind != NODE_SCALAR || text_of(n)[0] == '\0') {
		diag_add(d, n->pos, "a choice that is %s: allowed is a text", node_kind_text(n));
		return false;
	}
	if (v->type == VAR_URL && !var_scheme_known(n->text)) {
		diag_add(d, n->pos, "scheme \"%s\": allowed are https, http and s3",
			diag_show(n->text).text);
		return false;
	}
	for (size_t i = 0; i < done; i++)
		if (strcmp(v->values[i], n->text) == 0) {
			diag_add(d, n->pos, "\"%s\" a second time: once is allowed",
				diag_show(n->text).text);
			return false;
		}
	return true;
}

static int read_choices(struct work *w, const struct node *n, const char *key, enum var_type type,
	struct var *v, bool *good)
{
	if (n == NULL)
		return 0;
	if (v->type != type) {
		diag_add(w->diag, n->pos, "%s for a variable of type %s: only %s has it", key,
			var_type_name(v->type), var_type_name(type));
		*good = false;
		return 0;
	}
	if (n->count == 0 || n->count > VAR_CHOICES_MAX) {
		diag_add(w->diag, n->pos, "%s has %u members: allowed is 1 to %d", key, n->count,
			VAR_CHOICES_MAX);
		*good = false;
		return 0;
	}
	v->values = arena_array(w->arena, n->count, sizeof(*v->values), w->err);
	if (v->values == NULL)
		return -1;
	for (unsigned i = 0; i < n->count; i++) {
		if (choice_valid(n->items[i], v, v->value_count, w->diag))
			v->values[v->value_count++] = n->items[i]->text;
		else
			*good = false;
	}
	return 0;
}

static bool read_help(const struct node *n, struct var *v, struct diag *d)
{
	v->help = text_of(n);
	if (v->help[0] != '\0' && strchr(v->help, '\n') == NULL)
		return true;
	diag_add(d, n->pos, "help is %s: allowed is one line that says what the variable is",
		v->help[0] == '\0' ? "empty" : "more than one line");
	return false;
}

static bool read_default(
	const struct node *n, const struct node *decl, struct var *v, struct diag *d)
{
	v->given = n != NULL ? text_of(n) : "";
	v->set_at = n != NULL ? n->pos : decl->pos;
	v->set_node = n;
	if (n != NULL || v->may_be_empty)
		return true;
	diag_add(d, decl->pos, "%s without default: it is needed, or `optional: true`", v->name);
	return false;
}

/* What goes with the type: min, max, values, schemes. */
static int read_limits(struct work *w, const struct node *decl, struct var *v, bool *good)
{
	const struct node *min = node_get(decl, "min");
	*good &= read_bound(min, "min", v, &v->min, w->diag);
	*good &= read_bound(node_get(decl, "max"), "max", v, &v->max, w->diag);
	if (*good && v->min > v->max) {
		diag_add(w->diag, min->pos, "min is %lld, above max %lld: allowed is less", v->min,
			v->max);
		*good = false;
	}
	if (read_choices(w, node_get(decl, "values"), "values", VAR_ENUM, v, good) < 0 ||
		read_choices(w, node_get(decl, "schemes"), "schemes", VAR_URL, v, good) < 0)
		return -1;
	if (*good && v->type == VAR_ENUM && v->value_count == 0) {
		diag_add(w->diag, decl->pos, "%s of type enum without values: they are needed",
			v->name);
		*good = false;
	}
	return 0;
}

/* Read a declaration; *ret_good false: problems are noted. */
static int declare(struct work *w, const struct node *key, const struct node *decl, struct var *v,
	bool *ret_good)
{
	*v = (struct var){ .name = key->text,
		.declared = key->pos,
		.layer = "default",
		.value = "",
		.min = LLONG_MIN,
		.max = LLONG_MAX };
	*ret_good = false;
	if (!node_check_keys(decl, "variable", VAR_KEYS, VAR_KEY_COUNT, w->diag))
		return 0;
	bool good = read_type(node_get(decl, "type"), v, w->diag);
	if (good && read_limits(w, decl, v, &good) < 0)
		return -1;
	good &= read_optional(node_get(decl, "optional"), v, w->diag);
	good &= read_help(node_get(decl, "help"), v, w->diag);
	good &= read_default(node_get(decl, "default"), decl, v, w->diag);
	*ret_good = good;
	return 0;
}

static void unknown(
	const struct vars *vs, const char *name, struct pos pos, const char *tail, struct diag *d)
{
	const char *near = diag_full(d) ? NULL : vars_nearest(vs, name);
	if (near != NULL)
		diag_add(d, pos, "unknown variable \"%s\": did you mean \"%s\"?",
			diag_show(name).text, near);
	else
		diag_add(d, pos, "unknown variable \"%s\": %s", diag_show(name).text, tail);
}

static int apply_one(struct work *w, const struct node *key, const struct node *value)
{
	struct var *old = vars_find(w->vars, key->text);
	if (!var_name_valid(key->text)) {
		diag_add(w->diag, key->pos,
			"variable name \"%s\": allowed are a-z, 0-9 and _, a letter first, at most %d",
			diag_show(key->text).text, VAR_NAME_MAX);
		return 0;
	}
	if (value->kind == NODE_LIST) {
		diag_add(w->diag, value->pos,
			"%s is a list: allowed is a value, or a map that declares it", key->text);
		return 0;
	}
	if (value->kind == NODE_SCALAR) {
		if (old == NULL) {
			unknown(w->vars, key->text, key->pos,
				"declare it here with type, default and help", w->diag);
			return 0;
		}
		old->given = text_of(value);
		old->set_at = value->pos;
		old->set_node = value;
		old->layer = w->layer;
		return 0;
	}
	struct var v;
	bool good;
	if (declare(w, key, value, &v, &good) < 0)
		return -1;
	if (old == NULL && w->vars->count == VARS_MAX) {
		diag_add(w->diag, key->pos, "too many variables: at most %d are allowed", VARS_MAX);
		return 0;
	}
	if (old == NULL) {
		old = arena_push(w->arena, &w->vars->list, &w->vars->count, &w->vars->cap,
			sizeof(*old), w->err);
		if (old == NULL)
			return -1;
	}
	/* A broken declaration still makes the name known, as a text that fits anything; whether it
	 * is used is not known then. */
	if (!good) {
		v.type = VAR_STRING;
		v.may_be_empty = true;
		v.given = "";
		v.set_node = NULL;
		v.used = true;
		v.misdeclared = true;
	}
	*old = v;
	return 0;
}

int vars_apply(struct vars *vs, const struct node *map, const char *layer, struct arena *a,
	struct diag *d, struct err *e)
{
	struct work w = { vs, layer, a, d, e };
	if (map->kind != NODE_MAP) {
		diag_add(d, map->pos, "vars is %s: allowed is a map", node_kind_text(map));
		return 0;
	}
	for (unsigned i = 0; i < map->count; i++)
		if (apply_one(&w, map->keys[i], map->items[i]) < 0)
			return -1;
	return 0;
}

int vars_set(
	struct vars *vs, const char *assignment, struct arena *a, struct diag *d, struct err *e)
{
	struct pos pos = { "--set", 0, 0 };
	const char *eq = strchr(assignment, '=');
	if (eq == NULL || eq == assignment) {
		diag_add(d, pos, "\"%s\": allowed is NAME=VALUE", diag_show(assignment).text);
		return 0;
	}
	size_t len = strlen(eq + 1);
	for (size_t i = 0, n; i < len; i += n) {
		n = text_utf8_len(eq + 1 + i, len - i);
		if (n == 0) {
			diag_add(d, pos, "\"%s\" is no UTF-8: it must be",
				diag_show(assignment).text);
			return 0;
		}
	}
	const char *name = arena_strndup(a, assignment, (size_t)(eq - assignment), e);
	const char *value = name != NULL ? arena_strdup(a, eq + 1, e) : NULL;
	if (value == NULL)
		return -1;
	struct var *v = vars_find(vs, name);
	if (v == NULL) {
		unknown(vs, name, pos, "the recipe declares none of that name", d);
		return 0;
	}
	v->given = value;
	v->set_at = pos;
	v->set_node = NULL;
	v->layer = "--set";
	return 0;
}

/* The value with its {{name}} replaced. */
static int filled(struct var *v, struct vars *vs, struct arena *a, struct diag *d, const char **ret,
	struct err *e)
{
	if (v->set_node != NULL && !node_is_null(v->set_node))
		return template_fill_scalar(v->set_node, vs, a, d, ret, e);
	struct node n = { .kind = NODE_SCALAR, .text = v->given, .pos = v->set_at };
	return template_fill_scalar(&n, vs, a, d, ret, e);
}

static int resolve(struct vars *vs, struct var *v, struct arena *a, struct diag *d, struct err *e)
{
	struct template_name name;
	bool broken = v->misdeclared;
	v->resolving = true;
	for (size_t at = 0; template_next(v->given, &at, &name);) {
		struct var *other = vars_find(vs, name.text);
		if (other != NULL && !other->ready && !other->resolving &&
			resolve(vs, other, a, d, e) < 0)
			return -1;
		broken |= other != NULL && other->broken;
	}
	size_t before = diag_total(d);
	const char *text, *checked = NULL;
	if (filled(v, vs, a, d, &text, e) < 0)
		return -1;
	if (diag_total(d) == before && !broken && var_check(v, text, a, d, &checked, e) < 0)
		return -1;
	v->broken = checked == NULL;
	v->value = checked != NULL ? checked : "";
	v->resolving = false;
	v->ready = true;
	return 0;
}

int vars_resolve(struct vars *vs, struct arena *a, struct diag *d, struct err *e)
{
	for (size_t i = 0; i < vs->count; i++)
		vs->list[i].ready = false;
	for (size_t i = 0; i < vs->count; i++)
		if (!vs->list[i].ready && resolve(vs, &vs->list[i], a, d, e) < 0)
			return -1;
	return 0;
}
