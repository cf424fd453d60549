/*
 * Problems in the user's files, collected so that one run reports all of them. Each is
 * `file:line:col: what was found: what is allowed`.
 */
#ifndef IMGBUILD_RECIPE_DIAG_H
#define IMGBUILD_RECIPE_DIAG_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* A place in a file as people count: lines and columns (in characters) from 1; line 0: the whole
 * file. */
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
	struct arena *arena;
	struct problem *list;
	size_t count;
	size_t cap;
	size_t dropped;
};

/* Note a problem. Never fails: without memory it is still counted. */
void diag_add(struct diag *d, struct pos pos, const char *fmt, ...) printf_fn(3);

static inline size_t diag_total(const struct diag *d)
{
	return d->count + d->dropped;
}

/* Sort by file (in order of first problem), line, column; the order of adding breaks ties. */
void diag_sort(struct diag *d);

#endif
