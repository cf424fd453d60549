#include "aws/ec2_instance.h"

#include <string.h>

#include "aws/page.h"
#include "aws/query.h"

#define PAGE       200 /* an instance is some 200 elements */
#define VALUES_MAX 200 /* of one filter */

struct found {
	struct ec2_instance *list;
	size_t count;
	size_t cap;
};

static int take(const struct xml_node *reservation, struct found *f, struct arena *a, struct err *e)
{
	const struct xml_node *all = xml_child(reservation, "instancesSet");
	for (const struct xml_node *i = all != NULL ? all->first : NULL; i != NULL; i = i->next) {
		const char *id = xml_text(i, "instanceId"), *image = xml_text(i, "imageId");
		const char *state = xml_text(xml_child(i, "instanceState"), "name");
		if (state != NULL && strcmp(state, "terminated") == 0)
			continue;
		struct ec2_instance *x = arena_push(a, &f->list, &f->count, &f->cap, sizeof(*x), e);
		if (x == NULL)
			return -1;
		*x = (struct ec2_instance){ .id = id != NULL ? id : "",
			.image = image != NULL ? image : "",
			.state = state != NULL ? state : "" };
	}
	return 0;
}

static int some(struct aws *aws, const char *region, const char *filter, const char *const *values,
	size_t value_count, struct arena *a, struct found *f, struct err *e)
{
	const char *token = NULL;
	bool more = true;
	while (more) {
		cleanup_query struct query q = query_to(AWS_EC2, region, "DescribeInstances");
		if (filter != NULL) {
			query_put(&q, filter, "Filter.1.Name");
			for (size_t i = 0; i < value_count; i++)
				query_put(&q, values[i], "Filter.1.Value.%zu", i + 1);
		}
		query_put_int(&q, PAGE, "MaxResults");
		query_put(&q, token, "NextToken");
		struct xml_node *root;
		if (query_call(aws, &q, a, &root, e) < 0)
			return -1;
		const struct xml_node *all = xml_child(root, "reservationSet");
		for (const struct xml_node *i = all != NULL ? all->first : NULL; i != NULL;
			i = i->next)
			if (take(i, f, a, e) < 0)
				return -1;
		more = page_next(&token, xml_text(root, "nextToken"));
	}
	return 0;
}

int ec2_instances(struct aws *aws, const char *region, const char *filter,
	const char *const *values, size_t value_count, struct arena *a, struct ec2_instance **ret,
	size_t *ret_count, struct err *e)
{
	struct found f = { 0 };
	if (filter == NULL && some(aws, region, NULL, NULL, 0, a, &f, e) < 0)
		return -1;
	for (size_t i = 0; filter != NULL && i < value_count; i += VALUES_MAX) {
		size_t n = value_count - i < VALUES_MAX ? value_count - i : VALUES_MAX;
		if (some(aws, region, filter, values + i, n, a, &f, e) < 0)
			return -1;
	}
	*ret = f.list;
	*ret_count = f.count;
	return 0;
}
