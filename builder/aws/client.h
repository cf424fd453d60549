/*
 * AWS's services over HTTPS: one libcurl multi handle whose connections are kept and shared,
 * requests signed (sigv4.h), tried again as retry.h says, with credentials that are got again
 * before they expire, and the clock corrected by the services' own.
 *
 *   struct aws_request q = { .service = AWS_EC2, .operation = "DescribeImages", ... };
 *   struct aws_reply reply;
 *   if (aws_call(aws, &q, &reply, e) < 0) return -1;
 *   ... reply.status, reply.body ...
 *   aws_reply_free(&reply);
 *
 * Many at once: aws_send for each, aws_run until all are done. One thread.
 *
 * A request is tried again only when nothing tells that it was done: so `once` marks those that
 * must not be done twice, which are tried again only when the service surely did not take them.
 * AWS_CA_BUNDLE, the profile's ca_bundle and --ca-bundle name a file of certificates; proxies are
 * curl's (HTTPS_PROXY, NO_PROXY).
 */
#ifndef IMGBUILD_AWS_CLIENT_H
#define IMGBUILD_AWS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

enum aws_service {
	AWS_EC2,
	AWS_EBS,
	AWS_SSM,
	AWS_STS,
	AWS_AUTOSCALING,
	AWS_KMS,
	AWS_SERVICE_COUNT
};

struct aws_options {
	const char *profile;   /* --profile; NULL */
	const char *region;    /* --region; NULL: environment, profile, metadata service */
	const char *endpoint;  /* --endpoint-url, for all services; NULL */
	const char *ca_bundle; /* --ca-bundle; NULL */
	const struct log *log; /* details of retries with -v; no secret; NULL: none */
	/* For all requests (transfer.h); NULL: as transfer.h says. */
	const struct transfer_limits *limits;
};

struct aws;
struct transfer_limits;

/*
 * Loads libcurl and libcrypto and reads the shared files; credentials are looked for at the first
 * request. ERR_MACHINE, ERR_INPUT, ERR_USAGE: no such profile or file of certificates, a URL that
 * is none, no region anywhere (the message says where to name one).
 *
 * From here to aws_close SIGINT, SIGTERM and SIGHUP are held back: the calls below tell of them.
 * aws_close then does to the program what the signal would have done: it is the last to be
 * released (declare it before what must be tidied up).
 */
must_check int aws_open(const struct aws_options *o, struct aws **ret, struct err *e);
/* Takes NULL. Requests under way are dropped, their `done` not called. */
void aws_close(struct aws *aws);
#define cleanup_aws __attribute__((cleanup(aws_cleanup)))
void aws_cleanup(struct aws **aws);

/* The signal that interrupted the work; 0: none. */
int aws_interrupted(struct aws *aws);
/* Go on in spite of it, to take back what was begun; the next signal interrupts again. */
void aws_tidy(struct aws *aws);

/*
 * Signals do what they did before aws_open, while something is done that asks nothing of AWS; those
 * that came already end the program. Then they are held back again. ERR_MACHINE.
 */
void aws_pause(struct aws *aws);
must_check int aws_resume(struct aws *aws, struct err *e);

const char *aws_region(const struct aws *aws);
/* The URL that was set in place of a service's own, by option, environment or profile; *ret NULL:
 * none. ERR_USAGE, ERR_INPUT, ERR_MACHINE. */
must_check int aws_endpoint(
	struct aws *aws, enum aws_service service, const char **ret, struct err *e);
/* Seconds since 1970, corrected. */
time_t aws_now(const struct aws *aws);
/* Milliseconds of a clock that never goes back. */
int64_t aws_clock(const struct aws *aws);

struct aws_header {
	const char *name; /* lower case */
	const char *value;
};

#define AWS_HEADERS_MAX 12

struct aws_reply;

#define AWS_UNREADABLE "the answer cannot be read"

struct aws_request {
	enum aws_service service;
	const char *region;                         /* NULL: the client's */
	const char *operation;                      /* for messages: "RegisterImage" */
	const char *method;                         /* "POST" */
	const char *path;                           /* percent-encoded; NULL: "/" */
	const char *query;                          /* percent-encoded; NULL: none */
	struct aws_header headers[AWS_HEADERS_MAX]; /* beside Host, date, token, signature */
	size_t header_count;
	const void *body; /* the caller's, unchanged until it is done */
	size_t body_len;
	bool unsigned_body; /* UNSIGNED-PAYLOAD */
	bool once;
	/* Refusals that this request waits out, e.g. "InvalidAMIID.NotFound" (eventual
	 * consistency): NULL-terminated; tried again for up to `patience` seconds. */
	const char *const *transient;
	unsigned patience;
	/* What is wrong with an answer with a status below 300 (half of it, garbage), which then
	 * counts as none; it returns NULL for a good one. NULL: any is. */
	const char *(*wrong)(const struct aws_reply *r);
};

struct aws_reply {
	int status;
	struct buf body;
	char code[96];     /* of a refusal: AWS's error code without namespace; "" */
	char message[512]; /* of a refusal */
	char reason[64];   /* EBS's own, e.g. SNAPSHOT_NOT_FOUND; "" */
	char request_id[80];
	char checksum[64];    /* x-amz-checksum */
	char data_length[24]; /* x-amz-data-length */
	unsigned attempts;
	/* A try before this one got no answer: what it asked for may have been done. */
	bool lost;
};

void aws_reply_free(struct aws_reply *r);

/*
 * Send and wait. 0: the service's final answer is in *ret, be it a refusal (status >= 400).
 * ERR_REMOTE: no answer (network, TLS, timeouts; `again` is set when the same request may succeed
 * later: of one that is `once` it is not known whether it was done), no credentials; ERR_MACHINE.
 * Interrupted by SIGINT, SIGTERM or SIGHUP: ERR_REMOTE with errnum EINTR (see aws_interrupted).
 */
must_check int aws_try(
	struct aws *aws, const struct aws_request *q, struct aws_reply *ret, struct err *e);
/* The same, and a refusal is ERR_REMOTE too: "RegisterImage in eu-west-1: InvalidParameterValue:
 * text (request id ...)". */
must_check int aws_call(
	struct aws *aws, const struct aws_request *q, struct aws_reply *ret, struct err *e);
/* Make that error of a refusal. Returns -1. */
int aws_refused(const struct aws_request *q, const struct aws *aws, const struct aws_reply *r,
	struct err *e);

/*
 * Called once for each request that was sent, from within aws_run. `reply` NULL: no answer, *why
 * tells. The reply's body is freed afterwards; take it by moving reply->body away.
 */
typedef void aws_done(void *ctx, struct aws_reply *reply, const struct err *why);

/* Queue it; *q is copied, what it points to is the caller's until `done`. ERR_MACHINE. */
must_check int aws_send(
	struct aws *aws, const struct aws_request *q, aws_done *done, void *ctx, struct err *e);
/* Requests sent and not done. */
size_t aws_pending(const struct aws *aws);
/* Connections at once to one service; 64 at first. */
void aws_limit(struct aws *aws, unsigned connections);
/* Go on until a request is done, or `ms` have passed (-1: however long). ERR_MACHINE; interrupted:
 * ERR_REMOTE with EINTR. */
must_check int aws_run(struct aws *aws, int ms, struct err *e);
/* Forget all that was sent and is not done: `done` is not called, and what the requests point to is
 * the caller's again. For those that give up. */
void aws_drop(struct aws *aws);
/* Sleep, for polling. Interrupted: ERR_REMOTE with EINTR. */
must_check int aws_sleep(struct aws *aws, int64_t ms, struct err *e);

#endif
