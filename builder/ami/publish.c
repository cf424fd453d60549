#include "ami/publish.h"

#include <errno.h>
#include <string.h>

#include "aws/autoscaling.h"

static int look_all(const struct publish_job *j, struct publish_places *all, struct err *e)
{
	for (size_t i = 0; i < all->count; i++) {
		struct publish_place *p = &all->list[i];
		struct err why;
		if (publish_look(j, p, &all->list[0].found.image, &why) < 0 &&
			publish_fail(j, p, &why, e) < 0)
			return -1;
		if (!p->failed)
			publish_say_plan(j, p);
	}
	return 0;
}

/* A launch template of the recipe that is in no region is a mistake of the recipe. */
static int check_templates(
	const struct publish_job *j, const struct publish_places *all, struct err *e)
{
	const struct words *ids = &j->publish->launch_templates;
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].failed)
			return 0;
	for (size_t n = 0; n < ids->count; n++) {
		const struct word *w = &ids->list[n];
		bool found = false;
		for (size_t i = 0; i < all->count; i++)
			for (size_t k = 0; k < all->list[i].found.template_count; k++)
				found |= strcmp(all->list[i].found.templates[k].template.id,
						 w->text) == 0;
		if (!found)
			return err_set(e, ERR_INPUT, 0,
				"%s:%u:%u: there is no launch template %s in any of the regions",
				w->pos.file, w->pos.line, w->pos.col, w->text);
	}
	return 0;
}

/*
 * A group of the recipe that is in no region is a mistake of the recipe, told while nothing has
 * changed yet. Where groups cannot be listed, the refresh tells.
 */
static int check_groups(
	const struct publish_job *j, const struct publish_places *all, struct err *e)
{
	const struct words *names = &j->publish->refresh.groups;
	for (size_t n = 0; n < names->count; n++) {
		const struct word *w = &names->list[n];
		bool found = false;
		for (size_t i = 0; i < all->count && !found; i++) {
			const char *name = w->text;
			struct asg_group *groups;
			size_t count;
			struct err why;
			found = all->list[i].failed;
			if (!found && asg_groups(j->aws, all->list[i].region, &name, 1, j->arena,
					      &groups, &count, &why) < 0) {
				if (why.errnum == EINTR)
					*e = why;
				if (why.errnum == EINTR)
					return -1;
				found = true;
			} else if (!found) {
				found = count > 0;
			}
		}
		if (!found)
			return err_set(e, ERR_INPUT, 0,
				"%s:%u:%u: there is no Auto Scaling group %s in any of the regions",
				w->pos.file, w->pos.line, w->pos.col, w->text);
	}
	return 0;
}

static int apply_all(const struct publish_job *j, struct publish_places *all, struct err *e)
{
	for (size_t i = 0; i < all->count; i++) {
		struct publish_place *p = &all->list[i];
		struct err why;
		if (!p->failed && publish_apply(j, p, &why) < 0 && publish_fail(j, p, &why, e) < 0)
			return -1;
	}
	return 0;
}

int publish_run(const struct publish_job *j, struct publish_places *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	if (publish_places(j, ret, e) < 0 || look_all(j, ret, e) < 0 ||
		check_templates(j, ret, e) < 0 || check_groups(j, ret, e) < 0)
		return -1;
	if (publish_images(j, ret, e) < 0 || apply_all(j, ret, e) < 0)
		return -1;
	if (publish_refreshes(j, ret, e) < 0)
		return -1;
	return publish_summary(j, ret, e);
}
