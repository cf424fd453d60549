/* A file to build an image in, gone when closed; and where the tests that need its path find it. */
#ifndef IMGBUILD_TESTS_DISK_TEMP_H
#define IMGBUILD_TESTS_DISK_TEMP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A descriptor; `path` gets /proc/PID/fd/N, which other programs can open while we live. */
static inline int temp_image(char path[64])
{
	char name[] = "/tmp/imgbuild-disk-XXXXXX";
	int fd = mkstemp(name);
	if (fd < 0)
		abort();
	unlink(name);
	if (path != NULL)
		snprintf(path, 64, "/proc/%d/fd/%d", (int)getpid(), fd);
	return fd;
}

#endif
