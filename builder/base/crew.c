#include "base/crew.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

struct hand {
	pthread_t thread;
	int (*work)(void *ctx, unsigned i, struct err *e);
	void *ctx;
	unsigned number;
	int rc;
	struct err err;
};

unsigned crew_cores(void)
{
	cpu_set_t set;
	long cores = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set)
								  : sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : cores > (long)CREW_MAX ? CREW_MAX : (unsigned)cores;
}

static void *run(void *arg)
{
	struct hand *h = arg;
	h->rc = h->work(h->ctx, h->number, &h->err);
	return NULL;
}

/* How many of the hands work, the first being the caller. */
static unsigned start(struct hand *hands, unsigned jobs)
{
	sigset_t all, before;
	unsigned started = 1;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	while (started < jobs &&
		pthread_create(&hands[started].thread, NULL, run, &hands[started]) == 0)
		started++;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return started;
}

int crew_run(
	unsigned jobs, int (*work)(void *ctx, unsigned i, struct err *e), void *ctx, struct err *e)
{
	if (jobs == 0)
		jobs = crew_cores();
	if (jobs > CREW_MAX)
		jobs = CREW_MAX;
	struct hand *hands = calloc(jobs, sizeof(*hands));
	if (hands == NULL)
		return err_nomem(e);
	for (unsigned i = 0; i < jobs; i++)
		hands[i] = (struct hand){ .work = work, .ctx = ctx, .number = i };
	unsigned started = start(hands, jobs);
	run(&hands[0]);
	int rc = 0;
	for (unsigned i = 0; i < started; i++) {
		if (i > 0)
			pthread_join(hands[i].thread, NULL);
		if (hands[i].rc < 0 && rc == 0) {
			*e = hands[i].err;
			rc = -1;
		}
	}
	free(hands);
	return rc;
}
