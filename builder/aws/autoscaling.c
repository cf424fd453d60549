#include "aws/autoscaling.h"

#include <string.h>

#include "aws/page.h"
#include "aws/query.h"

#define GROUPS_PAGE    20 /* a group of 500 instances is some 7,500 elements */
#define REFRESHES_PAGE 20

static const char *text_or(const struct xml_node *n, const char *name)
{
	const char *text = xml_text(n, name);
	return text != NULL ? text : "";
}

/* RESPONSE has one element RESULT, beside the metadata. */
static const struct xml_node *result(const struct xml_node *root, const char *name)
{
	return xml_child(root, name);
}

static struct asg_template template_of(const struct xml_node *n)
{
	return (struct asg_template){ .id = text_or(n, "LaunchTemplateId"),
		.name = text_or(n, "LaunchTemplateName"),
		.version = text_or(n, "Version") };
}

static int push_template(
	struct asg_group *g, size_t *cap, const struct xml_node *n, struct arena *a, struct err *e)
{
	if (n == NULL)
		return 0;
	struct asg_template *t =
		arena_push(a, &g->templates, &g->template_count, cap, sizeof(*t), e);
	if (t == NULL)
		return -1;
	*t = template_of(n);
	return 0;
}

static int templates_of(
	const struct xml_node *n, struct asg_group *g, struct arena *a, struct err *e)
{
	size_t cap = 0;
	if (push_template(g, &cap, xml_child(n, "LaunchTemplate"), a, e) < 0)
		return -1;
	const struct xml_node *policy = xml_child(n, "MixedInstancesPolicy");
	g->mixed = policy != NULL;
	const struct xml_node *t = xml_child(policy, "LaunchTemplate");
	if (push_template(g, &cap, xml_child(t, "LaunchTemplateSpecification"), a, e) < 0)
		return -1;
	const struct xml_node *overrides = xml_child(t, "Overrides");
	if (overrides == NULL)
		return 0;
	size_t count = page_count(overrides);
	g->images = arena_array(a, count + 1, sizeof(*g->images), e);
	if (g->images == NULL)
		return -1;
	for (const struct xml_node *o = overrides->first; o != NULL; o = o->next) {
		if (push_template(g, &cap, xml_child(o, "LaunchTemplateSpecification"), a, e) < 0)
			return -1;
		const char *image = text_or(o, "ImageId");
		if (image[0] != '\0')
			g->images[g->image_count++] = image;
	}
	g->images_all = count > 0 && g->image_count == count;
	return 0;
}

static int instances_of(
	const struct xml_node *list, struct asg_group *g, struct arena *a, struct err *e)
{
	size_t n = page_count(list);
	g->instances = arena_array(a, n + 1, sizeof(*g->instances), e);
	if (g->instances == NULL)
		return -1;
	if (list == NULL)
		return 0;
	for (const struct xml_node *i = list->first; i != NULL; i = i->next)
		g->instances[g->instance_count++] = text_or(i, "InstanceId");
	return 0;
}

static int group_of(const struct xml_node *n, struct asg_group *g, struct arena *a, struct err *e)
{
	g->name = text_or(n, "AutoScalingGroupName");
	g->configuration = text_or(n, "LaunchConfigurationName");
	g->desired = page_number(xml_text(n, "DesiredCapacity"));
	if (templates_of(n, g, a, e) < 0)
		return -1;
	return instances_of(xml_child(n, "Instances"), g, a, e);
}

