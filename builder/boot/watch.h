/*
 * The loop in which a boot lives: serves the guest, reads its console, and remembers what it said.
 */
#ifndef IMGBUILD_BOOT_WATCH_H
#define IMGBUILD_BOOT_WATCH_H

#include <signal.h>

#include "boot/world.h"

#define WATCH_NOTES 8

/* Texts of which the first few are kept. */
struct watch_notes {
	char text[WATCH_NOTES][256];
	size_t count;
};

struct watch {
	struct world *w;
	struct console console;
	double started;                /* seconds, of the monotonic clock */
	double ready_at;               /* seconds after the start; 0: not yet */
	double joined_at;              /* likewise: its record is in the zone */
	char stage[256];               /* how far it came */
	char job[256];                 /* what systemd last waited for */
	char missing[256];             /* what it last said is not ready; empty: it did not say */
	char fatal[256];               /* why nothing more will come; empty: it may */
	bool cloud_done;               /* cloud-init has finished */
	bool down;                     /* the guest went down */
	bool emulation_failed;         /* fatal is no fault of the guest: watch_again */
	bool silent;                   /* say nothing: a shell has the terminal */
	struct watch_notes units;      /* that failed */
	struct watch_notes complaints; /* of cloud-init */
	int signals;                   /* descriptor that they come from */
	sigset_t before;               /* those held back before */
	int signal;                    /* that came; 0: none */
	struct process probe;          /* `hub ready` over ssh, in an ad-hoc guest */
	int answer;                    /* what it prints */
	double probe_at;               /* when to ask next, seconds after the start */
};

enum watch_end {
	WATCH_DONE, /* what was waited for is there */
	WATCH_TIMEOUT,
	WATCH_ENDED, /* QEMU has ended */
	WATCH_FATAL, /* the guest is beyond help */
	WATCH_SIGNAL,
};

/* Signals that ask to stop come to the watch from here on. ERR_MACHINE. */
must_check int watch_begin(struct watch *t, struct world *w, struct err *e);
/* And no longer. A signal that came is not raised again. */
void watch_end(struct watch *t);

/*
 * Forget the guest, whose start is counted anew. A kernel that changes its own code puts int3 there
 * meanwhile, and QEMU's emulation of several processors sometimes runs that when it is there no
 * more: once in some hundred boots where the machine is busy.
 */
void watch_again(struct watch *t);

/* Seconds since the start. */
double watch_now(const struct watch *t);

/*
 * Watch until is_done says so, `deadline` seconds after the start (0: none), or something above;
 * with a `child`, until that has ended, which may use the terminal: a ^C is then its own, and what
 * the guest goes through does not end the watch. ERR_MACHINE.
 */
must_check int watch_until(struct watch *t, bool (*is_done)(const struct watch *t), double deadline,
	struct process *child, enum watch_end *ret, struct err *e);

bool watch_is_ready(const struct watch *t);
bool watch_has_joined(const struct watch *t);
bool watch_never(const struct watch *t);

#endif
