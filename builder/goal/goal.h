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
#include "base/set.h"
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
	bool disk_current;  /* after run_disk: disk.raw is what the recipe makes now */
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
int goal_disk(struct run *run, struct err *e);
int goal_boot(struct run *run, struct err *e);
int goal_ami(struct run *run, struct err *e);
int goal_publish(struct run *run, struct err *e);
int goal_verify(struct run *run, struct err *e);
int goal_gc(struct run *run, struct err *e);

/* How the options ask for the recipe; lives in run->arena. */
must_check int run_query(struct run *run, struct recipe_query *ret, struct err *e);
/* Read the recipe that the options name into run->recipe; problems go to run->diag. */
must_check int run_load(struct run *run, struct err *e);
/* ERR_INPUT "N problems" when any were found, else 0. */
must_check int run_problems(struct run *run, struct err *e);
/*
 * run_load, then overlays, templates, parts and keys, so that one run tells all problems: ERR_INPUT
 * when there are any. The bundle is the caller's to free, also after a failure.
 */
must_check int run_prepare(struct run *run, struct bundle *ret, struct err *e);
/* What a later goal puts into the set beside the bundle. */
struct run_extra {
	/*
	 * Called when the bundle is written and the set not yet in place; `place` is out/RECIPE,
	 * what was built before. Sets *changed when something is not as before. With --dry-run
	 * `set` is NULL, and it only says so.
	 */
	int (*add)(void *ctx, struct set *set, const char *place, bool *changed, struct err *e);
	void *ctx;
};
/* Make the bundle and exchange the set in out/RECIPE, and say so; with --dry-run only say what
 * would be other than it is. */
must_check int run_build(
	struct run *run, struct bundle *b, const struct run_extra *extra, struct err *e);
/* The same with the disk image, of a base that is got first. ERR_INPUT: no image section. */
must_check int run_disk(struct run *run, struct bundle *b, struct err *e);
/* Boot the image in out/RECIPE here. 0: the hub was ready; 1: it was not, which was told; -1. */
must_check int run_boot(struct run *run, struct bundle *b, struct err *e);
struct aws;
/* The client of AWS as the options want it; the caller's to close. */
must_check int run_aws(struct run *run, struct aws **ret, struct err *e);
/* Append NAME=VALUE to the file of --output-env, where that was given. ERR_MACHINE. */
must_check int run_output_env(struct run *run, const char *name, const char *value, struct err *e);
/* What ami and publish would ask of AWS: a part of plan. */
void plan_aws(const struct run *run);
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
