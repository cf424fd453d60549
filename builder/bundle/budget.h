/*
 * What each part of user-data costs.
 */
#ifndef IMGBUILD_BUNDLE_BUDGET_H
#define IMGBUILD_BUNDLE_BUDGET_H

#include "base/arena.h"
#include "base/buf.h"
#include "bundle/userdata.h"

struct cost {
	const char *name;
	size_t raw;    /* bytes as they are */
	size_t packed; /* share of the bytes of user-data */
	bool secret;   /* sizes are not told */
};

struct budget {
	const char *form;
	size_t used;       /* bytes of user-data */
	size_t max;        /* USER_DATA_MAX */
	struct cost *list; /* the costliest first; all but the last sum up to... */
	size_t count;      /* ... `used` with the last: headings, packages and commands */
	bool secret;
};

/*
 * Work it out: each piece is compressed by itself, and the whole is shared out among them in that
 * proportion, so that the column sums up to what user-data really takes. ERR_MACHINE.
 */
must_check int budget_of(
	const struct user_data *u, struct arena *a, struct budget *ret, struct err *e);

/* Append it as a table of aligned columns, a line each, `name` in its heading. */
must_check int budget_table(
	const struct budget *b, const char *name, struct buf *out, struct err *e);

/*
 * ERR_INPUT: the user-data `name` does not fit, the biggest parts of it, and what to move where.
 * `recipe` says what is moved already. Returns -1.
 */
must_check int budget_exceeded(const struct user_data *u, const char *name,
	const struct recipe *recipe, struct arena *a, struct err *e);

#endif
