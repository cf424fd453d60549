#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "recipe/layer.h"

/* The lists of a recipe that add up. */
struct list_spec {
	const char *section; /* as layer_section takes it; NULL: of the recipe itself */
	const char *key;
	const char *one; /* a member, for messages */
	size_t max;
	bool (*valid)(const char *text);
	const char *allowed;
	bool strict; /* a member that is there already is a problem */
	/* Where it lies; *ret stays NULL when it is not there: the problem is noted. */
	int (*find)(
		struct loader *l, const struct layer *from, const struct node *n, const char **ret);
};

struct list {
	struct found *items;
	size_t count;
	size_t cap;
};

static bool package_valid(const char *text)
{
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+_-");
	return text[len] == '\0' && len > 0 && len <= 128 && strchr(".+_-", text[0]) == NULL;
}

/* systemd.unit(5) */
static bool service_valid(const char *text)
{
	static const char *const types[] = { ".service", ".socket", ".timer", ".path", ".target",
		".mount", ".automount", ".swap", ".slice" };
	size_t len = strspn(
		text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.\\@-");
	const char *dot = strrchr(text, '.');
	if (text[len] != '\0' || len > 255 || dot == NULL || dot == text || text[0] == '-')
		return false;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(dot, types[i]) == 0)
			return true;
	return false;
}

static bool path_valid(const char *text)
{
	return text[0] != '\0' && strlen(text) <= 1024;
}

static bool overlay_valid(const char *text)
{
	return strchr(text, '/') != NULL ? path_valid(text) : find_name_valid(text);
}

static int find_overlay(
	struct loader *l, const struct layer *from, const struct node *n, const char **ret)
{
	struct spot spot;
	struct stat st;
	if (strchr(n->text, '/') != NULL) {
		if (find_beside(l, from->spot, n->text, &spot) < 0)
			return -1;
		if (stat(spot.path, &st) == 0 && S_ISDIR(st.st_mode))
			*ret = spot.path;
		else
			diag_add(l->diag, n->pos, "no overlay \"%s\": %s is no folder",
				diag_show(n->text).text, spot.path);
		return 0;
	}
	int found = find_named(l, FIND_OVERLAY, n->text, from, &spot);
	if (found > 0)
		*ret = spot.path;
	if (found != 0)
		return found < 0 ? -1 : 0;
	const char *hint = find_hint(l, FIND_OVERLAY, n->text, from);
	if (hint == NULL)
		return -1;
	diag_add(l->diag, n->pos, "no overlay \"%s\": %s", diag_show(n->text).text, hint);
	return 0;
}

static int find_part(
	struct loader *l, const struct layer *from, const struct node *n, const char **ret)
{
	struct spot spot;
	struct stat st;
	if (find_beside(l, from->spot, n->text, &spot) < 0)
		return -1;
	if (stat(spot.path, &st) == 0 && S_ISREG(st.st_mode))
		*ret = spot.path;
	else
		diag_add(l->diag, n->pos, "no part \"%s\": %s is no file", diag_show(n->text).text,
			spot.path);
	return 0;
}

/* What the kernel would take for one argument. */
static bool argument_valid(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '"')
			return false;
	return len > 0 && len <= 256 && text[0] != '=' && !text_starts(text, "root=");
}

static bool one_word(const char *text)
{
	size_t len = strlen(text);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || text[i] == 0x7f)
			return false;
	return len > 1 && len <= 1024;
}

static bool absolute_valid(const char *text)
{
	return text[0] == '/' && one_word(text);
}

static bool exclude_valid(const char *text)
{
	const char *pattern = text[0] == '!' ? text + 1 : text;
	return (pattern[0] == '/' || pattern[0] == '*') && one_word(pattern);
}

static const char UNIT_ALLOWED[] =
	"the name of a systemd unit with its ending, like hub-pool.service";
static const char PACKAGE_ALLOWED[] = "a name of letters, digits and .+_-, a letter or digit first";
static const char OVERLAY_ALLOWED[] = "the name of a folder in overlays/, or a path with a slash";

