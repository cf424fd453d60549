#include <string.h>

#include "base/text.h"
#include "recipe/layer.h"

#define DAYS_MAX    3650 /* EC2 takes a date at most 10 years away */
#define WARMUP_MAX  86400
#define DELAY_MAX   172800
#define HEALTHY_MAX 200

const struct key_spec PUBLISH_KEYS[] = {
	{ "regions", NODE_MAP, false, "those beside the one uploaded to, by name: see Region" },
	{ "accounts", NODE_LIST, false, "ids of accounts that may launch it; -ID" },
	{ "organizations", NODE_LIST, false, "ARNs of organizations that may launch it; -ARN" },
	{ "units", NODE_LIST, false, "ARNs of organizational units that may launch it; -ARN" },
	{ "public", NODE_SCALAR, false,
		"\"" AMI_PUBLIC_WORDS "\", in these words; else it is not public" },
	{ "deprecate_after", NODE_SCALAR, false, "a number of days with d (90d)" },
	{ "protect", NODE_SCALAR, false, "from deregistration: true, false, with_cooldown" },
	{ "parameter", NODE_SCALAR, false,
		"an SSM parameter that will hold the AMI's id, for launch templates that say "
		"resolve:ssm:" },
	{ "launch_templates", NODE_LIST, false,
		"ids of launch templates that get a new version with the AMI; -ID" },
	{ "refresh", NODE_MAP, false, "the groups whose instances are replaced: see Refresh" },
};
const size_t PUBLISH_KEY_COUNT = sizeof(PUBLISH_KEYS) / sizeof(PUBLISH_KEYS[0]);

const struct key_spec REGION_KEYS[] = {
	{ "kms_key", NODE_SCALAR, false,
		"a key of that region: its id, alias/NAME or ARN; the copy is encrypted with it" },
	{ "parameter", NODE_SCALAR, false, "another SSM parameter than publish has" },
	{ "upload", NODE_SCALAR, false, "true: sent there instead of copied" },
};
const size_t REGION_KEY_COUNT = sizeof(REGION_KEYS) / sizeof(REGION_KEYS[0]);

const struct key_spec REFRESH_KEYS[] = {
	{ "groups", NODE_LIST, false, "names of Auto Scaling groups; -NAME" },
	{ "min_healthy", NODE_SCALAR, false,
		"per cent of the wanted capacity that must stay in service (100)" },
	{ "max_healthy", NODE_SCALAR, false,
		"per cent that it may grow to meanwhile, at most 100 above min_healthy" },
	{ "warmup", NODE_SCALAR, false, "seconds until an instance counts (the group's)" },
	{ "checkpoints", NODE_LIST, false, "per cent at which it waits, rising, the last 100" },
	{ "checkpoint_delay", NODE_SCALAR, false, "seconds that it waits there" },
};
const size_t REFRESH_KEY_COUNT = sizeof(REFRESH_KEYS) / sizeof(REFRESH_KEYS[0]);

static int read_parameter(struct loader *l, const struct node *n, const char **ret)
{
	const char *text;
	*ret = NULL;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	const char *wrong = publish_parameter_wrong(text);
	if (wrong != NULL)
		diag_add(l->diag, n->pos, "parameter \"%s\": %s", diag_show(text).text, wrong);
	else
		*ret = text;
	return 0;
}

/* One of some words: *ret its place, from 0; not changed where nothing is said. */
static int read_choice(struct loader *l, const struct node *n, const char *key,
	const char *const *choices, const char *allowed, size_t *ret)
{
	const char *text;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	for (size_t i = 0; choices[i] != NULL; i++)
		if (strcmp(text, choices[i]) == 0) {
			*ret = i;
			return 0;
		}
	diag_add(l->diag, n->pos, "%s \"%s\": allowed is %s", key, diag_show(text).text, allowed);
	return 0;
}

static int read_number(struct loader *l, const char *section, const char *key, unsigned low,
	unsigned high, unsigned *ret)
{
	const struct node *n = section_get(l, section, key, NULL);
	const char *text;
	unsigned long long value;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	if (text_number(text, low, high, &value))
		*ret = (unsigned)value;
	else
		diag_add(l->diag, n->pos, "%s \"%s\": allowed is a whole number from %u to %u", key,
			diag_show(text).text, low, high);
	return 0;
}

/* ---- regions ---- */

static struct publish_region *find_region(struct publish *p, const char *name)
{
	for (size_t i = 0; i < p->region_count; i++)
		if (strcmp(p->regions[i].name, name) == 0)
			return &p->regions[i];
	return NULL;
}

