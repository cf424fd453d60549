/*
 * Problems in the user's files, collected so that one run reports all of them. Each is
 * `file:line:col: what was found: what is allowed`.
 */
#ifndef IMGBUILD_RECIPE_DIAG_H
#define IMGBUILD_RECIPE_DIAG_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/*
 * A place in a file as people count: lines and columns (in characters) from 1; line 0: the whole
 * file.
 */
struct pos {
	const char *file; /* as shown to the user */
	unsigned line;
	unsigned col;
};

struct problem {
	struct pos pos;
	const char *text;
};

/* More problems than this are counted, not kept. */
#define DIAG_MAX 200

struct diag {
	struct arena *arena; /* the texts are kept here */
	struct problem *list;
	size_t count;
	size_t cap;
	size_t dropped;
};

/*
 * Note a problem; one that is kept already (same place, same text: an alias brings it up again)
 * counts once. Control characters and what is no UTF-8 are shown as \xNN, a text of more than
 * 900 bytes is cut. Never fails: without memory it is still counted.
 */
void diag_add(struct diag *d, struct pos pos, const char *fmt, ...) printf_fn(3);

/* Further problems are only counted: no need to look for a good suggestion. */
static inline bool diag_full(const struct diag *d)
{
	return d->count == DIAG_MAX;
}

static inline size_t diag_total(const struct diag *d)
{
	return d->count + d->dropped;
}

/* Sort by file (in order of first problem), line, column; the order of adding breaks ties. */
void diag_sort(struct diag *d);

/* Append `FILE:LINE:COL: TEXT` (`FILE: TEXT` for the whole file) and a newline. ERR_MACHINE. */
must_check int diag_print(const struct problem *p, struct buf *ret, struct err *e);

/*
 * A text of the user's, short enough to quote in a message: whole characters, "..." behind what was
 * cut. For use as an argument: `diag_add(d, pos, "\"%s\" is unknown", diag_show(text).text)`.
 */
struct diag_text {
	char text[84];
};
struct diag_text diag_show(const char *text);

#endif
