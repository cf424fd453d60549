/*
 * What the guest asked the services for, to be told when it has ended. Equal requests are one line
 * with a count.
 */
#ifndef IMGBUILD_BOOT_ASKED_H
#define IMGBUILD_BOOT_ASKED_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define ASKED_MAX 512 /* lines; all further requests are counted on one of their own */

struct asked_item {
	const char *service; /* "metadata", "ssm"; static text */
	char op[64];         /* operation */
	char what[256];      /* parameter, record or path; from the guest: any bytes */
	unsigned status;     /* HTTP */
	char code[64];       /* of the error; empty: none */
	unsigned long count;
};

struct asked {
	struct arena *arena;
	struct asked_item *list; /* in the order first asked */
	size_t count;
	size_t cap;
	unsigned long beyond; /* requests that found no room */
	unsigned long total;
};

/* Note a request (`count` is set here). ERR_MACHINE. */
must_check int asked_note(struct asked *a, const struct asked_item *item, struct err *e);

/* The table, a line each; control characters as '?'. Nothing when nothing was asked. */
must_check int asked_table(const struct asked *a, struct buf *out, struct err *e);

#endif