static int read_region(struct loader *l, const struct node *n, struct publish_region *ret)
{
	static const char *const words[] = { "false", "true", NULL };
	size_t upload = 0;
	if (n->kind == NODE_SCALAR && node_is_null(n))
		return 0;
	if (!node_check_keys(n, "region", REGION_KEYS, REGION_KEY_COUNT, l->diag))
		return 0;
	const struct node *key = node_get(n, "kms_key");
	if (section_kms_key(l, key, &ret->kms_key) < 0 ||
		read_parameter(l, node_get(n, "parameter"), &ret->parameter) < 0 ||
		read_choice(l, node_get(n, "upload"), "upload", words, "true or false", &upload) <
			0)
		return -1;
	ret->upload = upload > 0;
	if (ret->kms_key != NULL && text_starts(ret->kms_key, "arn:")) {
		const char *region = strstr(ret->kms_key, ":kms:") + strlen(":kms:");
		size_t len = strlen(ret->name);
		if (strncmp(region, ret->name, len) != 0 || region[len] != ':')
			diag_add(l->diag, key->pos, "kms_key of region %.*s: one of %s is needed",
				(int)strcspn(region, ":"), region, ret->name);
	}
	return 0;
}

static int add_region(
	struct loader *l, struct publish *p, const struct node *key, const struct node *n)
{
	bool away = key->text[0] == '-';
	const char *name = key->text + away;
	struct publish_region *old = find_region(p, name);
	struct publish_region region = { .name = name, .pos = key->pos };
	if (!publish_region_valid(name)) {
		diag_add(l->diag, key->pos, "region \"%s\": allowed is a name like eu-west-1",
			diag_show(name).text);
		return 0;
	}
	if (away) {
		if (old != NULL)
			*old = p->regions[--p->region_count];
		else
			diag_add(l->diag, key->pos,
				"no base recipe brings the region %s: only what one brings can be "
				"taken away",
				name);
		return 0;
	}
	if (read_region(l, n, &region) < 0)
		return -1;
	if (old == NULL && p->region_count == AMI_REGIONS_MAX) {
		diag_add(l->diag, key->pos, "too many regions: at most %d are allowed",
			AMI_REGIONS_MAX);
		return 0;
	}
	if (old == NULL)
		old = &p->regions[p->region_count++];
	*old = region;
	return 0;
}

static int read_regions(struct loader *l, struct publish *p)
{
	p->regions = arena_array(l->arena, AMI_REGIONS_MAX, sizeof(*p->regions), l->err);
	if (p->regions == NULL)
		return -1;
	for (size_t i = l->count; i > 0; i--) {
		const struct node *n = layer_section(&l->layers[i - 1], "publish/regions");
		for (unsigned k = 0; n != NULL && n->kind == NODE_MAP && k < n->count; k++)
			if (add_region(l, p, n->keys[k], n->items[k]) < 0)
				return -1;
	}
	return 0;
}

/* ---- who may launch it ---- */

static int read_public(struct loader *l, struct publish *p)
{
	const struct node *n = section_get(l, "publish", "public", NULL);
	const char *text;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	if (strcmp(text, AMI_PUBLIC_WORDS) != 0) {
		diag_add(l->diag, n->pos,
			"public \"%s\": allowed is \"" AMI_PUBLIC_WORDS
			"\", in these words, or no such key",
			diag_show(text).text);
		return 0;
	}
	p->everybody = true;
	bool encrypted = l->recipe->ami.encryption == AMI_ENCRYPTED;
	for (size_t i = 0; i < p->region_count; i++)
		encrypted = encrypted || p->regions[i].kms_key != NULL;
	if (encrypted)
		diag_add(l->diag, n->pos,
			"public with an encrypted image: EC2 lets nobody else launch that");
	return 0;
}

static int read_days(struct loader *l, struct publish *p)
{
	const struct node *n = section_get(l, "publish", "deprecate_after", NULL);
	const char *text;
	char digits[16];
	unsigned long long days;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	size_t len = strlen(text);
	bool good = len >= 2 && len < sizeof(digits) && text[len - 1] == 'd';
	if (good) {
		memcpy(digits, text, len - 1);
		digits[len - 1] = '\0';
	}
	if (good && text_number(digits, 1, DAYS_MAX, &days))
		p->deprecate_days = (unsigned)days;
	else
		diag_add(l->diag, n->pos,
			"deprecate_after \"%s\": allowed is a number of days with d, from 1d to "
			"%dd",
			diag_show(text).text, DAYS_MAX);
	return 0;
}

/* ---- refresh ---- */

