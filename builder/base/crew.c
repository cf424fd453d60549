#include "base/crew.h"

#include <sched.h>
#include <signal.h>
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

bool crew_start(pthread_t *ret, void *(*function)(void *), void *arg)
{
	sigset_t all, before;
	sigfillset(&all);
	sigdelset(&all, SIGBUS);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	int rc = pthread_create(ret, NULL, function, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc == 0;
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
	unsigned started = 1; /* the first is the caller */
	while (started < jobs && crew_start(&hands[started].thread, run, &hands[started]))
		started++;
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
