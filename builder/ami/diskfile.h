/*
 * A disk image that was built, with its block digests as it carries them (disk/blocks.h).
 */
#ifndef IMGBUILD_AMI_DISKFILE_H
#define IMGBUILD_AMI_DISKFILE_H

#include "base/arena.h"
#include "base/err.h"
#include "disk/blocks.h"

struct diskfile {
	int fd; /* -1: not open */
	struct blocks blocks;
};

#define DISKFILE_NONE                                                                              \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/*
 * Open it and find its digests by its partition table. ERR_INPUT: there is none, or it was not
 * built by this program, or not whole; ERR_MACHINE.
 */
must_check int diskfile_open(struct diskfile *d, const char *path, struct arena *a, struct err *e);
void diskfile_close(struct diskfile *d);
#define cleanup_diskfile __attribute__((cleanup(diskfile_close)))

#endif
