#include "fail.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static enum fail_kind armed;
static unsigned countdown;
static bool hit;

void fail_arm(enum fail_kind kind, unsigned nth)
{
	armed = kind;
	countdown = nth;
	hit = false;
}

bool fail_disarm(void)
{
	armed = FAIL_NONE;
	return hit;
}

static bool due(enum fail_kind kind)
{
	if (armed != kind || countdown == 0)
		return false;
	if (--countdown > 0)
		return false;
	hit = true;
	return true;
}

static void maybe_die(void)
{
	if (due(FAIL_KILL))
		_exit(99);
}

static bool shortened(size_t n)
{
	if (armed != FAIL_SHORT || n <= 1)
		return false;
	if (countdown > 1) {
		countdown--;
		return false;
	}
	hit = true;
	return true;
}

/* The linker's names, which no header declares. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __real_pwritev(int fd, const struct iovec *iov, int count, off_t offset);
ssize_t __real_read(int fd, void *p, size_t n);
int __real_fallocate(int fd, int mode, off_t offset, off_t len);
int __real_fsync(int fd);
int __real_syncfs(int fd);
int __real_close(int fd);
int __real_renameat(int a, const char *from, int b, const char *to);
int __real_renameat2(int a, const char *from, int b, const char *to, unsigned flags);
int __real_mkdirat(int fd, const char *path, mode_t mode);
int __real_linkat(int a, const char *from, int b, const char *to, int flags);
int __real_unlinkat(int fd, const char *path, int flags);

void *__wrap_malloc(size_t n)
{
	if (!due(FAIL_ALLOC))
		return __real_malloc(n);
	errno = ENOMEM;
	return NULL;
}

void *__wrap_calloc(size_t n, size_t m)
{
	if (!due(FAIL_ALLOC))
		return __real_calloc(n, m);
	errno = ENOMEM;
	return NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
	if (!due(FAIL_ALLOC))
		return __real_realloc(p, n);
	errno = ENOMEM;
	return NULL;
}

ssize_t __wrap_write(int fd, const void *p, size_t n)
{
	maybe_die();
	if (due(FAIL_WRITE)) {
		errno = ENOSPC;
		return -1;
	}
	return __real_write(fd, p, shortened(n) ? 1 : n);
}

int __wrap_fallocate(int fd, int mode, off_t offset, off_t len)
{
	if (!due(FAIL_WRITE))
		return __real_fallocate(fd, mode, offset, len);
	errno = ENOSPC;
	return -1;
}

ssize_t __wrap_pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
	maybe_die();
	if (due(FAIL_WRITE)) {
		errno = ENOSPC;
		return -1;
	}
	if (count > 0 && shortened(iov[0].iov_len)) {
		struct iovec half = { iov[0].iov_base, (iov[0].iov_len + 1) / 2 };
		return __real_pwritev(fd, &half, 1, offset);
	}
	return __real_pwritev(fd, iov, count, offset);
}

ssize_t __wrap_read(int fd, void *p, size_t n)
{
	if (due(FAIL_READ)) {
		errno = EIO;
		return -1;
	}
	return __real_read(fd, p, shortened(n) ? 1 : n);
}

int __wrap_fsync(int fd)
{
	maybe_die();
	if (due(FAIL_SYNC)) {
		errno = EIO;
		return -1;
	}
	return __real_fsync(fd);
}

int __wrap_syncfs(int fd)
{
	maybe_die();
	if (due(FAIL_SYNC)) {
		errno = EIO;
		return -1;
	}
	return __real_syncfs(fd);
}

int __wrap_close(int fd)
{
	int rc = __real_close(fd);
	if (due(FAIL_CLOSE)) {
		errno = EIO;
		return -1;
	}
	return rc;
}

int __wrap_renameat(int a, const char *from, int b, const char *to)
{
	maybe_die();
	if (due(FAIL_RENAME)) {
		errno = EIO;
		return -1;
	}
	return __real_renameat(a, from, b, to);
}

int __wrap_renameat2(int a, const char *from, int b, const char *to, unsigned flags)
{
	maybe_die();
	if (due(FAIL_RENAME)) {
		errno = EIO;
		return -1;
	}
	return __real_renameat2(a, from, b, to, flags);
}

int __wrap_mkdirat(int fd, const char *path, mode_t mode)
{
	maybe_die();
	return __real_mkdirat(fd, path, mode);
}

int __wrap_linkat(int a, const char *from, int b, const char *to, int flags)
{
	maybe_die();
	return __real_linkat(a, from, b, to, flags);
}

int __wrap_unlinkat(int fd, const char *path, int flags)
{
	maybe_die();
	return __real_unlinkat(fd, path, flags);
}
