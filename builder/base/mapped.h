/*
 * Reading files that are mapped. When such a file is cut short meanwhile, or its disk fails, the
 * kernel sends SIGBUS to whoever touches the bytes that are gone (mmap(2)). Here that is a result.
 */
#ifndef IMGBUILD_BASE_MAPPED_H
#define IMGBUILD_BASE_MAPPED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* A file of `len` bytes for reading, which is not to be written. NULL: it cannot be mapped. */
const unsigned char *mapped_file(int fd, uint64_t len);

/* Takes NULL. */
void mapped_end(const unsigned char *map, uint64_t len);

/*
 * Call read(ctx), which touches mapped bytes; false: it was broken off, since some are gone. What
 * it holds then (locks, memory) is lost, so it should hold nothing. By any thread that takes
 * SIGBUS.
 */
must_check bool mapped_read(void (*read)(void *ctx), void *ctx);

/*
 * Take the bytes from `from` up to `end` out of the process's resident memory; they stay mapped,
 * and come back when they are touched. Bytes near them may go too.
 */
void mapped_forget(const unsigned char *map, uint64_t len, uint64_t from, uint64_t end);

#endif
