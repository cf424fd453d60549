#include "aws/ec2_template.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ec2_token.h"
#include "aws/page.h"
#include "aws/query.h"
#include "base/text.h"

#define PAGE 200

static const char *text_or(const struct xml_node *n, const char *name)
{
	const char *text = xml_text(n, name);
	return text != NULL ? text : "";
}

int ec2_templates(struct aws *aws, const char *region, struct arena *a, struct ec2_template **ret,
	size_t *ret_count, struct err *e)
{
	struct ec2_template *list = NULL;
	size_t count = 0, cap = 0;
	const char *token = NULL;
	bool more = true;
	while (more) {
		cleanup_query struct query q = query_to(AWS_EC2, region, "DescribeLaunchTemplates");
		query_put_int(&q, PAGE, "MaxResults");
		query_put(&q, token, "NextToken");
		struct xml_node *root;
		if (query_call(aws, &q, a, &root, e) < 0)
			return -1;
		const struct xml_node *all = xml_child(root, "launchTemplates");
		for (const struct xml_node *i = all != NULL ? all->first : NULL; i != NULL;
			i = i->next) {
			struct ec2_template *t = arena_push(a, &list, &count, &cap, sizeof(*t), e);
			if (t == NULL)
				return -1;
			t->id = text_or(i, "launchTemplateId");
			t->name = text_or(i, "launchTemplateName");
			t->default_version = page_number(xml_text(i, "defaultVersionNumber"));
			t->latest_version = page_number(xml_text(i, "latestVersionNumber"));
		}
		more = page_next(&token, xml_text(root, "nextToken"));
	}
	*ret = list;
	*ret_count = count;
	return 0;
}

static void version_of(const struct xml_node *n, struct ec2_template_version *v)
{
	v->template_id = text_or(n, "launchTemplateId");
	v->template_name = text_or(n, "launchTemplateName");
	v->number = page_number(xml_text(n, "versionNumber"));
	v->is_default = page_true(xml_text(n, "defaultVersion"));
	v->description = text_or(n, "versionDescription");
	v->image = text_or(xml_child(n, "launchTemplateData"), "imageId");
}

static int newest_first(const void *x, const void *y)
{
	const struct ec2_template_version *a = x, *b = y;
	return (a->number < b->number) - (a->number > b->number);
}

int ec2_template_versions(struct aws *aws, const char *region, const char *id, struct arena *a,
	struct ec2_template_version **ret, size_t *ret_count, struct err *e)
{
	struct ec2_template_version *list = NULL;
	size_t count = 0, cap = 0;
	const char *token = NULL;
	bool more = true;
	while (more) {
		cleanup_query struct query q =
			query_to(AWS_EC2, region, "DescribeLaunchTemplateVersions");
		query_put(&q, id, "LaunchTemplateId");
		query_put_int(&q, PAGE, "MaxResults");
		query_put(&q, token, "NextToken");
		struct xml_node *root;
		if (query_call(aws, &q, a, &root, e) < 0)
			return -1;
		const struct xml_node *all = xml_child(root, "launchTemplateVersionSet");
		for (const struct xml_node *i = all != NULL ? all->first : NULL; i != NULL;
			i = i->next) {
			struct ec2_template_version *v =
				arena_push(a, &list, &count, &cap, sizeof(*v), e);
			if (v == NULL)
				return -1;
			version_of(i, v);
		}
		more = page_next(&token, xml_text(root, "nextToken"));
	}
	if (count > 1)
		qsort(list, count, sizeof(*list), newest_first);
	*ret = list;
	*ret_count = count;
	return 0;
}

int ec2_template_version_create(struct aws *aws, const char *region, const char *id, int64_t source,
	const char *image, const char *description, bool dry_run, struct arena *a,
	int64_t *ret_number, struct err *e)
{
	char number[24];
	snprintf(number, sizeof(number), "%lld", (long long)source);
	struct ec2_token token = ec2_token(
		(const char *const[]){ "template version", id, number, image, description, NULL });
	cleanup_query struct query q = query_to(AWS_EC2, region, "CreateLaunchTemplateVersion");
	query_put(&q, id, "LaunchTemplateId");
	query_put(&q, number, "SourceVersion");
	query_put(&q, description, "VersionDescription");
	query_put(&q, image, "LaunchTemplateData.ImageId");
	query_put(&q, token.text, "ClientToken");
	struct xml_node *root;
	*ret_number = 0;
	if (ec2_change(aws, &q, dry_run, a, &root, e) < 0)
		return -1;
	if (dry_run)
		return 0;
	const struct xml_node *made = xml_child(root, "launchTemplateVersion");
	*ret_number = page_number(xml_text(made, "versionNumber"));
	if (*ret_number == 0)
		return err_set(e, ERR_REMOTE, 0,
			"CreateLaunchTemplateVersion: an answer without a version number");
	return 0;
}

int ec2_template_set_default(struct aws *aws, const char *region, const char *id, int64_t version,
	bool dry_run, struct arena *a, struct err *e)
{
	cleanup_query struct query q = query_to(AWS_EC2, region, "ModifyLaunchTemplate");
	query_put(&q, id, "LaunchTemplateId");
	query_put_int(&q, version, "SetDefaultVersion");
	struct xml_node *root;
	return ec2_change(aws, &q, dry_run, a, &root, e);
}

const char *ec2_template_parameter(const char *image)
{
	static const char prefix[] = "resolve:ssm:";
	return text_starts(image, prefix) ? image + sizeof(prefix) - 1 : NULL;
}
