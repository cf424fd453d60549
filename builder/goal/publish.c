#include "ami/publish.h"

#include <ctype.h>
#include <string.h>

#include "ami/rollback.h"
#include "ami/state.h"
#include "goal/ami.h"

struct work {
	struct run *run;
	const char *out;
	struct run_ami *ami;
};

static int make(
	void *ctx, const char *region, const char *kms_key, const char **ret_image, struct err *e)
{
	struct work *w = ctx;
	struct made made;
	if (make_image(&w->ami->job, region, kms_key, &made, e) < 0)
		return -1;
	*ret_image = made.image[0] != '\0' ? made.image : NULL;
	return 0;
}

static int changed(void *ctx, const char *region, const char *parameter, const char *before,
	const char *image, struct err *e)
{
	struct work *w = ctx;
	return state_published(w->out, w->run->recipe.name, region, parameter, before, image, e);
}

/* AMI_ID_EU_WEST_1 */
static int put_region(struct run *run, const struct publish_place *p, struct err *e)
{
	char *name = arena_printf(&run->arena, e, "AMI_ID_%s", p->region);
	if (name == NULL)
		return -1;
	for (char *c = name; *c != '\0'; c++)
		*c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
	if (p->home && (run_output_env(run, "AMI_ID", p->image, e) < 0 ||
			       run_output_env(run, "AMI_REGION", p->region, e) < 0))
		return -1;
	return run_output_env(run, name, p->image, e);
}

static int put_env(struct run *run, const struct publish_places *all, struct err *e)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct publish_place *p = &all->list[i];
		if (p->image != NULL && !p->failed && put_region(run, p, e) < 0)
			return -1;
	}
	return 0;
}

/* The recipe's key of the client's own region, when publish names that. */
static const char *home_key(const struct publish *p, const char *region)
{
	for (size_t i = 0; i < p->region_count; i++)
		if (strcmp(p->regions[i].name, region) == 0)
			return p->regions[i].kms_key;
	return NULL;
}

/* Runs a dry run to its end also where no image is built whose copies could be looked for. */
static int image(struct work *w, struct publish_job *job, struct err *e)
{
	const char *region = aws_region(job->aws);
	int rc = run_ami(w->run, job->aws, w->ami, e);
	if (rc != 0 || !w->ami->built)
		return rc;
	job->digest = w->ami->digest.text;
	return make(w, region, home_key(job->publish, region), &job->image, e);
}

static int publish(struct work *w, struct publish_job *job, struct err *e)
{
	struct publish_places all;
	bool rollback = w->run->options->rollback;
	struct err why;
	int rc = rollback ? rollback_run(job, &all, &why) : publish_run(job, &all, &why);
	if (!job->dry_run && put_env(w->run, &all, e) < 0)
		return -1;
	if (rc < 0)
		*e = why;
	return rc;
}

int goal_publish(struct run *run, struct err *e)
{
	cleanup_aws struct aws *aws = NULL;
	cleanup_run_ami struct run_ami ami = RUN_AMI_NONE;
	struct work w = { .run = run, .ami = &ami };
	bool rollback = run->options->rollback;
	/* First, so that a region that nobody said is told before minutes are spent. */
	if (run_aws(run, &aws, e) < 0)
		return -1;
	struct publish_job job = { .aws = aws,
		.publish = &run->recipe.publish,
		.dry_run = run->options->dry_run,
		.cancel = rollback,
		.log = &run->log,
		.scratch = &run->scratch,
		.arena = &run->arena,
		.make = make,
		.changed = changed,
		.ctx = &w };
	if (run_load(run, e) < 0 || run_problems(run, e) < 0)
		return -1;
	if (run->recipe.publish.pos.line == 0)
		return err_set(e, ERR_INPUT, 0,
			"%s: no publish section, which says where and to whom the AMI is made known",
			run->options->recipe);
	w.out = run_out(run, e);
	if (w.out == NULL)
		return -1;
	int rc = rollback ? 0 : image(&w, &job, e);
	if (rc != 0)
		return rc;
	job.recipe = run->recipe.name;
	job.encrypted = run->recipe.ami.encryption == AMI_ENCRYPTED;
	return publish(&w, &job, e);
}
