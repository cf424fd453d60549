#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "recipe/layer.h"
#include "recipe/template.h"

#define TAG_KEY_MAX     127
#define TAG_VALUE_MAX   255
#define DESCRIPTION_MAX 255
#define KEEP_MAX        1000
#define DIGITS          "0123456789"
#define HEX             DIGITS "abcdef"
#define LETTERS         "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

const struct key_spec AMI_KEYS[] = {
	{ "name", NODE_SCALAR, false,
		"3 to 128 letters, digits and ()[] ./-'@_ in which _RECIPE_, _ARCH_, _DIGEST_ (12 "
		"digits of the image's content) and _VERSION_ (imgbuild's) are replaced "
		"(_RECIPE_ _ARCH_ _DIGEST_)" },
	{ "description", NODE_SCALAR, false, "one line of ASCII (the recipe's)" },
	{ "encrypted", NODE_SCALAR, false,
		"true or false (as the account has it by default; with kms_key true)" },
	{ "kms_key", NODE_SCALAR, false,
		"a key of the region uploaded to: its id, alias/NAME or ARN (the account's)" },
	{ "volume", NODE_SCALAR, false, "of the root volume, a number with G (the image's size)" },
	{ "tags", NODE_MAP, false, "of the AMI and its snapshot, KEY: VALUE" },
};
const size_t AMI_KEY_COUNT = sizeof(AMI_KEYS) / sizeof(AMI_KEYS[0]);

/* ---- the name ---- */

enum placeholder { NAME_RECIPE, NAME_ARCH, NAME_DIGEST, NAME_VERSION, PLACEHOLDERS };
static const char *const PLACEHOLDER[] = { "_RECIPE_", "_ARCH_", "_DIGEST_", "_VERSION_" };

static const char *placeholder_at(const void *ctx, size_t i)
{
	(void)ctx;
	return PLACEHOLDER[i];
}

int ami_name(const char *template, const char *recipe, enum image_arch arch, const char *digest,
	struct buf *out, struct err *e)
{
	for (const char *p = template; *p != '\0';) {
		size_t i = 0;
		while (i < PLACEHOLDERS && !text_starts(p, PLACEHOLDER[i]))
			i++;
		int rc = i == NAME_RECIPE    ? buf_puts(out, recipe, e)
			 : i == NAME_ARCH    ? buf_puts(out, image_arch_name(arch), e)
			 : i == NAME_DIGEST  ? buf_add(out, digest, 12, e)
			 : i == NAME_VERSION ? buf_puts(out, IMGBUILD_VERSION, e)
					     : buf_putc(out, *p, e);
		if (rc < 0)
			return -1;
		p += i < PLACEHOLDERS ? strlen(PLACEHOLDER[i]) : 1;
	}
	return 0;
}

static bool is_placeholder(const char *word)
{
	for (size_t i = 0; i < PLACEHOLDERS; i++)
		if (strcmp(word, PLACEHOLDER[i]) == 0)
			return true;
	return false;
}

