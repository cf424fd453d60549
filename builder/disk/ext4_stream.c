#include <stdlib.h>
#include <string.h>

#include "disk/ext4_internal.h"

#define STAGE  ((size_t)256 << 10) /* bytes collected for one write: they stay in the cache */
#define DIRECT ((size_t)64 << 10)  /* bytes from which on copying costs more than it saves */

int ext4_stream_open(struct ext4_stream *s, struct raw *raw, uint64_t offset, struct err *e)
{
	*s = (struct ext4_stream){ .raw = raw, .offset = offset, .buf = malloc(STAGE) };
	return s->buf != NULL ? 0 : err_nomem(e);
}

void ext4_stream_close(struct ext4_stream *s)
{
	free(s->buf);
	s->buf = NULL;
}

int ext4_stream_flush(struct ext4_stream *s, struct err *e)
{
	size_t len = s->len;
	s->len = 0;
	if (len == 0)
		return 0;
	return raw_write(s->raw, s->offset + s->at, s->buf, len, e);
}

/* What was collected and the new bytes in one write, without copying these. */
static int put_direct(struct ext4_stream *s, const void *data, size_t len, struct err *e)
{
	struct iovec iov[2] = { { s->buf, s->len }, { (void *)data, len } };
	uint64_t at = s->at;
	s->at += s->len + len;
	s->len = 0;
	return raw_writev(s->raw, s->offset + at, iov, 2, e);
}

int ext4_stream_put(
	struct ext4_stream *s, uint64_t position, const void *data, size_t len, struct err *e)
{
	if (position != s->at + s->len) {
		if (ext4_stream_flush(s, e) < 0)
			return -1;
		s->at = position;
	}
	if (len >= DIRECT)
		return put_direct(s, data, len, e);
	size_t step = len < STAGE - s->len ? len : STAGE - s->len;
	memcpy(s->buf + s->len, data, step);
	s->len += step;
	if (step == len)
		return 0;
	if (ext4_stream_flush(s, e) < 0)
		return -1;
	s->at = position + step;
	memcpy(s->buf, (const char *)data + step, len - step);
	s->len = len - step;
	return 0;
}

int ext4_stream_zero(struct ext4_stream *s, uint64_t position, uint64_t len, struct err *e)
{
	static const unsigned char zero[16 * EXT4_BLOCK];
	while (len > 0) {
		size_t step = len < sizeof(zero) ? (size_t)len : sizeof(zero);
		if (ext4_stream_put(s, position, zero, step, e) < 0)
			return -1;
		position += step;
		len -= step;
	}
	return 0;
}
