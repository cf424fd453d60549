/*
 * What `publish` does with an image that is registered in one region: it comes to all regions of
 * the recipe, is shared, dated and protected there, becomes the value of the region's parameter and
 * the image of launch templates, and the groups are brought to it.
 *
 * First all regions are looked at and a plan is made and told. Then every region is brought to the
 * image, its parameter last, so that what follows it follows only an image that is complete there.
 * A region in which something fails does not hold back the others, and keeps the parameter it had.
 * Then the groups are refreshed, one region after another: when a refresh fails, no other is
 * started, because the image may be why. A second run finds what is missing and does only that.
 */
#ifndef IMGBUILD_AMI_PUBLISH_H
#define IMGBUILD_AMI_PUBLISH_H

#include "ami/launch.h"
#include "ami/publish_plan.h"
#include "ami/refresh.h"
#include "aws/client.h"
#include "base/log.h"
#include "recipe/ami.h"

struct publish_job {
	struct aws *aws;
	const struct publish *publish;
	const char *recipe;
	const char *digest; /* of the image, 64 hexadecimal digits */
	const char *image;  /* in the client's region; NULL with dry_run: it would be made first */
	bool encrypted;     /* the recipe wants it in all regions */
	bool dry_run;
	bool cancel; /* instance refreshes towards something else give way */
	const struct log *log;
	struct buf *scratch;
	struct arena *arena;
	/* `upload: true`: bring the image there as the goal ami does. */
	int (*make)(void *ctx, const char *region, const char *kms_key, const char **ret_image,
		struct err *e);
	/* A region's parameter was changed (before: "" when it was made); to be written down. */
	int (*changed)(void *ctx, const char *region, const char *parameter, const char *before,
		const char *image, struct err *e);
	void *ctx;
};

/* One region. */
struct publish_place {
	const char *region;
	bool home;
	const char *kms_key;
	struct publish_want want;
	const char *image; /* known id; NULL: looked for by digest */
	struct publish_found found;
	struct publish_plan plan;
	struct launch launch;
	struct refresh_group *groups;
	size_t group_count;
	int64_t changed; /* when the parameter was last set */
	bool made;
	bool failed;
	struct err why;
};

struct publish_places {
	struct publish_place *list; /* home first */
	size_t count;
};

/*
 * All of it. ERR_REMOTE: "1 of 3 regions is not done: ..."; what failed was told for each. *ret has
 * the outcome also then (image ids for state.json and --output-env).
 */
must_check int publish_run(const struct publish_job *j, struct publish_places *ret, struct err *e);

/* ---- publish_look.c ---- */

/* The client's region and those of the recipe. */
must_check int publish_places(
	const struct publish_job *j, struct publish_places *ret, struct err *e);
/*
 * Fill p->found and p->plan. `home`: the image that this one should be like; id NULL: there is none
 * yet.
 */
must_check int publish_look(const struct publish_job *j, struct publish_place *p,
	const struct publish_image *home, struct err *e);
/* Launch templates of the recipe that are in the region. */
must_check int publish_look_templates(
	const struct publish_job *j, struct publish_place *p, struct err *e);
/* The error of a template that is VERSION_WRONG. Returns -1. */
int publish_template_wrong(const struct publish_place *p, const struct publish_template *t,
	const struct publish_template_plan *plan, struct err *e);
/* An image by its id; *ret's id is NULL when there is none. */
must_check int publish_find_id(const struct publish_job *j, const char *region, const char *id,
	struct publish_image *ret, struct err *e);

/* ---- publish_image.c ---- */

/* Copies and uploads where they are missing, until all images are available. */
must_check int publish_images(
	const struct publish_job *j, struct publish_places *all, struct err *e);

/* ---- publish_apply.c ---- */

/* All of a place's plan but its image: permissions, dates, templates, and the parameter last. */
must_check int publish_apply(const struct publish_job *j, struct publish_place *p, struct err *e);
/* Point a template's default at the image. */
must_check int publish_apply_template(const struct publish_job *j, const struct publish_place *p,
	const struct publish_template *t, const struct publish_template_plan *plan, struct err *e);
/* Set a place's parameter to its image, and have it written down. */
must_check int publish_apply_parameter(const struct publish_job *j, const struct publish_place *p,
	const char *image, const char *mark, struct err *e);

/* ---- publish_refresh.c ---- */

/* The places' groups, where they did not fail, in order, until one fails. With dry_run only told.
 */
must_check int publish_refreshes(
	const struct publish_job *j, struct publish_places *all, struct err *e);
struct refresh_job publish_refresh_job(
	const struct publish_job *j, const struct publish_place *p, const char *image);

/* ---- publish_say.c ---- */

/* The plan of a place, a line for each step. */
void publish_say_plan(const struct publish_job *j, const struct publish_place *p);
/* Note that a place failed, and tell. Interrupted: -1, everything ends; else 0. */
must_check int publish_fail(
	const struct publish_job *j, struct publish_place *p, const struct err *why, struct err *e);
/* How it ended: 0, or ERR_REMOTE with the list. */
must_check int publish_summary(
	const struct publish_job *j, const struct publish_places *all, struct err *e);

#endif
