/*
 * A program that runs beside this one, until it ends or is stopped. It dies with this program,
 * however that comes about.
 */
#ifndef IMGBUILD_BOOT_PROCESS_H
#define IMGBUILD_BOOT_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct process {
	pid_t pid;  /* 0: none */
	int fd;     /* becomes readable when it has ended; the process's, do not close */
	int status; /* as of waitpid, once process_ended has said so */
};

#define PROCESS_NONE ((struct process){ .fd = -1 })

struct process_options {
	int in;              /* its standard input; -1: empty */
	int out;             /* its standard output; -1: this program's */
	int err;             /* its standard error; -1: this program's */
	bool apart;          /* in a process group of its own: a terminal's ^C does not reach it */
	const char *package; /* Debian package that has the program, for the message; or NULL */
};

/*
 * Start a program: argv[0] is looked up in PATH. The descriptors stay the caller's. ERR_MACHINE:
 * not installed, could not be started.
 */
must_check int process_start(const char *const *argv, const struct process_options *o,
	struct process *ret, struct err *e);

/* Whether it has ended; does not wait. True when there is none. */
bool process_ended(struct process *p);

/* How it ended, for a message: "exit status 1", "killed by signal 9". */
struct process_end {
	char text[64];
};
struct process_end process_end_text(const struct process *p);

/* Kill it, if it still runs, and wait for its end. Takes none. */
void process_stop(struct process *p);

#define cleanup_process __attribute__((cleanup(process_stop)))

#endif
