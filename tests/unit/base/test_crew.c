/*
 * Work by several threads: each number once, errors told, signals left to the caller's thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/crew.h"
#include "check.h"
#include "fail.h"

struct work {
	atomic_uint met[CREW_MAX + 1];
	unsigned fails_from; /* this number and those above */
	atomic_uint deaf;    /* threads that take no SIGINT */
};

static int work(void *ctx, unsigned i, struct err *e)
{
	struct work *w = ctx;
	sigset_t blocked;
	atomic_fetch_add(&w->met[i], 1);
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	if (sigismember(&blocked, SIGINT) == 1)
		atomic_fetch_add(&w->deaf, 1);
	return i >= w->fails_from ? err_set(e, ERR_INPUT, 0, "number %u", i) : 0;
}

static void crew_each_number_once(void **state)
{
	(void)state;
	static const unsigned jobs[] = { 1, 2, 7, CREW_MAX, CREW_MAX + 5, 0 };
	for (size_t k = 0; k < sizeof(jobs) / sizeof(jobs[0]); k++) {
		struct work w = { .fails_from = CREW_MAX + 1 };
		struct err e;
		unsigned wanted = jobs[k] == 0 ? crew_cores() : jobs[k];
		if (wanted > CREW_MAX)
			wanted = CREW_MAX;
		assert_int_equal(crew_run(jobs[k], work, &w, &e), 0);
		for (unsigned i = 0; i <= CREW_MAX; i++)
			assert_int_equal(w.met[i], i < wanted);
		assert_int_equal(w.deaf, wanted - 1);
	}
	assert_in_range(crew_cores(), 1, CREW_MAX);
}

static void crew_tells_the_lowest_failure(void **state)
{
	(void)state;
	struct work w = { .fails_from = 3 };
	struct err e;
	assert_int_equal(crew_run(8, work, &w, &e), -1);
	assert_string_equal(e.msg, "number 3");
	fail_arm(FAIL_ALLOC, 1);
	assert_int_equal(crew_run(2, work, &w, &e), -1);
	assert_true(fail_disarm());
	assert_int_equal(e.errnum, ENOMEM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crew_each_number_once),
		cmocka_unit_test(crew_tells_the_lowest_failure),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
