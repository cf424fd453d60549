#include <string.h>

#include "base/text.h"
#include "recipe/layer.h"
#include "recipe/template.h"
#include "recipe/var_type.h"

const struct key_spec IMAGE_KEYS[] = {
	{ "base", NODE_MAP, false, "what the root file system starts from: see Base" },
	{ "size", NODE_SCALAR, false, "of the disk: a number with M or G (2G)" },
	{ "arch", NODE_SCALAR, false, "x86_64 (default) or arm64" },
	{ "label", NODE_SCALAR, false, "of the root file system, at most 16 bytes (root)" },
	{ "arguments", NODE_LIST, false, "of the kernel, behind root=; -ARGUMENT" },
	{ "packages", NODE_LIST, false, "packages beside the recipe's own; -NAME" },
	{ "overlays", NODE_LIST, false,
		"folders of files for the image alone, on top of the others; -NAME" },
	{ "modes", NODE_MAP, false, "the same as modes of the recipe, for files of these" },
	{ "services", NODE_LIST, false, "units to enable beside the recipe's own; -NAME" },
	{ "mask", NODE_LIST, false, "units that must never start; -NAME" },
	{ "exclude", NODE_LIST, false,
		"paths with wildcards that packages do not bring, now and when they are upgraded "
		"(dpkg's path-exclude); !PATTERN takes in again, the last that matches wins; "
		"-PATTERN" },
	{ "setuid", NODE_LIST, false,
		"programs that keep setuid and setgid, which all others lose; -PATH" },
};
const size_t IMAGE_KEY_COUNT = sizeof(IMAGE_KEYS) / sizeof(IMAGE_KEYS[0]);

const struct key_spec BASE_KEYS[] = {
	{ "debian", NODE_SCALAR, false,
		"a release, made of packages by mmdebstrap: bookworm or trixie" },
	{ "mirror", NODE_SCALAR, false,
		"where its packages come from (the sources of this machine, else deb.debian.org)" },
	{ "tar", NODE_SCALAR, false,
		"a root file system archive beside the recipe, in any form that libarchive reads" },
};
const size_t BASE_KEY_COUNT = sizeof(BASE_KEYS) / sizeof(BASE_KEYS[0]);

static const char *const SUITES[] = { "bookworm", "trixie" };
#define SUITE_COUNT (sizeof(SUITES) / sizeof(SUITES[0]))
static const struct {
	const char *name, *debian;
} ARCHES[] = { { "x86_64", "amd64" }, { "arm64", "arm64" } };
#define ARCH_COUNT (sizeof(ARCHES) / sizeof(ARCHES[0]))

const char *image_arch_name(enum image_arch arch)
{
	return ARCHES[arch].name;
}

const char *image_arch_debian(enum image_arch arch)
{
	return ARCHES[arch].debian;
}

static int read_size(struct loader *l, struct image *image)
{
	const struct node *n = section_get(l, "image", "size", NULL);
	const char *text;
	image->size = (uint64_t)2 << 30;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	char digits[16];
	size_t len = strlen(text);
	unsigned long long count = 0;
	uint64_t unit = 0;
	if (len >= 2 && len < sizeof(digits)) {
		unit = text[len - 1] == 'G'   ? (uint64_t)1 << 30
		       : text[len - 1] == 'M' ? 1 << 20
					      : 0;
		memcpy(digits, text, len - 1);
		digits[len - 1] = '\0';
	}
	if (unit == 0 || !text_number(digits, 1, IMAGE_SIZE_MAX / unit, &count) ||
		count * unit < IMAGE_SIZE_MIN) {
		diag_add(l->diag, n->pos,
			"size \"%s\": allowed is a whole number with M or G, from 1G to 16384G",
			diag_show(text).text);
		return 0;
	}
	image->size = count * unit;
	return 0;
}

static int read_arch(struct loader *l, struct image *image)
{
	const struct node *n = section_get(l, "image", "arch", NULL);
	const char *text;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < ARCH_COUNT; i++)
		if (strcmp(text, ARCHES[i].name) == 0) {
			image->arch = (enum image_arch)i;
			return 0;
		}
	for (size_t i = 0; i < ARCH_COUNT; i++)
		if (strcmp(text, ARCHES[i].debian) == 0 ||
			(i == IMAGE_ARM64 && strcmp(text, "aarch64") == 0)) {
			diag_add(l->diag, n->pos, "arch \"%s\": it is called %s here",
				diag_show(text).text, ARCHES[i].name);
			return 0;
		}
	diag_add(l->diag, n->pos, "arch \"%s\": allowed is x86_64 or arm64", diag_show(text).text);
	return 0;
}

