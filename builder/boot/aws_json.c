#include "boot/aws_json.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "boot/route53_record.h"

#define TYPE_JSON "application/x-amz-json-1.1"
#define NAMES_MAX 10 /* of a GetParameters */

static const char *const PREFIXES[] = {
	[AWS_SSM] = "AmazonSSM.", [AWS_SECRETSMANAGER] = "secretsmanager."
};

int aws_json_service(const char *target)
{
	for (size_t i = 0; target != NULL && i < sizeof(PREFIXES) / sizeof(*PREFIXES); i++)
		if (text_starts(target, PREFIXES[i]))
			return (int)i;
	return -1;
}

static const struct aws_secret *find(
	const struct aws_local *aws, enum aws_service service, const char *name, size_t len)
{
	for (size_t i = 0; i < aws->secret_count; i++) {
		const struct aws_secret *s = &aws->secrets[i];
		if (s->service == service && strlen(s->name) == len &&
			memcmp(s->name, name, len) == 0)
			return s;
	}
	return NULL;
}

/* PATH, or PATH:VERSION, which is whichever version is asked for; an ARN has colons of its own. */
static size_t path_len(const char *name)
{
	return text_starts(name, "arn:") ? strlen(name) : strcspn(name, ":");
}

static void note_names(json_t *names, struct asked_item *item)
{
	size_t i, used = 0;
	json_t *name;
	json_array_foreach(names, i, name)
	{
		int n = snprintf(item->what + used, sizeof(item->what) - used, "%s%s",
			i > 0 ? " " : "", json_is_string(name) ? json_string_value(name) : "?");
		if (n < 0 || (size_t)n >= sizeof(item->what) - used)
			break;
		used += (size_t)n;
	}
}

/* 1: refused. */
static int check_names(json_t *p, struct aws_refusal *ret)
{
	json_t *names = json_object_get(p, "Names"), *name, *other;
	size_t i, k;
	if (!json_is_array(names) || json_array_size(names) == 0 ||
		json_array_size(names) > NAMES_MAX)
		return refusal_set(ret, 400, "ValidationException", "Names: 1 to 10 are wanted");
	if (!json_is_true(json_object_get(p, "WithDecryption")))
		return refusal_set(ret, 400, "ValidationException",
			"WithDecryption: the parameters here are SecureStrings");
	json_array_foreach(names, i, name)
	{
		if (!json_is_string(name) || json_string_length(name) == 0 ||
			strlen(json_string_value(name)) != json_string_length(name))
			return refusal_set(ret, 400, "ValidationException", "Names: not a name");
		json_array_foreach(names, k, other) if (k < i && strcmp(json_string_value(other),
									 json_string_value(name)) ==
									 0) return refusal_set(ret,
			400, "ValidationException", "Duplicate parameter names");
	}
	return 0;
}

static int get_parameters(struct aws_local *aws, json_t *p, struct buf *out,
	struct asked_item *item, struct aws_refusal *ret, struct err *e)
{
	json_t *names = json_object_get(p, "Names"), *name;
	size_t i;
	if (json_is_array(names))
		note_names(names, item);
	if (check_names(p, ret) != 0)
		return 1;
	struct json j = json_to(out, 0);
	json_open(&j, NULL, '{');
	json_open(&j, "Parameters", '[');
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);
		size_t len = path_len(text);
		const struct aws_secret *s = find(aws, AWS_SSM, text, len);
		if (s == NULL)
			continue;
		json_open(&j, NULL, '{');
		json_strn(&j, "Name", text, len);
		json_str(&j, "Type", "SecureString");
		json_str(&j, "Value", s->value);
		json_int(&j, "Version", 1);
		if (text[len] != '\0')
			json_str(&j, "Selector", text + len);
		json_str(&j, "DataType", "text");
		json_close(&j, '}');
	}
	json_close(&j, ']');
	json_open(&j, "InvalidParameters", '[');
	json_array_foreach(names, i, name)
	{
		const char *text = json_string_value(name);
		if (find(aws, AWS_SSM, text, path_len(text)) != NULL)
			continue;
		json_str(&j, NULL, text);
		snprintf(item->code, sizeof(item->code), "InvalidParameters");
	}
	json_close(&j, ']');
	json_close(&j, '}');
	return json_end(&j, e);
}

static int get_secret(struct aws_local *aws, json_t *p, struct buf *out, struct asked_item *item,
	struct aws_refusal *ret, struct err *e)
{
	const char *name = json_string_value(json_object_get(p, "SecretId"));
	if (name == NULL)
		return refusal_set(ret, 400, "ValidationException", "SecretId is wanted");
	snprintf(item->what, sizeof(item->what), "%s", name);
	const struct aws_secret *s = find(aws, AWS_SECRETSMANAGER, name, strlen(name));
	if (s == NULL)
		return refusal_set(ret, 400, "ResourceNotFoundException",
			"Secrets Manager can't find the specified secret.");
	struct json j = json_to(out, 0);
	json_open(&j, NULL, '{');
	json_str(&j, "Name", name);
	json_str(&j, "SecretString", s->value);
	json_str(&j, "VersionId", "00000000-0000-4000-8000-000000000001");
	json_close(&j, '}');
	return json_end(&j, e);
}

int aws_json_answer(struct aws_local *aws, enum aws_service service, const struct http_request *r,
	struct http_reply *reply, struct asked_item *item, struct aws_refusal *ret, struct err *e)
{
	static const struct {
		enum aws_service service;
		const char *op;
		int (*act)(struct aws_local *aws, json_t *p, struct buf *out,
			struct asked_item *item, struct aws_refusal *ret, struct err *e);
	} operations[] = {
		{ AWS_SSM, "GetParameters", get_parameters },
		{ AWS_SECRETSMANAGER, "GetSecretValue", get_secret },
	};
	const char *type = http_header(r, "Content-Type");
	const char *op = http_header(r, "X-Amz-Target");
	op = op != NULL ? op + strlen(PREFIXES[service]) : "";
	snprintf(item->op, sizeof(item->op), "%s", op);
	size_t i = 0, count = sizeof(operations) / sizeof(*operations);
	while (i < count && (operations[i].service != service || strcmp(operations[i].op, op) != 0))
		i++;
	if (i == count || strcmp(r->method, "POST") != 0 || strcmp(r->target, "/") != 0 ||
		type == NULL || strcmp(type, TYPE_JSON) != 0)
		return refusal_set(ret, 400, "UnknownOperationException", "no such operation"), 0;
	json_error_t problem;
	json_t *p = json_loadb(r->body.data != NULL ? r->body.data : "", r->body.len,
		JSON_REJECT_DUPLICATES, &problem);
	if (!json_is_object(p)) {
		json_decref(p);
		return refusal_set(ret, 400, "SerializationException", "not a JSON object"), 0;
	}
	int rc = operations[i].act(aws, p, &reply->body, item, ret, e);
	json_decref(p);
	if (rc == 0) {
		reply->status = 200;
		reply->type = TYPE_JSON;
	}
	return rc < 0 ? -1 : 0;
}
