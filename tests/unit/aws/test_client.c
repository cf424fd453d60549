/* The client against a server that misbehaves as the script says. */
#include "aws/client.h"

#include <errno.h>
#include <time.h>

#include "aws/client_part.h"
#include "aws/query.h"
#include "check.h"
#include "server.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/* For what never comes, and for what comes when the machine finds the time. */
static const struct transfer_limits QUICK = { 5000, 1000, 1000, 4000, 0 };
static const struct transfer_limits PATIENT = { 60000, 60000, 60000, 60000, 0 };

/* A server with its script, and a client of it. */
struct pair {
	struct server server;
	struct aws *aws;
	FILE *said;
	char *text;
	size_t text_len;
	struct log log;
};

static void open_with(struct pair *p, const struct transfer_limits *limits,
	const struct step *steps, size_t count)
{
	char url[64];
	struct err e;
	server_start(&p->server, steps, count);
	p->said = open_memstream(&p->text, &p->text_len);
	p->log = (struct log){ .out = p->said, .err = p->said, .verbose = true };
	snprintf(url, sizeof(url), "http://127.0.0.1:%u", p->server.port);
	struct aws_options o = {
		.region = "eu-west-1", .endpoint = url, .log = &p->log, .limits = limits
	};
	if (aws_open(&o, &p->aws, &e) < 0)
		fail_msg("%s", e.msg);
}

static void open_pair(struct pair *p, const struct step *steps, size_t count)
{
	bool stalls = false;
	for (size_t i = 0; i < count; i++)
		stalls = stalls || steps[i].how == SERVE_STALL || steps[i].how == SERVE_NOTHING;
	open_with(p, stalls ? &QUICK : &PATIENT, steps, count);
}

static void close_pair(struct pair *p)
{
	aws_close(p->aws);
	server_stop(&p->server);
	fclose(p->said);
	free(p->text);
}

static const struct aws_request ASK = { .service = AWS_EC2,
	.operation = "DescribeImages",
	.method = "POST",
	.headers = { { "content-type", "application/x-www-form-urlencoded" } },
	.header_count = 1,
	.body = "Action=DescribeImages",
	.body_len = 21 };

static void ask(struct pair *p, const struct aws_request *q, struct aws_reply *reply)
{
	struct err e;
	if (aws_try(p->aws, q, reply, &e) < 0)
		fail_msg("%s", e.msg);
}

static void try_answers_over_one_connection(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_REPLY, 200,
		"x-amzn-RequestId: id-1\r\nx-amz-Checksum: c=\r\nx-amz-Data-Length: 5\r\n",
		"<a/>" } };
	struct pair p;
	struct aws_reply r;
	char value[512];
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &ASK, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.body.len, 4);
	assert_memory_equal(r.body.data, "<a/>", 4);
	assert_string_equal(r.request_id, "id-1");
	assert_string_equal(r.checksum, "c=");
	assert_string_equal(r.data_length, "5");
	assert_int_equal(r.attempts, 1);
	assert_false(r.lost);
	aws_reply_free(&r);
	for (int i = 0; i < 3; i++) {
		ask(&p, &ASK, &r);
		aws_reply_free(&r);
	}
	assert_int_equal(p.server.count, 4);
	assert_int_equal(p.server.connections, 1);
	assert_non_null(strstr(p.server.requests[0], "POST / HTTP/1.1\r\n"));
	assert_non_null(strstr(p.server.requests[0], "\r\n\r\nAction=DescribeImages"));
	assert_string_equal(server_header(&p.server, 0, "Expect", value, sizeof(value)), "");
	assert_string_equal(server_header(&p.server, 0, "Accept", value, sizeof(value)), "");
	assert_string_equal(server_header(&p.server, 0, "content-type", value, sizeof(value)),
		"application/x-www-form-urlencoded");
	server_header(&p.server, 0, "Authorization", value, sizeof(value));
	assert_non_null(strstr(value, "Credential=AKIDTEST/"));
	assert_non_null(strstr(value, "/eu-west-1/ec2/aws4_request"));
	assert_non_null(strstr(value, "SignedHeaders=content-type;host;x-amz-date"));
	close_pair(&p);
}