/* In the order of enum list_id. */
static const struct list_spec SPECS[] = {
	{ NULL, "packages", "package", PACKAGES_MAX, package_valid, PACKAGE_ALLOWED, false, NULL },
	{ NULL, "services", "service", SERVICES_MAX, service_valid, UNIT_ALLOWED, false, NULL },
	{ NULL, "overlays", "overlay", OVERLAYS_MAX, overlay_valid, OVERLAY_ALLOWED, true,
		find_overlay },
	{ NULL, "parts", "part", PARTS_MAX, path_valid, "the path of a file beside the recipe",
		true, find_part },
	{ "image", "packages", "package", PACKAGES_MAX, package_valid, PACKAGE_ALLOWED, false,
		NULL },
	{ "image", "services", "service", SERVICES_MAX, service_valid, UNIT_ALLOWED, false, NULL },
	{ "image", "mask", "unit", SERVICES_MAX, service_valid, UNIT_ALLOWED, false, NULL },
	{ "image", "arguments", "argument", ARGUMENTS_MAX, argument_valid,
		"one word of printable ASCII without quotes, other than root=", false, NULL },
	{ "image", "exclude", "pattern", EXCLUDES_MAX, exclude_valid,
		"a pattern that starts with / or *, or one behind ! to take it in again", false,
		NULL },
	{ "image", "setuid", "program", SETUIDS_MAX, absolute_valid, "an absolute path", false,
		NULL },
	{ "image", "overlays", "overlay", OVERLAYS_MAX, overlay_valid, OVERLAY_ALLOWED, true,
		find_overlay },
	{ "publish", "accounts", "account", PUBLISH_LIST_MAX, publish_account_valid,
		"the 12 digits of an account's id", false, NULL },
	{ "publish", "organizations", "organization", PUBLISH_LIST_MAX, publish_organization_valid,
		"an ARN like arn:aws:organizations::123456789012:organization/o-abcdefghij", false,
		NULL },
	{ "publish", "units", "unit", PUBLISH_LIST_MAX, publish_unit_valid,
		"an ARN like "
		"arn:aws:organizations::123456789012:ou/o-abcdefghij/ou-abcd-12345678",
		false, NULL },
	{ "publish", "launch_templates", "launch template", PUBLISH_LIST_MAX,
		publish_template_valid, "an id like lt-0123456789abcdef0", false, NULL },
	{ "publish/refresh", "groups", "group", PUBLISH_LIST_MAX, publish_group_valid,
		"the name of an Auto Scaling group: 1 to 255 printable ASCII characters without :",
		false, NULL },
};
enum list_id {
	LIST_PACKAGES,
	LIST_SERVICES,
	LIST_OVERLAYS,
	LIST_PARTS,
	IMAGE_PACKAGES,
	IMAGE_SERVICES,
	IMAGE_MASK,
	IMAGE_ARGUMENTS,
	IMAGE_EXCLUDE,
	IMAGE_SETUID,
	IMAGE_OVERLAYS,
	PUBLISH_ACCOUNTS,
	PUBLISH_ORGANIZATIONS,
	PUBLISH_UNITS,
	PUBLISH_TEMPLATES,
	REFRESH_GROUPS,
};
#define SPEC_COUNT (sizeof(SPECS) / sizeof(SPECS[0]))

static struct found *lookup(const struct list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i].word.text, text) == 0)
			return &list->items[i];
	return NULL;
}

static const char *item_at(const void *ctx, size_t i)
{
	return ((const struct list *)ctx)->items[i].word.text;
}

/* `-NAME` takes away what a recipe below brought. */
static void take_away(struct loader *l, const struct layer *layer, const struct list_spec *spec,
	const struct node *n, struct list *list)
{
	const char *name = n->text + 1;
	struct found *old = lookup(list, name);
	if (old != NULL && old->word.layer != layer->name) {
		size_t behind = list->count - (size_t)(old - list->items) - 1;
		memmove(old, old + 1, behind * sizeof(*old));
		list->count--;
		return;
	}
	const char *near = NULL;
	if (old == NULL && !diag_full(l->diag))
		near = text_nearest(name, item_at, list, list->count);
	if (near != NULL)
		diag_add(l->diag, n->pos, "no base recipe brings the %s \"%s\": did you mean -%s?",
			spec->one, diag_show(name).text, near);
	else
		diag_add(l->diag, n->pos,
			"no base recipe brings the %s \"%s\": only what one brings can be taken away",
			spec->one, diag_show(name).text);
}

