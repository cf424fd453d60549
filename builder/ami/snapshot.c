#include "ami/snapshot.h"

#include <string.h>

#include "aws/query.h"

static const char *const NOT_FOUND[] = { "InvalidSnapshot.NotFound", NULL };

static int describe(struct aws *aws, struct query *q, struct arena *a, const struct xml_node **ret,
	struct aws_reply *reply, struct err *e)
{
	struct xml_node *root = NULL;
	if (query_try(aws, q, a, &root, reply, e) < 0)
		return -1;
	if (reply->status >= 400) {
		*ret = NULL;
		return strcmp(reply->code, NOT_FOUND[0]) == 0
			       ? 0
			       : aws_refused(&q->request, aws, reply, e);
	}
	*ret = xml_child(xml_child(root, "snapshotSet"), "item");
	return 0;
}

static enum snapshot_state state_of(const struct xml_node *item)
{
	const char *status = xml_text(item, "status");
	if (status == NULL)
		return SNAPSHOT_GONE;
	if (strcmp(status, "completed") == 0)
		return SNAPSHOT_COMPLETED;
	if (strcmp(status, "pending") == 0)
		return SNAPSHOT_PENDING;
	return SNAPSHOT_ERROR;
}

int snapshot_state(struct aws *aws, const char *region, const char *id, unsigned patience,
	enum snapshot_state *ret, struct err *e)
{
	cleanup_arena struct arena arena = { 0 };
	cleanup_query struct query q = query_to(AWS_EC2, region, "DescribeSnapshots");
	query_put(&q, id, "SnapshotId.1");
	q.request.transient = NOT_FOUND;
	q.request.patience = patience;
	struct aws_reply reply = { 0 };
	const struct xml_node *item = NULL;
	int rc = describe(aws, &q, &arena, &item, &reply, e);
	if (rc == 0)
		*ret = state_of(item);
	aws_reply_free(&reply);
	return rc;
}