static void try_again_after(const struct step *step, bool lost)
{
	struct step steps[3] = { *step, *step, { SERVE_REPLY, 200, NULL, "<good/>" } };
	struct pair p;
	struct aws_reply r;
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &ASK, &r);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body.data, "<good/>");
	assert_int_equal(r.attempts, 3);
	assert_int_equal(r.lost, lost);
	assert_int_equal(p.server.count, 3);
	fflush(p.said);
	const char *told = strstr(p.text, "DescribeImages in eu-west-1, try 2: ");
	assert_non_null(told);
	assert_null(strstr(p.text, "secret-of-the-test"));
	aws_reply_free(&r);
	close_pair(&p);
}

static void try_again_when_no_answer_came(void **state)
{
	(void)state;
	static const enum serve ways[] = { SERVE_CLOSE, SERVE_RESET, SERVE_CUT, SERVE_STALL,
		SERVE_NOTHING };
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct step step = { ways[i], 200, NULL, "<a>0123456789</a>" };
		try_again_after(&step, true);
	}
}

static void try_again_when_the_service_says_so(void **state)
{
	(void)state;
	static const struct step steps[] = {
		{ SERVE_REPLY, 500, NULL, "" },
		{ SERVE_REPLY, 503, NULL, "<html>busy" },
		{ SERVE_LAST, 503, NULL,
			"<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>m"
			"</Message></Error></Errors><RequestID>i</RequestID></Response>" },
		{ SERVE_REPLY, 400, "x-amzn-ErrorType: ThrottlingException:http://x/\r\n", "{}" },
		{ SERVE_REPLY, 400, NULL, "<Response><Errors><Error><Co" },
		{ SERVE_REPLY, 400, NULL, "{\"__type\": \"Valid" },
	};
	for (size_t i = 0; i < COUNT(steps); i++)
		try_again_after(&steps[i], false);
}

/* A kept connection that was closed meanwhile is a try of its own: libcurl must not repeat it
 * unseen. */
static void try_counts_closed_connections(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_SILENTLY, 200, NULL, "<a/>" } };
	struct pair p;
	struct aws_reply r;
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &ASK, &r);
	aws_reply_free(&r);
	ask(&p, &ASK, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.attempts, 2);
	assert_true(r.lost);
	aws_reply_free(&r);
	close_pair(&p);
}

static void once_is_not_sent_twice(void **state)
{
	(void)state;
	static const enum serve ways[] = { SERVE_CLOSE, SERVE_CUT, SERVE_NOTHING };
	struct aws_request q = ASK;
	q.once = true;
	for (size_t i = 0; i < COUNT(ways); i++) {
		struct step steps[] = { { SERVE_SILENTLY, 200, NULL, "<a/>" },
			{ ways[i], 200, NULL, "<abcdef/>" } };
		struct pair p;
		struct aws_reply r;
		struct err e;
		open_pair(&p, steps, COUNT(steps));
		ask(&p, &ASK, &r);
		aws_reply_free(&r);
		assert_int_equal(aws_try(p.aws, &q, &r, &e), -1);
		assert_int_equal(e.kind, ERR_REMOTE);
		assert_true(e.again);
		assert_non_null(strstr(e.msg, "DescribeImages in eu-west-1: no answer from 127.0"));
		assert_int_equal(p.server.count, 2);
		close_pair(&p);
	}
	static const struct step broken[] = { { SERVE_REPLY, 500, NULL, "" } };
	struct pair p;
	struct aws_reply r;
	open_pair(&p, broken, COUNT(broken));
	ask(&p, &q, &r);
	assert_int_equal(r.status, 500);
	assert_int_equal(p.server.count, 1);
	aws_reply_free(&r);
	close_pair(&p);
}

static void once_is_sent_again_when_it_was_refused(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_REPLY, 400,
		"x-amzn-ErrorType: ThrottlingException\r\n", "{}" } };
	struct aws_request q = ASK;
	struct pair p;
	struct aws_reply r;
	q.once = true;
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &q, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.attempts, 2);
	assert_false(r.lost);
	aws_reply_free(&r);
	close_pair(&p);
}

