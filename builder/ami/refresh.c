#include "ami/refresh.h"

#include <string.h>

#include "aws/ec2_instance.h"

#define POLL_FIRST   1000 /* milliseconds */
#define POLL_LONGEST 15000

static int look_launches(const struct refresh_job *j, struct launch *l, struct refresh_group *g,
	const struct asg_configuration *configurations, size_t configuration_count, struct err *e)
{
	const struct asg_group *group = &g->group;
	size_t max = group->template_count + group->image_count + 1;
	g->found.launches = arena_array(j->arena, max, sizeof(*g->found.launches), e);
	if (g->found.launches == NULL)
		return -1;
	for (size_t i = 0; i < configuration_count; i++)
		if (strcmp(configurations[i].name, group->configuration) == 0)
			g->found.launches[g->found.launch_count++] = configurations[i].image;
	if (group->images_all) {
		memcpy(g->found.launches, group->images,
			group->image_count * sizeof(*group->images));
		g->found.launch_count = group->image_count;
		return 0;
	}
	for (size_t i = 0; i < group->template_count; i++) {
		const struct asg_template *t = &group->templates[i];
		int64_t version;
		if (launch_image(l, t, &g->found.launches[g->found.launch_count++], &version, e) <
			0)
			return -1;
	}
	return 0;
}

/* The default version of the group's own template, when the group is bound to another one. */
static int look_other(
	const struct refresh_job *j, struct launch *l, struct refresh_group *g, struct err *e)
{
	const struct asg_group *group = &g->group;
	g->found.other = (struct asg_template){ .id = "", .name = "", .version = "" };
	if (group->mixed || group->template_count != 1 || group->templates[0].version[0] == '$')
		return 0;
	struct asg_template t = group->templates[0];
	t.version = "$Default";
	const char *image;
	int64_t version;
	if (launch_image(l, &t, &image, &version, e) < 0)
		return -1;
	if (strcmp(image, j->image) != 0 || strcmp(g->found.launches[0], j->image) == 0)
		return 0;
	t.version = arena_printf(j->arena, e, "%lld", (long long)version);
	if (t.version == NULL)
		return -1;
	g->found.other = t;
	return 0;
}

