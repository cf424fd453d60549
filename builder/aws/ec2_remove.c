#include "aws/ec2_remove.h"

#include <string.h>

#include "aws/query.h"

#define IN_USE_PATIENCE 60 /* seconds */
#define POLL            1000

static bool is_one_of(const char *code, const char *const *words)
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (strcmp(code, words[i]) == 0)
			return true;
	return false;
}

/* Carry out a removal; *ret_code is the refusal that was one of `known`, else "". */
static int removal(struct aws *aws, struct query *q, bool dry_run, const char *const *known,
	struct arena *a, const char **ret_code, struct err *e)
{
	struct aws_reply reply = { 0 };
	struct xml_node *root;
	if (dry_run)
		query_put(q, "true", "DryRun");
	int rc = query_try(aws, q, a, &root, &reply, e);
	*ret_code = "";
	if (rc == 0 && reply.status >= 400 && strcmp(reply.code, "DryRunOperation") != 0) {
		*ret_code = arena_strdup(a, reply.code, e);
		if (*ret_code == NULL)
			rc = -1;
		else if (!is_one_of(reply.code, known))
			rc = aws_refused(&q->request, aws, &reply, e);
	}
	aws_reply_free(&reply);
	return rc;
}

int ec2_snapshot_remove(struct aws *aws, const char *region, const char *snapshot,
	unsigned patience, bool dry_run, struct arena *a, bool *ret_used, struct err *e)
{
	static const char *const known[] = { "InvalidSnapshot.NotFound", "InvalidSnapshot.InUse",
		NULL };
	int64_t start = aws_clock(aws);
	for (;;) {
		cleanup_query struct query q = query_to(AWS_EC2, region, "DeleteSnapshot");
		const char *code;
		query_put(&q, snapshot, "SnapshotId");
		if (removal(aws, &q, dry_run, known, a, &code, e) < 0)
			return -1;
		*ret_used = strcmp(code, "InvalidSnapshot.InUse") == 0;
		if (!*ret_used || aws_clock(aws) - start >= (int64_t)patience * 1000)
			return 0;
		if (aws_sleep(aws, POLL, e) < 0)
			return -1;
	}
}

int ec2_image_remove(struct aws *aws, const char *region, const char *image,
	const char *const *snapshots, size_t snapshot_count, bool dry_run, struct arena *a,
	struct err *e)
{
	static const char *const known[] = { "InvalidAMIID.NotFound", "InvalidAMIID.Unavailable",
		NULL };
	cleanup_query struct query q = query_to(AWS_EC2, region, "DeregisterImage");
	const char *code;
	query_put(&q, image, "ImageId");
	query_put(&q, "true", "DeleteAssociatedSnapshots");
	if (removal(aws, &q, dry_run, known, a, &code, e) < 0)
		return -1;
	for (size_t i = 0; !dry_run && i < snapshot_count; i++) {
		bool used;
		if (ec2_snapshot_remove(
			    aws, region, snapshots[i], IN_USE_PATIENCE, false, a, &used, e) < 0)
			return -1;
	}
	return 0;
}
