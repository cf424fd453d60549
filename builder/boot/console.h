/*
 * A guest's serial console: bytes into lines that are safe to show, and what a line means.
 */
#ifndef IMGBUILD_BOOT_CONSOLE_H
#define IMGBUILD_BOOT_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define CONSOLE_LINE_MAX 4096 /* bytes; a longer line is several */

struct console {
	char line[CONSOLE_LINE_MAX + 1];
	size_t len;
	unsigned char state; /* within an escape sequence */
	/* Called for each line, without its end. Returns -1 to stop. */
	int (*on_line)(void *ctx, const char *line, struct err *e);
	void *ctx;
};

/*
 * Take in what the guest printed. Escape sequences and control characters are left out, a tab is a
 * blank, what is no UTF-8 becomes '?'; empty lines are not told. -1: on_line's error.
 */
must_check int console_feed(struct console *c, const char *data, size_t len, struct err *e);
/* The last line, which has no end. */
must_check int console_end(struct console *c, struct err *e);

enum console_kind {
	CONSOLE_OTHER,
	CONSOLE_KERNEL,    /* the kernel starts */
	CONSOLE_STAGE,     /* a stage of cloud-init */
	CONSOLE_READY,     /* the hub says that it is ready */
	CONSOLE_NOT_READY, /* the hub says what is missing */
	CONSOLE_UNIT,      /* a unit failed */
	CONSOLE_JOB,       /* systemd waits for a job */
	CONSOLE_USER,      /* who may log in by key */
	CONSOLE_CLOUD,     /* cloud-init complains */
	CONSOLE_INT3,      /* the kernel met a breakpoint that it knows nothing of */
	CONSOLE_FATAL,     /* nothing more will come of this boot */
	CONSOLE_DOWN,      /* the guest goes down */
};

struct console_event {
	enum console_kind kind;
	char text[256]; /* what to tell: the unit, the stage, what is missing */
};

/* What a line says. Text that is too long is cut. */
struct console_event console_classify(const char *line);

#endif
