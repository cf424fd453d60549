#include "base/json.h"
#include "disk/disk.h"

/* Raised when the same inputs become another image than before. */
#define DISK_VERSION 1

static void words_of(const struct words *w, const char **list, size_t *count)
{
	for (size_t i = 0; i < w->count; i++)
		list[(*count)++] = w->list[i].text;
}

int disk_base_request(
	const struct recipe *r, struct arena *a, struct base_request *ret, struct err *e)
{
	const struct image *image = &r->image;
	if (image->base == IMAGE_BASE_TAR) {
		*ret = (struct base_request){ .kind = BASE_TAR, .tar = image->tar };
		return 0;
	}
	size_t most = r->packages.count + image->packages.count;
	const char **packages = arena_array(a, most + 1, sizeof(*packages), e);
	const char **excludes = arena_array(a, image->exclude.count + 1, sizeof(*excludes), e);
	if (packages == NULL || excludes == NULL)
		return -1;
	*ret = (struct base_request){ .kind = BASE_DEBIAN,
		.suite = image->suite,
		.arch = image_arch_debian(image->arch),
		.mirror = image->mirror,
		.packages = packages,
		.excludes = excludes };
	words_of(&r->packages, packages, &ret->package_count);
	words_of(&image->packages, packages, &ret->package_count);
	words_of(&image->exclude, excludes, &ret->exclude_count);
	return 0;
}

static void put_words(struct json *j, const char *key, const struct words *w)
{
	json_open(j, key, '[');
	for (size_t i = 0; i < w->count; i++)
		json_str(j, NULL, w->list[i].text);
	json_close(j, ']');
}

static void put_tree(struct json *j, const char *key, const struct tree *t)
{
	json_open(j, key, '[');
	for (size_t i = 0; i < t->count; i++) {
		const struct entry *entry = &t->list[i];
		struct sha256 digest = sha256_of(entry->data, entry->size);
		json_open(j, NULL, '[');
		json_str(j, NULL, entry->path);
		json_int(j, NULL, entry->kind);
		json_int(j, NULL, entry->mode);
		json_str(j, NULL, entry->owner);
		json_str(j, NULL, entry->group);
		json_bool(j, NULL, entry->keep_original);
		json_str(j, NULL, sha256_text(&digest).text);
		json_close(j, ']');
	}
	json_close(j, ']');
}

int disk_inputs(const struct disk_request *q, struct sha256 *ret, struct err *e)
{
	const struct recipe *r = q->recipe;
	const struct image *image = &r->image;
	cleanup_buf struct buf text = { 0 };
	struct json j = json_to(&text, 0);
	json_open(&j, NULL, '{');
	json_int(&j, "format", DISK_VERSION);
	json_str(&j, "tool", IMGBUILD_VERSION);
	json_str(&j, "recipe", r->name);
	json_str(&j, "base", sha256_text(&q->base->digest).text);
	json_int(&j, "epoch", q->base->has_epoch ? (long long)q->base->epoch : -1);
	json_int(&j, "size", (long long)image->size);
	json_str(&j, "arch", image_arch_name(image->arch));
	json_str(&j, "label", image->label);
	put_words(&j, "packages", &r->packages);
	put_words(&j, "image_packages", &image->packages);
	put_words(&j, "services", &r->services);
	put_words(&j, "image_services", &image->services);
	put_words(&j, "mask", &image->mask);
	put_words(&j, "arguments", &image->arguments);
	put_words(&j, "exclude", &image->exclude);
	put_words(&j, "setuid", &image->setuid);
	put_tree(&j, "files", q->tree);
	put_tree(&j, "image_files", q->image);
	json_close(&j, '}');
	if (json_end(&j, e) < 0)
		return -1;
	*ret = sha256_of(text.data, text.len);
	return 0;
}