static void read_checkpoints(struct loader *l, struct publish_refresh *r)
{
	const struct node *n = section_get(l, "publish/refresh", "checkpoints", NULL);
	const size_t max = sizeof(r->checkpoints) / sizeof(r->checkpoints[0]);
	if (n == NULL || n->kind != NODE_LIST || n->count == 0)
		return;
	if (n->count > max) {
		diag_add(l->diag, n->pos, "too many checkpoints: at most %zu are allowed", max);
		return;
	}
	unsigned before = 0;
	for (unsigned i = 0; i < n->count; i++) {
		const struct node *item = n->items[i];
		unsigned long long value;
		if (item->kind != NODE_SCALAR || !text_number(item->text, 1, 100, &value)) {
			diag_add(l->diag, item->pos,
				"checkpoint \"%s\": allowed is a whole number from 1 to 100",
				diag_show(item->text).text);
			return;
		}
		if (value <= before) {
			diag_add(l->diag, item->pos, "checkpoint %llu behind %u: they have to rise",
				value, before);
			return;
		}
		before = (unsigned)value;
		r->checkpoints[i] = before;
	}
	if (before != 100)
		diag_add(l->diag, n->items[n->count - 1]->pos,
			"the last checkpoint is %u: it has to be 100, or the rest is not replaced",
			before);
	r->checkpoint_count = n->count;
}

/* Somebody tried to say what the groups hear of, and has been told what is wrong with it. */
static bool source_is_wrong(struct loader *l, const struct publish *p)
{
	const struct node *n = section_get(l, "publish", "parameter", NULL);
	if (n != NULL && !node_is_null(n) && p->parameter == NULL &&
		(n->kind != NODE_SCALAR || n->text[0] != '\0'))
		return true;
	for (size_t i = 0; i < l->count; i++) {
		n = layer_section(&l->layers[i], "publish/launch_templates");
		for (unsigned k = 0; n != NULL && n->kind == NODE_LIST && k < n->count; k++) {
			const struct node *id = n->items[k];
			if (id->kind != NODE_SCALAR ||
				(id->text[0] != '-' && !publish_template_valid(id->text)))
				return true;
		}
	}
	return false;
}

static int read_refresh(struct loader *l, struct publish *p)
{
	static const char S[] = "publish/refresh";
	struct publish_refresh *r = &p->refresh;
	size_t before = diag_total(l->diag);
	for (size_t i = l->count; i > 0; i--) {
		const struct node *n = layer_section(&l->layers[i - 1], S);
		if (n == NULL || n->kind != NODE_MAP)
			continue;
		node_check_keys(n, "refresh", REFRESH_KEYS, REFRESH_KEY_COUNT, l->diag);
		r->pos = n->pos;
	}
	r->min_healthy = 100;
	if (r->pos.line == 0)
		return 0;
	if (read_number(l, S, "min_healthy", 0, 100, &r->min_healthy) < 0 ||
		read_number(l, S, "max_healthy", 100, HEALTHY_MAX, &r->max_healthy) < 0 ||
		read_number(l, S, "warmup", 0, WARMUP_MAX, &r->warmup) < 0 ||
		read_number(l, S, "checkpoint_delay", 0, DELAY_MAX, &r->checkpoint_delay) < 0)
		return -1;
	read_checkpoints(l, r);
	if (r->max_healthy > r->min_healthy + 100)
		diag_add(l->diag, section_get(l, S, "max_healthy", NULL)->pos,
			"max_healthy %u is more than 100 above min_healthy, %u: EC2 Auto Scaling "
			"takes no more",
			r->max_healthy, r->min_healthy);
	if (r->checkpoint_delay > 0 && r->checkpoint_count == 0)
		diag_add(l->diag, section_get(l, S, "checkpoint_delay", NULL)->pos,
			"checkpoint_delay without checkpoints: there is nowhere to wait");
	if (diag_total(l->diag) != before)
		return 0;
	if (r->groups.count == 0)
		diag_add(l->diag, r->pos, "refresh without groups: name those to replace");
	else if (p->parameter == NULL && p->launch_templates.count == 0 && !source_is_wrong(l, p))
		diag_add(l->diag, r->pos,
			"refresh with neither parameter nor launch_templates: the groups would not "
			"hear of the new image");
	return 0;
}

int layers_publish(struct loader *l)
{
	static const char *const words[] = { "false", "true", "with_cooldown", NULL };
	struct publish *p = &l->recipe->publish;
	for (size_t i = l->count; i > 0; i--) {
		const struct node *n = node_get(l->layers[i - 1].root, "publish");
		if (n == NULL || n->kind != NODE_MAP)
			continue;
		node_check_keys(n, "publish", PUBLISH_KEYS, PUBLISH_KEY_COUNT, l->diag);
		p->pos = n->pos;
	}
	size_t protect = PROTECT_NO;
	if (read_regions(l, p) < 0 || read_public(l, p) < 0 || read_days(l, p) < 0 ||
		read_parameter(l, section_get(l, "publish", "parameter", NULL), &p->parameter) <
			0 ||
		read_choice(l, section_get(l, "publish", "protect", NULL), "protect", words,
			"true, false or with_cooldown", &protect) < 0)
		return -1;
	p->protect = (enum publish_protection)protect;
	return read_refresh(l, p);
}