/* What looks like a placeholder and is none. */
static bool stray_placeholder(struct loader *l, const struct node *n, const char *text)
{
	for (const char *p = strchr(text, '_'); p != NULL; p = strchr(p + 1, '_')) {
		size_t len = strspn(p + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZ");
		char word[AMI_NAME_MAX + 1];
		if (len == 0 || p[len + 1] != '_' || len + 3 > sizeof(word))
			continue;
		memcpy(word, p, len + 2);
		word[len + 2] = '\0';
		if (is_placeholder(word)) {
			p += len + 1;
			continue;
		}
		const char *near = text_nearest(word, placeholder_at, NULL, PLACEHOLDERS);
		if (near != NULL)
			diag_add(l->diag, n->pos, "name: %s: did you mean %s?", word, near);
		else
			diag_add(l->diag, n->pos,
				"name: %s is no placeholder: there are _RECIPE_, _ARCH_, _DIGEST_ "
				"and _VERSION_",
				word);
		return true;
	}
	return false;
}

static int read_name(struct loader *l, struct ami *ami)
{
	const struct node *n = section_get(l, "ami", "name", NULL);
	const char *text;
	ami->name = AMI_NAME_DEFAULT;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	ami->name_pos = n->pos;
	if (stray_placeholder(l, n, text))
		return 0;
	cleanup_buf struct buf whole = { 0 };
	if (buf_puts(&whole, "", l->err) < 0 ||
		ami_name(text, l->recipe->name, l->recipe->image.arch, "000000000000", &whole,
			l->err) < 0)
		return -1;
	size_t good = strspn(whole.data, LETTERS DIGITS "()[] ./-'@_");
	if (good < whole.len)
		diag_add(l->diag, n->pos,
			"name \"%s\": allowed are letters, digits and ()[] ./-'@_",
			diag_show(whole.data).text);
	else if (whole.len < AMI_NAME_MIN || whole.len > AMI_NAME_MAX)
		diag_add(l->diag, n->pos, "name \"%s\" has %zu characters: allowed are %d to %d",
			diag_show(whole.data).text, whole.len, AMI_NAME_MIN, AMI_NAME_MAX);
	else if (whole.data[0] == ' ' || whole.data[whole.len - 1] == ' ')
		diag_add(l->diag, n->pos, "name \"%s\": a blank at its end would be lost",
			diag_show(whole.data).text);
	else
		ami->name = text;
	return 0;
}

/* ---- single values ---- */

static int read_description(struct loader *l, struct ami *ami)
{
	const struct node *n = section_get(l, "ami", "description", NULL);
	const char *text;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	for (const char *p = text; *p != '\0'; p++)
		if (*p < ' ' || *p > '~') {
			diag_add(l->diag, n->pos,
				"description \"%s\": allowed is one line of ASCII characters",
				diag_show(text).text);
			return 0;
		}
	if (strlen(text) > DESCRIPTION_MAX)
		diag_add(l->diag, n->pos, "description has %zu characters: at most %d are allowed",
			strlen(text), DESCRIPTION_MAX);
	else
		ami->description = text;
	return 0;
}

/* arn:PARTITION:kms:REGION:ACCOUNT:key/ID or :alias/NAME; the text behind ACCOUNT:, or NULL. */
static const char *kms_arn(const char *text)
{
	const char *p = text;
	if (!text_starts(p, "arn:aws"))
		return NULL;
	p += strcspn(p + 4, ":") + 4;
	if (!text_starts(p, ":kms:"))
		return NULL;
	p += strlen(":kms:");
	size_t region = strcspn(p, ":");
	char name[64];
	if (region >= sizeof(name) || p[region] == '\0')
		return NULL;
	memcpy(name, p, region);
	name[region] = '\0';
	p += region + 1;
	if (!publish_region_valid(name) || strspn(p, DIGITS) != 12 || p[12] != ':')
		return NULL;
	return p + 13;
}

static bool kms_key_valid(const char *text)
{
	const char *p = text;
	if (text_starts(text, "arn:")) {
		p = kms_arn(text);
		if (p == NULL)
			return false;
		if (text_starts(p, "key/"))
			p += strlen("key/");
		else if (!text_starts(p, "alias/"))
			return false;
	}
	if (text_starts(p, "alias/")) {
		size_t len = strspn(p, LETTERS DIGITS "/_-");
		return p[len] == '\0' && len > strlen("alias/") && len <= 256;
	}
	size_t len = strspn(p, HEX "mrk-");
	return p[len] == '\0' && len == 36;
}

int section_kms_key(struct loader *l, const struct node *n, const char **ret)
{
	const char *text;
	*ret = NULL;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	if (kms_key_valid(text))
		*ret = text;
	else
		diag_add(l->diag, n->pos,
			"kms_key \"%s\": allowed is a key's id, alias/NAME, or the ARN of either",
			diag_show(text).text);
	return 0;
}

static int read_encryption(struct loader *l, struct ami *ami)
{
	const struct node *n = section_get(l, "ami", "encrypted", NULL);
	const struct node *key = section_get(l, "ami", "kms_key", NULL);
	const char *text;
	if (section_scalar(l, n, &text) < 0 || section_kms_key(l, key, &ami->kms_key) < 0)
		return -1;
	if (ami->kms_key != NULL)
		ami->encryption = AMI_ENCRYPTED;
	if (text == NULL || text[0] == '\0')
		return 0;
	if (strcmp(text, "true") == 0) {
		ami->encryption = AMI_ENCRYPTED;
	} else if (strcmp(text, "false") != 0) {
		diag_add(l->diag, n->pos, "encrypted \"%s\": allowed is true or false",
			diag_show(text).text);
	} else {
		ami->encryption = AMI_PLAIN;
		if (ami->kms_key != NULL)
			diag_add(l->diag, n->pos,
				"encrypted: false with a kms_key (%s:%u): allowed is either",
				key->pos.file, key->pos.line);
		ami->kms_key = NULL;
	}
	return 0;
}

static int read_volume(struct loader *l, struct ami *ami)
{
	const struct node *n = section_get(l, "ami", "volume", NULL);
	const char *text;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL || text[0] == '\0')
		return 0;
	char digits[16];
	size_t len = strlen(text);
	unsigned long long gib;
	bool good = len >= 2 && len < sizeof(digits) && text[len - 1] == 'G';
	if (good) {
		memcpy(digits, text, len - 1);
		digits[len - 1] = '\0';
	}
	if (!good || !text_number(digits, 1, IMAGE_SIZE_MAX >> 30, &gib))
		diag_add(l->diag, n->pos,
			"volume \"%s\": allowed is a whole number with G, from 1G to %lluG",
			diag_show(text).text, (unsigned long long)(IMAGE_SIZE_MAX >> 30));
	else if (gib << 30 < l->recipe->image.size && l->recipe->image.pos.line > 0)
		diag_add(l->diag, n->pos,
			"volume %s is smaller than the image, which has %lluM: it must hold it",
			text, (unsigned long long)(l->recipe->image.size >> 20));
	else
		ami->volume = gib << 30;
	return 0;
}

