/* Retries: what is tried again, how long is waited, and the rate under throttling. */
#include "aws/retry.h"
#include "check.h"

static void retry_judge_knows(void **state)
{
	(void)state;
	static const struct {
		int status;
		const char *code;
		enum retry_cause cause;
	} cases[] = {
		{ 403, "AccessDenied", RETRY_NEVER },
		{ 403, "UnauthorizedOperation", RETRY_NEVER },
		{ 403, "SignatureDoesNotMatch", RETRY_NEVER },
		{ 400, "ValidationException", RETRY_NEVER },
		{ 400, "", RETRY_NEVER },
		{ 402, "ServiceQuotaExceededException", RETRY_NEVER },
		{ 501, "", RETRY_NEVER },
		{ 500, "", RETRY_SERVER },
		{ 503, "SomethingNew", RETRY_SERVER },
		{ 500, "InternalServerException", RETRY_SERVER },
		{ 400, "RequestTimeout", RETRY_SERVER },
		{ 408, "", RETRY_SERVER },
		{ 429, "", RETRY_THROTTLE },
		{ 400, "ThrottlingException", RETRY_THROTTLE },
		{ 400, "TooManyUpdates", RETRY_THROTTLE },
		{ 400, "RequestThrottledException", RETRY_THROTTLE },
		{ 503, "RequestLimitExceeded", RETRY_THROTTLE },
		{ 503, "SlowDown", RETRY_THROTTLE },
		{ 403, "RequestTimeTooSkewed", RETRY_CLOCK },
		{ 400, "RequestExpired", RETRY_CLOCK },
		{ 400, "ExpiredTokenException", RETRY_EXPIRED },
		{ 403, "ExpiredToken", RETRY_EXPIRED },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		if (retry_judge(cases[i].status, cases[i].code) != cases[i].cause)
			fail_msg("%d %s", cases[i].status, cases[i].code);
}

static void retry_after_doubles_up_to_the_cap(void **state)
{
	(void)state;
	struct retry r;
	retry_init(&r);
	static const int64_t server[] = { 250, 500, 1000, 2000, 4000, 8000, 16000 };
	for (unsigned n = 1; n < RETRY_ATTEMPTS; n++) {
		assert_int_equal(retry_after(&r, RETRY_SERVER, n, 0, 0), 0);
		assert_in_range(retry_after(&r, RETRY_SERVER, n, 0.999999, 0), server[n - 1] - 1,
			server[n - 1]);
	}
	assert_in_range(
		retry_after(&r, RETRY_THROTTLE, 7, 0.999999, 0), RETRY_CAP_MS - 1, RETRY_CAP_MS);
	assert_int_equal(retry_after(&r, RETRY_SERVER, RETRY_ATTEMPTS, 0.5, 0), -1);
	assert_int_equal(retry_after(&r, RETRY_CLOCK, RETRY_ATTEMPTS, 0.5, 0), -1);
	assert_int_equal(retry_after(&r, RETRY_NEVER, 1, 0.5, 0), -1);
	assert_int_equal(retry_after(&r, RETRY_CLOCK, 1, 0.5, 0), 0);
	assert_int_equal(retry_after(&r, RETRY_EXPIRED, 1, 0.5, 0), 0);
}

static void retry_budget_is_spent_and_given_back(void **state)
{
	(void)state;
	struct retry r;
	retry_init(&r);
	for (int i = 0; i < RETRY_BUDGET / (2 * RETRY_COST); i++)
		assert_true(retry_after(&r, RETRY_NETWORK, 1, 0.5, 0) <= 250);
	assert_int_equal(r.tokens, 0);
	assert_true(retry_after(&r, RETRY_NETWORK, 1, 0, 0) >= RETRY_CAP_MS / 2);
	assert_true(retry_after(&r, RETRY_NETWORK, 1, 0.99, 0) <= RETRY_CAP_MS);
	retry_success(&r, 2, 0);
	assert_int_equal(r.tokens, RETRY_COST);
	retry_success(&r, 1, 0);
	assert_int_equal(r.tokens, RETRY_COST + 1);
	assert_true(retry_after(&r, RETRY_SERVER, 1, 0.5, 0) <= 250);
	for (int i = 0; i < 2 * RETRY_BUDGET; i++)
		retry_success(&r, 1, 0);
	assert_int_equal(r.tokens, RETRY_BUDGET);
}

/* A service that takes `most` requests a second, and one that would send without end. */
static void run(struct retry *r, int64_t *now, int64_t ms, unsigned most, unsigned *taken,
	unsigned *refused)
{
	*taken = *refused = 0;
	int64_t end = *now + ms, second = *now;
	unsigned in_second = 0;
	for (; *now < end; ++*now) {
		if (*now - second >= 100) {
			second = *now;
			in_second = 0;
		}
		/* At most two a millisecond: what connections allow. */
		for (int i = 0; i < 2 && retry_start(r, *now) == 0; i++) {
			if (++in_second > most / 10) {
				++*refused;
				retry_after(r, RETRY_THROTTLE, 1, 0.5, *now);
			} else {
				++*taken;
				retry_success(r, 1, *now);
			}
		}
	}
}

static void retry_rate_settles_below_what_is_taken(void **state)
{
	(void)state;
	struct retry r;
	int64_t now = 1000;
	unsigned taken, refused;
	retry_init(&r);
	run(&r, &now, 1000, 100000, &taken, &refused);
	assert_int_equal(refused, 0);
	assert_int_equal(taken, 2000);
	run(&r, &now, 5000, 1000, &taken, &refused);
	run(&r, &now, 20000, 1000, &taken, &refused);
	/* Four fifths of the quota, one in twenty refused. */
	assert_true(taken >= 16000);
	assert_true(refused * 20 <= taken);
	/* And it comes back when the quota grows. */
	run(&r, &now, 60000, 100000, &taken, &refused);
	run(&r, &now, 1000, 100000, &taken, &refused);
	assert_true(taken >= 1800);
}

static void retry_rate_is_cut_once_for_a_burst(void **state)
{
	(void)state;
	struct retry r;
	retry_init(&r);
	int64_t now = 1;
	for (int i = 0; i < 200; i++)
		assert_int_equal(retry_start(&r, now += 10), 0);
	for (int i = 0; i < 64; i++)
		retry_after(&r, RETRY_THROTTLE, 1, 0.5, now);
	assert_true(r.rate > 60 && r.rate < 80);
	int64_t wait = retry_start(&r, now);
	assert_in_range(wait, 1, 20);
	assert_int_equal(retry_start(&r, now + wait), 0);
}

static void retry_rate_never_stands_still(void **state)
{
	(void)state;
	struct retry r;
	retry_init(&r);
	int64_t now = 1;
	for (int i = 0; i < 100; i++)
		retry_after(&r, RETRY_THROTTLE, 1, 0.5, now += 1000);
	assert_true(r.rate >= 2);
	for (int i = 0; i < 3; i++) {
		int64_t wait = retry_start(&r, now);
		if (wait == 0)
			return;
		assert_in_range(wait, 1, 1000);
		now += wait;
	}
	fail_msg("nothing may start");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(retry_judge_knows),
		cmocka_unit_test(retry_after_doubles_up_to_the_cap),
		cmocka_unit_test(retry_budget_is_spent_and_given_back),
		cmocka_unit_test(retry_rate_settles_below_what_is_taken),
		cmocka_unit_test(retry_rate_is_cut_once_for_a_burst),
		cmocka_unit_test(retry_rate_never_stands_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
