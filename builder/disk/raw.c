#include "disk/raw.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

int raw_init(struct raw *raw, int fd, uint64_t size, struct arena *a, struct err *e)
{
	size_t blocks = (size_t)((size + RAW_BLOCK - 1) / RAW_BLOCK);
	uint8_t *dirty = arena_alloc(a, blocks / 8 + 1, e);
	if (dirty == NULL)
		return -1;
	if (size > (uint64_t)INT64_MAX || ftruncate(fd, (off_t)size) < 0)
		return err_set(e, ERR_MACHINE, errno, "make the image %llu bytes long",
			(unsigned long long)size);
	*raw = (struct raw){ .fd = fd, .size = size, .dirty = dirty, .blocks = blocks };
	return 0;
}

int raw_reserve(const struct raw *raw, uint64_t offset, uint64_t len, struct err *e)
{
	if (len == 0 || fallocate(raw->fd, FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len) == 0)
		return 0;
	if (errno == ENOSPC || errno == EDQUOT)
		return err_set(e, ERR_MACHINE, errno, "room for %llu MiB of the image",
			(unsigned long long)(len >> 20));
	return 0;
}

void raw_mark(struct raw *raw, uint64_t offset, uint64_t len)
{
	if (len == 0)
		return;
	for (uint64_t b = offset / RAW_BLOCK; b <= (offset + len - 1) / RAW_BLOCK; b++)
		if (b < raw->blocks)
			__atomic_fetch_or(
				&raw->dirty[b / 8], (uint8_t)(1u << (b % 8)), __ATOMIC_RELAXED);
}

bool raw_is_dirty(const struct raw *raw, size_t block)
{
	return block < raw->blocks && (raw->dirty[block / 8] >> (block % 8) & 1) != 0;
}

int raw_writev(struct raw *raw, uint64_t offset, struct iovec *iov, size_t count, struct err *e)
{
	uint64_t total = 0;
	for (size_t i = 0; i < count; i++)
		total += iov[i].iov_len;
	if (offset > raw->size || total > raw->size - offset)
		return err_set(e, ERR_BUG, 0, "%llu bytes at %llu: past the end of the image",
			(unsigned long long)total, (unsigned long long)offset);
	raw_mark(raw, offset, total);
	while (count > 0) {
		if (iov->iov_len == 0) {
			iov++, count--;
			continue;
		}
		ssize_t n = pwritev(
			raw->fd, iov, (int)(count < IOV_MAX ? count : IOV_MAX), (off_t)offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set(e, ERR_MACHINE, errno, "write the image");
		offset += (uint64_t)n;
		for (size_t left = (size_t)n; left > 0;) {
			size_t step = left < iov->iov_len ? left : iov->iov_len; /* NOLINT */
			iov->iov_base = (char *)iov->iov_base + step;
			iov->iov_len -= step;
			left -= step;
			if (iov->iov_len == 0)
				iov++, count--;
		}
	}
	return 0;
}

int raw_write(struct raw *raw, uint64_t offset, const void *data, size_t len, struct err *e)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)data, .iov_len = len };
	return raw_writev(raw, offset, &iov, 1, e);
}
