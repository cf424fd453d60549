#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/client_part.h"
#include "base/text.h"

#define SKEW_S       240 /* the services allow five minutes */
#define CLOCK_FIXES  2
#define REFRESHES    2
#define TOLD         3   /* tries until it is told */
#define PATIENT_MS   500 /* limit of the first wait for `transient`, ms */
#define PATIENT_MOST 5000

/* A number in [0, 1): xorshift64*. */
static double roll(struct aws *aws)
{
	aws->dice ^= aws->dice >> 12;
	aws->dice ^= aws->dice << 25;
	aws->dice ^= aws->dice >> 27;
	return (double)(aws->dice * 0x2545F4914F6CDD1DULL >> 11) / 9007199254740992.0;
}

void call_end(struct aws *aws, struct call *c, struct aws_reply *reply, const struct err *why)
{
	aws_done *done = c->done;
	void *ctx = c->ctx;
	if (reply != NULL) {
		reply->attempts = c->attempts;
		reply->lost = c->lost;
	}
	arena_free(&c->memory);
	free(c);
	aws->pending--;
	aws->done_count++;
	done(ctx, reply, reply != NULL ? NULL : why);
	if (reply != NULL)
		aws_reply_free(reply);
}

static void try_again(struct call *c, int64_t wait, const char *why, const char *id)
{
	struct aws *aws = c->aws;
	if (aws->log != NULL)
		log_detail(aws->log, "%s in %s, try %u: %s (request id %s); again in %.1f s",
			c->q.operation, c->q.region, c->attempts, why, id[0] != '\0' ? id : "none",
			(double)wait / 1000);
	/* Without -v only the first that does not go well soon, so that nobody waits for nothing.
	 */
	if (aws->log != NULL && !aws->told && c->attempts >= TOLD && c->waits == 0) {
		aws->told = true;
		if (!aws->log->verbose)
			log_say(aws->log, "%s in %s: %s; still trying", c->q.operation, c->q.region,
				why);
	}
	c->due = transfer_clock() + wait;
	call_push(&aws->waiting, c, false);
}

/* There is no answer, and none that counts. */
static void give_up(struct call *c, const char *what, bool again)
{
	struct err e;
	char tries[48] = "";
	if (c->attempts > 1)
		snprintf(tries, sizeof(tries), " (tried %u times)", c->attempts);
	err_set(&e, ERR_REMOTE, 0, "%s in %s: no answer from %s%s: %s", c->q.operation, c->q.region,
		c->lane->endpoint.host, tries, what);
	e.again = again;
	call_end(c->aws, c, NULL, &e);
}

static void no_answer(struct call *c, const char *what, bool sent, bool hopeless,
	enum retry_cause cause, const char *id)
{
	struct aws *aws = c->aws;
	c->lost = c->lost || sent;
	int64_t wait = -1;
	if (!hopeless && !(c->q.once && sent))
		wait = retry_after(&c->lane->retry, cause, c->attempts - c->waits, roll(aws),
			transfer_clock());
	if (wait < 0)
		give_up(c, what, !hopeless);
	else
		try_again(c, wait, what, id);
}

static bool is_among(const char *const *list, const char *code)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, code) == 0)
			return true;
	return false;
}

/* Milliseconds to wait for what will soon be known everywhere; -1: no longer. */
static int64_t wait_patiently(struct call *c, const struct aws_reply *r)
{
	if (!is_among(c->q.transient, r->code))
		return -1;
	int64_t left = c->first + (int64_t)c->q.patience * 1000 - transfer_clock();
	if (left <= 0)
		return -1;
	int64_t limit = PATIENT_MS << (c->waits < 4 ? c->waits : 4);
	if (limit > PATIENT_MOST)
		limit = PATIENT_MOST;
	limit = (int64_t)((double)limit * (0.5 + roll(c->aws) / 2));
	c->waits++;
	return limit < left ? limit : left;
}

/* Whether the service's clock shows something else than the signature did. */
static bool is_skewed(const struct call *c, time_t date)
{
	return date != 0 && llabs((long long)date - c->signed_at) > SKEW_S;
}

/* Signatures fail for a wrong clock under several names. */
static bool may_be_clock(const struct aws_reply *r)
{
	static const char *const codes[] = { "SignatureDoesNotMatch", "InvalidSignatureException",
		"AuthFailure", "IncompleteSignature", NULL };
	return is_among(codes, r->code);
}

