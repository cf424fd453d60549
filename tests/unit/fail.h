/*
 * Scripted failure: the Nth call of a kind fails. Tests loop N upwards until nothing was hit:
 *
 *   for (unsigned n = 1;; n++) {
 *           fail_arm(FAIL_ALLOC, n);
 *           int rc = thing_under_test(...);
 *           if (!fail_disarm())
 *                   break;             // fewer than n calls: it must have succeeded
 *           assert_int_equal(rc, -1);  // each failure is reported, leaks are ASan's to find
 *   }
 *
 * The calls are caught by the linker (--wrap), so only those of our own objects count.
 */
#ifndef IMGBUILD_TESTS_FAIL_H
#define IMGBUILD_TESTS_FAIL_H

#include <stdbool.h>

enum fail_kind {
	FAIL_NONE,
	FAIL_ALLOC,  /* malloc, calloc, realloc: NULL, ENOMEM */
	FAIL_WRITE,  /* write, pwritev, fallocate: -1, ENOSPC */
	FAIL_READ,   /* read: -1, EIO */
	FAIL_SYNC,   /* fsync, syncfs: -1, EIO */
	FAIL_RENAME, /* renameat, renameat2: -1, EIO */
	FAIL_CLOSE,  /* close: closes, then -1, EIO */
	FAIL_SHORT,  /* write and read: one byte at a time from the Nth call on, pwritev: half of
			its first piece; no failure */
	FAIL_KILL,   /* any of write, pwritev, fsync, syncfs, renameat, renameat2, mkdirat, linkat,
			unlinkat: _exit(99) before it */
};

void fail_arm(enum fail_kind kind, unsigned nth);
/* Back to normal; true when the armed call was reached. */
bool fail_disarm(void);

#endif
