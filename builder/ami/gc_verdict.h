/*
 * Which images and snapshots `gc` may remove. Nothing here talks to AWS.
 */
#ifndef IMGBUILD_AMI_GC_VERDICT_H
#define IMGBUILD_AMI_GC_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

#define GC_ORPHAN_AGE 86400 /* seconds: a run that is under way elsewhere is surely over */

enum gc_verdict { GC_KEEP, GC_REMOVE };

/* An image of this recipe. */
struct gc_image {
	const char *id;
	const char *name;
	const char *state;
	int64_t created; /* seconds since 1970 */
	int64_t size;    /* bytes of its volumes */
	const char **snapshots;
	size_t snapshot_count;
	bool shared;             /* launch permissions beyond the owner */
	bool protected;          /* from deregistration */
	bool cooldown;           /* its protection goes on for 24 hours after it is taken off */
	bool cooling;            /* it was taken off, and goes on */
	enum gc_verdict verdict; /* filled by gc_judge_images */
	const char *reason;
};

/* Somebody who needs an image. */
struct gc_reference {
	const char *image;
	const char *by; /* "instance i-0123" */
};

struct gc_rules {
	unsigned keep;
	bool shared; /* shared ones too */
	/* publish protects by this recipe, so what is protected is so by it, and gc takes that off.
	 * Else somebody did it by hand. */
	bool unprotect;
};

/*
 * Sorts the images, newest first, and gives each its verdict and the reason for it. The newest
 * `keep` of those that are available stay; then those that somebody needs, pending ones, shared and
 * protected ones. ERR_MACHINE.
 */
must_check int gc_judge_images(struct gc_image *images, size_t count,
	const struct gc_reference *references, size_t reference_count, const struct gc_rules *rules,
	struct arena *a, struct err *e);

/* A snapshot with this recipe's tags. */
struct gc_snapshot {
	const char *id;
	const char *run;   /* the run that made it; "" */
	const char *state; /* pending, completed, error */
	int64_t started;   /* seconds since 1970 */
	int64_t size;      /* bytes of its volume */
	bool used;         /* an image stands on it */
	bool run_used;     /* an image of the same run is there: it went on without this one */
	bool coming;       /* one is pending: what it will stand on is not told yet */
	bool journaled;    /* an upload of this machine goes on with it */
	enum gc_verdict verdict;
	const char *reason;
};

/*
 * What a run left behind: a snapshot on which no image stands and that no journal of this machine
 * names, when it ended in error, or has been there for a day. Whether the run failed or has an
 * image, of another snapshot, makes no difference, unless that image is pending. Younger ones may
 * be an upload that is under way elsewhere.
 */
void gc_judge_snapshot(struct gc_snapshot *s, int64_t now);

#endif
