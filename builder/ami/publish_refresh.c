#include <errno.h>
#include <string.h>

#include "ami/publish.h"

struct refresh_job publish_refresh_job(
	const struct publish_job *j, const struct publish_place *p, const char *image)
{
	return (struct refresh_job){ .aws = j->aws,
		.region = p->region,
		.publish = j->publish,
		.image = image,
		.parameter = p->want.parameter,
		.cancel = j->cancel,
		.log = j->log,
		.scratch = j->scratch,
		.arena = j->arena };
}

/* A group of the recipe that is in no region is a mistake of the recipe. */
static int check_named(const struct publish_job *j, const struct publish_places *all, struct err *e)
{
	const struct words *names = &j->publish->refresh.groups;
	for (size_t i = 0; i < all->count; i++)
		if (all->list[i].failed)
			return 0;
	for (size_t n = 0; n < names->count; n++) {
		bool found = false;
		for (size_t i = 0; i < all->count && !found; i++)
			for (size_t k = 0; k < all->list[i].group_count && !found; k++)
				found = strcmp(names->list[n].text,
						all->list[i].groups[k].group.name) == 0;
		if (!found)
			return err_set(e, ERR_INPUT, 0,
				"%s:%u:%u: there is no Auto Scaling group %s in any of the regions",
				names->list[n].pos.file, names->list[n].pos.line,
				names->list[n].pos.col, names->list[n].text);
	}
	return 0;
}

static int look(const struct publish_job *j, struct publish_place *p, struct err *e)
{
	struct refresh_job r = publish_refresh_job(j, p, p->image != NULL ? p->image : "the image");
	if (p->want.parameter != NULL) {
		struct ssm_parameter now;
		bool found;
		if (ssm_get(j->aws, p->region, p->want.parameter, j->arena, &now, &found, e) < 0)
			return -1;
		r.changed = p->changed = found ? now.modified : 0;
	}
	return refresh_look(&r, &p->groups, &p->group_count, e);
}

static void say_groups(const struct publish_job *j, const struct publish_places *all)
{
	for (size_t i = 0; i < all->count; i++)
		for (size_t k = 0; k < all->list[i].group_count; k++) {
			const struct publish_place *p = &all->list[i];
			const struct refresh_found *f = &p->groups[k].found;
			size_t old = 0;
			for (size_t n = 0; n < f->run_count; n++)
				old += p->image == NULL || strcmp(f->runs[n], p->image) != 0;
			log_say(j->log,
				"  %-14s refresh %s: %zu of %zu instances run another image",
				p->region, p->groups[k].group.name, old, f->run_count);
		}
}

int publish_refreshes(const struct publish_job *j, struct publish_places *all, struct err *e)
{
	const struct publish_place *stopped = NULL;
	struct err why;
	if (j->publish->refresh.groups.count == 0)
		return 0;
	for (size_t i = 0; i < all->count; i++) {
		struct publish_place *p = &all->list[i];
		if (!p->failed && look(j, p, &why) < 0 && publish_fail(j, p, &why, e) < 0)
			return -1;
	}
	if (check_named(j, all, e) < 0)
		return -1;
	if (j->dry_run) {
		say_groups(j, all);
		return 0;
	}
	for (size_t i = 0; i < all->count; i++) {
		struct publish_place *p = &all->list[i];
		struct refresh_job r = publish_refresh_job(j, p, p->image);
		r.changed = p->changed;
		int rc = 0;
		if (p->failed || p->group_count == 0)
			continue;
		if (stopped != NULL)
			rc = err_set(&why, ERR_REMOTE, 0,
				"its groups are not refreshed, because that failed in %s",
				stopped->region);
		else
			rc = refresh_run(&r, p->groups, p->group_count, &why);
		if (rc < 0 && stopped == NULL) {
			stopped = p;
			if (why.errnum != EINTR)
				err_wrap(&why, "its image is published; publish --rollback goes "
					       "back to the one before");
		}
		if (rc < 0 && publish_fail(j, p, &why, e) < 0)
			return -1;
	}
	return 0;
}
