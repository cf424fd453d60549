#include "aws/ebs.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "aws/ebs_wire.h"
#include "aws/sigv4.h"

enum {
	LIST_PAGE = 10000, /* ListSnapshotBlocks: MaxResults at most, */
	LIST_LEAST = 100,  /* and at least */
};

/* A snapshot that was just started, or just completed, is not known everywhere at once. */
static const char *const NOT_YET[] = { "ResourceNotFoundException", NULL };
#define NOT_YET_SECONDS 120

/* Snapshots that are being made are counted: others have to end first. */
static const char *const TOO_MANY[] = { "ConcurrentLimitExceededException", NULL };
#define TOO_MANY_SECONDS 300

static const char *no_object(const struct aws_reply *r)
{
	json_t *root = json_loadb(r->body.data, r->body.len, 0, NULL);
	bool is = json_is_object(root);
	json_decref(root);
	return is ? NULL : AWS_UNREADABLE;
}

static const char *no_block(const struct aws_reply *r)
{
	struct sha256 digest, said;
	if (r->body.len != EBS_BLOCK || !ebs_digest(r->checksum, &said))
		return AWS_UNREADABLE;
	digest = sha256_of(r->body.data, r->body.len);
	return memcmp(&digest, &said, sizeof(digest)) == 0
		       ? NULL
		       : "the block's bytes are not those of its checksum";
}

static int id_check(const char *snapshot, struct err *e)
{
	if (!ebs_snapshot_id(snapshot))
		return err_set(e, ERR_BUG, 0, "%s is no snapshot's id",
			snapshot != NULL ? snapshot : "NULL");
	return 0;
}

int ebs_start(struct aws *aws, const struct ebs_start *s, struct arena *a, struct ebs_snapshot *ret,
	struct aws_reply *reply, struct err *e)
{
	cleanup_buf struct buf body = { 0 };
	if (ebs_start_body(s, &body, e) < 0)
		return -1;
	struct aws_request q = {
		.service = AWS_EBS,
		.region = s->region,
		.operation = "StartSnapshot",
		.method = "POST",
		.path = "/snapshots",
		.headers = { { "content-type", "application/json" } },
		.header_count = 1,
		.body = body.data,
		.body_len = body.len,
		.transient = TOO_MANY,
		.patience = TOO_MANY_SECONDS,
		.wrong = no_object,
	};
	if (aws_try(aws, &q, reply, e) < 0)
		return -1;
	if (reply->status >= 400)
		return aws_refused(&q, aws, reply, e);
	return ebs_start_answer(reply->body.data, reply->body.len, s, a, ret, e);
}

int ebs_put(struct aws *aws, const char *region, const char *snapshot, uint32_t index,
	const void *data, const struct sha256 *digest, struct ebs_put *put, aws_done *done,
	void *ctx, struct err *e)
{
	if (id_check(snapshot, e) < 0)
		return -1;
	struct ebs_checksum sum = ebs_checksum(digest);
	memcpy(put->checksum, sum.text, sizeof(put->checksum));
	snprintf(put->path, sizeof(put->path), "/snapshots/%s/blocks/%lu", snapshot,
		(unsigned long)index);
	struct aws_request q = {
		.service = AWS_EBS,
		.region = region,
		.operation = "PutSnapshotBlock",
		.method = "PUT",
		.path = put->path,
		.headers = {
			{ "content-type", "application/octet-stream" },
			{ "x-amz-checksum", put->checksum },
			{ "x-amz-checksum-algorithm", "SHA256" },
			{ "x-amz-data-length", "524288" },
		},
		.header_count = 4,
		.body = data,
		.body_len = EBS_BLOCK,
		.unsigned_body = true,
		.transient = NOT_YET,
		.patience = NOT_YET_SECONDS,
	};
	return aws_send(aws, &q, done, ctx, e);
}

