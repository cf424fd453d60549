#include <string.h>

#include "base/text.h"
#include "recipe/layer.h"

const struct key_spec MODE_KEYS[] = {
	{ "mode", NODE_SCALAR, false, "permission bits, three or four octal digits" },
	{ "owner", NODE_SCALAR, false, "user name; root when not said" },
	{ "group", NODE_SCALAR, false, "group name; root when not said" },
	{ "original", NODE_SCALAR, false,
		"keep: what lies there on the hub is moved to PATH.orig before" },
};
const size_t MODE_KEY_COUNT = sizeof(MODE_KEYS) / sizeof(MODE_KEYS[0]);

/* /a/b, or /a/b with a slash and a star behind it; no empty part, no dots alone. */
static bool path_valid(const char *text)
{
	size_t len = strlen(text);
	if (text[0] != '/' || len > 1024)
		return false;
	for (const char *part = text; *part != '\0';) {
		part++;
		size_t n = strcspn(part, "/");
		bool star = n == 1 && part[0] == '*' && part[1] == '\0' && part - text > 1;
		if (n == 0 || (n == 1 && part[0] == '.') ||
			(n == 2 && part[0] == '.' && part[1] == '.'))
			return false;
		if (memchr(part, '*', n) != NULL && !star)
			return false;
		part += n;
	}
	return len > 1;
}

static bool octal(const char *text, unsigned *ret)
{
	size_t len = strspn(text, "01234567");
	if (text[len] != '\0' || len < 3 || len > 4)
		return false;
	unsigned v = 0;
	for (size_t i = 0; i < len; i++)
		v = v * 8 + (unsigned)(text[i] - '0');
	*ret = v;
	return true;
}

/* useradd(8) */
static bool user_valid(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_-");
	return text[len] == '\0' && len > 0 && len <= 32 &&
	       (text[0] == '_' || (text[0] >= 'a' && text[0] <= 'z'));
}

static bool read_user(const struct node *n, const char *key, const char **ret, struct diag *d)
{
	if (n == NULL)
		return true;
	if (!user_valid(n->text)) {
		diag_add(d, n->pos,
			"%s \"%s\": allowed are a-z, 0-9, _ and -, a letter or _ first, at most 32",
			key, diag_show(n->text).text);
		return false;
	}
	*ret = n->text;
	return true;
}

static bool read_rule(const struct node *n, struct mode_rule *rule, struct diag *d)
{
	const struct node *mode = node_get(n, "mode"), *original = node_get(n, "original");
	bool good = true;
	if (mode != NULL && !octal(mode->text, &rule->mode)) {
		diag_add(d, mode->pos,
			"mode \"%s\": allowed are three or four octal digits, like 0600",
			diag_show(mode->text).text);
		good = false;
	}
	rule->has_mode = mode != NULL;
	good &= read_user(node_get(n, "owner"), "owner", &rule->owner, d);
	good &= read_user(node_get(n, "group"), "group", &rule->group, d);
	if (original != NULL && strcmp(original->text, "keep") != 0) {
		diag_add(d, original->pos, "original \"%s\": allowed is keep",
			diag_show(original->text).text);
		good = false;
	}
	rule->keep_original = original != NULL;
	if (n->count == 0) {
		diag_add(d, n->pos,
			"a rule that says nothing: allowed are mode, owner, group, original");
		good = false;
	}
	return good;
}

int layer_modes(struct loader *l, const struct layer *layer, const struct node *modes,
	struct mode_rules *rules)
{
	if (modes == NULL || modes->kind != NODE_MAP)
		return 0;
	for (unsigned i = 0; i < modes->count; i++) {
		const struct node *key = modes->keys[i];
		struct mode_rule rule = {
			.path = key->text, .pos = key->pos, .layer = layer->name
		};
		if (!path_valid(key->text)) {
			diag_add(l->diag, key->pos,
				"path \"%s\": allowed is an absolute path, or /FOLDER/* for all "
				"below",
				diag_show(key->text).text);
			continue;
		}
		if (!node_check_keys(
			    modes->items[i], "mode rule", MODE_KEYS, MODE_KEY_COUNT, l->diag) ||
			!read_rule(modes->items[i], &rule, l->diag))
			continue;
		if (rules->count == MODES_MAX) {
			diag_add(l->diag, key->pos, "too many mode rules: at most %d are allowed",
				MODES_MAX);
			return 0;
		}
		struct mode_rule *slot = arena_push(
			l->arena, &rules->list, &rules->count, &rules->cap, sizeof(*slot), l->err);
		if (slot == NULL)
			return -1;
		*slot = rule;
	}
	return 0;
}
