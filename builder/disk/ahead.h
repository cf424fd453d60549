/*
 * A file read from its beginning to its end, with jumps, and ahead of whoever takes the bytes: a
 * second thread reads into a ring of blocks while those before are being worked on.
 *
 * What arrives is what pread(2) would have given, in order: an error or the end of the file comes
 * where it was met, behind the bytes before it.
 *
 * The thread begins with the second read in a row, so that a small file does without one. A jump
 * within the ring drops blocks; one by more than a ring's length, or back, stops the thread until
 * two reads in a row again. It takes no signals, allocates nothing and touches nothing but its
 * blocks; a fork that goes on to exec is safe meanwhile.
 */
#ifndef IMGBUILD_DISK_AHEAD_H
#define IMGBUILD_DISK_AHEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#define AHEAD_BLOCK ((size_t)256 << 10) /* bytes read at a time */
#define AHEAD_RING  ((size_t)8)         /* blocks: few, so that they are in the cache when taken */

struct ahead;

/*
 * Start at the beginning of `fd`, which stays the caller's and outlives *ret. Without `threaded`,
 * or where no thread can be had, every read is made when it is asked for. ERR_MACHINE: memory.
 */
must_check int ahead_open(int fd, bool threaded, struct ahead **ret, struct err *e);

/*
 * The next bytes, at most AHEAD_BLOCK; they hold until the next call. 0: the end of the file; -1
 * with errno set. After either of them the same place is read again.
 */
must_check ssize_t ahead_read(struct ahead *a, const void **ret);

/* Go to `offset`, in bytes from the beginning of the file. */
void ahead_jump(struct ahead *a, uint64_t offset);

/* Where the next read begins. */
uint64_t ahead_offset(const struct ahead *a);

/* Ends the thread. Takes NULL. */
void ahead_close(struct ahead *a);

#endif
