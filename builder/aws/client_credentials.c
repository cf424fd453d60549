#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "aws/client_part.h"

#define FETCH_MAX    ((size_t)1 << 20)
#define AGAIN_MS     5000  /* until a failed search is tried again */
#define UNCHANGED_MS 30000 /* the same for one that gave keys about to expire */

/* One transfer apart from the client's own, which wait meanwhile. */
struct fetch {
	bool done;
	int status;
	struct buf *out;
	int rc;
	struct err *err;
};

static void on_fetched(void *ctx, struct transfer_result *r)
{
	struct fetch *f = ctx;
	f->done = true;
	f->status = r->status;
	if (r->status == 0)
		*f->err = *r->why;
	else if (r->status >= 200 && r->status < 300 && r->body.len > 0)
		f->rc = buf_add(f->out, r->body.data, r->body.len, f->err);
}

static int run_fetch(struct aws *aws, struct transfers *side, struct fetch *f, struct err *e)
{
	while (!f->done) {
		if (transfers_run(side, 100, aws->interrupt->fd, e) < 0)
			return -1;
		if (!f->done && interrupt_came(aws->interrupt))
			return interrupt_error(aws->interrupt, e);
	}
	if (f->status == 0 || f->rc < 0)
		return -1;
	if (f->status >= 300 || f->status < 200) {
		err_set(e, ERR_REMOTE, 0, "HTTP status %d", f->status);
		e->http = f->status;
		return -1;
	}
	return 0;
}

static int fetch(void *ctx, const char *method, const char *url, const char *const *headers,
	size_t header_count, struct buf *out, struct err *e)
{
	struct aws *aws = ctx;
	struct transfers *side;
	struct transfer *x;
	struct fetch f = { .out = out, .err = e };
	struct transfer_request q = { .method = method,
		.url = url,
		.headers = headers,
		.header_count = header_count,
		.direct = true,
		.body_max = FETCH_MAX,
		.limits = TRANSFER_LOCAL };
	if (transfers_open(&side, e) < 0)
		return -1;
	int rc = transfer_start(side, &q, on_fetched, &f, &x, e);
	if (rc == 0)
		rc = run_fetch(aws, side, &f, e);
	transfers_close(side);
	/* The path of a container's may be its secret. */
	const char *host = strstr(url, "://");
	host = host != NULL ? host + 3 : url;
	int len = (int)((size_t)(host - url) + strcspn(host, "/?#"));
	return rc < 0 ? err_wrap(e, "%.*s", len, url) : 0;
}

static int sts(void *ctx, const struct aws_credentials *with, const char *region, const char *form,
	struct buf *out, struct err *e)
{
	struct aws *aws = ctx, *beside;
	struct aws_reply reply;
	struct buf body = { 0 };
	struct aws_request q = { .service = AWS_STS,
		.region = region,
		.operation = with != NULL ? "AssumeRole" : "AssumeRoleWithWebIdentity",
		.method = "POST",
		.headers = { { "content-type",
			"application/x-www-form-urlencoded; charset=utf-8" } },
		.header_count = 1 };
	if (aws_open_beside(aws, with, &beside, e) < 0)
		return -1;
	int rc = buf_printf(
		&body, e, "Action=%s&Version=%s&%s", q.operation, endpoint_version(AWS_STS), form);
	q.body = body.data;
	q.body_len = body.len;
	if (rc == 0)
		rc = aws_call(beside, &q, &reply, e);
	if (rc == 0) {
		rc = buf_add(out, reply.body.data, reply.body.len, e);
		buf_wipe(&reply.body);
	}
	aws->skew = beside->skew;
	buf_wipe(&body);
	aws_close(beside);
	return rc;
}

static time_t now_of(void *ctx)
{
	return aws_now(ctx);
}

