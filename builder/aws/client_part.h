/*
 * What the files of the client share.
 *
 * A call waits in the lane of its service and region until it may start, is then under way as a
 * transfer, and ends or waits for its next try.
 */
#ifndef IMGBUILD_AWS_CLIENT_PART_H
#define IMGBUILD_AWS_CLIENT_PART_H

#include "aws/client.h"
#include "aws/credentials.h"
#include "aws/endpoint.h"
#include "aws/interrupt.h"
#include "aws/profile.h"
#include "aws/retry.h"
#include "aws/sigv4.h"
#include "aws/transfer.h"
#include "base/arena.h"

struct call {
	struct call *next, *before; /* in the one list that it is in */
	struct aws *aws;
	struct aws_request q;
	aws_done *done;
	void *ctx;
	struct lane *lane;
	struct transfer *transfer; /* under way; NULL: not */
	struct arena memory;       /* of the try under way */
	int64_t first;             /* when it was sent first, ms; 0: not yet */
	int64_t due;               /* next try, ms; 0: it is not in `waiting` */
	unsigned attempts;
	unsigned waits; /* of them for `transient` */
	unsigned clock_fixes;
	unsigned refreshes;
	bool lost;
	time_t signed_at;
	unsigned generation; /* of the credentials that signed it */
};

struct call_list {
	struct call *first, *last;
};

struct lane {
	struct lane *next;
	enum aws_service service;
	const char *region;
	struct endpoint endpoint;
	struct sigv4_key key;
	struct retry retry;
	struct call_list ready;
	struct call_list active;
	unsigned active_count;
	int64_t gate; /* nothing starts before, ms */
};

struct aws {
	const struct log *log;
	struct arena memory; /* profiles, lanes */
	struct profiles profiles;
	const char *profile;
	const char *endpoint;
	const char *region;
	const char *ca_bundle; /* NULL: the system's */
	bool limited;
	struct transfer_limits limits; /* when `limited` */
	struct transfers *net;
	struct interrupt own;
	struct interrupt *interrupt;

	struct aws_credentials credentials;
	struct arena credentials_memory;
	unsigned generation; /* 0: none yet */
	bool fixed;          /* the credentials are the caller's */
	bool anonymous;      /* nothing is signed */
	struct err no_credentials;
	int64_t no_credentials_at; /* ms; 0: not tried, or found */
	int64_t found_at;          /* ms */

	time_t skew; /* seconds to add to this machine's clock */
	bool told;   /* that requests are tried again */
	uint64_t dice;
	unsigned connections;
	struct lane *lanes;
	struct call_list waiting;
	size_t pending;
	size_t done_count;
};

/* client.c */
void call_push(struct call_list *list, struct call *c, bool front);
void call_unlink(struct call_list *list, struct call *c);

/* client_call.c: the lane of a service and region. ERR_INPUT, ERR_MACHINE. */
must_check int lane_of(struct aws *aws, enum aws_service service, const char *region,
	struct lane **ret, struct err *e);
/* Sign it and send it. */
must_check int call_start(struct aws *aws, struct call *c, struct err *e);

/* client_answer.c: a try ended. */
void call_answered(void *ctx, struct transfer_result *result);
/* The call is over: `reply` NULL: *why. Frees it. */
void call_end(struct aws *aws, struct call *c, struct aws_reply *reply, const struct err *why);

/* client_credentials.c: fresh ones in aws->credentials. `again`: those there were refused. */
must_check int credentials_want(struct aws *aws, bool again, struct err *e);
/* The region that the metadata service tells into the arena; *ret NULL: it does not. */
must_check int metadata_region(struct aws *aws, const char **ret, struct err *e);
/* A client beside the other for credentials that sign its requests; NULL: unsigned. */
must_check int aws_open_beside(
	struct aws *aws, const struct aws_credentials *with, struct aws **ret, struct err *e);

/* client_error.c: code, message, reason and id of a refusal, from its body and what its headers
 * said. False: there was a body that could not be read. */
bool refusal_read(struct aws_reply *r, const char *error_type);

#endif