/* ---- tags ---- */

/* Characters, or 0 where there is one that a tag may not have (EC2, "Tag restrictions"). */
static bool tag_text(const char *text, size_t max, size_t *ret)
{
	size_t count = 0, left = strlen(text);
	for (const char *p = text; left > 0; count++) {
		size_t len = text_utf8_len(p, left);
		if (len == 0 || (len == 1 && !isalnum((unsigned char)*p) &&
					strchr(" _.:/=+-@", *p) == NULL))
			return false;
		p += len;
		left -= len;
	}
	*ret = count;
	return count <= max;
}

static void bad_tag_key(struct loader *l, const struct node *key)
{
	const char *text = key->text;
	size_t count;
	if (strncasecmp(text, "aws:", 4) == 0 || text_starts(text, "imgbuild:"))
		diag_add(l->diag, key->pos, "tag \"%s\": %.*s: is kept for %s",
			diag_show(text).text, (int)strcspn(text, ":"), text,
			text[0] == 'i' ? "imgbuild's own" : "AWS");
	else if (!tag_text(text, TAG_KEY_MAX, &count) || count == 0)
		diag_add(l->diag, key->pos,
			"tag \"%s\": allowed are 1 to %d letters, digits, blanks and _.:/=+-@",
			diag_show(text).text, TAG_KEY_MAX);
}

static bool tag_key_valid(const char *text)
{
	size_t count;
	return strncasecmp(text, "aws:", 4) != 0 && !text_starts(text, "imgbuild:") &&
	       tag_text(text, TAG_KEY_MAX, &count) && count > 0;
}

