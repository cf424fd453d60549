#include "aws/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "aws/client_part.h"

#define CONNECTIONS 64

void call_push(struct call_list *list, struct call *c, bool front)
{
	c->before = front ? NULL : list->last;
	c->next = front ? list->first : NULL;
	*(c->before != NULL ? &c->before->next : &list->first) = c;
	*(c->next != NULL ? &c->next->before : &list->last) = c;
}

void call_unlink(struct call_list *list, struct call *c)
{
	*(c->before != NULL ? &c->before->next : &list->first) = c->next;
	*(c->next != NULL ? &c->next->before : &list->last) = c->before;
	c->next = c->before = NULL;
}

static int set_ca(struct aws *aws, const struct aws_options *o, struct err *e)
{
	const char *ca = o->ca_bundle;
	if (ca == NULL)
		ca = profile_setting(&aws->profiles, "AWS_CA_BUNDLE", "ca_bundle");
	if (ca == NULL || ca[0] == '\0')
		return 0;
	aws->ca_bundle = arena_strdup(&aws->memory, ca, e);
	if (aws->ca_bundle == NULL)
		return -1;
	if (access(ca, R_OK) < 0)
		return err_set(e, ERR_USAGE, errno, "certificates of %s", ca);
	return 0;
}

static int set_region(struct aws *aws, const struct aws_options *o, struct err *e)
{
	const char *region = o->region;
	if (region == NULL)
		region = profile_region(&aws->profiles);
	if (region == NULL && metadata_region(aws, &region, e) < 0)
		return -1;
	if (region == NULL)
		return err_set(e, ERR_USAGE, 0,
			"no region: name one with --region, AWS_REGION, or `region` in the "
			"profile");
	if (!endpoint_is_region(region))
		return err_set(e, ERR_USAGE, 0, "\"%.64s\" is no region", region);
	aws->region = arena_strdup(&aws->memory, region, e);
	return aws->region == NULL ? -1 : 0;
}

/* A URL that is none is told before minutes are spent, and once. */
static int check_endpoints(struct aws *aws, struct err *e)
{
	cleanup_arena struct arena scratch = { 0 };
	for (enum aws_service s = 0; s < AWS_SERVICE_COUNT; s++) {
		struct endpoint made;
		const char *url;
		if (aws_endpoint(aws, s, &url, e) < 0 ||
			endpoint_of(s, aws->region, url, &scratch, &made, e) < 0)
			return -1;
	}
	return 0;
}

static int set_up(struct aws *aws, const struct aws_options *o, struct err *e)
{
	aws->interrupt = &aws->own;
	aws->log = o->log;
	aws->connections = CONNECTIONS;
	if (o->limits != NULL) {
		aws->limited = true;
		aws->limits = *o->limits;
	}
	if (getrandom(&aws->dice, sizeof(aws->dice), 0) != sizeof(aws->dice))
		aws->dice = (uint64_t)transfer_clock();
	aws->dice |= 1;
	if (o->profile != NULL) {
		aws->profile = arena_strdup(&aws->memory, o->profile, e);
		if (aws->profile == NULL)
			return -1;
	}
	if (o->endpoint != NULL) {
		aws->endpoint = arena_strdup(&aws->memory, o->endpoint, e);
		if (aws->endpoint == NULL)
			return -1;
	}
	if (profiles_load(aws->profile, NULL, NULL, &aws->memory, &aws->profiles, e) < 0 ||
		transfers_open(&aws->net, e) < 0 || interrupt_hold(&aws->own, e) < 0)
		return -1;
	return set_ca(aws, o, e) < 0 || set_region(aws, o, e) < 0 ? -1 : check_endpoints(aws, e);
}

int aws_open(const struct aws_options *o, struct aws **ret, struct err *e)
{
	struct aws *aws = calloc(1, sizeof(*aws));
	if (aws == NULL)
		return err_nomem(e);
	if (set_up(aws, o, e) < 0) {
		aws_close(aws);
		return -1;
	}
	*ret = aws;
	return 0;
}

static void drop_calls(struct aws *aws, struct call_list *list)
{
	for (struct call *c = list->first, *next; c != NULL; c = next) {
		next = c->next;
		if (c->transfer != NULL)
			transfer_cancel(aws->net, c->transfer);
		arena_free(&c->memory);
		free(c);
	}
}

