/*
 * A set of files that appears whole: built in a folder beside its place, synced once, and exchanged
 * with the set that is there by one rename (renameat2 RENAME_EXCHANGE, rename(2)). A kill at any
 * moment or a full disk leaves the old set or the new one; the old one stays as `.NAME.previous`.
 *
 *   .NAME.lock      held while a set is being built (flock(2)); stays
 *   .NAME.building  the set being built; what a killed run left is removed by the next
 *   .NAME.swap      the complete set at the moment of the exchange
 *   NAME            the set
 *   .NAME.previous  the set before
 */
#ifndef IMGBUILD_BASE_SET_H
#define IMGBUILD_BASE_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

struct set {
	int parent; /* folder that holds the sets; -1 while not open */
	int dir;    /* the set being built */
	int lock;
	char name[256];          /* NAME */
	const char *parent_path; /* the caller's */
};

#define SET_NONE                                                                                   \
	{                                                                                          \
		.parent = -1, .dir = -1, .lock = -1                                                \
	}

/*
 * Start a set NAME under the folder `parent` (kept; made with its parents when missing), after
 * tidying what a killed run left. ERR_MACHINE; errnum EWOULDBLOCK with `again` set when another
 * run holds the lock.
 */
must_check int set_begin(struct set *s, const char *parent, const char *name, struct err *e);

/*
 * Write one file whole. `path` is relative with at most one folder in it, which is made when
 * missing; `mode` is exact whatever the umask. ERR_MACHINE.
 */
must_check int set_write(struct set *s, const char *path, const void *data, size_t len,
	unsigned mode, struct err *e);

/*
 * Create a top-level file to be filled by the caller, who closes it before set_commit. ERR_MACHINE.
 */
must_check int set_create(
	struct set *s, const char *path, unsigned mode, int *ret_fd, struct err *e);

/* Append the path of a file of the set being built, for programs that write it. ERR_MACHINE. */
must_check int set_path(const struct set *s, const char *path, struct buf *ret, struct err *e);

/*
 * Sync and exchange. Top-level files of the old set that the new one lacks are carried over as hard
 * links, unless `is_product(NAME)`: those are the set's own and left behind. With `keep_previous`
 * false the replaced set is removed instead of becoming `.NAME.previous` (used when both are
 * equal). ERR_MACHINE: then the old set is in place.
 */
must_check int set_commit(
	struct set *s, bool (*is_product)(const char *name), bool keep_previous, struct err *e);

/* Drop what was not committed and release the lock. Takes an unopened one. */
void set_end(struct set *s);

#define cleanup_set __attribute__((cleanup(set_end)))

#endif
