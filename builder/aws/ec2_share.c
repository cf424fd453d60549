#include "aws/ec2_share.h"

#include <string.h>

#include "aws/ec2_token.h"
#include "aws/page.h"
#include "aws/query.h"

/* An image that was just made may not be known everywhere yet. */
static const char *const NOT_YET[] = { "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable", NULL };
#define PATIENCE 120 /* seconds */

static const struct {
	const char *answer;  /* in DescribeImageAttribute */
	const char *request; /* in ModifyImageAttribute */
} GRANTEES[] = {
	[EC2_ACCOUNT] = { "userId", "UserId" },
	[EC2_EVERYBODY] = { "group", "Group" },
	[EC2_ORGANIZATION] = { "organizationArn", "OrganizationArn" },
	[EC2_UNIT] = { "organizationalUnitArn", "OrganizationalUnitArn" },
};
#define KINDS (sizeof(GRANTEES) / sizeof(GRANTEES[0]))

static struct query change(const char *region, const char *action, const char *image)
{
	struct query q = query_to(AWS_EC2, region, action);
	q.request.transient = NOT_YET;
	q.request.patience = PATIENCE;
	query_put(&q, image, "ImageId");
	return q;
}

int ec2_permissions(struct aws *aws, const char *region, const char *image, struct arena *a,
	struct ec2_grantee **ret, size_t *ret_count, struct err *e)
{
	cleanup_query struct query q = change(region, "DescribeImageAttribute", image);
	query_put(&q, "launchPermission", "Attribute");
	struct xml_node *root;
	if (query_call(aws, &q, a, &root, e) < 0)
		return -1;
	const struct xml_node *all = xml_child(root, "launchPermission");
	struct ec2_grantee *list = arena_array(a, page_count(all) + 1, sizeof(*list), e);
	size_t n = 0;
	if (list == NULL)
		return -1;
	for (const struct xml_node *i = all != NULL ? all->first : NULL; i != NULL; i = i->next)
		for (size_t k = 0; k < KINDS; k++) {
			const char *name = xml_text(i, GRANTEES[k].answer);
			if (name == NULL)
				continue;
			list[n++] = (struct ec2_grantee){ .kind = (enum ec2_grantee_kind)k,
				.name = name };
			break;
		}
	*ret = list;
	*ret_count = n;
	return 0;
}

static void put_grantees(
	struct query *q, const char *what, const struct ec2_grantee *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		query_put(q, list[i].name, "LaunchPermission.%s.%zu.%s", what, i + 1,
			GRANTEES[list[i].kind].request);
}

int ec2_permissions_change(struct aws *aws, const char *region, const char *image,
	const struct ec2_grantee *add, size_t add_count, const struct ec2_grantee *remove,
	size_t remove_count, bool dry_run, struct arena *a, struct err *e)
{
	if (add_count == 0 && remove_count == 0)
		return 0;
	cleanup_query struct query q = change(region, "ModifyImageAttribute", image);
	put_grantees(&q, "Add", add, add_count);
	put_grantees(&q, "Remove", remove, remove_count);
	struct xml_node *root;
	return ec2_change(aws, &q, dry_run, a, &root, e);
}

int ec2_deprecate(struct aws *aws, const char *region, const char *image, int64_t at, bool dry_run,
	struct arena *a, struct err *e)
{
	char text[32];
	time_t seconds = (time_t)at;
	struct tm tm;
	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	cleanup_query struct query q = change(region, "EnableImageDeprecation", image);
	query_put(&q, text, "DeprecateAt");
	struct xml_node *root;
	return ec2_change(aws, &q, dry_run, a, &root, e);
}

int ec2_deprecate_never(struct aws *aws, const char *region, const char *image, bool dry_run,
	struct arena *a, struct err *e)
{
	cleanup_query struct query q = change(region, "DisableImageDeprecation", image);
	struct xml_node *root;
	return ec2_change(aws, &q, dry_run, a, &root, e);
}

int ec2_protect(struct aws *aws, const char *region, const char *image, bool cooldown, bool dry_run,
	struct arena *a, struct err *e)
{
	cleanup_query struct query q = change(region, "EnableImageDeregistrationProtection", image);
	query_put(&q, cooldown ? "true" : "false", "WithCooldown");
	struct xml_node *root;
	return ec2_change(aws, &q, dry_run, a, &root, e);
}

int ec2_unprotect(struct aws *aws, const char *region, const char *image, bool dry_run,
	struct arena *a, struct err *e)
{
	cleanup_query struct query q =
		change(region, "DisableImageDeregistrationProtection", image);
	struct xml_node *root;
	return ec2_change(aws, &q, dry_run, a, &root, e);
}
