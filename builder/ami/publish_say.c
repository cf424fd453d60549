#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "ami/publish.h"

struct step {
	char text[512];
};

static void say(const struct publish_job *j, const struct publish_place *p, const struct step *s)
{
	log_say(j->log, "  %-14s %s", p->region, s->text);
	struct json event = log_event(j->log, j->scratch, "plan");
	json_str(&event, "region", p->region);
	json_str(&event, "step", s->text);
	log_event_end(j->log, &event);
}

#define SAY(j, p, ...)                                                                             \
	do {                                                                                       \
		struct step step_;                                                                 \
		snprintf(step_.text, sizeof(step_.text), __VA_ARGS__);                             \
		say(j, p, &step_);                                                                 \
	} while (0)

static void say_image(const struct publish_job *j, const struct publish_place *p)
{
	const struct publish_plan *plan = &p->plan;
	const char *key = p->kms_key != NULL ? p->kms_key : "";
	/* What an upload finds, it tells itself. */
	if (plan->make == MAKE_COPY && p->found.unfit != NULL)
		SAY(j, p, "%s: another is made", p->found.unfit);
	if (plan->make == MAKE_UPLOAD)
		SAY(j, p, "upload the image%s%s", key[0] != '\0' ? ", encrypted with " : "", key);
	else if (plan->make == MAKE_COPY)
		SAY(j, p, "copy the image from %s%s%s", aws_region(j->aws),
			key[0] != '\0' ? ", encrypted with " : "", key);
	else if (plan->wait)
		SAY(j, p, "wait until %s is available", p->image);
}

static void say_grantees(const struct publish_job *j, const struct publish_place *p,
	const char *verb, const struct ec2_grantee *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		SAY(j, p, "%s: %s", verb,
			list[i].kind == EC2_EVERYBODY ? "everybody" : list[i].name);
}

static void say_dates(const struct publish_job *j, const struct publish_place *p)
{
	const struct publish_plan *plan = &p->plan;
	if (plan->deprecate && plan->deprecate_at == 0)
		SAY(j, p, "take the deprecation date away");
	if (plan->deprecate && plan->deprecate_at != 0) {
		time_t at = (time_t)plan->deprecate_at;
		struct tm tm;
		char date[32];
		gmtime_r(&at, &tm);
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M UTC", &tm);
		SAY(j, p, "deprecated from %s on", date);
	}
	if (plan->protect)
		SAY(j, p, "%s",
			j->publish->protect == PROTECT_NO ? "take deregistration protection off"
			: j->publish->protect == PROTECT_COOLDOWN
				? "protect from deregistration, with cooldown"
				: "protect from deregistration");
}

static void say_templates(const struct publish_job *j, const struct publish_place *p)
{
	for (size_t i = 0; i < p->found.template_count; i++) {
		const struct publish_template_plan *t = &p->plan.templates[i];
		const char *name = p->found.templates[i].template.name;
		if (t->what == VERSION_MAKE)
			SAY(j, p, "launch template %s: a new version of version %lld, the default",
				name, (long long)t->source);
		else if (t->what == VERSION_SET)
			SAY(j, p, "launch template %s: version %lld becomes the default", name,
				(long long)t->number);
		else if (t->what == VERSION_FOLLOWS)
			log_detail(j->log, "  %-14s launch template %s follows %s", p->region, name,
				t->follows);
	}
}

void publish_say_plan(const struct publish_job *j, const struct publish_place *p)
{
	const struct publish_plan *plan = &p->plan;
	if (publish_plan_done(plan)) {
		log_say(j->log, "  %-14s %s is published", p->region, p->image);
		return;
	}
	say_image(j, p);
	say_grantees(j, p, "may launch it from now on", plan->add, plan->add_count);
	say_grantees(j, p, "may launch it no longer", plan->remove, plan->remove_count);
	say_dates(j, p);
	say_templates(j, p);
	if (plan->parameter)
		SAY(j, p, "%s: %s -> %s", p->want.parameter,
			p->found.has_parameter ? p->found.parameter.value : "(new)",
			p->image != NULL ? p->image : "the image");
}

int publish_fail(
	const struct publish_job *j, struct publish_place *p, const struct err *why, struct err *e)
{
	p->failed = true;
	p->why = *why;
	if (why->errnum == EINTR || why->kind == ERR_BUG) {
		*e = *why;
		return err_wrap(e, "%s", p->region);
	}
	log_warn(j->log, "%s: %s", p->region, why->msg);
	struct json event = log_event(j->log, j->scratch, "failed");
	json_str(&event, "region", p->region);
	json_str(&event, "text", why->msg);
	log_event_end(j->log, &event);
	return 0;
}

static void say_end(const struct publish_job *j, const struct publish_place *p)
{
	struct json event = log_event(j->log, j->scratch, "published");
	json_str(&event, "region", p->region);
	json_str(&event, "image", p->image != NULL && p->image[0] != '\0' ? p->image : NULL);
	json_str(&event, "parameter", p->want.parameter);
	json_bool(&event, "done", !p->failed);
	log_event_end(j->log, &event);
}

int publish_summary(const struct publish_job *j, const struct publish_places *all, struct err *e)
{
	char list[512] = "";
	size_t failed = 0, len = 0;
	bool again = false;
	for (size_t i = 0; i < all->count; i++) {
		const struct publish_place *p = &all->list[i];
		if (!j->dry_run)
			say_end(j, p);
		if (!p->failed)
			continue;
		int n = snprintf(
			list + len, sizeof(list) - len, "%s%s", failed > 0 ? ", " : "", p->region);
		len += n > 0 && (size_t)n < sizeof(list) - len ? (size_t)n : 0;
		failed++;
		again |= p->why.again;
	}
	if (failed > 0) {
		err_set(e, ERR_REMOTE, 0, "%zu of %zu region%s not done: %s; %s", failed,
			all->count, all->count == 1 ? " is" : "s are", list,
			again       ? "run it again for what is missing"
			: j->cancel ? "why is told above"
				    : "mend what is told above, and run it again for the rest");
		e->again = again;
		return -1;
	}
	return 0;
}
