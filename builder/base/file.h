/*
 * Reading files whole and releasing descriptors. Writing products is set.h's.
 */
#ifndef IMGBUILD_BASE_FILE_H
#define IMGBUILD_BASE_FILE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"

/*
 * Open a regular file for reading; what it is goes into *ret_st. Never waits, whatever the path
 * names. ERR_INPUT: cannot be opened, is no regular file. ERR_MACHINE.
 */
must_check int file_open(
	int dirfd, const char *path, int *ret_fd, struct stat *ret_st, struct err *e);

/*
 * Append a regular file's bytes to *ret, reading at most `max` of them.
 * ERR_INPUT: cannot be opened, is no regular file, is larger than `max`. ERR_MACHINE: read failed.
 */
must_check int file_read(int dirfd, const char *path, size_t max, struct buf *ret, struct err *e);

/* Write all of it, across short writes and EINTR. ERR_MACHINE. */
must_check int file_write_all(int fd, const void *data, size_t len, struct err *e);

/* Remove a file or a folder with all in it; what is not there is no error. ERR_MACHINE. */
must_check int file_remove_tree(int dirfd, const char *name, struct err *e);

/* Close and forget a descriptor; -1 is none. For cleanup: never decides success. */
void fd_close(int *fd);

#define cleanup_fd __attribute__((cleanup(fd_close)))

#endif