void aws_close(struct aws *aws)
{
	if (aws == NULL)
		return;
	for (struct lane *l = aws->lanes; l != NULL; l = l->next) {
		drop_calls(aws, &l->ready);
		drop_calls(aws, &l->active);
		explicit_bzero(&l->key, sizeof(l->key));
	}
	drop_calls(aws, &aws->waiting);
	transfers_close(aws->net);
	credentials_wipe(&aws->credentials);
	if (!aws->fixed)
		profiles_wipe(&aws->profiles); /* else another client's */
	arena_free(&aws->credentials_memory);
	arena_free(&aws->memory);
	struct interrupt own = aws->own;
	const struct log *log = aws->log;
	free(aws);
	if (log != NULL && own.held && interrupt_came(&own))
		log_warn(log, "interrupted: run it again to go on from here");
	interrupt_release(&own);
}

void aws_cleanup(struct aws **aws)
{
	aws_close(*aws);
	*aws = NULL;
}

int aws_interrupted(struct aws *aws)
{
	return interrupt_came(aws->interrupt) ? aws->interrupt->caught : 0;
}

void aws_tidy(struct aws *aws)
{
	aws->interrupt->came = false;
}

void aws_pause(struct aws *aws)
{
	interrupt_release(&aws->own);
}

int aws_resume(struct aws *aws, struct err *e)
{
	return interrupt_hold(&aws->own, e);
}

const char *aws_region(const struct aws *aws)
{
	return aws->region;
}

time_t aws_now(const struct aws *aws)
{
	return time(NULL) + aws->skew;
}

int64_t aws_clock(const struct aws *aws)
{
	(void)aws;
	return transfer_clock();
}

size_t aws_pending(const struct aws *aws)
{
	return aws->pending;
}

void aws_limit(struct aws *aws, unsigned connections)
{
	aws->connections = connections > 0 ? connections : 1;
}

void aws_reply_free(struct aws_reply *r)
{
	buf_free(&r->body);
}

static int put(struct aws *aws, const struct aws_request *q, aws_done *done, void *ctx,
	struct call **ret, struct err *e)
{
	struct lane *lane;
	if (lane_of(aws, q->service, q->region != NULL ? q->region : aws->region, &lane, e) < 0)
		return err_wrap(e, "%s", q->operation);
	struct call *c = calloc(1, sizeof(*c));
	if (c == NULL)
		return err_nomem(e);
	c->aws = aws;
	c->q = *q;
	c->q.region = lane->region;
	c->done = done;
	c->ctx = ctx;
	c->lane = lane;
	call_push(&lane->ready, c, false);
	aws->pending++;
	if (ret != NULL)
		*ret = c;
	return 0;
}

int aws_send(struct aws *aws, const struct aws_request *q, aws_done *done, void *ctx, struct err *e)
{
	return put(aws, q, done, ctx, NULL, e);
}

