#include "ami/rollback.h"

#include <string.h>

#include "ami/rollback_plan.h"
#include "ami/tags.h"
#include "aws/ec2_image.h"

/* A region on its way back. */
struct back {
	struct publish_place *place;
	struct ssm_parameter *history;
	size_t history_count;
	struct ec2_image now; /* of the parameter; id NULL: not there any more */
	bool has_now;
	const char *target;                           /* image; NULL: templates alone say */
	const struct ec2_template_version **versions; /* one a template; NULL: stays */
};

static int image_by_id(const struct publish_job *j, const char *region, const char *id,
	struct ec2_image *ret, bool *found, struct err *e)
{
	const struct ec2_find find = { .ids = &id, .id_count = 1 };
	struct ec2_images images;
	if (ec2_images(j->aws, region, &find, j->arena, &images, e) < 0)
		return -1;
	*found = images.count > 0;
	if (*found)
		*ret = images.list[0];
	return 0;
}

static const char *digest_of(const struct ec2_image *i)
{
	return ec2_tag(&i->tags, TAG_DIGEST);
}

/* A run that set the parameter may have ended before its groups ran the value. */
static int unfinished(const struct publish_job *j, const struct back *b, bool *ret, struct err *e)
{
	const char *now = b->history[b->history_count - 1].value;
	struct refresh_job r = publish_refresh_job(j, b->place, now);
	struct refresh_group *groups;
	size_t count;
	*ret = false;
	if (!rollback_under_way(b->history, b->history_count) ||
		j->publish->refresh.groups.count == 0)
		return 0;
	if (refresh_look(&r, &groups, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		*ret |= groups[i].plan.what == REFRESH_START || groups[i].plan.what == REFRESH_JOIN;
	return 0;
}

static int look_parameter(const struct publish_job *j, struct back *b, struct err *e)
{
	struct publish_place *p = b->place;
	if (p->want.parameter == NULL)
		return 0;
	if (ssm_history(j->aws, p->region, p->want.parameter, j->arena, &b->history,
		    &b->history_count, e) < 0)
		return -1;
	if (b->history_count == 0)
		return err_set(e, ERR_REMOTE, 0, "there is no parameter %s", p->want.parameter);
	const struct ssm_parameter *now = &b->history[b->history_count - 1];
	p->found.parameter = *now;
	p->found.has_parameter = true;
	bool go_on;
	if (image_by_id(j, p->region, now->value, &b->now, &b->has_now, e) < 0 ||
		unfinished(j, b, &go_on, e) < 0)
		return -1;
	const struct ssm_parameter *before = rollback_value(b->history, b->history_count);
	if (go_on)
		b->target = now->value;
	else if (before != NULL)
		b->target = before->value;
	return 0;
}

static int look(const struct publish_job *j, struct back *b, struct err *e)
{
	memset(&b->place->found, 0, sizeof(b->place->found));
	if (look_parameter(j, b, e) < 0)
		return -1;
	return publish_look_templates(j, b->place, e);
}

/* The oldest of the builds that regions have, when they do not all have the same; else NULL. */
static const char *common_digest(const struct back *list, size_t count)
{
	const struct ec2_image *oldest = NULL;
	bool apart = false;
	for (size_t i = 0; i < count; i++) {
		const char *digest = list[i].has_now ? digest_of(&list[i].now) : NULL;
		if (digest == NULL)
			continue;
		apart |= oldest != NULL && strcmp(digest, digest_of(oldest)) != 0;
		if (oldest == NULL || list[i].now.created < oldest->created)
			oldest = &list[i].now;
	}
	return apart ? digest_of(oldest) : NULL;
}

static int target_of_digest(
	const struct publish_job *j, struct back *b, const char *digest, struct err *e)
{
	const char *now = b->has_now ? digest_of(&b->now) : NULL;
	if (now != NULL && strcmp(now, digest) == 0) {
		b->target = b->now.id;
		return 0;
	}
	for (size_t i = b->history_count; i > 0; i--) {
		struct ec2_image image;
		bool found;
		if (image_by_id(j, b->place->region, b->history[i - 1].value, &image, &found, e) <
			0)
			return -1;
		const char *its = found ? digest_of(&image) : NULL;
		if (its != NULL && strcmp(its, digest) == 0) {
			b->target = image.id;
			return 0;
		}
	}
	return err_set(e, ERR_REMOTE, 0,
		"the parameter %s never had an image of the build that other regions have (digest "
		"%.12s)",
		b->place->want.parameter, digest);
}

static int check_target(const struct publish_job *j, const struct back *b, struct err *e)
{
	struct ec2_image image;
	bool found;
	if (b->target == NULL)
		return err_set(e, ERR_REMOTE, 0, "the parameter %s had no other value before",
			b->place->want.parameter);
	if (image_by_id(j, b->place->region, b->target, &image, &found, e) < 0)
		return -1;
	if (!found)
		return err_set(
			e, ERR_REMOTE, 0, "the image before, %s, is not there any more", b->target);
	if (strcmp(image.state, "available") != 0)
		return err_set(
			e, ERR_REMOTE, 0, "the image before, %s, is %s", b->target, image.state);
	return 0;
}

static int choose_versions(const struct publish_job *j, struct back *b, struct err *e)
{
	struct publish_place *p = b->place;
	b->versions = arena_array(j->arena, p->found.template_count + 1,
		sizeof(const struct ec2_template_version *), e);
	if (b->versions == NULL)
		return -1;
	for (size_t i = 0; i < p->found.template_count; i++) {
		const struct publish_template *t = &p->found.templates[i];
		struct publish_template_plan plan =
			publish_template_plan(&p->want, &p->found, t, NULL);
		if (plan.what == VERSION_WRONG)
			return publish_template_wrong(p, t, &plan, e);
		if (plan.what == VERSION_FOLLOWS)
			continue;
		b->versions[i] = rollback_version(t, b->target);
		if (b->versions[i] == NULL)
			return err_set(e, ERR_REMOTE, 0,
				"the launch template %s has no version before with %s",
				t->template.name, b->target != NULL ? b->target : "another image");
	}
	return 0;
}

static int choose(const struct publish_job *j, struct back *b, const char *digest, struct err *e)
{
	struct publish_place *p = b->place;
	if (p->want.parameter != NULL) {
		if (digest != NULL && target_of_digest(j, b, digest, e) < 0)
			return -1;
		if (check_target(j, b, e) < 0)
			return -1;
	}
	if (choose_versions(j, b, e) < 0)
		return -1;
	p->image = b->target;
	for (size_t i = 0; i < p->found.template_count && p->image == NULL; i++)
		if (b->versions[i] != NULL)
			p->image = b->versions[i]->image;
	if (p->want.parameter == NULL && p->image != NULL) {
		b->target = p->image;
		if (check_target(j, b, e) < 0)
			return -1;
	}
	return 0;
}

static void say(const struct publish_job *j, const struct back *b)
{
	const struct publish_place *p = b->place;
	if (p->want.parameter != NULL)
		log_say(j->log, "  %-14s %s: %s -> %s", p->region, p->want.parameter,
			p->found.parameter.value, b->target);
	for (size_t i = 0; i < p->found.template_count; i++) {
		const struct ec2_template *t = &p->found.templates[i].template;
		if (b->versions[i] != NULL && b->versions[i]->number != t->default_version)
			log_say(j->log, "  %-14s launch template %s: version %lld -> %lld",
				p->region, t->name, (long long)t->default_version,
				(long long)b->versions[i]->number);
	}
	struct json event = log_event(j->log, j->scratch, "rollback");
	json_str(&event, "region", p->region);
	json_str(&event, "before", p->want.parameter != NULL ? p->found.parameter.value : NULL);
	json_str(&event, "image", p->image);
	log_event_end(j->log, &event);
}

static int apply(const struct publish_job *j, struct back *b, struct err *e)
{
	struct publish_place *p = b->place;
	for (size_t i = 0; i < p->found.template_count; i++) {
		const struct publish_template *t = &p->found.templates[i];
		if (b->versions[i] == NULL || b->versions[i]->number == t->template.default_version)
			continue;
		if (ec2_template_set_default(j->aws, p->region, t->template.id,
			    b->versions[i]->number, j->dry_run, j->arena, e) < 0)
			return err_wrap(e, "%s", t->template.name);
	}
	if (p->want.parameter == NULL || j->dry_run ||
		strcmp(p->found.parameter.value, b->target) == 0)
		return 0;
	return publish_apply_parameter(j, p, b->target, ROLLBACK_MARK, e);
}

/* One step for all regions that have not failed; what fails is noted, and the others go on. */
#define FOR_EACH(call)                                                                             \
	do {                                                                                       \
		for (size_t i = 0; i < count; i++) {                                               \
			struct back *b = &list[i];                                                 \
			struct err why;                                                            \
			if (!b->place->failed && (call) < 0 &&                                     \
				publish_fail(j, b->place, &why, e) < 0)                            \
				return -1;                                                         \
		}                                                                                  \
	} while (0)

static int all_regions(const struct publish_job *j, struct back *list, size_t count, struct err *e)
{
	FOR_EACH(look(j, b, &why));
	const char *digest = common_digest(list, count);
	FOR_EACH(choose(j, b, digest, &why));
	for (size_t i = 0; i < count; i++)
		if (!list[i].place->failed)
			say(j, &list[i]);
	FOR_EACH(apply(j, b, &why));
	return 0;
}

int rollback_run(const struct publish_job *j, struct publish_places *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	if (publish_places(j, ret, e) < 0)
		return -1;
	struct back *list = arena_array(j->arena, ret->count, sizeof(*list), e);
	if (list == NULL)
		return -1;
	bool something = j->publish->launch_templates.count > 0;
	for (size_t i = 0; i < ret->count; i++) {
		list[i].place = &ret->list[i];
		ret->list[i].image = NULL;
		something |= ret->list[i].want.parameter != NULL;
	}
	if (!something)
		return err_set(e, ERR_INPUT, 0,
			"the recipe publishes neither a parameter nor launch templates: there is "
			"nothing to go back to");
	if (all_regions(j, list, ret->count, e) < 0)
		return -1;
	if (publish_refreshes(j, ret, e) < 0)
		return -1;
	return publish_summary(j, ret, e);
}
