#include "aws/ssm.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "aws/page.h"
#include "aws/query.h"
#include "base/json.h"

#define VALUES_MAX   10 /* names of one GetParameters */
#define PAGE         50
#define POLL_FIRST   250 /* milliseconds */
#define POLL_LONGEST 4000

static void json_release(json_t **j)
{
	json_decref(*j);
}
#define cleanup_json __attribute__((cleanup(json_release)))

struct call {
	const char *operation;
	char target[64];
	struct buf body;
	struct json json;
};

static void call_begin(struct call *c, const char *operation)
{
	memset(c, 0, sizeof(*c));
	c->operation = operation;
	snprintf(c->target, sizeof(c->target), "AmazonSSM.%s", operation);
	c->json = json_to(&c->body, 0);
	json_open(&c->json, NULL, '{');
}

static int call_try(struct aws *aws, const char *region, struct call *c, json_t **ret,
	struct aws_reply *reply, struct err *e)
{
	json_close(&c->json, '}');
	if (json_end(&c->json, e) < 0)
		return -1;
	return json_try(aws, AWS_SSM, region, c->target, c->operation, &c->body, ret, reply, e);
}

static int call_run(
	struct aws *aws, const char *region, struct call *c, json_t **ret, struct err *e)
{
	json_close(&c->json, '}');
	int rc = json_end(&c->json, e);
	if (rc == 0)
		rc = json_call(aws, AWS_SSM, region, c->target, c->operation, &c->body, ret, e);
	buf_free(&c->body);
	return rc;
}

static const char *text_of(const json_t *object, const char *key, struct arena *a, struct err *e)
{
	const char *text = json_string_value(json_object_get(object, key));
	return arena_strdup(a, text != NULL ? text : "", e);
}

static int parameter_of(const json_t *j, struct arena *a, struct ssm_parameter *ret, struct err *e)
{
	struct ssm_parameter p = {
		.name = text_of(j, "Name", a, e),
		.value = text_of(j, "Value", a, e),
		.data_type = text_of(j, "DataType", a, e),
		.description = text_of(j, "Description", a, e),
		.arn = text_of(j, "ARN", a, e),
		.version = json_integer_value(json_object_get(j, "Version")),
		.modified = (int64_t)json_number_value(json_object_get(j, "LastModifiedDate")),
	};
	if (p.name == NULL || p.value == NULL || p.data_type == NULL || p.description == NULL ||
		p.arn == NULL)
		return -1;
	*ret = p;
	return 0;
}

static bool is_unknown(const char *code)
{
	return strcmp(code, "ParameterNotFound") == 0 ||
	       strcmp(code, "ParameterVersionNotFound") == 0;
}

static int refused_call(struct aws *aws, const char *region, const struct call *c,
	const struct aws_reply *reply, struct err *e)
{
	const struct aws_request q = {
		.service = AWS_SSM, .region = region, .operation = c->operation
	};
	return aws_refused(&q, aws, reply, e);
}

int ssm_get(struct aws *aws, const char *region, const char *name, struct arena *a,
	struct ssm_parameter *ret, bool *found, struct err *e)
{
	struct call c;
	struct aws_reply reply = { 0 };
	cleanup_json json_t *root = NULL;
	call_begin(&c, "GetParameter");
	json_str(&c.json, "Name", name);
	int rc = call_try(aws, region, &c, &root, &reply, e);
	if (rc == 0 && reply.status >= 400) {
		*found = false;
		if (!is_unknown(reply.code))
			rc = refused_call(aws, region, &c, &reply, e);
	} else if (rc == 0) {
		*found = true;
		rc = parameter_of(json_object_get(root, "Parameter"), a, ret, e);
	}
	aws_reply_free(&reply);
	buf_free(&c.body);
	return rc;
}

static int put(struct aws *aws, const char *region, const char *name, const char *image,
	const char *description, bool exists, struct err *e)
{
	struct call c;
	struct aws_reply reply = { 0 };
	cleanup_json json_t *root = NULL;
	call_begin(&c, "PutParameter");
	json_str(&c.json, "Name", name);
	json_str(&c.json, "Value", image);
	json_str(&c.json, "Type", "String");
	json_str(&c.json, "DataType", SSM_IMAGE_TYPE);
	json_str(&c.json, "Description", description);
	json_bool(&c.json, "Overwrite", exists);
	int rc = call_try(aws, region, &c, &root, &reply, e);
	/* Made by a try whose answer was lost, or by somebody else: reading it back decides. */
	bool there = strcmp(reply.code, "ParameterAlreadyExists") == 0 && reply.lost;
	if (rc == 0 && reply.status >= 400 && !there)
		rc = refused_call(aws, region, &c, &reply, e);
	aws_reply_free(&reply);
	buf_free(&c.body);
	return rc;
}