/* Start what a lane may. Milliseconds until it may start more; -1: it waits for others. */
static int64_t start_lane(struct aws *aws, struct lane *l, int64_t now)
{
	while (l->ready.first != NULL && l->active_count < aws->connections) {
		if (l->gate > now)
			return l->gate - now;
		int64_t wait = retry_start(&l->retry, now);
		if (wait > 0) {
			l->gate = now + wait;
			return wait;
		}
		struct call *c = l->ready.first;
		struct err e;
		call_unlink(&l->ready, c);
		if (call_start(aws, c, &e) < 0) {
			call_end(aws, c, NULL, &e);
			return 0;
		}
		call_push(&l->active, c, false);
		l->active_count++;
	}
	return -1;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* Start all that may start now. Milliseconds until more may; -1: no telling. */
static int64_t start_all(struct aws *aws)
{
	int64_t now = transfer_clock(), wait = -1;
	for (struct call *c = aws->waiting.first, *next; c != NULL; c = next) {
		next = c->next;
		if (c->due <= now) {
			call_unlink(&aws->waiting, c);
			call_push(&c->lane->ready, c, true);
			c->due = 0;
		} else {
			wait = sooner(wait, c->due - now);
		}
	}
	for (struct lane *l = aws->lanes; l != NULL; l = l->next)
		wait = sooner(wait, start_lane(aws, l, now));
	return wait;
}

int aws_run(struct aws *aws, int ms, struct err *e)
{
	size_t done = aws->done_count;
	int64_t end = ms >= 0 ? transfer_clock() + ms : -1;
	for (;;) {
		if (interrupt_came(aws->interrupt))
			return interrupt_error(aws->interrupt, e);
		int64_t wait = start_all(aws);
		if (aws->done_count != done || aws->pending == 0)
			return 0;
		int64_t left = end >= 0 ? end - transfer_clock() : -1;
		if (end >= 0)
			wait = sooner(wait, left > 0 ? left : 0);
		if (wait < 0 || wait > 1000)
			wait = 1000;
		if (transfers_run(aws->net, (int)wait, aws->interrupt->fd, e) < 0)
			return -1;
		if (aws->done_count != done || (end >= 0 && left <= 0))
			return 0;
	}
}

int aws_sleep(struct aws *aws, int64_t ms, struct err *e)
{
	int64_t end = transfer_clock() + ms;
	for (;;) {
		if (interrupt_came(aws->interrupt))
			return interrupt_error(aws->interrupt, e);
		int64_t left = end - transfer_clock();
		if (left <= 0)
			return 0;
		if (left > 60000)
			left = 60000;
		if (aws->pending > 0) {
			if (aws_run(aws, (int)left, e) < 0)
				return -1;
			continue;
		}
		struct pollfd p = { .fd = aws->interrupt->fd, .events = POLLIN };
		poll(&p, 1, (int)left);
	}
}

/* A call that is waited for. */
struct wait {
	struct aws_reply reply;
	bool done;
	bool answered;
	struct err err;
};

static void on_done(void *ctx, struct aws_reply *reply, const struct err *why)
{
	struct wait *w = ctx;
	w->done = true;
	w->answered = reply != NULL;
	if (reply != NULL) {
		w->reply = *reply;
		reply->body = (struct buf){ 0 };
	} else {
		w->err = *why;
	}
}

static void forget(struct aws *aws, struct call *c)
{
	if (c->transfer != NULL) {
		transfer_cancel(aws->net, c->transfer);
		call_unlink(&c->lane->active, c);
		c->lane->active_count--;
	} else if (c->due != 0) {
		call_unlink(&aws->waiting, c);
	} else {
		call_unlink(&c->lane->ready, c);
	}
	aws->pending--;
	arena_free(&c->memory);
	free(c);
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc) an analyzer does not follow lists */
void aws_drop(struct aws *aws)
{
	while (aws->waiting.first != NULL)
		forget(aws, aws->waiting.first);
	for (struct lane *l = aws->lanes; l != NULL; l = l->next) {
		while (l->active.first != NULL)
			forget(aws, l->active.first);
		while (l->ready.first != NULL)
			forget(aws, l->ready.first);
	}
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

int aws_try(struct aws *aws, const struct aws_request *q, struct aws_reply *ret, struct err *e)
{
	struct wait w = { 0 };
	struct call *c;
	if (put(aws, q, on_done, &w, &c, e) < 0)
		return -1;
	while (!w.done) {
		if (aws_run(aws, -1, e) < 0) {
			if (!w.done)
				forget(aws, c);
			aws_reply_free(&w.reply);
			return err_wrap(e, "%s in %s", q->operation,
				q->region != NULL ? q->region : aws->region);
		}
	}
	if (!w.answered) {
		*e = w.err;
		return -1;
	}
	*ret = w.reply;
	return 0;
}

int aws_refused(const struct aws_request *q, const struct aws *aws, const struct aws_reply *r,
	struct err *e)
{
	const char *id = r->request_id[0] != '\0' ? r->request_id : "none";
	const char *colon = r->message[0] != '\0' ? ": " : "";
	char status[32], tries[48] = "";
	enum retry_cause cause = retry_judge(r->status, r->code);
	snprintf(status, sizeof(status), "HTTP status %d", r->status);
	if (r->attempts > 1 && cause != RETRY_NEVER)
		snprintf(tries, sizeof(tries), ", tried %u times", r->attempts);
	err_set(e, ERR_REMOTE, 0, "%s in %s: %s%s%s%s%s%s (request id %s%s)", q->operation,
		q->region != NULL ? q->region : aws->region, r->code[0] != '\0' ? r->code : status,
		colon, r->message, r->reason[0] != '\0' ? " (" : "", r->reason,
		r->reason[0] != '\0' ? ")" : "", id, tries);
	e->http = r->status;
	e->again = cause != RETRY_NEVER;
	return -1;
}

int aws_call(struct aws *aws, const struct aws_request *q, struct aws_reply *ret, struct err *e)
{
	struct aws_reply reply;
	if (aws_try(aws, q, &reply, e) < 0)
		return -1;
	if (reply.status >= 300) {
		aws_refused(q, aws, &reply, e);
		aws_reply_free(&reply);
		return -1;
	}
	*ret = reply;
	return 0;
}