static void refusal_is_told_whole(void **state)
{
	(void)state;
	static const struct {
		struct step step;
		const char *message;
	} cases[] = {
		{ { SERVE_REPLY, 403, NULL,
			  "<?xml version=\"1.0\"?>\n<Response><Errors><Error><Code>"
			  "UnauthorizedOperation</Code><Message>You may not.\nReally</Message>"
			  "</Error></Errors><RequestID>id-2</RequestID></Response>" },
			"DescribeImages in eu-west-1: UnauthorizedOperation: You may not. Really "
			"(request id id-2)" },
		{ { SERVE_REPLY, 400, NULL,
			  "<ErrorResponse xmlns=\"u\"><Error><Type>Sender</Type><Code>"
			  "ValidationError</Code><Message>m</Message></Error><RequestId>id-3"
			  "</RequestId></ErrorResponse>" },
			"DescribeImages in eu-west-1: ValidationError: m (request id id-3)" },
		{ { SERVE_REPLY, 400, "x-amzn-RequestId: id-4\r\n",
			  "{\"__type\":\"com.x#ParameterNotFound\",\"message\":\"none\"}" },
			"DescribeImages in eu-west-1: ParameterNotFound: none (request id id-4)" },
		{ { SERVE_REPLY, 404, "x-amzn-ErrorType: ResourceNotFoundException:http://i/\r\n",
			  "{\"Message\":\"no\",\"Reason\":\"SNAPSHOT_NOT_FOUND\"}" },
			"DescribeImages in eu-west-1: ResourceNotFoundException: no "
			"(SNAPSHOT_NOT_FOUND) (request id none)" },
		{ { SERVE_REPLY, 403, "Content-Type: text/html\r\n", "<html>Forbidden" },
			"DescribeImages in eu-west-1: HTTP status 403: <html>Forbidden "
			"(request id none)" },
		{ { SERVE_REPLY, 404, NULL, "" },
			"DescribeImages in eu-west-1: HTTP status 404 (request id none)" },
		{ { SERVE_REPLY, 403, NULL,
			  "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>The "
			  "Canonical String should have been 'POST\nX-Amz-Security-Token:SECRET\n'"
			  "</Message></Error></ErrorResponse>" },
			"DescribeImages in eu-west-1: SignatureDoesNotMatch: The Canonical String "
			"should have been 'POST X-Amz-Security-Tok... (request id none)" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct pair p;
		struct aws_reply r;
		struct err e;
		open_pair(&p, &cases[i].step, 1);
		assert_int_equal(aws_call(p.aws, &ASK, &r, &e), -1);
		assert_string_equal(e.msg, cases[i].message);
		assert_int_equal(e.kind, ERR_REMOTE);
		assert_int_equal(e.http, cases[i].step.status);
		assert_int_equal(p.server.count, 1);
		close_pair(&p);
	}
}

/* Nothing of AWS's sends one elsewhere, and to no caller it is an answer. */
static void redirection_is_no_answer(void **state)
{
	(void)state;
	static const struct step step = { SERVE_REPLY, 307, "Location: http://127.0.0.1:1/\r\n",
		"" };
	struct pair p;
	struct aws_reply r;
	struct err e;
	open_pair(&p, &step, 1);
	assert_int_equal(aws_try(p.aws, &ASK, &r, &e), -1);
	assert_int_equal(e.kind, ERR_REMOTE);
	assert_non_null(strstr(e.msg, "a redirection, HTTP status 307"));
	assert_int_equal(p.server.count, 1);
	close_pair(&p);
}

#define NOT_YET                                                                                    \
	{                                                                                          \
		SERVE_REPLY, 400, NULL,                                                            \
			"<Response><Errors><Error><Code>InvalidAMIID.NotFound</Code><Message>m"    \
			"</Message></Error></Errors><RequestID>i</RequestID></Response>"           \
	}

static void transient_is_waited_out(void **state)
{
	(void)state;
	static const struct step steps[] = { NOT_YET, NOT_YET };
	static const char *const codes[] = { "Other", "InvalidAMIID.NotFound", NULL };
	struct aws_request q = ASK;
	struct pair p;
	struct aws_reply r;
	q.transient = codes;
	q.patience = 10;
	q.once = true;
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &q, &r);
	assert_int_equal(r.status, 200);
	assert_int_equal(r.attempts, 3);
	aws_reply_free(&r);
	close_pair(&p);

	static const struct step more[] = { NOT_YET, NOT_YET, NOT_YET, NOT_YET, NOT_YET, NOT_YET };
	q.patience = 1;
	open_pair(&p, more, COUNT(more));
	int64_t start = aws_clock(p.aws);
	ask(&p, &q, &r);
	assert_int_equal(r.status, 400);
	assert_string_equal(r.code, "InvalidAMIID.NotFound");
	assert_in_range(aws_clock(p.aws) - start, 900, 20000);
	aws_reply_free(&r);
	close_pair(&p);
}

