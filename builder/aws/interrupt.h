/*
 * SIGINT, SIGTERM and SIGHUP held back, to be noticed between two steps of a work rather than
 * anywhere in it. What was held back is done to the program when they are released.
 */
#ifndef IMGBUILD_AWS_INTERRUPT_H
#define IMGBUILD_AWS_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

#include "base/err.h"

struct interrupt {
	sigset_t before;
	int fd;     /* readable when one of them came */
	int caught; /* the last of them; 0: none */
	bool came;  /* and it was not forgiven */
	bool held;
};

/* One that was ignored before (nohup) stays ignored. ERR_MACHINE. */
must_check int interrupt_hold(struct interrupt *h, struct err *e);
/* Whether one came; it stays so until `came` is taken back. */
bool interrupt_came(struct interrupt *h);
/* ERR_REMOTE with EINTR. Returns -1. */
int interrupt_error(const struct interrupt *h, struct err *e);
/* When one came, this ends the program unless it handles that signal. */
void interrupt_release(struct interrupt *h);

#endif
