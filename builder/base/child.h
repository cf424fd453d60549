/*
 * Other programs, run by argv and never through a shell.
 */
#ifndef IMGBUILD_BASE_CHILD_H
#define IMGBUILD_BASE_CHILD_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct child_options {
	/* NAME=VALUE to set beside this program's own, NULL-terminated; or NULL. */
	const char *const *env;
	bool bare;           /* nothing of this program's own environment, only `env` */
	const char *folder;  /* to run in; NULL: the current one */
	const char *package; /* Debian package that has the program, for the message; or NULL */
	/*
	 * Called for each line of its standard error (and of its output, unless that is collected)
	 * as it comes, without the newline; at most 4096 bytes, the rest is a line of its own. What
	 * is no UTF-8, or a control character, comes as '?'. NULL: only the last lines are kept
	 * for the error.
	 */
	void (*line)(void *ctx, const char *line);
	void *ctx;
};

/*
 * Run a program to its end: argv[0] is looked up in PATH and in the sbin folders. Its standard
 * input is empty. Its standard output is appended to *ret_out, or joins its standard error when
 * that is NULL. ERR_MACHINE: not installed (errnum ENOENT), could not be started, exit status not
 * 0, or killed by a signal: told apart in the message, which ends in the last lines that it wrote
 * to its standard error. When this program dies, it gets SIGTERM. What it leaves running is not
 * waited for.
 *
 * SIGINT, SIGTERM and SIGHUP are held back and passed on to the program and all that it started
 * (they are a process group), so that it can tidy up: when it has ended they are done to this
 * program. A second one kills them at once.
 */
must_check int child_run(
	const char *const *argv, const struct child_options *o, struct buf *ret_out, struct err *e);

/* The full path of a program in PATH and the sbin folders into `out` (emptied first). 1: found, 0:
 * not, -1: ERR_MACHINE. */
must_check int child_find(const char *program, struct buf *out, struct err *e);

#endif