static int read_label(struct loader *l, struct image *image)
{
	const struct node *n = section_get(l, "image", "label", NULL);
	const char *text;
	image->label = "root";
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	size_t len =
		strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	if (text[len] != '\0' || len == 0 || len > IMAGE_LABEL_MAX)
		diag_add(l->diag, n->pos,
			"label \"%s\": allowed are 1 to %d letters, digits and . _ -",
			diag_show(text).text, IMAGE_LABEL_MAX);
	else
		image->label = text;
	return 0;
}

static const char *suite_at(const void *ctx, size_t i)
{
	(void)ctx;
	return SUITES[i];
}

static void read_suite(
	struct loader *l, struct image *image, const struct node *n, const char *text)
{
	for (size_t i = 0; i < SUITE_COUNT; i++)
		if (strcmp(text, SUITES[i]) == 0) {
			image->base = IMAGE_BASE_DEBIAN;
			image->suite = SUITES[i];
			return;
		}
	const char *near = text_nearest(text, suite_at, NULL, SUITE_COUNT);
	diag_add(l->diag, n->pos, "debian \"%s\": %s%s%s", diag_show(text).text,
		near != NULL ? "did you mean " : "allowed is bookworm or trixie",
		near != NULL ? near : "", near != NULL ? "?" : "");
}

static int read_mirror(struct loader *l, struct image *image, const struct node *n)
{
	static const char *schemes[] = { "https", "http" };
	const char *text;
	if (section_scalar(l, n, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	struct var as = { .name = "mirror",
		.type = VAR_URL,
		.set_at = n->pos,
		.may_be_empty = true,
		.values = schemes,
		.value_count = 2 };
	const char *url = NULL;
	size_t before = diag_total(l->diag);
	if (var_check(&as, text, l->arena, l->diag, &url, l->err) < 0)
		return -1;
	if (diag_total(l->diag) == before && url != NULL && url[0] != '\0')
		image->mirror = url;
	return 0;
}

static int read_base(struct loader *l, struct image *image)
{
	const struct layer *layer = NULL;
	const struct node *n = section_get(l, "image", "base", &layer);
	if (n == NULL) {
		diag_add(l->diag, image->pos,
			"an image without a base: add base: {debian: bookworm}, or base: {tar: PATH}");
		return 0;
	}
	image->base_pos = n->pos;
	if (n->kind != NODE_MAP || !node_check_keys(n, "base", BASE_KEYS, BASE_KEY_COUNT, l->diag))
		return 0;
	const struct node *debian = node_get(n, "debian"), *tar = node_get(n, "tar");
	const struct node *mirror = node_get(n, "mirror");
	if ((debian != NULL) == (tar != NULL) || (tar != NULL && mirror != NULL)) {
		diag_add(l->diag, n->pos,
			"base: allowed is either debian, with or without mirror, or tar");
		return 0;
	}
	const char *text;
	if (section_scalar(l, debian != NULL ? debian : tar, &text) < 0)
		return -1;
	if (text == NULL)
		return 0;
	if (debian != NULL) {
		read_suite(l, image, debian, text);
		return read_mirror(l, image, mirror);
	}
	struct spot spot;
	if (text[0] == '\0') {
		diag_add(l->diag, tar->pos, "tar is empty: name the archive");
		return 0;
	}
	if (find_beside(l, layer->spot, text, &spot) < 0)
		return -1;
	image->base = IMAGE_BASE_TAR;
	image->tar = spot.path;
	return 0;
}

static void check_masked(struct loader *l)
{
	const struct recipe *r = l->recipe;
	const struct words *lists[] = { &r->services, &r->image.services };
	for (size_t m = 0; m < r->image.mask.count; m++)
		for (size_t k = 0; k < 2; k++)
			for (size_t i = 0; i < lists[k]->count; i++)
				if (strcmp(lists[k]->list[i].text, r->image.mask.list[m].text) == 0)
					diag_add(l->diag, r->image.mask.list[m].pos,
						"unit \"%s\" is in services as well: it can be either",
						r->image.mask.list[m].text);
}

int layers_image(struct loader *l)
{
	struct image *image = &l->recipe->image;
	for (size_t i = l->count; i > 0; i--) {
		const struct layer *layer = &l->layers[i - 1];
		const struct node *n = node_get(layer->root, "image");
		if (n == NULL || n->kind != NODE_MAP)
			continue;
		node_check_keys(n, "image", IMAGE_KEYS, IMAGE_KEY_COUNT, l->diag);
		image->pos = n->pos;
		if (layer_modes(l, layer, node_get(n, "modes"), &image->modes) < 0)
			return -1;
	}
	if (image->pos.line == 0)
		return 0;
	if (read_base(l, image) < 0 || read_size(l, image) < 0 || read_arch(l, image) < 0)
		return -1;
	check_masked(l);
	return read_label(l, image);
}
