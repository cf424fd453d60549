#include <string.h>

#include "ami/publish.h"
#include "aws/ec2_copy.h"
#include "aws/ec2_image.h"
#include "aws/ec2_remove.h"

#define POLL_FIRST       1000 /* milliseconds */
#define POLL_LONGEST     15000
#define UNKNOWN_PATIENCE 120000

static void event(const struct publish_job *j, const struct publish_place *p, const char *name)
{
	struct json event = log_event(j->log, j->scratch, name);
	json_str(&event, "region", p->region);
	json_str(&event, "image", p->image);
	log_event_end(j->log, &event);
}

/* A copy of an image that is still pending is refused. */
static int wait_available(const struct publish_job *j, struct publish_place *p, struct err *e)
{
	int64_t pause = POLL_FIRST, start = aws_clock(j->aws);
	if (!p->plan.wait)
		return 0;
	log_say(j->log, "  %-14s waiting for %s", p->region, p->image);
	for (;;) {
		struct publish_image now;
		if (publish_find_id(j, p->region, p->image, &now, e) < 0)
			return -1;
		if (now.id != NULL && strcmp(now.state, "available") == 0) {
			p->plan.wait = false;
			p->found.image = now;
			event(j, p, "available");
			return 0;
		}
		if (now.id != NULL && strcmp(now.state, "pending") != 0)
			return err_set(e, ERR_REMOTE, 0, "%s became %s instead of available",
				p->image, now.state);
		if (now.id == NULL && aws_clock(j->aws) - start > UNKNOWN_PATIENCE)
			return err_set(e, ERR_REMOTE, 0, "there is no image %s", p->image);
		if (aws_sleep(j->aws, pause, e) < 0)
			return err_wrap(e, "%s is pending", p->image);
		pause = pause * 2 < POLL_LONGEST ? pause * 2 : POLL_LONGEST;
	}
}

static int copy_tags(
	const struct ec2_image *source, struct ec2_copy *c, struct arena *a, struct err *e)
{
	struct ec2_copy_tag *tags = arena_array(a, source->tags.count + 1, sizeof(*tags), e);
	if (tags == NULL)
		return -1;
	c->tags = tags;
	for (size_t i = 0; i < source->tags.count; i++)
		if (strncmp(source->tags.list[i].key, "aws:", 4) != 0)
			tags[c->tag_count++] = (struct ec2_copy_tag){ source->tags.list[i].key,
				source->tags.list[i].value };
	return 0;
}

static int remove_failed(const struct publish_job *j, const struct publish_place *p, struct err *e)
{
	if (p->found.failed == NULL)
		return 0;
	log_say(j->log, "  %-14s removing %s, a copy that failed", p->region, p->found.failed);
	return ec2_image_remove(j->aws, p->region, p->found.failed, NULL, 0, false, j->arena, e);
}

static int copy(const struct publish_job *j, const struct publish_place *home,
	const struct ec2_image *source, struct publish_place *p, struct err *e)
{
	struct ec2_copy c = { .source_region = home->region,
		.source_image = home->image,
		.name = source->name,
		.description = source->description[0] != '\0' ? source->description : NULL,
		.encrypted = j->encrypted,
		.kms_key = p->kms_key,
		.instead_of = p->found.failed };
	if (copy_tags(source, &c, j->arena, e) < 0)
		return -1;
	if (!j->dry_run && remove_failed(j, p, e) < 0)
		return -1;
	if (ec2_copy_image(j->aws, p->region, &c, j->dry_run, j->arena, &p->image, e) < 0)
		return -1;
	if (j->dry_run) {
		p->image = NULL;
		return 0;
	}
	p->made = p->plan.wait = true;
	log_say(j->log, "  %-14s copying %s of %s to %s", p->region, home->image, home->region,
		p->image);
	event(j, p, "copy");
	return 0;
}

static int make(const struct publish_job *j, struct publish_place *p, struct err *e)
{
	if (j->dry_run)
		return 0;
	if (remove_failed(j, p, e) < 0 || j->make(j->ctx, p->region, p->kms_key, &p->image, e) < 0)
		return -1;
	p->made = p->plan.wait = true;
	return 0;
}

/* What home cannot give, no region can copy. */
static int no_source(const struct publish_place *home, const struct publish_place *p, struct err *e)
{
	return err_set(
		e, ERR_REMOTE, 0, "there is no image in %s to copy to %s", home->region, p->region);
}

static int source_of(const struct publish_job *j, const struct publish_place *home,
	const struct ec2_image **ret, struct err *e)
{
	*ret = NULL;
	if (home->failed || home->image == NULL)
		return 0;
	const struct ec2_find find = { .ids = &home->image, .id_count = 1 };
	struct ec2_images found;
	if (ec2_images(j->aws, home->region, &find, j->arena, &found, e) < 0)
		return -1;
	if (found.count > 0)
		*ret = &found.list[0];
	return 0;
}

static int start_copies(const struct publish_job *j, struct publish_places *all, struct err *e)
{
	struct publish_place *home = &all->list[0];
	const struct ec2_image *source = NULL;
	struct err why;
	bool wanted = false;
	for (size_t i = 1; i < all->count; i++)
		wanted |= !all->list[i].failed && all->list[i].plan.make == MAKE_COPY;
	if (!wanted || (j->dry_run && home->image == NULL))
		return 0;
	if (!home->failed && !j->dry_run && wait_available(j, home, &why) < 0 &&
		publish_fail(j, home, &why, e) < 0)
		return -1;
	if (source_of(j, home, &source, e) < 0)
		return -1;
	for (size_t i = 1; i < all->count; i++) {
		struct publish_place *p = &all->list[i];
		if (p->failed || p->plan.make != MAKE_COPY)
			continue;
		int rc = source != NULL ? copy(j, home, source, p, &why) : no_source(home, p, &why);
		if (rc < 0 && publish_fail(j, p, &why, e) < 0)
			return -1;
	}
	return 0;
}

/* The copies go on in AWS while this machine uploads. */
static int uploads(const struct publish_job *j, struct publish_places *all, struct err *e)
{
	for (size_t i = 0; i < all->count; i++) {
		struct publish_place *p = &all->list[i];
		struct err why;
		if (!p->failed && p->plan.make == MAKE_UPLOAD && make(j, p, &why) < 0 &&
			publish_fail(j, p, &why, e) < 0)
			return -1;
	}
	return 0;
}

int publish_images(const struct publish_job *j, struct publish_places *all, struct err *e)
{
	if (start_copies(j, all, e) < 0 || uploads(j, all, e) < 0)
		return -1;
	for (size_t i = 0; i < all->count && !j->dry_run; i++) {
		struct publish_place *p = &all->list[i];
		struct err why;
		if (p->failed)
			continue;
		/* What was made is looked at again: the plan of what it still needs. */
		int rc = wait_available(j, p, &why);
		if (rc == 0 && p->made)
			rc = publish_look(j, p, &all->list[0].found.image, &why);
		if (rc < 0 && publish_fail(j, p, &why, e) < 0)
			return -1;
	}
	return 0;
}