int ebs_complete(struct aws *aws, const char *region, const char *snapshot, uint32_t changed,
	const struct sha256 *aggregate, struct aws_reply *reply, struct err *e)
{
	char path[96], count[16];
	if (id_check(snapshot, e) < 0)
		return -1;
	struct ebs_checksum sum = ebs_checksum(aggregate);
	snprintf(path, sizeof(path), "/snapshots/completion/%s", snapshot);
	snprintf(count, sizeof(count), "%lu", (unsigned long)changed);
	struct aws_request q = {
		.service = AWS_EBS,
		.region = region,
		.operation = "CompleteSnapshot",
		.method = "POST",
		.path = path,
		.headers = {
			{ "x-amz-changedblockscount", count },
			{ "x-amz-checksum", sum.text },
			{ "x-amz-checksum-aggregation-method", "LINEAR" },
			{ "x-amz-checksum-algorithm", "SHA256" },
		},
		.header_count = 4,
		.transient = NOT_YET,
		.patience = NOT_YET_SECONDS,
	};
	if (aws_try(aws, &q, reply, e) < 0)
		return -1;
	return reply->status >= 400 ? aws_refused(&q, aws, reply, e) : 0;
}

/* One page: `token` of the page before, or the block to start from. */
static int list_page(struct aws *aws, const char *region, const char *snapshot, uint32_t first,
	const char *token, size_t results, struct aws_reply *reply, struct err *e)
{
	char path[96];
	cleanup_buf struct buf query = { 0 };
	snprintf(path, sizeof(path), "/snapshots/%s/blocks", snapshot);
	if (buf_printf(&query, e, "maxResults=%zu", results) < 0)
		return -1;
	if (token != NULL) {
		if (buf_puts(&query, "&pageToken=", e) < 0 ||
			sigv4_encode(&query, token, strlen(token), false, e) < 0)
			return -1;
	} else if (first > 0 &&
		   buf_printf(&query, e, "&startingBlockIndex=%lu", (unsigned long)first) < 0) {
		return -1;
	}
	struct aws_request q = {
		.service = AWS_EBS,
		.region = region,
		.operation = "ListSnapshotBlocks",
		.method = "GET",
		.path = path,
		.query = query.data,
		.transient = NOT_YET,
		.patience = 10,
		.wrong = no_object,
	};
	return aws_call(aws, &q, reply, e);
}

int ebs_list(struct aws *aws, const char *region, const char *snapshot, uint32_t first, size_t max,
	struct arena *a, struct ebs_blocks *ret, struct err *e)
{
	if (id_check(snapshot, e) < 0)
		return -1;
	struct ebs_blocks all = { 0 };
	struct ebs_page page = { 0 };
	size_t results = max == 0 || max > LIST_PAGE ? LIST_PAGE : max;
	if (results < LIST_LEAST)
		results = LIST_LEAST;
	do {
		struct aws_reply reply = { 0 };
		int rc = list_page(aws, region, snapshot, first, page.next, results, &reply, e);
		if (rc == 0)
			rc = ebs_list_answer(reply.body.data, reply.body.len, a, &all, &page, e);
		aws_reply_free(&reply);
		if (rc < 0)
			return -1;
	} while (page.next != NULL && (max == 0 || all.count < max));
	if (max != 0 && all.count > max)
		all.count = max;
	*ret = all;
	return 0;
}

int ebs_get(struct aws *aws, const char *region, const char *snapshot,
	const struct ebs_block *block, char path[static 512], aws_done *done, void *ctx,
	struct err *e)
{
	if (id_check(snapshot, e) < 0)
		return -1;
	/* Path and query, one behind the other in the caller's memory. */
	cleanup_buf struct buf text = { 0 };
	if (buf_printf(&text, e, "/snapshots/%s/blocks/%lu", snapshot,
		    (unsigned long)block->index) < 0 ||
		buf_putc(&text, '\0', e) < 0)
		return -1;
	size_t query = text.len;
	if (buf_puts(&text, "blockToken=", e) < 0 ||
		sigv4_encode(&text, block->token, strlen(block->token), false, e) < 0)
		return -1;
	if (text.len >= 512)
		return err_set(e, ERR_REMOTE, 0, "GetSnapshotBlock: a token of %zu characters",
			strlen(block->token));
	memcpy(path, text.data, text.len + 1);
	struct aws_request q = {
		.service = AWS_EBS,
		.region = region,
		.operation = "GetSnapshotBlock",
		.method = "GET",
		.path = path,
		.query = path + query,
		.transient = NOT_YET,
		.patience = 10,
		.wrong = no_block,
	};
	return aws_send(aws, &q, done, ctx, e);
}