/* The filter takes 200 ids at a time; groups are smaller, or go in pieces (ec2_instances). */
static int look_instances(const struct refresh_job *j, struct refresh_group *g, struct err *e)
{
	struct ec2_instance *list = NULL;
	size_t count = 0, n = g->group.instance_count;
	g->found.runs = arena_array(j->arena, n + 1, sizeof(*g->found.runs), e);
	if (g->found.runs == NULL)
		return -1;
	if (n > 0 && ec2_instances(j->aws, j->region, "instance-id", g->group.instances, n,
			     j->arena, &list, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < count; k++)
			if (strcmp(g->group.instances[i], list[k].id) == 0 &&
				strcmp(list[k].state, "shutting-down") != 0)
				g->found.runs[g->found.run_count++] = list[k].image;
	return 0;
}

static int look_group(const struct refresh_job *j, struct launch *l, struct refresh_group *g,
	const struct asg_configuration *configurations, size_t configuration_count, struct err *e)
{
	struct asg_refresh *refreshes;
	g->found.group = &g->group;
	g->found.changed = j->changed;
	/* Refreshes before instances: one that ends in between is joined, not started again. */
	if (asg_refreshes(j->aws, j->region, g->group.name, NULL, j->arena, &refreshes,
		    &g->found.refresh_count, e) < 0 ||
		look_launches(j, l, g, configurations, configuration_count, e) < 0 ||
		look_other(j, l, g, e) < 0 || look_instances(j, g, e) < 0)
		return -1;
	g->found.refreshes = refreshes;
	return refresh_plan(&g->found, j->image, j->arena, &g->plan, e);
}

int refresh_look(
	const struct refresh_job *j, struct refresh_group **ret, size_t *ret_count, struct err *e)
{
	const struct words *wanted = &j->publish->refresh.groups;
	const char **names = arena_array(j->arena, wanted->count + 1, sizeof(*names), e);
	struct asg_group *groups = NULL;
	struct asg_configuration *configurations = NULL;
	size_t count = 0, configuration_count = 0;
	bool old_style = false;
	if (names == NULL)
		return -1;
	for (size_t i = 0; i < wanted->count; i++)
		names[i] = wanted->list[i].text;
	if (asg_groups(j->aws, j->region, names, wanted->count, j->arena, &groups, &count, e) < 0)
		return -1;
	struct refresh_group *list = arena_array(j->arena, count + 1, sizeof(*list), e);
	if (list == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		old_style |= groups[i].configuration[0] != '\0';
	if (old_style && asg_configurations(j->aws, j->region, j->arena, &configurations,
				 &configuration_count, e) < 0)
		return -1;
	struct launch l = { .aws = j->aws, .region = j->region, .arena = j->arena };
	for (size_t i = 0; i < count; i++) {
		list[i].group = groups[i];
		if (look_group(j, &l, &list[i], configurations, configuration_count, e) < 0)
			return err_wrap(e, "group %s", groups[i].name);
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static void say_progress(
	const struct refresh_job *j, const char *group, const struct asg_refresh *r)
{
	log_say(j->log, "  %-14s %s: %s, %lld %% done, %lld to go%s%s", j->region, group, r->status,
		(long long)r->percent, (long long)r->left, r->reason[0] != '\0' ? ": " : "",
		r->reason);
	struct json event = log_event(j->log, j->scratch, "refresh");
	json_str(&event, "region", j->region);
	json_str(&event, "group", group);
	json_str(&event, "refresh", r->id);
	json_str(&event, "status", r->status);
	json_int(&event, "percent", r->percent);
	json_int(&event, "left", r->left);
	json_str(&event, "reason", r->reason);
	log_event_end(j->log, &event);
}

static int judge_end(const char *group, const struct asg_refresh *r, struct err *e)
{
	if (strcmp(r->status, "Successful") == 0)
		return 0;
	return err_set(e, ERR_REMOTE, 0,
		"group %s: the instance refresh %s ended as %s at %lld %%: %s", group, r->id,
		r->status, (long long)r->percent,
		r->reason[0] != '\0' ? r->reason : "Auto Scaling gives no reason");
}

/* *ret is how it ended. */
static int watch(const struct refresh_job *j, const char *group, const char *id,
	struct asg_refresh *ret, struct err *e)
{
	int64_t pause = POLL_FIRST;
	struct asg_refresh before = { .status = "", .reason = "", .percent = -1 };
	for (;;) {
		struct asg_refresh *list;
		size_t count;
		if (asg_refreshes(j->aws, j->region, group, id, j->arena, &list, &count, e) < 0)
			return err_wrap(e, "group %s", group);
		if (count > 0) {
			*ret = list[0];
			if (strcmp(ret->status, before.status) != 0 ||
				ret->percent != before.percent || ret->left != before.left) {
				say_progress(j, group, ret);
				pause = POLL_FIRST;
			}
			before = *ret;
			if (asg_refresh_ended(ret))
				return 0;
		}
		if (aws_sleep(j->aws, pause, e) < 0)
			return err_wrap(e, "group %s: its refresh goes on", group);
		pause = pause * 2 < POLL_LONGEST ? pause * 2 : POLL_LONGEST;
	}
}

static int start(const struct refresh_job *j, const struct refresh_group *g, const char **ret_id,
	struct err *e)
{
	const struct publish_refresh *r = &j->publish->refresh;
	struct asg_preferences p = { .min_healthy = r->min_healthy,
		.max_healthy = r->max_healthy,
		.warmup = r->warmup,
		.checkpoints = r->checkpoints,
		.checkpoint_count = r->checkpoint_count,
		.checkpoint_delay = r->checkpoint_delay };
	bool other;
	if (asg_refresh_start(j->aws, j->region, g->group.name, &p, g->plan.take, j->arena, ret_id,
		    &other, e) < 0)
		return -1;
	if (!other)
		return 0;
	/* Between looking and starting: by a try of ours whose answer was lost, or by another. */
	struct asg_refresh *list;
	size_t count;
	struct refresh_found found = g->found;
	struct refresh_plan plan;
	if (asg_refreshes(j->aws, j->region, g->group.name, NULL, j->arena, &list, &count, e) < 0)
		return -1;
	found.refreshes = list;
	found.refresh_count = count;
	if (refresh_plan(&found, j->image, j->arena, &plan, e) < 0)
		return -1;
	if (plan.what != REFRESH_JOIN)
		return err_set(e, ERR_REMOTE, 0, "%s",
			plan.why != NULL ? plan.why
					 : "another instance refresh is in progress and does not "
					   "show: try again");
	*ret_id = plan.id;
	return 0;
}

static int bring(const struct refresh_job *j, const struct refresh_group *g, struct err *e)
{
	const char *id = g->plan.id;
	struct asg_refresh end;
	switch (g->plan.what) {
	case REFRESH_NOTHING:
		log_say(j->log, "  %-14s %s: all of %zu instances run %s", j->region, g->group.name,
			g->found.run_count, j->image);
		return 0;
	case REFRESH_CANNOT:
		return err_set(e, ERR_REMOTE, 0, "group %s: %s", g->group.name, g->plan.why);
	case REFRESH_START:
		if (start(j, g, &id, e) < 0)
			return err_wrap(e, "group %s", g->group.name);
		break;
	case REFRESH_JOIN:
		break;
	}
	log_say(j->log, "  %-14s %s: instance refresh %s%s", j->region, g->group.name, id,
		g->plan.what == REFRESH_JOIN ? ", in progress" : "");
	if (watch(j, g->group.name, id, &end, e) < 0)
		return -1;
	return judge_end(g->group.name, &end, e);
}

/* Stop the refresh that stands in the way; what it ended as does not matter. */
static int clear_way(const struct refresh_job *j, const struct refresh_group *g, struct err *e)
{
	struct asg_refresh end;
	log_say(j->log, "  %-14s %s: cancelling the instance refresh %s", j->region, g->group.name,
		g->plan.id);
	if (asg_refresh_cancel(j->aws, j->region, g->group.name, j->arena, e) < 0)
		return err_wrap(e, "group %s", g->group.name);
	return watch(j, g->group.name, g->plan.id, &end, e);
}

static int look_again(
	const struct refresh_job *j, const char *name, struct refresh_group *ret, struct err *e)
{
	struct refresh_group *groups;
	size_t count;
	if (refresh_look(j, &groups, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (strcmp(groups[i].group.name, name) == 0) {
			*ret = groups[i];
			return 0;
		}
	return err_set(e, ERR_REMOTE, 0, "group %s: it has been deleted", name);
}

static int bring_group(const struct refresh_job *j, struct refresh_group *g, struct err *e)
{
	if (j->cancel && g->plan.what == REFRESH_CANNOT && g->plan.id != NULL &&
		(clear_way(j, g, e) < 0 || look_again(j, g->group.name, g, e) < 0))
		return -1;
	if (bring(j, g, e) < 0)
		return -1;
	if (g->plan.what != REFRESH_JOIN)
		return 0;
	/* What was joined may have been started for something else: then it is our turn. */
	if (look_again(j, g->group.name, g, e) < 0)
		return -1;
	return g->plan.what == REFRESH_START ? bring(j, g, e) : 0;
}

int refresh_run(
	const struct refresh_job *j, struct refresh_group *groups, size_t count, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (bring_group(j, &groups[i], e) < 0)
			return -1;
	return 0;
}