int asg_groups(struct aws *aws, const char *region, const char *const *names, size_t name_count,
	struct arena *a, struct asg_group **ret, size_t *ret_count, struct err *e)
{
	struct asg_group *list = NULL;
	size_t count = 0, cap = 0;
	const char *token = NULL;
	bool more = names == NULL || name_count > 0;
	while (more) {
		cleanup_query struct query q =
			query_to(AWS_AUTOSCALING, region, "DescribeAutoScalingGroups");
		for (size_t i = 0; names != NULL && i < name_count; i++)
			query_put(&q, names[i], "AutoScalingGroupNames.member.%zu", i + 1);
		query_put_int(&q, GROUPS_PAGE, "MaxRecords");
		query_put(&q, token, "NextToken");
		struct xml_node *root;
		if (query_call(aws, &q, a, &root, e) < 0)
			return -1;
		const struct xml_node *r = result(root, "DescribeAutoScalingGroupsResult");
		const struct xml_node *groups = xml_child(r, "AutoScalingGroups");
		for (const struct xml_node *i = groups != NULL ? groups->first : NULL; i != NULL;
			i = i->next) {
			struct asg_group *g = arena_push(a, &list, &count, &cap, sizeof(*g), e);
			if (g == NULL || group_of(i, g, a, e) < 0)
				return -1;
		}
		more = page_next(&token, xml_text(r, "NextToken"));
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

int asg_configurations(struct aws *aws, const char *region, struct arena *a,
	struct asg_configuration **ret, size_t *ret_count, struct err *e)
{
	struct asg_configuration *list = NULL;
	size_t count = 0, cap = 0;
	const char *token = NULL;
	bool more = true;
	while (more) {
		cleanup_query struct query q =
			query_to(AWS_AUTOSCALING, region, "DescribeLaunchConfigurations");
		query_put_int(&q, GROUPS_PAGE, "MaxRecords");
		query_put(&q, token, "NextToken");
		struct xml_node *root;
		if (query_call(aws, &q, a, &root, e) < 0)
			return -1;
		const struct xml_node *r = result(root, "DescribeLaunchConfigurationsResult");
		const struct xml_node *all = xml_child(r, "LaunchConfigurations");
		for (const struct xml_node *i = all != NULL ? all->first : NULL; i != NULL;
			i = i->next) {
			struct asg_configuration *c =
				arena_push(a, &list, &count, &cap, sizeof(*c), e);
			if (c == NULL)
				return -1;
			c->name = text_or(i, "LaunchConfigurationName");
			c->image = text_or(i, "ImageId");
		}
		more = page_next(&token, xml_text(r, "NextToken"));
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static struct asg_refresh refresh_of(const struct xml_node *n)
{
	const struct xml_node *wanted = xml_child(n, "DesiredConfiguration");
	const struct xml_node *t = xml_child(wanted, "LaunchTemplate");
	if (t == NULL)
		t = xml_child(
			xml_child(xml_child(wanted, "MixedInstancesPolicy"), "LaunchTemplate"),
			"LaunchTemplateSpecification");
	return (struct asg_refresh){ .id = text_or(n, "InstanceRefreshId"),
		.status = text_or(n, "Status"),
		.reason = text_or(n, "StatusReason"),
		.start = page_time(xml_text(n, "StartTime")),
		.percent = page_number(xml_text(n, "PercentageComplete")),
		.left = page_number(xml_text(n, "InstancesToUpdate")),
		.wanted = template_of(t) };
}

int asg_refreshes(struct aws *aws, const char *region, const char *group, const char *id,
	struct arena *a, struct asg_refresh **ret, size_t *ret_count, struct err *e)
{
	cleanup_query struct query q =
		query_to(AWS_AUTOSCALING, region, "DescribeInstanceRefreshes");
	query_put(&q, group, "AutoScalingGroupName");
	query_put(&q, id, "InstanceRefreshIds.member.1");
	query_put_int(&q, REFRESHES_PAGE, "MaxRecords");
	struct xml_node *root;
	if (query_call(aws, &q, a, &root, e) < 0)
		return -1;
	const struct xml_node *all =
		xml_child(result(root, "DescribeInstanceRefreshesResult"), "InstanceRefreshes");
	size_t n = 0;
	struct asg_refresh *list = arena_array(a, page_count(all) + 1, sizeof(*list), e);
	if (list == NULL)
		return -1;
	if (all != NULL)
		for (const struct xml_node *i = all->first; i != NULL; i = i->next)
			list[n++] = refresh_of(i);
	*ret = list;
	*ret_count = n;
	return 0;
}

bool asg_refresh_ended(const struct asg_refresh *r)
{
	static const char *const ended[] = { "Successful", "Failed", "Cancelled", "RollbackFailed",
		"RollbackSuccessful" };
	for (size_t i = 0; i < sizeof(ended) / sizeof(ended[0]); i++)
		if (strcmp(r->status, ended[i]) == 0)
			return true;
	return false;
}

static void put_preferences(struct query *q, const struct asg_preferences *p)
{
	query_put_int(q, p->min_healthy, "Preferences.MinHealthyPercentage");
	if (p->max_healthy != 0)
		query_put_int(q, p->max_healthy, "Preferences.MaxHealthyPercentage");
	if (p->warmup != 0)
		query_put_int(q, p->warmup, "Preferences.InstanceWarmup");
	for (size_t i = 0; i < p->checkpoint_count; i++)
		query_put_int(q, p->checkpoints[i], "Preferences.CheckpointPercentages.member.%zu",
			i + 1);
	if (p->checkpoint_count > 0 && p->checkpoint_delay != 0)
		query_put_int(q, p->checkpoint_delay, "Preferences.CheckpointDelay");
}

int asg_refresh_start(struct aws *aws, const char *region, const char *group,
	const struct asg_preferences *p, const struct asg_template *wanted, struct arena *a,
	const char **ret_id, bool *ret_other, struct err *e)
{
	cleanup_query struct query q = query_to(AWS_AUTOSCALING, region, "StartInstanceRefresh");
	query_put(&q, group, "AutoScalingGroupName");
	query_put(&q, "Rolling", "Strategy");
	put_preferences(&q, p);
	if (wanted != NULL) {
		if (wanted->id[0] != '\0')
			query_put(&q, wanted->id,
				"DesiredConfiguration.LaunchTemplate.LaunchTemplateId");
		else
			query_put(&q, wanted->name,
				"DesiredConfiguration.LaunchTemplate.LaunchTemplateName");
		query_put(&q, wanted->version, "DesiredConfiguration.LaunchTemplate.Version");
	}
	struct xml_node *root = NULL;
	struct aws_reply reply = { 0 };
	int rc = query_try(aws, &q, a, &root, &reply, e);
	*ret_id = NULL;
	*ret_other = false;
	if (rc == 0 && reply.status >= 400) {
		*ret_other = strcmp(reply.code, "InstanceRefreshInProgress") == 0 ||
			     strcmp(reply.code, "InstanceRefreshInProgressFault") == 0;
		if (!*ret_other)
			rc = aws_refused(&q.request, aws, &reply, e);
	} else if (rc == 0) {
		*ret_id = text_or(result(root, "StartInstanceRefreshResult"), "InstanceRefreshId");
	}
	aws_reply_free(&reply);
	return rc;
}

static int stop(struct aws *aws, const char *region, const char *group, const char *action,
	struct arena *a, struct err *e)
{
	cleanup_query struct query q = query_to(AWS_AUTOSCALING, region, action);
	query_put(&q, group, "AutoScalingGroupName");
	struct xml_node *root = NULL;
	struct aws_reply reply = { 0 };
	int rc = query_try(aws, &q, a, &root, &reply, e);
	if (rc == 0 && reply.status >= 400 &&
		strcmp(reply.code, "ActiveInstanceRefreshNotFound") != 0 &&
		strcmp(reply.code, "ActiveInstanceRefreshNotFoundFault") != 0)
		rc = aws_refused(&q.request, aws, &reply, e);
	aws_reply_free(&reply);
	return rc;
}

int asg_refresh_cancel(
	struct aws *aws, const char *region, const char *group, struct arena *a, struct err *e)
{
	return stop(aws, region, group, "CancelInstanceRefresh", a, e);
}