int ssm_put_image(struct aws *aws, const char *region, const char *name, const char *image,
	const char *description, bool exists, unsigned patience, struct arena *a, struct err *e)
{
	if (put(aws, region, name, image, description, exists, e) < 0)
		return -1;
	int64_t start = aws_clock(aws), pause = POLL_FIRST;
	struct ssm_parameter now = { .value = "" };
	for (;;) {
		bool found = false;
		if (ssm_get(aws, region, name, a, &now, &found, e) < 0)
			return err_wrap(e, "read %s back", name);
		if (found && strcmp(now.value, image) == 0)
			break;
		if (aws_clock(aws) - start > (int64_t)patience * 1000)
			return err_set(e, ERR_REMOTE, 0,
				"parameter %s is %s and not %s after %u s: Systems Manager did not "
				"accept the image",
				name, found ? now.value : "not there", image, patience);
		if (aws_sleep(aws, pause, e) < 0)
			return -1;
		pause = pause * 2 < POLL_LONGEST ? pause * 2 : POLL_LONGEST;
	}
	if (now.data_type[0] != '\0' && strcmp(now.data_type, SSM_IMAGE_TYPE) != 0)
		return err_set(e, ERR_REMOTE, 0, "parameter %s is of data type %s, not %s", name,
			now.data_type, SSM_IMAGE_TYPE);
	return 0;
}

struct parameters {
	struct ssm_parameter *list;
	size_t count;
	size_t cap;
};

static int take_list(const json_t *list, struct parameters *all, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		struct ssm_parameter *p =
			arena_push(a, &all->list, &all->count, &all->cap, sizeof(*p), e);
		if (p == NULL || parameter_of(json_array_get(list, i), a, p, e) < 0)
			return -1;
	}
	return 0;
}

static int next_token(
	const json_t *root, struct arena *a, const char **token, bool *more, struct err *e)
{
	const char *next = json_string_value(json_object_get(root, "NextToken"));
	const char *copy = next != NULL ? arena_strdup(a, next, e) : "";
	if (copy == NULL)
		return -1;
	*more = page_next(token, copy);
	return 0;
}

static int by_version(const void *x, const void *y)
{
	const struct ssm_parameter *a = x, *b = y;
	return (a->version > b->version) - (a->version < b->version);
}

int ssm_history(struct aws *aws, const char *region, const char *name, struct arena *a,
	struct ssm_parameter **ret, size_t *ret_count, struct err *e)
{
	struct parameters all = { 0 };
	const char *token = NULL;
	bool more = true;
	while (more) {
		struct call c;
		struct aws_reply reply = { 0 };
		cleanup_json json_t *root = NULL;
		call_begin(&c, "GetParameterHistory");
		json_str(&c.json, "Name", name);
		json_int(&c.json, "MaxResults", PAGE);
		if (token != NULL)
			json_str(&c.json, "NextToken", token);
		int rc = call_try(aws, region, &c, &root, &reply, e);
		if (rc == 0 && reply.status >= 400) {
			struct aws_request q = {
				.service = AWS_SSM, .region = region, .operation = c.operation
			};
			more = false;
			if (!is_unknown(reply.code))
				rc = aws_refused(&q, aws, &reply, e);
		} else if (rc == 0) {
			rc = take_list(json_object_get(root, "Parameters"), &all, a, e);
			if (rc == 0)
				rc = next_token(root, a, &token, &more, e);
		}
		aws_reply_free(&reply);
		buf_free(&c.body);
		if (rc < 0)
			return -1;
	}
	if (all.count > 1)
		qsort(all.list, all.count, sizeof(*all.list), by_version);
	*ret = all.list;
	*ret_count = all.count;
	return 0;
}

