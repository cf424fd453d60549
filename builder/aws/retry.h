/*
 * Whether and when to try a request again (AWS SDKs and Tools Reference Guide, "Retry behavior",
 * standard and adaptive mode): full jitter between 0 and a doubling limit, a budget of tokens that
 * failures spend and successes give back, and a rate that throttling lowers and successes raise.
 * Pure: the clock and the dice are the caller's.
 */
#ifndef IMGBUILD_AWS_RETRY_H
#define IMGBUILD_AWS_RETRY_H

#include <stdbool.h>
#include <stdint.h>

enum retry_cause {
	RETRY_NEVER,    /* refused for good: AccessDenied, ValidationException, ... */
	RETRY_NETWORK,  /* no or half an answer */
	RETRY_SERVER,   /* 5xx, or a reply that could not be read */
	RETRY_THROTTLE, /* too many requests, whatever the status */
	RETRY_CLOCK,    /* the clock is off: at once, with the corrected one */
	RETRY_EXPIRED,  /* the credentials expired: at once, with fresh ones */
};

/* What an answer means: HTTP status and AWS's error code ("" when there was none). */
enum retry_cause retry_judge(int status, const char *code);

#define RETRY_ATTEMPTS 8     /* tries of a request, the first among them */
#define RETRY_BUDGET   500   /* tokens of a client */
#define RETRY_COST     5     /* tokens of a retry; 10 after no answer */
#define RETRY_CAP_MS   20000 /* longest wait */

struct retry {
	int tokens;
	/* Adaptive: requests a second that may start; 0: as many as they come. */
	double rate;
	double fill;       /* requests that may start now */
	double last_max;   /* rate at the last throttling (CUBIC) */
	int64_t throttled; /* when, ms */
	int64_t filled;    /* when `fill` was last reckoned, ms */
	double measured;   /* requests a second that did start, smoothed */
	double peak;       /* the highest of that */
	int64_t counted;   /* since when `count` counts, ms; 0: nothing counted yet */
	unsigned count;
};

void retry_init(struct retry *r);

/*
 * After try number `attempt` (from 1) failed: milliseconds to wait, or -1: give up. `dice` is a
 * random number in [0, 1). `now` in ms of a clock that never goes back. When the budget is used up
 * the wait is long rather than none: a hundred uploads under way shall outlive a short outage, and
 * one request in ten seconds from each does not keep a service down.
 */
int64_t retry_after(
	struct retry *r, enum retry_cause cause, unsigned attempt, double dice, int64_t now);
/* A request was answered well. */
void retry_success(struct retry *r, unsigned attempt, int64_t now);
/* Milliseconds until one more request may start: 0 now (and it is counted as started). */
int64_t retry_start(struct retry *r, int64_t now);

#endif