int aws_open_beside(
	struct aws *aws, const struct aws_credentials *with, struct aws **ret, struct err *e)
{
	struct aws *b = calloc(1, sizeof(*b));
	if (b == NULL)
		return err_nomem(e);
	b->log = aws->log;
	b->profiles = aws->profiles;
	b->endpoint = aws->endpoint;
	b->region = aws->region;
	b->ca_bundle = aws->ca_bundle;
	b->limited = aws->limited;
	b->limits = aws->limits;
	b->interrupt = aws->interrupt;
	b->fixed = true;
	b->anonymous = with == NULL;
	if (with != NULL)
		b->credentials = *with;
	b->skew = aws->skew;
	b->dice = aws->dice + 2;
	b->connections = 1;
	if (transfers_open(&b->net, e) < 0) {
		aws_close(b);
		return -1;
	}
	*ret = b;
	return 0;
}

static bool same(const struct aws_credentials *a, const struct aws_credentials *b)
{
	return strcmp(a->id, b->id) == 0 && strcmp(a->secret, b->secret) == 0 &&
	       strcmp(a->token, b->token) == 0;
}

static struct credentials_net net_of(struct aws *aws)
{
	return (struct credentials_net){ .fetch = fetch, .sts = sts, .ctx = aws, .now = now_of };
}

/* Search the chain, in the files as they are now. */
static int find(struct aws *aws, struct err *e)
{
	struct credentials_net net = net_of(aws);
	struct profiles files = aws->generation > 0 ? (struct profiles){ 0 } : aws->profiles;
	struct arena memory = { 0 };
	struct aws_credentials fresh = { 0 };
	int rc = 0;
	if (aws->generation > 0)
		rc = profiles_load(aws->profile, NULL, NULL, &memory, &files, e);
	if (rc == 0)
		rc = credentials_find(&files, &net, &memory, &fresh, e);
	if (aws->generation > 0)
		profiles_wipe(&files);
	if (rc < 0) {
		arena_free(&memory);
		return -1;
	}
	if (aws->generation == 0 || !same(&fresh, &aws->credentials)) {
		aws->generation++;
		for (struct lane *l = aws->lanes; l != NULL; l = l->next)
			l->key.made = false;
		if (aws->log != NULL)
			log_detail(aws->log, "credentials: %s",
				fresh.source != NULL ? fresh.source : "found");
	}
	arena_free(&aws->credentials_memory);
	aws->credentials_memory = memory;
	aws->credentials = fresh;
	credentials_wipe(&fresh);
	return 0;
}

int credentials_want(struct aws *aws, bool again, struct err *e)
{
	const struct aws_credentials *c = &aws->credentials;
	if (aws->fixed)
		return 0;
	time_t now = aws_now(aws);
	int64_t clock = transfer_clock();
	bool have = aws->generation > 0;
	bool usable = have && !again && (c->expires == 0 || c->expires > now);
	if (usable && !credentials_stale(c, now))
		return 0;
	if (usable && clock - aws->found_at < UNCHANGED_MS)
		return 0;
	if (aws->no_credentials_at != 0 && clock - aws->no_credentials_at < AGAIN_MS) {
		if (usable)
			return 0;
		*e = aws->no_credentials;
		return -1;
	}
	if (find(aws, e) == 0) {
		aws->no_credentials_at = 0;
		aws->found_at = clock;
		return 0;
	}
	aws->no_credentials = *e;
	aws->no_credentials_at = e->errnum != EINTR ? transfer_clock() : 0;
	if (usable && e->errnum != EINTR) {
		if (aws->log != NULL)
			log_detail(aws->log, "credentials: not renewed: %s", e->msg);
		return 0;
	}
	return -1;
}

int metadata_region(struct aws *aws, const char **ret, struct err *e)
{
	struct credentials_net net = net_of(aws);
	*ret = NULL;
	if (credentials_instance_region(&aws->profiles, &net, &aws->memory, ret, e) == 0)
		return 0;
	return e->kind == ERR_REMOTE && e->errnum != EINTR ? 0 : -1;
}