static void make_date(char *out, size_t size, time_t when)
{
	struct tm tm;
	gmtime_r(&when, &tm);
	strftime(out, size, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
}

static void clock_is_corrected(void **state)
{
	(void)state;
	static const char *const codes[] = { "RequestTimeTooSkewed", "SignatureDoesNotMatch",
		"RequestExpired" };
	char date[96], body[128], sent[32];
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct pair p;
		struct aws_reply r;
		time_t real = time(NULL) + (i == 1 ? -7200 : 86400);
		make_date(date, sizeof(date), real);
		snprintf(body, sizeof(body),
			"<ErrorResponse><Error><Code>%s</Code></Error>"
			"</ErrorResponse>",
			codes[i]);
		struct step steps[] = { { SERVE_REPLY, 403, date, body } };
		open_pair(&p, steps, COUNT(steps));
		ask(&p, &ASK, &r);
		assert_int_equal(r.status, 200);
		assert_int_equal(r.attempts, 2);
		assert_in_range(aws_now(p.aws), real, real + 60);
		server_header(&p.server, 1, "x-amz-date", sent, sizeof(sent));
		bool right = false;
		for (time_t t = real; t < real + 60; t++)
			right = right || strcmp(sigv4_date(t).text, sent) == 0;
		assert_true(right);
		aws_reply_free(&r);
		close_pair(&p);
	}
}

static void clock_that_is_right_is_not_blamed(void **state)
{
	(void)state;
	static const char *const codes[] = { "RequestTimeTooSkewed", "SignatureDoesNotMatch" };
	char date[96], body[128];
	for (size_t i = 0; i < COUNT(codes); i++) {
		struct pair p;
		struct aws_reply r;
		make_date(date, sizeof(date), time(NULL) + 20);
		snprintf(body, sizeof(body),
			"<ErrorResponse><Error><Code>%s</Code></Error>"
			"</ErrorResponse>",
			codes[i]);
		struct step step = { SERVE_REPLY, 403, date, body }, steps[] = { step, step };
		open_pair(&p, steps, COUNT(steps));
		ask(&p, &ASK, &r);
		assert_int_equal(r.status, 403);
		assert_string_equal(r.code, codes[i]);
		/* The first may have been long on its way. */
		assert_int_equal(p.server.count, i == 0 ? 2 : 1);
		aws_reply_free(&r);
		close_pair(&p);
	}
}

#define EXPIRED                                                                                    \
	{                                                                                          \
		SERVE_REPLY, 400, NULL, "{\"__type\":\"ExpiredTokenException\"}"                   \
	}

static void expired_credentials_are_got_again(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_REPLY, 200, NULL, "<a/>" }, EXPIRED };
	struct pair p;
	struct aws_reply r;
	char value[512];
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &ASK, &r);
	aws_reply_free(&r);
	setenv("AWS_ACCESS_KEY_ID", "AKIDFRESH", 1);
	setenv("AWS_SESSION_TOKEN", "token-of-the-test", 1);
	ask(&p, &ASK, &r);
	setenv("AWS_ACCESS_KEY_ID", "AKIDTEST", 1);
	unsetenv("AWS_SESSION_TOKEN");
	assert_int_equal(r.status, 200);
	assert_int_equal(r.attempts, 2);
	server_header(&p.server, 1, "Authorization", value, sizeof(value));
	assert_non_null(strstr(value, "Credential=AKIDTEST/"));
	server_header(&p.server, 2, "Authorization", value, sizeof(value));
	assert_non_null(strstr(value, "Credential=AKIDFRESH/"));
	assert_non_null(strstr(value, ";x-amz-security-token,"));
	server_header(&p.server, 2, "x-amz-security-token", value, sizeof(value));
	assert_string_equal(value, "token-of-the-test");
	aws_reply_free(&r);
	close_pair(&p);
}

