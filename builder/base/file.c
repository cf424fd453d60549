#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_open(int dirfd, const char *path, int *ret_fd, struct stat *ret_st, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return err_set(e, ERR_INPUT, errno, "open %s", path);
	if (fstat(fd, ret_st) < 0)
		return err_set(e, ERR_MACHINE, errno, "stat %s", path);
	if (!S_ISREG(ret_st->st_mode))
		return err_set(e, ERR_INPUT, 0, "%s: not a regular file", path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int file_read(int dirfd, const char *path, size_t max, struct buf *ret, struct err *e)
{
	cleanup_fd int fd = -1;
	struct stat st;
	if (file_open(dirfd, path, &fd, &st, e) < 0)
		return -1;
	if ((unsigned long long)st.st_size > max)
		return err_set(e, ERR_INPUT, 0, "%s: %lld bytes: at most %zu are read", path,
			(long long)st.st_size, max);

	/* One byte more than the size: the read that returns 0 needs room to be asked for. */
	size_t start = ret->len;
	if (buf_reserve(ret, (size_t)st.st_size + 1, e) < 0)
		return err_wrap(e, "read %s", path);
	for (;;) {
		if (buf_reserve(ret, 1, e) < 0)
			return err_wrap(e, "read %s", path);
		ssize_t n = read(fd, ret->data + ret->len, ret->cap - ret->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_MACHINE, errno, "read %s", path);
		if (n == 0)
			break;
		ret->len += (size_t)n;
		if (ret->len - start > max)
			return err_set(
				e, ERR_INPUT, 0, "%s: grew beyond %zu bytes while read", path, max);
	}
	ret->data[ret->len] = '\0';
	return 0;
}

int file_write_all(int fd, const void *data, size_t len, struct err *e)
{
	const char *p = data;
	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_MACHINE, errno, "write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int remove_children(int fd, struct err *e)
{
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return err_set(e, ERR_MACHINE, errno, "open folder");
	}
	int rc = 0;
	struct dirent *d;
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (d->d_type == DT_REG && unlinkat(dirfd(dir), d->d_name, 0) == 0)
			continue;
		rc = file_remove_tree(dirfd(dir), d->d_name, e);
	}
	if (rc == 0 && errno != 0)
		rc = err_set(e, ERR_MACHINE, errno, "read folder");
	closedir(dir);
	return rc;
}

int file_remove_tree(int dirfd, const char *name, struct err *e)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_set(e, ERR_MACHINE, errno, "remove %s", name);
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "remove %s", name);
	if (remove_children(fd, e) < 0)
		return err_wrap(e, "remove %s", name);
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_set(e, ERR_MACHINE, errno, "remove folder %s", name);
	return 0;
}

void fd_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}