static int add_item(struct loader *l, const struct layer *layer, const struct list_spec *spec,
	const struct node *n, struct list *list)
{
	if (!spec->valid(n->text)) {
		diag_add(l->diag, n->pos, "%s \"%s\": allowed is %s", spec->one,
			diag_show(n->text).text, spec->allowed);
		return 0;
	}
	struct found *old = lookup(list, n->text);
	if (old != NULL) {
		if (old->word.layer == layer->name)
			diag_add(l->diag, n->pos, "%s \"%s\" a second time: once is allowed",
				spec->one, diag_show(n->text).text);
		else if (spec->strict)
			diag_add(l->diag, n->pos,
				"%s \"%s\" comes with recipe %s already: name it once", spec->one,
				diag_show(n->text).text, old->word.layer);
		return 0;
	}
	if (list->count == spec->max) {
		diag_add(l->diag, n->pos, "too many %s: at most %zu are allowed", spec->key,
			spec->max);
		return 0;
	}
	struct found f = { { n->text, n->pos, layer->name }, NULL };
	if (spec->find != NULL) {
		if (spec->find(l, layer, n, &f.path) < 0)
			return -1;
		if (f.path == NULL)
			return 0;
	}
	struct found *slot =
		arena_push(l->arena, &list->items, &list->count, &list->cap, sizeof(*slot), l->err);
	if (slot == NULL)
		return -1;
	*slot = f;
	return 0;
}

static int add_layer(struct loader *l, const struct layer *layer, const struct list_spec *spec,
	struct list *list)
{
	const struct node *in =
		spec->section != NULL ? layer_section(layer, spec->section) : layer->root;
	const struct node *n = node_get(in, spec->key);
	if (n == NULL || n->kind != NODE_LIST)
		return 0;
	for (unsigned i = 0; i < n->count; i++) {
		const struct node *item = n->items[i];
		if (item->kind != NODE_SCALAR || node_is_null(item)) {
			diag_add(l->diag, item->pos, "%s is %s: allowed is %s", spec->one,
				node_kind_text(item), spec->allowed);
			continue;
		}
		if (item->text[0] == '-')
			take_away(l, layer, spec, item, list);
		else if (add_item(l, layer, spec, item, list) < 0)
			return -1;
	}
	return 0;
}

static int to_words(struct loader *l, const struct list *list, struct words *ret)
{
	for (size_t i = 0; i < list->count; i++) {
		struct word *w = arena_push(
			l->arena, &ret->list, &ret->count, &ret->cap, sizeof(*w), l->err);
		if (w == NULL)
			return -1;
		*w = list->items[i].word;
	}
	return 0;
}

int layers_lists(struct loader *l)
{
	struct list lists[SPEC_COUNT] = { 0 };
	for (size_t i = 0; i < SPEC_COUNT; i++)
		for (size_t k = l->count; k > 0; k--)
			if (add_layer(l, &l->layers[k - 1], &SPECS[i], &lists[i]) < 0)
				return -1;
	struct recipe *r = l->recipe;
	const struct {
		enum list_id id;
		struct words *to;
	} words[] = {
		{ LIST_PACKAGES, &r->packages },
		{ LIST_SERVICES, &r->services },
		{ IMAGE_PACKAGES, &r->image.packages },
		{ IMAGE_SERVICES, &r->image.services },
		{ IMAGE_MASK, &r->image.mask },
		{ IMAGE_ARGUMENTS, &r->image.arguments },
		{ IMAGE_EXCLUDE, &r->image.exclude },
		{ IMAGE_SETUID, &r->image.setuid },
		{ PUBLISH_ACCOUNTS, &r->publish.accounts },
		{ PUBLISH_ORGANIZATIONS, &r->publish.organizations },
		{ PUBLISH_UNITS, &r->publish.units },
		{ PUBLISH_TEMPLATES, &r->publish.launch_templates },
		{ REFRESH_GROUPS, &r->publish.refresh.groups },
	};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (to_words(l, &lists[words[i].id], words[i].to) < 0)
			return -1;
	r->overlays = lists[LIST_OVERLAYS].items;
	r->overlay_count = lists[LIST_OVERLAYS].count;
	r->parts = lists[LIST_PARTS].items;
	r->part_count = lists[LIST_PARTS].count;
	r->image.overlays = lists[IMAGE_OVERLAYS].items;
	r->image.overlay_count = lists[IMAGE_OVERLAYS].count;
	return 0;
}