static struct ami_tag *find_tag(struct ami *ami, const char *key)
{
	for (size_t i = 0; i < ami->tag_count; i++)
		if (strcmp(ami->tags[i].key, key) == 0)
			return &ami->tags[i];
	return NULL;
}

static int add_tag(struct loader *l, struct ami *ami, const struct node *key, const struct node *n)
{
	const char *value;
	size_t length;
	struct ami_tag *old = find_tag(ami, key->text);
	if (n->kind != NODE_SCALAR) {
		diag_add(l->diag, n->pos, "tag %s is %s: allowed is a text",
			diag_show(key->text).text, node_kind_text(n));
		return 0;
	}
	if (node_is_null(n)) {
		if (old != NULL)
			*old = ami->tags[--ami->tag_count];
		else
			diag_add(l->diag, n->pos,
				"tag %s is empty: no base recipe brings one to be taken away",
				diag_show(key->text).text);
		return 0;
	}
	if (section_scalar(l, n, &value) < 0)
		return -1;
	if (value == NULL)
		return 0;
	if (!tag_text(value, TAG_VALUE_MAX, &length)) {
		diag_add(l->diag, n->pos,
			"tag %s: \"%s\": allowed are at most %d letters, digits, blanks and "
			"_.:/=+-@",
			diag_show(key->text).text, diag_show(value).text, TAG_VALUE_MAX);
		return 0;
	}
	if (old == NULL && ami->tag_count == AMI_TAGS_MAX) {
		diag_add(l->diag, key->pos, "too many tags: at most %d are allowed", AMI_TAGS_MAX);
		return 0;
	}
	if (old == NULL)
		old = &ami->tags[ami->tag_count++];
	*old = (struct ami_tag){ key->text, value, key->pos };
	return 0;
}

static int read_tags(struct loader *l, struct ami *ami)
{
	ami->tags = arena_array(l->arena, AMI_TAGS_MAX, sizeof(*ami->tags), l->err);
	if (ami->tags == NULL)
		return -1;
	for (size_t i = l->count; i > 0; i--) {
		const struct node *tags = layer_section(&l->layers[i - 1], "ami/tags");
		for (unsigned k = 0; tags != NULL && tags->kind == NODE_MAP && k < tags->count; k++)
			if (!tag_key_valid(tags->keys[k]->text))
				bad_tag_key(l, tags->keys[k]);
			else if (add_tag(l, ami, tags->keys[k], tags->items[k]) < 0)
				return -1;
	}
	return 0;
}

static int read_keep(struct loader *l)
{
	struct layer *layer;
	const struct node *n = layers_get(l, "keep", &layer);
	const char *text;
	unsigned long long count;
	l->recipe->keep = AMI_KEEP_DEFAULT;
	if (n == NULL || node_is_null(n))
		return 0;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	if (text_number(text, 1, KEEP_MAX, &count))
		l->recipe->keep = (unsigned)count;
	else
		diag_add(l->diag, n->pos, "keep \"%s\": allowed is a number from 1 to %d",
			diag_show(text).text, KEEP_MAX);
	return 0;
}

int layers_ami(struct loader *l)
{
	struct ami *ami = &l->recipe->ami;
	for (size_t i = l->count; i > 0; i--) {
		const struct node *n = node_get(l->layers[i - 1].root, "ami");
		if (n == NULL || n->kind != NODE_MAP)
			continue;
		node_check_keys(n, "ami", AMI_KEYS, AMI_KEY_COUNT, l->diag);
		ami->pos = n->pos;
	}
	if (read_name(l, ami) < 0 || read_description(l, ami) < 0 || read_encryption(l, ami) < 0 ||
		read_volume(l, ami) < 0 || read_tags(l, ami) < 0)
		return -1;
	return read_keep(l);
}