static void expired_credentials_without_fresh_ones(void **state)
{
	(void)state;
	static const struct step steps[] = { EXPIRED, EXPIRED };
	struct pair p;
	struct aws_reply r;
	open_pair(&p, steps, COUNT(steps));
	ask(&p, &ASK, &r);
	assert_int_equal(r.status, 400);
	assert_string_equal(r.code, "ExpiredTokenException");
	assert_int_equal(p.server.count, 1);
	aws_reply_free(&r);
	close_pair(&p);
}

struct tally {
	size_t good, bad;
	struct aws *aws;
	const struct aws_request *more;
	size_t to_send;
};

static void on_done(void *ctx, struct aws_reply *reply, const struct err *why)
{
	struct tally *t = ctx;
	struct err e;
	(void)why;
	if (reply != NULL && reply->status == 200)
		t->good++;
	else
		t->bad++;
	if (t->to_send > 0) {
		t->to_send--;
		assert_int_equal(aws_send(t->aws, t->more, on_done, t, &e), 0);
	}
}

static void send_keeps_to_its_connections(void **state)
{
	(void)state;
	char *block = malloc(524288);
	struct aws_request q = { .service = AWS_EBS,
		.operation = "PutSnapshotBlock",
		.method = "PUT",
		.path = "/snapshots/snap-1/blocks/7",
		.body = block,
		.body_len = 524288,
		.unsigned_body = true };
	struct pair p;
	struct err e;
	char value[64];
	static struct step steps[100];
	memset(block, 'x', 524288);
	/* Some of them fail first. */
	for (size_t i = 0; i < COUNT(steps); i++)
		steps[i] = (struct step){ i % 9 == 5 ? SERVE_RESET : SERVE_REPLY,
			i % 11 == 7 ? 500 : 200, NULL, "{\"a\": 1}" };
	open_pair(&p, steps, COUNT(steps));
	struct tally t = { .aws = p.aws, .more = &q, .to_send = 60 };
	aws_limit(p.aws, 8);
	for (int i = 0; i < 20; i++)
		assert_int_equal(aws_send(p.aws, &q, on_done, &t, &e), 0);
	assert_int_equal(aws_pending(p.aws), 20);
	while (aws_pending(p.aws) > 0)
		if (aws_run(p.aws, -1, &e) < 0)
			fail_msg("%s", e.msg);
	assert_int_equal(t.good, 80);
	assert_int_equal(t.bad, 0);
	/* One more for each that was reset. */
	assert_true(p.server.connections <= 8 + 11);
	assert_true(p.server.count > 80);
	assert_non_null(strstr(p.server.requests[0], "PUT /snapshots/snap-1/blocks/7 HTTP/1.1"));
	assert_string_equal(
		server_header(&p.server, 0, "x-amz-content-sha256", value, sizeof(value)),
		"UNSIGNED-PAYLOAD");
	for (size_t i = 0; i < p.server.count; i++) {
		const char *body = strstr(p.server.requests[i], "\r\n\r\n") + 4;
		assert_int_equal(
			p.server.lengths[i] - (size_t)(body - p.server.requests[i]), 524288);
		assert_memory_equal(body, block, 524288);
	}
	close_pair(&p);
	free(block);
}

/* Longer than nothing may move, twice over the same connection: half an answer is told from none,
 * and what the network took from what waits for it. */
