/*
 * HTTP/1.1 transfers over one libcurl multi handle: connections are kept and shared, servers are
 * verified, and a transfer that stands still is given up. What is sent and what an answer means is
 * the caller's (client.c).
 *
 * libcurl would send a request again by itself when a kept connection turns out to be closed. It
 * does not here: such a request ends without an answer, so that every other try is seen and
 * counted.
 */
#ifndef IMGBUILD_AWS_TRANSFER_H
#define IMGBUILD_AWS_TRANSFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"

/* Milliseconds. */
struct transfer_limits {
	int connect; /* until connected, TLS as well */
	int idle;    /* without a byte either way */
	int answer;  /* the same from the end of the request to the first byte of the answer */
	int total;   /* of the whole */
	int extend;  /* then it may go on while 4 KiB move within so long, up to six times total */
};

#define TRANSFER_CONTROL ((struct transfer_limits){ 10000, 12000, 30000, 60000, 0 })
#define TRANSFER_BULK    ((struct transfer_limits){ 10000, 12000, 12000, 20000, 5000 })
#define TRANSFER_LOCAL   ((struct transfer_limits){ 1000, 2000, 2000, 5000, 0 })

struct transfer_request {
	const char *method;
	const char *url;
	const char *const *headers; /* "Name: value" */
	size_t header_count;
	const void *body; /* unchanged until it is done */
	size_t body_len;
	const char *ca_bundle; /* NULL: the system's */
	bool fresh;            /* on a connection of its own, so that none was closed before */
	bool direct;           /* past any proxy */
	size_t body_max;       /* bytes of an answer */
	struct transfer_limits limits;
};

/* How it ended. What is text is "" when the answer did not have it. */
struct transfer_result {
	int status; /* 0: no answer, *why tells */
	struct buf body;
	char type[64]; /* Content-Type */
	char request_id[80];
	char error_type[128]; /* x-amzn-errortype */
	char checksum[64];
	char data_length[24];
	time_t date;   /* of the answer; 0: not told */
	bool sent;     /* a connection was there: the request may have arrived */
	bool hopeless; /* no answer, and none will come: not the server it says it is, ... */
	const struct err *why;
};

/* Called from within transfers_run; the body is freed afterwards unless it was moved away. */
typedef void transfer_done(void *ctx, struct transfer_result *result);

struct transfers;
struct transfer;

/* Loads libcurl. ERR_MACHINE. */
must_check int transfers_open(struct transfers **ret, struct err *e);
/* Takes NULL. What is under way is dropped, `done` not called. */
void transfers_close(struct transfers *t);

/* Start one. What the request points to, but for the body, is copied. ERR_MACHINE. */
must_check int transfer_start(struct transfers *t, const struct transfer_request *q,
	transfer_done *done, void *ctx, struct transfer **ret, struct err *e);
/* Drop one that is under way. */
void transfer_cancel(struct transfers *t, struct transfer *x);

/* Wait up to `ms` for something to move, or `fd` (-1: none) to be readable, and move all that can.
 * ERR_MACHINE. */
must_check int transfers_run(struct transfers *t, int ms, int fd, struct err *e);

/* Milliseconds of a clock that never goes back. */
int64_t transfer_clock(void);

#endif