static enum retry_cause judge(
	const struct call *c, const struct aws_reply *r, const struct transfer_result *t, bool read)
{
	enum retry_cause cause = retry_judge(r->status, r->code);
	if (cause == RETRY_CLOCK || may_be_clock(r)) {
		if (is_skewed(c, t->date))
			return RETRY_CLOCK;
		/* It may have been long on its way: once more, signed anew. EC2 says
		 * RequestExpired of a session's keys, too. */
		bool late = cause == RETRY_CLOCK || text_starts(r->message, "Signature expired");
		if (late && c->clock_fixes == 0)
			return RETRY_CLOCK;
		return strcmp(r->code, "RequestExpired") == 0 ? RETRY_EXPIRED : RETRY_NEVER;
	}
	/* A page of HTML is a proxy's, and final. */
	if (cause == RETRY_NEVER && !read && strncasecmp(t->type, "text/html", 9) != 0)
		return RETRY_SERVER;
	return cause;
}

/* Whether there are other credentials now than those that were refused. -1: *e. */
static int refresh(struct call *c, struct err *e)
{
	struct aws *aws = c->aws;
	if (aws->fixed || aws->anonymous || c->refreshes++ >= REFRESHES)
		return 0;
	if (c->generation == aws->generation && credentials_want(aws, true, e) < 0)
		return err_wrap(
			e, "%s in %s: the credentials expired", c->q.operation, c->q.region);
	return c->generation != aws->generation;
}

static void refused(struct call *c, struct aws_reply *r, const struct transfer_result *t, bool read)
{
	struct aws *aws = c->aws;
	struct err e;
	enum retry_cause cause = judge(c, r, t, read);
	int64_t wait = wait_patiently(c, r);
	if (wait < 0)
		wait = retry_after(&c->lane->retry, cause, c->attempts - c->waits, roll(aws),
			transfer_clock());
	if (cause == RETRY_SERVER && c->q.once)
		wait = -1;
	if (cause == RETRY_CLOCK && wait >= 0) {
		if (is_skewed(c, t->date))
			aws->skew = t->date - time(NULL);
		if (c->clock_fixes++ >= CLOCK_FIXES)
			wait = -1;
	}
	if (cause == RETRY_EXPIRED && wait >= 0) {
		int fresh = refresh(c, &e);
		if (fresh < 0) {
			call_end(aws, c, NULL, &e);
			return;
		}
		if (fresh == 0)
			wait = -1;
	}
	if (wait < 0) {
		call_end(aws, c, r, NULL);
		return;
	}
	char why[192];
	snprintf(why, sizeof(why), "HTTP status %d %s", r->status, r->code);
	try_again(c, wait, why, r->request_id);
	aws_reply_free(r);
}

void call_answered(void *ctx, struct transfer_result *t)
{
	struct call *c = ctx;
	c->transfer = NULL;
	call_unlink(&c->lane->active, c);
	c->lane->active_count--;
	arena_free(&c->memory);
	if (t->status == 0) {
		no_answer(c, t->why->msg, t->sent, t->hopeless, RETRY_NETWORK, t->request_id);
		return;
	}
	struct aws_reply r = { .status = t->status, .body = t->body };
	t->body = (struct buf){ 0 };
	memcpy(r.request_id, t->request_id, sizeof(r.request_id));
	memcpy(r.checksum, t->checksum, sizeof(r.checksum));
	memcpy(r.data_length, t->data_length, sizeof(r.data_length));
	const char *wrong = r.status < 300 && c->q.wrong != NULL ? c->q.wrong(&r) : NULL;
	if (r.status >= 300 && r.status < 400) {
		/* AWS's services send nobody elsewhere: a proxy or a portal in between does. */
		char why[64];
		snprintf(why, sizeof(why), "a redirection, HTTP status %d", r.status);
		aws_reply_free(&r);
		no_answer(c, why, true, true, RETRY_NEVER, t->request_id);
	} else if (r.status >= 400) {
		refused(c, &r, t, refusal_read(&r, t->error_type));
	} else if (wrong != NULL) {
		aws_reply_free(&r);
		no_answer(c, wrong, true, false, RETRY_SERVER, r.request_id);
	} else {
		retry_success(&c->lane->retry, c->attempts, transfer_clock());
		call_end(c->aws, c, &r, NULL);
	}
}
