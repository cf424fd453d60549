#include "ami/find.h"

#include <string.h>

#include "ami/tags.h"

static bool encryption_fits(const struct find_wish *w, bool encrypted)
{
	return w->encryption == AMI_AS_ACCOUNT || (w->encryption == AMI_ENCRYPTED) == encrypted;
}

static bool key_fits(const struct find_wish *w, const char *kms_key)
{
	return w->kms_key == NULL || strcmp(w->kms_key, kms_key) == 0;
}

static const struct ec2_device *root_of(const struct ec2_image *i)
{
	for (size_t k = 0; k < i->device_count; k++)
		if (strcmp(i->devices[k].name, i->root_device) == 0)
			return &i->devices[k];
	return NULL;
}

static bool is_usable(const struct ec2_image *i)
{
	return strcmp(i->state, "available") == 0 || strcmp(i->state, "pending") == 0;
}

static bool image_fits(const struct find_wish *w, const struct ec2_image *i)
{
	const struct ec2_device *root = root_of(i);
	return strcmp(i->architecture, w->architecture) == 0 && root != NULL &&
	       root->gib == w->gib && encryption_fits(w, root->encrypted);
}

/* Why image_fits, or else snapshot_fits, says no; NULL: out of memory. */
static const char *unfit(
	const struct find_wish *w, const struct ec2_image *i, struct arena *a, struct err *e)
{
	const struct ec2_device *root = root_of(i);
	if (strcmp(i->architecture, w->architecture) != 0)
		return arena_printf(a, e, "%s is of this content, but %s and not %s", i->id,
			i->architecture, w->architecture);
	if (root->gib != w->gib)
		return arena_printf(a, e,
			"%s is of this content, but its volume has %llu GiB and not %llu", i->id,
			(unsigned long long)root->gib, (unsigned long long)w->gib);
	if (!encryption_fits(w, root->encrypted))
		return arena_printf(a, e, "%s is of this content, but %sencrypted", i->id,
			root->encrypted ? "" : "not ");
	return arena_printf(a, e, "%s is of this content, but not encrypted with %s", i->id,
		w->kms_key != NULL ? w->kms_key : "the key");
}

/* The key is the snapshot's to tell. */
static int snapshot_fits(struct aws *aws, const struct find_wish *w, const struct ec2_image *i,
	struct arena *a, bool *ret, struct err *e)
{
	const char *id = ec2_image_snapshot(i);
	const struct ec2_find find = { .ids = &id, .id_count = 1 };
	struct ec2_snapshots found;
	*ret = w->kms_key == NULL;
	if (*ret)
		return 0;
	if (ec2_snapshots(aws, w->region, &find, a, &found, e) < 0)
		return -1;
	*ret = found.count > 0 && key_fits(w, found.list[0].kms_key);
	return 0;
}

int find_image(struct aws *aws, const struct find_wish *w, struct arena *a, struct ec2_image *ret,
	const char **ret_unfit, struct err *e)
{
	const struct ec2_filter filters[] = { { "tag:" TAG_RECIPE, w->recipe },
		{ "tag:" TAG_DIGEST, w->digest } };
	const struct ec2_find find = { .filters = filters, .filter_count = 2 };
	struct ec2_images all;
	struct ec2_image best = { 0 };
	const struct ec2_image *near = NULL;
	if (ec2_images(aws, w->region, &find, a, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		const struct ec2_image *image = &all.list[i];
		if (!is_usable(image))
			continue;
		bool fits = image_fits(w, image);
		if (fits && snapshot_fits(aws, w, image, a, &fits, e) < 0)
			return -1;
		/* A copy that is pending does not tell its volumes yet. */
		if (!fits && near == NULL && root_of(image) != NULL)
			near = image;
		/* Newest first; but one that is available at once is better. */
		if (fits && (best.id == NULL || (strcmp(best.state, "available") != 0 &&
							strcmp(image->state, "available") == 0)))
			best = *image;
	}
	const char *why = NULL;
	if (best.id == NULL && near != NULL && (why = unfit(w, near, a, e)) == NULL)
		return -1;
	*ret = best;
	*ret_unfit = why;
	return 0;
}

int find_parent(struct aws *aws, const struct find_wish *w, struct arena *a,
	struct ec2_snapshot *ret, struct err *e)
{
	const struct ec2_filter filters[] = { { "tag:" TAG_RECIPE, w->recipe },
		{ "status", "completed" } };
	const struct ec2_find find = { .filters = filters, .filter_count = 2 };
	struct ec2_snapshots all;
	struct ec2_snapshot best = { 0 };
	if (ec2_snapshots(aws, w->region, &find, a, &all, e) < 0)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		const struct ec2_snapshot *s = &all.list[i];
		const char *digest = ec2_tag(&s->tags, TAG_DIGEST);
		if (strcmp(s->state, "completed") != 0 || ec2_tag(&s->tags, TAG_BLOCKS) == NULL ||
			!encryption_fits(w, s->encrypted) || !key_fits(w, s->kms_key))
			continue;
		if (best.id == NULL)
			best = *s;
		if (digest != NULL && strcmp(digest, w->digest) == 0) {
			best = *s;
			break;
		}
	}
	*ret = best;
	return 0;
}
