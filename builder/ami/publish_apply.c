#include <string.h>

#include "ami/publish.h"

#define PARAMETER_PATIENCE 90 /* seconds until a value shows */

static int apply_image(const struct publish_job *j, const struct publish_place *p, struct err *e)
{
	const struct publish_plan *plan = &p->plan;
	const char *image = p->image;
	if (ec2_permissions_change(j->aws, p->region, image, plan->add, plan->add_count,
		    plan->remove, plan->remove_count, j->dry_run, j->arena, e) < 0)
		return -1;
	if (plan->deprecate) {
		int rc = plan->deprecate_at != 0
				 ? ec2_deprecate(j->aws, p->region, image, plan->deprecate_at,
					   j->dry_run, j->arena, e)
				 : ec2_deprecate_never(
					   j->aws, p->region, image, j->dry_run, j->arena, e);
		if (rc < 0)
			return -1;
	}
	if (!plan->protect)
		return 0;
	enum publish_protection protect = j->publish->protect;
	if (protect == PROTECT_NO)
		return ec2_unprotect(j->aws, p->region, image, j->dry_run, j->arena, e);
	return ec2_protect(
		j->aws, p->region, image, protect == PROTECT_COOLDOWN, j->dry_run, j->arena, e);
}

int publish_apply_template(const struct publish_job *j, const struct publish_place *p,
	const struct publish_template *t, const struct publish_template_plan *plan, struct err *e)
{
	int64_t number = plan->number;
	if (plan->what != VERSION_MAKE && plan->what != VERSION_SET)
		return 0;
	if (plan->what == VERSION_MAKE &&
		ec2_template_version_create(j->aws, p->region, t->template.id, plan->source,
			p->image, PUBLISH_MARK, j->dry_run, j->arena, &number, e) < 0)
		return -1;
	if (j->dry_run)
		return 0;
	if (ec2_template_set_default(
		    j->aws, p->region, t->template.id, number, false, j->arena, e) < 0)
		return -1;
	log_say(j->log, "  %-14s %s: version %lld is the default", p->region, t->template.name,
		(long long)number);
	return 0;
}

int publish_apply_parameter(const struct publish_job *j, const struct publish_place *p,
	const char *image, const char *mark, struct err *e)
{
	const char *name = p->want.parameter;
	const char *before = p->found.has_parameter ? p->found.parameter.value : "";
	if (ssm_put_image(j->aws, p->region, name, image, mark, p->found.has_parameter,
		    PARAMETER_PATIENCE, j->arena, e) < 0)
		return -1;
	log_say(j->log, "  %-14s %s is %s", p->region, name, image);
	struct json event = log_event(j->log, j->scratch, "parameter");
	json_str(&event, "region", p->region);
	json_str(&event, "parameter", name);
	json_str(&event, "before", before);
	json_str(&event, "image", image);
	log_event_end(j->log, &event);
	return j->changed != NULL ? j->changed(j->ctx, p->region, name, before, image, e) : 0;
}

int publish_apply(const struct publish_job *j, struct publish_place *p, struct err *e)
{
	/* An image that a dry run did not make cannot be asked about. */
	if (p->image == NULL)
		return 0;
	if (apply_image(j, p, e) < 0)
		return -1;
	for (size_t i = 0; i < p->found.template_count; i++)
		if (publish_apply_template(j, p, &p->found.templates[i], &p->plan.templates[i], e) <
			0)
			return err_wrap(e, "%s", p->found.templates[i].template.name);
	if (!p->plan.parameter || j->dry_run)
		return 0;
	return publish_apply_parameter(j, p, p->image, PUBLISH_MARK, e);
}
