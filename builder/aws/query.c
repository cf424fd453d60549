#include "aws/query.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/sigv4.h"

#define FORM_MAX   ((size_t)1 << 20)
#define ANSWER_MAX ((size_t)256 << 20) /* of an answer's tree */
#define NAME_SIZE  256

static void failed(struct query *q, const struct err *e)
{
	if (!q->failed)
		q->err = *e;
	q->failed = true;
}

static void put_pair(struct query *q, const char *name, const char *value)
{
	struct err e;
	if (q->failed)
		return;
	if ((q->form.len > 0 && buf_putc(&q->form, '&', &e) < 0) ||
		sigv4_encode(&q->form, name, strlen(name), false, &e) < 0 ||
		buf_putc(&q->form, '=', &e) < 0 ||
		sigv4_encode(&q->form, value, strlen(value), false, &e) < 0)
		failed(q, &e);
}

struct query query_to(enum aws_service service, const char *region, const char *action)
{
	struct query q = { .request = { .service = service,
				   .region = region,
				   .operation = action,
				   .method = "POST",
				   .headers = { { "content-type",
					   "application/x-www-form-urlencoded; charset=utf-8" } },
				   .header_count = 1 },
		.form = { .max = FORM_MAX } };
	put_pair(&q, "Action", action);
	put_pair(&q, "Version", endpoint_version(service));
	return q;
}

static void put_named(struct query *q, const char *value, const char *format, va_list ap)
{
	char name[NAME_SIZE];
	int n = vsnprintf(name, sizeof(name), format, ap);
	struct err e;
	if (n > 0 && (size_t)n < sizeof(name))
		put_pair(q, name, value);
	else if (!q->failed && err_set(&e, ERR_BUG, 0, "the name of a parameter is too long") < 0)
		failed(q, &e);
}

void query_put(struct query *q, const char *value, const char *name, ...)
{
	va_list ap;
	if (value == NULL)
		return;
	va_start(ap, name);
	put_named(q, value, name, ap);
	va_end(ap);
}

void query_put_int(struct query *q, long long value, const char *name, ...)
{
	char text[24];
	va_list ap;
	snprintf(text, sizeof(text), "%lld", value);
	va_start(ap, name);
	put_named(q, text, name, ap);
	va_end(ap);
}

void query_free(struct query *q)
{
	buf_free(&q->form);
}

static const char *no_xml(const struct aws_reply *r)
{
	struct arena a = { .max = ANSWER_MAX };
	struct xml_node *root;
	struct err e;
	int rc = r->body.len > 0 ? xml_parse(r->body.data, r->body.len, &a, &root, &e) : -1;
	arena_free(&a);
	return rc == 0 ? NULL : AWS_UNREADABLE;
}

static int read_answer(const struct aws_request *q, const struct aws_reply *r, struct arena *a,
	struct xml_node **ret, struct err *e)
{
	if (r->body.len == 0)
		return err_set(e, ERR_REMOTE, 0, "%s: an empty answer", q->operation);
	if (xml_parse(r->body.data, r->body.len, a, ret, e) == 0)
		return 0;
	if (e->kind == ERR_INPUT)
		e->kind = ERR_REMOTE;
	return err_wrap(e, "%s: the answer", q->operation);
}

static int ready(struct query *q, struct err *e)
{
	if (q->failed) {
		*e = q->err;
		return err_wrap(e, "%s", q->request.operation);
	}
	q->request.body = q->form.data;
	q->request.body_len = q->form.len;
	q->request.wrong = no_xml;
	return 0;
}

int query_call(
	struct aws *aws, struct query *q, struct arena *a, struct xml_node **ret, struct err *e)
{
	struct aws_reply reply;
	if (ready(q, e) < 0 || aws_call(aws, &q->request, &reply, e) < 0)
		return -1;
	int rc = read_answer(&q->request, &reply, a, ret, e);
	aws_reply_free(&reply);
	return rc;
}

int query_try(struct aws *aws, struct query *q, struct arena *a, struct xml_node **ret,
	struct aws_reply *ret_reply, struct err *e)
{
	struct aws_reply reply;
	struct xml_node *root = NULL;
	if (ready(q, e) < 0 || aws_try(aws, &q->request, &reply, e) < 0)
		return -1;
	if (reply.status < 300 && read_answer(&q->request, &reply, a, &root, e) < 0) {
		aws_reply_free(&reply);
		return -1;
	}
	*ret = root;
	*ret_reply = reply;
	return 0;
}
