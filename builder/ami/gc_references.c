#include <ctype.h>
#include <string.h>

#include "ami/gc.h"
#include "ami/launch.h"
#include "ami/rollback_plan.h"
#include "aws/autoscaling.h"
#include "aws/ec2_instance.h"
#include "aws/ssm.h"

struct look {
	const struct gc_job *job;
	struct gc_region *region;
	struct launch launch;
};

static bool is_candidate(const struct gc_region *r, const char *image)
{
	for (size_t i = 0; i < r->image_count; i++)
		if (strcmp(r->images[i].id, image) == 0)
			return true;
	return false;
}

/* `by` lives in the arena; NULL is its failure. */
static int refer(struct look *l, const char *image, const char *by, struct err *e)
{
	struct gc_region *r = l->region;
	if (by == NULL)
		return -1;
	if (!is_candidate(r, image))
		return 0;
	struct gc_reference *x = arena_push(l->job->arena, &r->references, &r->reference_count,
		&r->reference_cap, sizeof(*x), e);
	if (x == NULL)
		return -1;
	*x = (struct gc_reference){ .image = image, .by = by };
	return 0;
}

static int instances(struct look *l, struct err *e)
{
	const struct gc_region *r = l->region;
	struct arena *a = l->job->arena;
	const char **ids = arena_array(a, r->image_count + 1, sizeof(*ids), e);
	struct ec2_instance *list;
	size_t count;
	if (ids == NULL)
		return -1;
	for (size_t i = 0; i < r->image_count; i++)
		ids[i] = r->images[i].id;
	if (ec2_instances(l->job->aws, r->region, "image-id", ids, r->image_count, a, &list, &count,
		    e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (refer(l, list[i].image, arena_printf(a, e, "instance %s", list[i].id), e) < 0)
			return -1;
	return 0;
}

static int versions(struct look *l, const struct publish_template *t, struct err *e)
{
	struct arena *a = l->job->arena;
	for (size_t i = 0; i < t->version_count; i++) {
		const struct ec2_template_version *v = &t->versions[i];
		const char *image;
		if (launch_resolve(&l->launch, v->image, &image, e) < 0 ||
			refer(l, image,
				arena_printf(a, e, "launch template %s version %lld",
					t->template.name, (long long)v->number),
				e) < 0)
			return -1;
	}
	return 0;
}

static int templates(struct look *l, struct err *e)
{
	if (launch_list(&l->launch, e) < 0)
		return -1;
	for (size_t i = 0; i < l->launch.template_count; i++) {
		const struct publish_template *t;
		if (launch_template(&l->launch, l->launch.templates[i].id, &t, e) < 0 ||
			(t != NULL && versions(l, t, e) < 0))
			return -1;
	}
	return 0;
}

/* A launch configuration by its name. */
static int configured(struct look *l, const char *name, const struct asg_configuration *list,
	size_t count, const char *by, struct err *e)
{
	if (name[0] == '\0')
		return 0;
	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i].name, name) == 0 && refer(l, list[i].image, by, e) < 0)
			return -1;
	return 0;
}

static int groups(struct look *l, struct err *e)
{
	struct arena *a = l->job->arena;
	const char *region = l->region->region;
	struct asg_group *list;
	struct asg_configuration *old;
	size_t count, old_count;
	if (asg_groups(l->job->aws, region, NULL, 0, a, &list, &count, e) < 0 ||
		asg_configurations(l->job->aws, region, a, &old, &old_count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const struct asg_group *g = &list[i];
		const char *by = arena_printf(a, e, "Auto Scaling group %s", g->name);
		if (by == NULL || configured(l, g->configuration, old, old_count, by, e) < 0)
			return -1;
		for (size_t k = 0; k < g->image_count; k++)
			if (refer(l, g->images[k], by, e) < 0)
				return -1;
		for (size_t k = 0; k < g->template_count; k++) {
			const char *image;
			int64_t version;
			if (launch_image(&l->launch, &g->templates[k], &image, &version, e) < 0 ||
				refer(l, image, by, e) < 0)
				return -1;
		}
	}
	return 0;
}

/* What --rollback would go back to, and what is there now. */
static int history(struct look *l, const char *name, struct err *e)
{
	struct arena *a = l->job->arena;
	struct ssm_parameter *list;
	size_t count;
	if (ssm_history(l->job->aws, l->region->region, name, a, &list, &count, e) < 0)
		return -1;
	const struct ssm_parameter *before = rollback_value(list, count);
	if (before != NULL &&
		refer(l, before->value, arena_printf(a, e, "parameter %s, the value before", name),
			e) < 0)
		return -1;
	return 0;
}

static int parameters(struct look *l, struct err *e)
{
	const char *own = l->region->parameter;
	struct ssm_parameter *list;
	size_t count;
	bool own_listed = false;
	if (ssm_images(l->job->aws, l->region->region, l->job->arena, &list, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		const char *name = list[i].name;
		bool is_own = own != NULL && strcmp(own, name) == 0;
		own_listed |= is_own;
		if (refer(l, list[i].value, arena_printf(l->job->arena, e, "parameter %s", name),
			    e) < 0)
			return -1;
		if ((is_own || is_candidate(l->region, list[i].value)) && history(l, name, e) < 0)
			return -1;
	}
	return own != NULL && !own_listed ? history(l, own, e) : 0;
}

int gc_references(const struct gc_job *j, struct gc_region *r, struct err *e)
{
	static const struct {
		const char *what;
		int (*list)(struct look *l, struct err *e);
	} all[] = {
		{ "instances", instances },
		{ "launch templates", templates },
		{ "Auto Scaling groups", groups },
		{ "parameters", parameters },
	};
	struct look l = { .job = j,
		.region = r,
		.launch = { .aws = j->aws, .region = r->region, .arena = j->arena } };
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r->image_count > 0; i++)
		if (all[i].list(&l, e) < 0)
			return err_wrap(e, "list %s", all[i].what);
	return 0;
}

/* Not as a part of a longer id. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	for (const char *p = strstr(text, word); p != NULL; p = strstr(p + 1, word))
		if ((p == text || !isalnum((unsigned char)p[-1])) &&
			!isalnum((unsigned char)p[len]))
			return true;
	return false;
}

static int text_parameter(void *ctx, const char *name, const char *value, struct err *e)
{
	struct look *l = ctx;
	const struct gc_region *r = l->region;
	for (size_t i = 0; i < r->image_count; i++)
		if (r->images[i].verdict == GC_REMOVE && has_word(value, r->images[i].id) &&
			refer(l, r->images[i].id,
				arena_printf(l->job->arena, e, "parameter %s", name), e) < 0)
			return -1;
	return 0;
}

int gc_text_references(const struct gc_job *j, struct gc_region *r, struct err *e)
{
	struct look l = { .job = j, .region = r };
	size_t refused;
	if (ssm_texts(j->aws, r->region, text_parameter, &l, j->arena, &refused, e) < 0)
		return err_wrap(e, "list parameters");
	if (refused > 0)
		log_warn(j->log,
			"%s: %zu parameter%s of plain text may not be read (ssm:GetParameters): "
			"whether they name an image is not known",
			r->region, refused, refused == 1 ? "" : "s");
	return 0;
}
