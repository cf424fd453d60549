#include <jansson.h>

#include "aws/query.h"

static json_t *parse(const struct aws_reply *r)
{
	json_error_t error;
	/* Some answers are empty where they have nothing to tell. */
	json_t *root =
		r->body.len > 0 ? json_loadb(r->body.data, r->body.len, 0, &error) : json_object();
	if (json_is_object(root))
		return root;
	json_decref(root);
	return NULL;
}

const char *json_unreadable(const struct aws_reply *r)
{
	json_t *root = parse(r);
	json_decref(root);
	return root != NULL ? NULL : AWS_UNREADABLE;
}

int json_read(const struct aws_reply *r, const char *operation, json_t **ret, struct err *e)
{
	json_t *root = parse(r);
	if (root == NULL)
		return err_set(e, ERR_REMOTE, 0, "%s: the answer is no JSON", operation);
	*ret = root;
	return 0;
}

static struct aws_request request_of(enum aws_service service, const char *region,
	const char *target, const char *operation, const struct buf *body)
{
	return (struct aws_request){ .service = service,
		.region = region,
		.operation = operation,
		.method = "POST",
		.headers = { { "content-type", "application/x-amz-json-1.1" },
			{ "x-amz-target", target } },
		.header_count = 2,
		.body = body->data,
		.body_len = body->len,
		.wrong = json_unreadable };
}

int json_try(struct aws *aws, enum aws_service service, const char *region, const char *target,
	const char *operation, const struct buf *body, json_t **ret, struct aws_reply *ret_reply,
	struct err *e)
{
	struct aws_request q = request_of(service, region, target, operation, body);
	struct aws_reply reply;
	json_t *root = NULL;
	if (aws_try(aws, &q, &reply, e) < 0)
		return -1;
	if (reply.status < 300 && json_read(&reply, operation, &root, e) < 0) {
		aws_reply_free(&reply);
		return -1;
	}
	*ret = root;
	*ret_reply = reply;
	return 0;
}

int json_call(struct aws *aws, enum aws_service service, const char *region, const char *target,
	const char *operation, const struct buf *body, json_t **ret, struct err *e)
{
	struct aws_request q = request_of(service, region, target, operation, body);
	struct aws_reply reply;
	if (aws_call(aws, &q, &reply, e) < 0)
		return -1;
	int rc = json_read(&reply, operation, ret, e);
	aws_reply_free(&reply);
	return rc;
}
