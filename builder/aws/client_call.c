#include <string.h>

#include "aws/client_part.h"
#include "base/digest.h"

#define ANSWER_MAX ((size_t)64 << 20)
#define OWN        5 /* headers beside the request's */

int aws_endpoint(struct aws *aws, enum aws_service service, const char **ret, struct err *e)
{
	struct err why = { 0 };
	*ret = aws->endpoint;
	if (*ret == NULL)
		*ret = profile_endpoint(
			&aws->profiles, endpoint_service_id(service), &aws->memory, &why);
	if (*ret != NULL || why.kind == ERR_NONE)
		return 0;
	*e = why;
	return -1;
}

int lane_of(struct aws *aws, enum aws_service service, const char *region, struct lane **ret,
	struct err *e)
{
	for (struct lane *l = aws->lanes; l != NULL; l = l->next) {
		if (l->service == service && strcmp(l->region, region) == 0) {
			*ret = l;
			return 0;
		}
	}
	struct lane *l = arena_alloc(&aws->memory, sizeof(*l), e);
	const char *url;
	if (l == NULL || aws_endpoint(aws, service, &url, e) < 0 ||
		endpoint_of(service, region, url, &aws->memory, &l->endpoint, e) < 0)
		return -1;
	l->service = service;
	l->region = arena_strdup(&aws->memory, region, e);
	if (l->region == NULL)
		return -1;
	retry_init(&l->retry);
	l->next = aws->lanes;
	aws->lanes = l;
	*ret = l;
	return 0;
}

/* The headers of a try: as they are signed, and as they are sent. */
struct head {
	struct sigv4_header list[AWS_HEADERS_MAX + OWN];
	const char *lines[AWS_HEADERS_MAX + OWN];
	size_t count;      /* of list */
	size_t line_count; /* Host is libcurl's */
};

static int add_line(
	struct call *c, struct head *h, const char *name, const char *value, struct err *e)
{
	/* libcurl leaves out a header without a value, unless it ends like this. */
	const char *line =
		arena_printf(&c->memory, e, "%s%s%s", name, value[0] != '\0' ? ": " : ";", value);
	if (line == NULL)
		return -1;
	h->lines[h->line_count++] = line;
	return 0;
}

static int add(struct call *c, struct head *h, const char *name, const char *value, struct err *e)
{
	h->list[h->count++] = (struct sigv4_header){ name, value };
	return add_line(c, h, name, value, e);
}

static int sign(struct aws *aws, struct call *c, const char *path, struct head *h, struct err *e)
{
	const struct aws_credentials *with = &aws->credentials;
	struct lane *l = c->lane;
	struct sigv4_scope scope = { .region = l->region,
		.service = endpoint_signing_name(l->service),
		.when = c->signed_at };
	struct sha256_hex hex = { "UNSIGNED-PAYLOAD" };
	if (!c->q.unsigned_body) {
		struct sha256 digest = sha256_of(c->q.body, c->q.body_len);
		hex = sha256_text(&digest);
	}
	struct sigv4_request r = { .method = c->q.method,
		.path = path,
		.query = c->q.query != NULL ? c->q.query : "",
		.headers = h->list,
		.header_count = h->count,
		.payload = hex.text };
	cleanup_buf struct buf value = { 0 };
	if (sigv4_key(&l->key, with->secret, &scope, e) < 0 ||
		sigv4_authorization(&r, &scope, &l->key, with->id, &value, e) < 0)
		return -1;
	return add_line(c, h, "Authorization", value.data, e);
}

/* Blocks are many and small, and their service answers quickly; what else is asked may take its
 * time. */
static struct transfer_limits limits_of(const struct aws *aws, const struct aws_request *q)
{
	if (aws->limited)
		return aws->limits;
	return q->service == AWS_EBS && strcmp(q->method, "POST") != 0 ? TRANSFER_BULK
								       : TRANSFER_CONTROL;
}

int call_start(struct aws *aws, struct call *c, struct err *e)
{
	const struct aws_request *q = &c->q;
	const struct endpoint *to = &c->lane->endpoint;
	struct head h = { 0 };
	if (q->header_count > AWS_HEADERS_MAX)
		return err_set(e, ERR_BUG, 0, "%s: too many headers", q->operation);
	if (!aws->anonymous && credentials_want(aws, false, e) < 0)
		return err_wrap(e, "%s in %s", q->operation, q->region);
	c->signed_at = aws_now(aws);
	c->generation = aws->generation;
	const char *path =
		arena_printf(&c->memory, e, "%s%s", to->path, q->path != NULL ? q->path : "/");
	const char *url = path == NULL ? NULL
				       : arena_printf(&c->memory, e, "%s%s%s%s", to->origin, path,
						 q->query != NULL ? "?" : "",
						 q->query != NULL ? q->query : "");
	if (url == NULL)
		return -1;
	struct sigv4_date date = sigv4_date(c->signed_at);
	h.list[h.count++] = (struct sigv4_header){ "host", to->host };
	if (add(c, &h, "x-amz-date", date.text, e) < 0)
		return -1;
	if (!aws->anonymous && aws->credentials.token[0] != '\0' &&
		add(c, &h, "x-amz-security-token", aws->credentials.token, e) < 0)
		return -1;
	if (q->unsigned_body && add(c, &h, "x-amz-content-sha256", "UNSIGNED-PAYLOAD", e) < 0)
		return -1;
	for (size_t i = 0; i < q->header_count; i++)
		if (add(c, &h, q->headers[i].name, q->headers[i].value, e) < 0)
			return -1;
	if (!aws->anonymous && sign(aws, c, path, &h, e) < 0)
		return err_wrap(e, "sign %s", q->operation);
	if (add_line(c, &h, "User-Agent", "imgbuild/" IMGBUILD_VERSION, e) < 0)
		return -1;
	struct transfer_request t = { .method = q->method,
		.url = url,
		.headers = h.lines,
		.header_count = h.line_count,
		.body = q->body,
		.body_len = q->body_len,
		.ca_bundle = aws->ca_bundle,
		.fresh = q->once,
		.body_max = ANSWER_MAX,
		.limits = limits_of(aws, q) };
	if (transfer_start(aws->net, &t, call_answered, c, &c->transfer, e) < 0)
		return -1;
	c->attempts++;
	if (c->first == 0)
		c->first = transfer_clock();
	return 0;
}