static void slow_is_not_still(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_DRIP, 200, NULL, "<a>0123456789</a>" },
		{ SERVE_DRIP, 200, NULL, "<a>0123456789</a>" } };
	static const struct transfer_limits limits = { 5000, 1000, 1000, 60000, 0 };
	char *block = calloc(1, 786432);
	struct aws_request q = { .service = AWS_EBS,
		.operation = "PutSnapshotBlock",
		.method = "PUT",
		.body = block,
		.body_len = 786432,
		.unsigned_body = true };
	struct pair p;
	struct aws_reply r;
	open_with(&p, &limits, steps, COUNT(steps));
	for (int i = 0; i < 2; i++) {
		ask(&p, &ASK, &r);
		assert_int_equal(r.attempts, 1);
		assert_int_equal(r.body.len, 17);
		aws_reply_free(&r);
	}
	assert_int_equal(p.server.connections, 1);
	p.server.slow = true;
	ask(&p, &q, &r);
	assert_int_equal(r.attempts, 1);
	aws_reply_free(&r);
	close_pair(&p);
	free(block);
}

static void run_returns_in_time(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_NOTHING, 200, NULL, "" } };
	struct pair p;
	struct err e;
	struct tally t = { 0 };
	open_with(&p, &PATIENT, steps, COUNT(steps));
	assert_int_equal(aws_run(p.aws, -1, &e), 0);
	assert_int_equal(aws_send(p.aws, &ASK, on_done, &t, &e), 0);
	int64_t start = aws_clock(p.aws);
	assert_int_equal(aws_run(p.aws, 100, &e), 0);
	assert_in_range(aws_clock(p.aws) - start, 90, 20000);
	assert_int_equal(aws_pending(p.aws), 1);
	start = aws_clock(p.aws);
	assert_int_equal(aws_sleep(p.aws, 50, &e), 0);
	assert_in_range(aws_clock(p.aws) - start, 45, 20000);
	/* What is under way is dropped. */
	close_pair(&p);
	assert_int_equal(t.good + t.bad, 0);
}

static volatile sig_atomic_t came;

static void on_signal(int number)
{
	came = number;
}

static void interrupt_is_told_and_kept(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_NOTHING, 200, NULL, "" } };
	struct sigaction before, action = { .sa_handler = on_signal };
	struct pair p;
	struct aws_reply r;
	struct err e;
	sigaction(SIGTERM, &action, &before);
	came = 0;
	open_pair(&p, steps, COUNT(steps));
	assert_int_equal(aws_interrupted(p.aws), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(aws_try(p.aws, &ASK, &r, &e), -1);
	assert_int_equal(e.errnum, EINTR);
	assert_int_equal(e.kind, ERR_REMOTE);
	assert_non_null(strstr(e.msg, "interrupted by SIGTERM"));
	assert_int_equal(aws_interrupted(p.aws), SIGTERM);
	assert_int_equal(aws_pending(p.aws), 0);
	assert_int_equal(aws_sleep(p.aws, 10000, &e), -1);
	assert_int_equal(e.errnum, EINTR);
	assert_int_equal(came, 0);
	/* To take back what was begun. */
	aws_tidy(p.aws);
	ask(&p, &ASK, &r);
	aws_reply_free(&r);
	assert_int_equal(came, 0);
	close_pair(&p);
	assert_int_equal(came, SIGTERM);
	sigaction(SIGTERM, &before, NULL);
}

