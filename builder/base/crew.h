/*
 * The same work on several cores: threads that take pieces of a list from one another until it is
 * empty.
 */
#ifndef IMGBUILD_BASE_CREW_H
#define IMGBUILD_BASE_CREW_H

#include <pthread.h>
#include <stdbool.h>

#include "base/err.h"

#define CREW_MAX 64u

/* Cores that this process may use, at most CREW_MAX. */
unsigned crew_cores(void);

/*
 * Start a thread that takes no signals but SIGBUS, which is of its own doing (mapped.h). false:
 * none can be had.
 */
must_check bool crew_start(pthread_t *ret, void *(*function)(void *), void *arg);

/*
 * Run work(ctx, i) once for each i below `jobs` (0: one a core; at most CREW_MAX), each on a thread
 * of its own; the first is the caller's, and what no thread can be had for is left to the others.
 * The threads are crew_start's. Returns -1 with the error of the failed one with the lowest number;
 * the work itself sees to it that the others stop.
 */
must_check int crew_run(
	unsigned jobs, int (*work)(void *ctx, unsigned i, struct err *e), void *ctx, struct err *e);

#endif