/* What has one of the values under that key; without the parameters' own values. */
static int describe(struct aws *aws, const char *region, const char *key, const char *const *wanted,
	struct parameters *ret, struct arena *a, struct err *e)
{
	const char *token = NULL;
	bool more = true;
	while (more) {
		struct call c;
		cleanup_json json_t *root = NULL;
		call_begin(&c, "DescribeParameters");
		json_open(&c.json, "ParameterFilters", '[');
		json_open(&c.json, NULL, '{');
		json_str(&c.json, "Key", key);
		json_open(&c.json, "Values", '[');
		for (size_t i = 0; wanted[i] != NULL; i++)
			json_str(&c.json, NULL, wanted[i]);
		json_close(&c.json, ']');
		json_close(&c.json, '}');
		json_close(&c.json, ']');
		json_int(&c.json, "MaxResults", PAGE);
		if (token != NULL)
			json_str(&c.json, "NextToken", token);
		if (call_run(aws, region, &c, &root, e) < 0 ||
			take_list(json_object_get(root, "Parameters"), ret, a, e) < 0 ||
			next_token(root, a, &token, &more, e) < 0)
			return -1;
	}
	return 0;
}

/*
 * At most VALUES_MAX of those that `describe` found; one that has gone since is not in the answer.
 * *refused NULL: a refusal is an error.
 */
static int values(struct aws *aws, const char *region, const struct ssm_parameter *list,
	size_t count, json_t **ret, bool *refused, struct err *e)
{
	struct call c;
	struct aws_reply reply = { 0 };
	call_begin(&c, "GetParameters");
	json_open(&c.json, "Names", '[');
	for (size_t i = 0; i < count; i++)
		json_str(&c.json, NULL, list[i].name);
	json_close(&c.json, ']');
	int rc = call_try(aws, region, &c, ret, &reply, e);
	bool denied = rc == 0 && strcmp(reply.code, "AccessDeniedException") == 0;
	if (refused != NULL)
		*refused = denied;
	if (rc == 0 && reply.status >= 400 && (!denied || refused == NULL))
		rc = refused_call(aws, region, &c, &reply, e);
	aws_reply_free(&reply);
	buf_free(&c.body);
	return rc;
}

static size_t batch(const struct parameters *all, size_t from)
{
	return all->count - from < VALUES_MAX ? all->count - from : VALUES_MAX;
}

int ssm_images(struct aws *aws, const char *region, struct arena *a, struct ssm_parameter **ret,
	size_t *ret_count, struct err *e)
{
	static const char *const type[] = { SSM_IMAGE_TYPE, NULL };
	struct parameters named = { 0 }, all = { 0 };
	if (describe(aws, region, "DataType", type, &named, a, e) < 0)
		return -1;
	for (size_t i = 0; i < named.count; i += VALUES_MAX) {
		cleanup_json json_t *root = NULL;
		if (values(aws, region, &named.list[i], batch(&named, i), &root, NULL, e) < 0 ||
			take_list(json_object_get(root, "Parameters"), &all, a, e) < 0)
			return -1;
	}
	*ret = all.list;
	*ret_count = all.count;
	return 0;
}

static int give(const json_t *list, ssm_each *each, void *ctx, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *p = json_array_get(list, i);
		const char *name = json_string_value(json_object_get(p, "Name"));
		const char *value = json_string_value(json_object_get(p, "Value"));
		if (name != NULL && value != NULL && each(ctx, name, value, e) < 0)
			return -1;
	}
	return 0;
}

static int texts(struct aws *aws, const char *region, const struct ssm_parameter *list,
	size_t count, ssm_each *each, void *ctx, size_t *refused, struct err *e)
{
	cleanup_json json_t *root = NULL;
	bool denied;
	if (values(aws, region, list, count, &root, &denied, e) < 0)
		return -1;
	if (!denied)
		return give(json_object_get(root, "Parameters"), each, ctx, e);
	if (count == 1)
		++*refused;
	/* One that may not be read has all of them refused. */
	for (size_t i = 0; count > 1 && i < count; i++)
		if (texts(aws, region, &list[i], 1, each, ctx, refused, e) < 0)
			return -1;
	return 0;
}

int ssm_texts(struct aws *aws, const char *region, ssm_each *each, void *ctx, struct arena *a,
	size_t *ret_refused, struct err *e)
{
	static const char *const types[] = { "String", "StringList", NULL };
	struct parameters found = { 0 }, plain = { 0 };
	size_t refused = 0;
	if (describe(aws, region, "Type", types, &found, a, e) < 0)
		return -1;
	plain.list = found.list;
	for (size_t i = 0; i < found.count; i++)
		if (strcmp(found.list[i].data_type, SSM_IMAGE_TYPE) != 0)
			plain.list[plain.count++] = found.list[i];
	for (size_t i = 0; i < plain.count; i += VALUES_MAX)
		if (texts(aws, region, &plain.list[i], batch(&plain, i), each, ctx, &refused, e) <
			0)
			return -1;
	*ret_refused = refused;
	return 0;
}
