/*
 * The entries of a plain tar, parsed by a second thread before they are asked for: it reads the
 * headers one after another while its caller builds the tree from those before.
 */
#ifndef IMGBUILD_DISK_TAR_AHEAD_H
#define IMGBUILD_DISK_TAR_AHEAD_H

#include "base/err.h"
#include "disk/tar.h"

struct tar_ahead;

/*
 * Begin with the first entry of a file of `size` bytes, which is only read, with pread(2), and
 * stays the caller's. `threaded`: by a thread of its own, which takes no signals; without one, and
 * where none can be had, entries are parsed when they are asked for.
 */
must_check int tar_ahead_begin(
	int fd, uint64_t size, bool threaded, struct tar_ahead **ret, struct err *e);

/* The next entry, which holds until the next call. See tar_next. */
enum tar_found tar_ahead_next(struct tar_ahead *a, const struct entry **ret);

/* Takes NULL. */
void tar_ahead_end(struct tar_ahead *a);

#endif
