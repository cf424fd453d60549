#include <string.h>

#include "ami/gc.h"
#include "ami/tags.h"
#include "aws/ec2_image.h"
#include "aws/ec2_share.h"
#include "base/text.h"

#define GIB ((int64_t)1 << 30)

static int image_of(const struct gc_job *j, const struct gc_region *r, const struct ec2_image *i,
	struct gc_image *ret, struct err *e)
{
	struct ec2_grantee *grantees = NULL;
	size_t count = 0;
	struct gc_image g = { .id = i->id,
		.name = i->name,
		.state = i->state,
		.created = i->created,
		.protected = text_starts(i->protection, "enabled"),
		.cooldown = strcmp(i->protection, "enabled-with-cooldown") == 0,
		.cooling = text_starts(i->protection, "disabled-") };
	g.snapshots = arena_array(j->arena, i->device_count + 1, sizeof(*g.snapshots), e);
	if (g.snapshots == NULL)
		return -1;
	for (size_t k = 0; k < i->device_count; k++) {
		g.size += (int64_t)i->devices[k].gib * GIB;
		if (i->devices[k].snapshot[0] != '\0')
			g.snapshots[g.snapshot_count++] = i->devices[k].snapshot;
	}
	/* One that failed was never shared, and can answer that it is unavailable. */
	if (strcmp(i->state, "available") == 0 &&
		ec2_permissions(j->aws, r->region, i->id, j->arena, &grantees, &count, e) < 0)
		return err_wrap(e, "launch permissions of %s", i->id);
	g.shared = i->everybody || count > 0;
	*ret = g;
	return 0;
}

static bool stands(const struct ec2_images *images, const char *snapshot)
{
	for (size_t i = 0; i < images->count; i++)
		for (size_t k = 0; k < images->list[i].device_count; k++)
			if (strcmp(images->list[i].devices[k].snapshot, snapshot) == 0)
				return true;
	return false;
}

/* What became of the run beside the snapshot. */
static void look_run(const struct ec2_images *images, struct gc_snapshot *s)
{
	for (size_t i = 0; i < images->count; i++) {
		const char *its = ec2_tag(&images->list[i].tags, TAG_RUN);
		if (its == NULL || strcmp(its, s->run) != 0)
			continue;
		s->run_used = true;
		s->coming |= strcmp(images->list[i].state, "pending") == 0;
	}
}

/* Also an image that has not our tags may stand on it. */
static int is_used(const struct gc_job *j, const struct gc_region *r, const char *snapshot,
	bool *ret, struct err *e)
{
	const struct ec2_filter filter = { "block-device-mapping.snapshot-id", snapshot };
	const struct ec2_find find = { .filters = &filter, .filter_count = 1 };
	struct ec2_images found;
	if (ec2_images(j->aws, r->region, &find, j->arena, &found, e) < 0)
		return -1;
	*ret = found.count > 0;
	return 0;
}

static int snapshots(const struct gc_job *j, struct gc_region *r, const struct ec2_images *images,
	const struct ec2_find *find, struct err *e)
{
	struct ec2_snapshots all;
	if (ec2_snapshots(j->aws, r->region, find, j->arena, &all, e) < 0)
		return -1;
	r->snapshots = arena_array(j->arena, all.count + 1, sizeof(*r->snapshots), e);
	if (r->snapshots == NULL)
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		const struct ec2_snapshot *s = &all.list[i];
		const char *run = ec2_tag(&s->tags, TAG_RUN);
		if (stands(images, s->id) || run == NULL)
			continue;
		struct gc_snapshot *g = &r->snapshots[r->snapshot_count++];
		*g = (struct gc_snapshot){ .id = s->id,
			.run = run,
			.state = s->state,
			.started = s->started,
			.size = (int64_t)s->gib * GIB };
		look_run(images, g);
		if (is_used(j, r, s->id, &g->used, e) < 0)
			return -1;
		if (j->journaled != NULL &&
			j->journaled(j->ctx, r->region, s->id, &g->journaled, e) < 0)
			return -1;
		gc_judge_snapshot(g, aws_now(j->aws));
	}
	return 0;
}

int gc_look(const struct gc_job *j, struct gc_region *r, struct err *e)
{
	const struct ec2_filter filter = { "tag:" TAG_RECIPE, j->recipe };
	const struct ec2_find find = { .filters = &filter, .filter_count = 1 };
	struct ec2_images images;
	if (ec2_images(j->aws, r->region, &find, j->arena, &images, e) < 0)
		return -1;
	r->images = arena_array(j->arena, images.count + 1, sizeof(*r->images), e);
	if (r->images == NULL)
		return -1;
	for (size_t i = 0; i < images.count; i++)
		if (image_of(j, r, &images.list[i], &r->images[r->image_count++], e) < 0)
			return -1;
	return snapshots(j, r, &images, &find, e);
}
