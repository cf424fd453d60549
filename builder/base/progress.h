/*
 * How far a long piece of work has come: on a terminal one line that is drawn anew, elsewhere a
 * line every ten seconds, with --json an event "progress" as often. Nothing with -q.
 *
 *   struct progress p;
 *   progress_begin(&p, log, "upload", total, now);
 *   progress_step(&p, bytes, now);   // as often as one likes
 *   progress_end(&p, now);           // also when it failed: the terminal's line goes away
 *
 * `now` is in milliseconds of a clock that never goes back; done and total are in bytes.
 */
#ifndef IMGBUILD_BASE_PROGRESS_H
#define IMGBUILD_BASE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"

struct progress {
	const struct log *log; /* NULL: silent */
	const char *what;      /* the caller's */
	uint64_t done, total;
	bool terminal;
	bool drawn; /* a line stands on the terminal */
	int64_t begun;
	int64_t told;   /* when something was last written */
	int64_t marked; /* when the rate was last reckoned, and what was done by then */
	uint64_t marked_done;
	double rate; /* bytes a second, smoothed over some 5 s; 0: not known yet */
};

/* CLOCK_MONOTONIC in milliseconds, for callers that have no clock of their own. */
int64_t progress_clock(void);

void progress_begin(
	struct progress *p, const struct log *log, const char *what, uint64_t total, int64_t now);
/* `bytes` were done by an earlier run: they count, but not for the rate. */
void progress_skip(struct progress *p, uint64_t bytes);
/* `bytes` more are done. */
void progress_step(struct progress *p, uint64_t bytes, int64_t now);
void progress_end(struct progress *p, int64_t now);

/* Milliseconds until it wants to be called again, with or without news. */
int progress_wait(const struct progress *p, int64_t now);

/* Seconds left at the present rate; -1: not known. */
int64_t progress_left(const struct progress *p);

/* "12 %, 96 of 800 MiB, 210.5 MiB/s, 3 s left" */
struct progress_text {
	char text[128];
};
struct progress_text progress_text(const struct progress *p);

#endif
