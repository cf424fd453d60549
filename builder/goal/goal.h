/*
 * Goals: what `imgbuild RECIPE GOAL` can be asked for. One table, read by main, --help, the man
 * page and the completions.
 */
#ifndef IMGBUILD_GOAL_GOAL_H
#define IMGBUILD_GOAL_GOAL_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "goal/options.h"
#include "recipe/diag.h"
#include "recipe/recipe.h"

/* One run of the program, as a goal sees it. */
struct run {
	const struct options *options;
	struct log log;
	struct arena arena;
	struct diag diag;
	struct recipe recipe;
	struct buf scratch; /* for events */
};

struct goal {
	const char *name;
	const char *summary; /* what it does, one line */
	const char *leaves;  /* what it leaves behind */
	const char *needs;
	const char *manual; /* a paragraph for the man page */
	/* 0 done; 1 done and the answer is no; -1 with *e. Problems of the user's files in
	 * run->diag. */
	int (*run)(struct run *run, struct err *e);
};

extern const struct goal GOALS[];
extern const size_t GOAL_COUNT;
/* The goal of `imgbuild RECIPE`. */
extern const struct goal *const GOAL_DEFAULT;

/* NULL when unknown. */
const struct goal *goal_find(const char *name);
const char *goal_nearest(const char *name);

/* The goals. Each is a file of its own. */
int goal_check(struct run *run, struct err *e);
int goal_bundle(struct run *run, struct err *e);
int goal_plan(struct run *run, struct err *e);
int goal_diff(struct run *run, struct err *e);

/* Read the recipe that the options name into run->recipe; problems go to run->diag. */
must_check int run_load(struct run *run, struct err *e);
/* ERR_INPUT "N problems" when any were found, else 0. */
must_check int run_problems(struct run *run, struct err *e);
/*
 * run_load, then overlays, templates, parts and keys, so that one run tells all problems: ERR_INPUT
 * when there are any. The bundle is the caller's to free, also after a failure.
 */
must_check int run_prepare(struct run *run, struct bundle *ret, struct err *e);
/* What the user should know although all is well, on stderr. */
void run_notes(const struct run *run, const struct bundle *b);
void run_product_event(struct run *run, const struct product *p);
/* Products that are only counted and hashed. */
extern const struct sink SINK_NOWHERE;
/* The folder that holds the sets: --out, or out/ under -C. Lives in run->arena; NULL: ERR_MACHINE.
 */
must_check const char *run_out(struct run *run, struct err *e);

struct text_number {
	char text[32]; /* 16,384 */
};
struct text_number number_text(size_t n);

#endif
