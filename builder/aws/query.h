/*
 * The Query protocol of EC2, Auto Scaling and STS (AWS Query protocol; Amazon EC2 API Reference,
 * "Query requests"): a form of sorted or unsorted NAME=VALUE pairs, answered in XML.
 */
#ifndef IMGBUILD_AWS_QUERY_H
#define IMGBUILD_AWS_QUERY_H

#include "aws/client.h"
#include "aws/xml.h"
#include "base/arena.h"

/*
 * A form being written; errors stick and come out of query_call.
 *
 *   struct query q = query_to(AWS_EC2, region, "DescribeImages");
 *   query_put(&q, owner, "Owner.%zu", i + 1);
 *   query_call(aws, &q, arena, &root, e)
 */
struct query {
	struct aws_request request; /* `once`, `transient`, `patience` are the caller's to set */
	struct buf form;
	bool failed;
	struct err err;
};

struct query query_to(enum aws_service service, const char *region, const char *action);
/* NAME=VALUE, percent-encoded; nothing when value is NULL. */
void query_put(struct query *q, const char *value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));
void query_put_int(struct query *q, long long value, const char *name, ...)
	__attribute__((format(printf, 3, 4)));
void query_free(struct query *q);
#define cleanup_query __attribute__((cleanup(query_free)))

/* aws_call, and the answer's outermost element in the arena. Errors as aws_call's. */
must_check int query_call(
	struct aws *aws, struct query *q, struct arena *a, struct xml_node **ret, struct err *e);
/* aws_try: a refusal is in *ret_reply (status >= 400) and *ret NULL. */
must_check int query_try(struct aws *aws, struct query *q, struct arena *a, struct xml_node **ret,
	struct aws_reply *ret_reply, struct err *e);

/*
 * AWS JSON 1.1 (SSM): X-Amz-Target ("AmazonSSM.GetParameter") and a JSON body; the answer is a
 * jansson object that the caller releases with json_decref.
 */
struct json_t;
must_check int json_call(struct aws *aws, enum aws_service service, const char *region,
	const char *target, const char *operation, const struct buf *body, struct json_t **ret,
	struct err *e);
must_check int json_try(struct aws *aws, enum aws_service service, const char *region,
	const char *target, const char *operation, const struct buf *body, struct json_t **ret,
	struct aws_reply *ret_reply, struct err *e);

/* For aws_request's `wrong` of services that answer in JSON. */
const char *json_unreadable(const struct aws_reply *r);
/* An answer's JSON object; {} when it is empty. The caller releases it with json_decref.
 * ERR_REMOTE. */
must_check int json_read(
	const struct aws_reply *r, const char *operation, struct json_t **ret, struct err *e);

#endif