static void open_refuses(void **state)
{
	(void)state;
	static const struct {
		struct aws_options o;
		enum err_kind kind;
		const char *message;
	} cases[] = {
		{ { .region = "eu-west1" }, ERR_USAGE, "\"eu-west1\" is no region" },
		{ { .region = "example.com/" }, ERR_USAGE, "\"example.com/\" is no region" },
		{ { .region = "eu-west-1", .ca_bundle = "/nowhere/ca.pem" }, ERR_USAGE,
			"certificates of /nowhere/ca.pem: No such file or directory" },
		{ { .region = "eu-west-1", .endpoint = "http://user:pw@no host" }, ERR_USAGE,
			"endpoint URL \"...no host\": a host with or without a port is wanted" },
		{ { 0 }, ERR_USAGE,
			"no region: name one with --region, AWS_REGION, or `region` in the "
			"profile" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct aws *aws = NULL;
		struct err e;
		assert_int_equal(aws_open(&cases[i].o, &aws, &e), -1);
		assert_string_equal(e.msg, cases[i].message);
		assert_int_equal(e.kind, cases[i].kind);
	}
}

static void query_is_sent_and_read(void **state)
{
	(void)state;
	/* Garbage and halves are no answers. */
	static const struct step steps[] = { { SERVE_REPLY, 200, NULL, "\x01garbage" },
		{ SERVE_ENDLESS, 200, NULL, "<R><a>1" },
		{ SERVE_REPLY, 200, NULL, "<R><a>1</a></R>" },
		{ SERVE_REPLY, 400, NULL,
			"<Response><Errors><Error><Code>X</Code></Error></Errors></Response>" } };
	struct pair p;
	struct arena a = { 0 };
	struct xml_node *root;
	struct aws_reply r;
	struct err e;
	open_pair(&p, steps, COUNT(steps));
	struct query q = query_to(AWS_EC2, NULL, "DescribeImages");
	query_put(&q, "self", "Owner.%d", 1);
	query_put(&q, NULL, "Missing");
	query_put(&q, "a b/\xc3\xa9", "Filter.%d.Value.%d", 1, 2);
	query_put_int(&q, -7, "N");
	if (query_call(p.aws, &q, &a, &root, &e) < 0)
		fail_msg("%s", e.msg);
	assert_string_equal(xml_text(root, "a"), "1");
	assert_int_equal(p.server.count, 3);
	assert_non_null(strstr(p.server.requests[2],
		"\r\n\r\nAction=DescribeImages&Version=2016-11-15&Owner.1=self&"
		"Filter.1.Value.2=a%20b%2F%C3%A9&N=-7"));
	assert_int_equal(query_try(p.aws, &q, &a, &root, &r, &e), 0);
	assert_null(root);
	assert_string_equal(r.code, "X");
	aws_reply_free(&r);
	query_free(&q);
	arena_free(&a);
	close_pair(&p);
}

static void query_once_that_cannot_be_read(void **state)
{
	(void)state;
	static const struct step steps[] = { { SERVE_REPLY, 200, NULL, "<R>" } };
	struct pair p;
	struct arena a = { 0 };
	struct xml_node *root;
	struct err e;
	open_pair(&p, steps, COUNT(steps));
	struct query q = query_to(AWS_EC2, "us-east-1", "RegisterImage");
	q.request.once = true;
	assert_int_equal(query_call(p.aws, &q, &a, &root, &e), -1);
	assert_int_equal(e.kind, ERR_REMOTE);
	assert_true(e.again);
	assert_non_null(strstr(e.msg, "RegisterImage in us-east-1: no answer from"));
	assert_int_equal(p.server.count, 1);
	query_free(&q);
	arena_free(&a);
	close_pair(&p);
}

static int set_up(void **state)
{
	(void)state;
	static const char *const gone[] = { "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE",
		"AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL", "http_proxy",
		"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy" };
	for (size_t i = 0; i < COUNT(gone); i++)
		unsetenv(gone[i]);
	setenv("AWS_CONFIG_FILE", "/dev/null", 1);
	setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
	setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
	setenv("AWS_ACCESS_KEY_ID", "AKIDTEST", 1);
	setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-test", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(try_answers_over_one_connection),
		cmocka_unit_test(try_again_when_no_answer_came),
		cmocka_unit_test(try_again_when_the_service_says_so),
		cmocka_unit_test(try_counts_closed_connections),
		cmocka_unit_test(once_is_not_sent_twice),
		cmocka_unit_test(once_is_sent_again_when_it_was_refused),
		cmocka_unit_test(refusal_is_told_whole),
		cmocka_unit_test(redirection_is_no_answer),
		cmocka_unit_test(transient_is_waited_out),
		cmocka_unit_test(clock_is_corrected),
		cmocka_unit_test(clock_that_is_right_is_not_blamed),
		cmocka_unit_test(expired_credentials_are_got_again),
		cmocka_unit_test(expired_credentials_without_fresh_ones),
		cmocka_unit_test(send_keeps_to_its_connections),
		cmocka_unit_test(slow_is_not_still),
		cmocka_unit_test(run_returns_in_time),
		cmocka_unit_test(interrupt_is_told_and_kept),
		cmocka_unit_test(open_refuses),
		cmocka_unit_test(query_is_sent_and_read),
		cmocka_unit_test(query_once_that_cannot_be_read),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
