#include "aws/retry.h"

#include <stddef.h>
#include <string.h>

/* Limits of the first wait, ms. */
#define BASE_MS     250
#define THROTTLE_MS 1000

/* CUBIC as the guide's adaptive mode has it. */
#define BETA      0.7
#define SCALE     0.4
#define SMOOTH    0.8
#define BUCKET_MS 500
#define RATE_MIN  2.0
#define SHARE_MIN                                                                                  \
	16             /* of the highest rate that was seen: others use the quota too, but not all \
			*/
#define SETTLE_MS  500 /* throttlings so close together tell of one moment */
#define PATIENT_MS 1000

struct meaning {
	const char *code;
	enum retry_cause cause;
};

static const struct meaning MEANINGS[] = {
	{ "BandwidthLimitExceeded", RETRY_THROTTLE },
	{ "ConcurrentLimitExceededException", RETRY_THROTTLE },
	{ "EC2ThrottledException", RETRY_THROTTLE },
	{ "LimitExceededException", RETRY_THROTTLE },
	{ "PriorRequestNotComplete", RETRY_THROTTLE },
	{ "ProvisionedThroughputExceededException", RETRY_THROTTLE },
	{ "RequestLimitExceeded", RETRY_THROTTLE },
	{ "RequestThrottled", RETRY_THROTTLE },
	{ "RequestThrottledException", RETRY_THROTTLE },
	{ "SlowDown", RETRY_THROTTLE },
	{ "SnapshotCreationPerVolumeRateExceeded", RETRY_THROTTLE },
	{ "ThrottledException", RETRY_THROTTLE },
	{ "Throttling", RETRY_THROTTLE },
	{ "ThrottlingException", RETRY_THROTTLE },
	{ "TooManyRequestsException", RETRY_THROTTLE },
	{ "TooManyUpdates", RETRY_THROTTLE },
	{ "TransactionInProgressException", RETRY_THROTTLE },
	{ "ConcurrentTagAccess", RETRY_SERVER },
	{ "IDPCommunicationError", RETRY_SERVER },
	{ "InternalError", RETRY_SERVER },
	{ "InternalFailure", RETRY_SERVER },
	{ "InternalServerError", RETRY_SERVER },
	{ "InternalServerException", RETRY_SERVER },
	{ "RequestTimeout", RETRY_SERVER },
	{ "RequestTimeoutException", RETRY_SERVER },
	{ "ServiceUnavailable", RETRY_SERVER },
	{ "ServiceUnavailableException", RETRY_SERVER },
	{ "Unavailable", RETRY_SERVER },
	{ "RequestExpired", RETRY_CLOCK },
	{ "RequestInTheFuture", RETRY_CLOCK },
	{ "RequestTimeTooSkewed", RETRY_CLOCK },
	{ "ExpiredToken", RETRY_EXPIRED },
	{ "ExpiredTokenException", RETRY_EXPIRED },
	{ "TokenRefreshRequired", RETRY_EXPIRED },
};

enum retry_cause retry_judge(int status, const char *code)
{
	for (size_t i = 0; i < sizeof(MEANINGS) / sizeof(*MEANINGS); i++)
		if (strcmp(MEANINGS[i].code, code) == 0)
			return MEANINGS[i].cause;
	if (status == 429)
		return RETRY_THROTTLE;
	if (status == 408 || (status >= 500 && status != 501 && status != 505))
		return RETRY_SERVER;
	return RETRY_NEVER;
}

void retry_init(struct retry *r)
{
	*r = (struct retry){ .tokens = RETRY_BUDGET };
}

/* By Newton: libm for this alone would be one more library to load. */
static double cube_root(double x)
{
	double y = x > 1 ? x : 1;
	for (int i = 0; i < 64; i++)
		y -= (y - x / (y * y)) / 3;
	return y;
}

/* Seconds after a throttling at which CUBIC is back at the rate of then. */
static double window(const struct retry *r)
{
	return cube_root(r->last_max * (1 - BETA) / SCALE);
}

static void set_rate(struct retry *r, double rate)
{
	double most = 2 * r->measured;
	if (r->measured > 0 && rate > most)
		rate = most;
	double least = r->peak / SHARE_MIN;
	if (least < RATE_MIN)
		least = RATE_MIN;
	r->rate = rate > least ? rate : least;
	double burst = r->rate > 1 ? r->rate : 1;
	if (r->fill > burst)
		r->fill = burst;
}

static void refill(struct retry *r, int64_t now)
{
	double burst = r->rate > 1 ? r->rate : 1;
	r->fill += (double)(now - r->filled) * r->rate / 1000;
	if (r->fill > burst)
		r->fill = burst;
	r->filled = now;
}

static void slow_down(struct retry *r, int64_t now)
{
	if (r->rate > 0 && now - r->throttled < SETTLE_MS)
		return;
	double rate = r->measured;
	if (rate == 0 && r->counted != 0)
		rate = (double)r->count * 1000 / (double)(now - r->counted + 1);
	if (r->rate > 0 && (rate == 0 || r->rate < rate))
		rate = r->rate;
	if (r->rate == 0) {
		r->fill = 0;
		r->filled = now;
	} else {
		refill(r, now);
	}
	r->last_max = rate;
	r->throttled = now;
	set_rate(r, rate * BETA);
}

int64_t retry_after(
	struct retry *r, enum retry_cause cause, unsigned attempt, double dice, int64_t now)
{
	if (cause == RETRY_THROTTLE)
		slow_down(r, now);
	if (cause == RETRY_NEVER || attempt >= RETRY_ATTEMPTS)
		return -1;
	if (cause == RETRY_CLOCK || cause == RETRY_EXPIRED)
		return 0;
	int cost = cause == RETRY_NETWORK ? 2 * RETRY_COST : RETRY_COST;
	if (r->tokens < cost)
		return (int64_t)(RETRY_CAP_MS * (0.5 + dice / 2));
	r->tokens -= cost;
	int limit = (cause == RETRY_THROTTLE ? THROTTLE_MS : BASE_MS) << (attempt - 1);
	return (int64_t)(dice * (limit < RETRY_CAP_MS ? limit : RETRY_CAP_MS));
}

void retry_success(struct retry *r, unsigned attempt, int64_t now)
{
	r->tokens += attempt > 1 ? RETRY_COST : 1;
	if (r->tokens > RETRY_BUDGET)
		r->tokens = RETRY_BUDGET;
	if (r->rate == 0)
		return;
	double t = (double)(now - r->throttled) / 1000 - window(r);
	refill(r, now);
	set_rate(r, SCALE * t * t * t + r->last_max);
}

static void count(struct retry *r, int64_t now)
{
	if (r->counted == 0)
		r->counted = now;
	int64_t span = now - r->counted;
	if (span >= BUCKET_MS) {
		double rate = (double)r->count * 1000 / (double)span;
		r->measured = r->measured > 0 ? SMOOTH * rate + (1 - SMOOTH) * r->measured : rate;
		if (r->measured > r->peak)
			r->peak = r->measured;
		r->count = 0;
		r->counted = now;
	}
	r->count++;
}

int64_t retry_start(struct retry *r, int64_t now)
{
	if (r->rate > 0) {
		refill(r, now);
		if (r->fill < 1) {
			int64_t wait = (int64_t)((1 - r->fill) * 1000 / r->rate) + 1;
			return wait < PATIENT_MS ? wait : PATIENT_MS;
		}
		r->fill -= 1;
	}
	count(r, now);
	return 0;
}
