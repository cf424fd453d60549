/*
 * The inside of intake: the archive as libarchive reads it.
 */
#ifndef IMGBUILD_DISK_INTAKE_FOREIGN_H
#define IMGBUILD_DISK_INTAKE_FOREIGN_H

#include "disk/intake_read.h"

/* ERR_MACHINE: no libarchive, no memory. ERR_INPUT: the archive. */
must_check int foreign_begin(struct intake *in, struct err *e);
void foreign_end(struct intake *in);

/* The next entry. 1, 0: end of the archive, -1. */
must_check int foreign_next(struct intake *in, const struct entry **ret, struct err *e);

/*
 * Behind foreign_next: where the `bytes` of the entry before began in the archive, if they lie
 * there as they are; else 0.
 */
uint64_t foreign_began(const struct intake *in, uint64_t bytes);

/* The next bytes of the entry. 1, 0: no more, -1. Never 0 bytes. */
must_check int foreign_data(struct intake *in, const void **ret_data, size_t *ret_len,
	uint64_t *ret_offset, struct err *e);

/* Pass over what is left of the entry's bytes. */
must_check int foreign_skip(struct intake *in, struct err *e);

#endif
