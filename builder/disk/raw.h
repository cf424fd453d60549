/*
 * A disk image being written: a sparse file of a fixed size, with a note of which of its blocks of
 * 512 KiB were written at all. Those that never were hold nothing that anyone reads: they are left
 * out of a snapshot.
 */
#ifndef IMGBUILD_DISK_RAW_H
#define IMGBUILD_DISK_RAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/arena.h"
#include "base/err.h"

#define RAW_BLOCK ((uint64_t)512 << 10) /* bytes: what EBS snapshots are made of */

struct raw {
	int fd;         /* the caller's; read and write */
	uint64_t size;  /* bytes */
	uint8_t *dirty; /* one bit a block, lowest first */
	size_t blocks;
};

/* Give an empty file its size. ERR_MACHINE. */
must_check int raw_init(struct raw *raw, int fd, uint64_t size, struct arena *a, struct err *e);

/*
 * Have a range of it allocated, so that a full disk is known beforehand: ERR_MACHINE. Where the
 * file system cannot do that, nothing happens.
 */
must_check int raw_reserve(const struct raw *raw, uint64_t offset, uint64_t len, struct err *e);

/* The writes and the marks may be made by several threads at once. */

/* Write at an offset; across short writes and EINTR. ERR_MACHINE; ERR_BUG past the end. */
must_check int raw_write(
	struct raw *raw, uint64_t offset, const void *data, size_t len, struct err *e);
/* The same from several places; `iov` is used up. */
must_check int raw_writev(
	struct raw *raw, uint64_t offset, struct iovec *iov, size_t count, struct err *e);

/* Note bytes that another program wrote. */
void raw_mark(struct raw *raw, uint64_t offset, uint64_t len);
bool raw_is_dirty(const struct raw *raw, size_t block);

#endif
