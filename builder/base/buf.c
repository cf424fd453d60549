#include "base/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int buf_reserve(struct buf *b, size_t extra, struct err *e)
{
	size_t max = b->max != 0 ? b->max : BUF_MAX;
	size_t need;
	if (__builtin_add_overflow(b->len, extra, &need) || need > max)
		return err_set(e, ERR_MACHINE, 0, "more than %zu bytes in one buffer", max);
	if (need < b->cap)
		return 0;
	size_t cap = b->cap != 0 ? b->cap : 256;
	while (cap <= need)
		cap *= 2;
	char *data = realloc(b->data, cap);
	if (data == NULL)
		return err_nomem(e);
	b->data = data;
	b->cap = cap;
	b->data[b->len] = '\0';
	return 0;
}

int buf_add(struct buf *b, const void *data, size_t len, struct err *e)
{
	if (buf_reserve(b, len, e) < 0)
		return -1;
	if (len > 0)
		memcpy(b->data + b->len, data, len);
	b->len += len;
	b->data[b->len] = '\0';
	return 0;
}

int buf_puts(struct buf *b, const char *text, struct err *e)
{
	return buf_add(b, text, strlen(text), e);
}

int buf_putc(struct buf *b, char c, struct err *e)
{
	return buf_add(b, &c, 1, e);
}

int buf_printf(struct buf *b, struct err *e, const char *fmt, ...)
{
	if (buf_reserve(b, 128, e) < 0)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return err_set(e, ERR_BUG, 0, "format \"%s\"", fmt);
	if ((size_t)n >= b->cap - b->len) {
		b->data[b->len] = '\0';
		if (buf_reserve(b, (size_t)n, e) < 0)
			return -1;
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
	return 0;
}

int buf_base64(struct buf *b, const void *data, size_t len, size_t wrap, struct err *e)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *in = data;
	size_t chars = (len + 2) / 3 * 4;
	if (buf_reserve(b, chars + (wrap != 0 ? chars / wrap + 1 : 0), e) < 0)
		return -1;
	char *out = b->data + b->len;
	size_t column = 0;
	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t v = (uint32_t)in[i] << 16;
		if (left > 1)
			v |= (uint32_t)in[i + 1] << 8;
		if (left > 2)
			v |= in[i + 2];
		char quad[4] = { digits[v >> 18], digits[v >> 12 & 63],
			left > 1 ? digits[v >> 6 & 63] : '=', left > 2 ? digits[v & 63] : '=' };
		for (size_t k = 0; k < 4; k++) {
			*out++ = quad[k];
			if (wrap != 0 && ++column == wrap) {
				*out++ = '\n';
				column = 0;
			}
		}
	}
	if (wrap != 0 && column != 0)
		*out++ = '\n';
	*out = '\0';
	b->len = (size_t)(out - b->data);
	return 0;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data != NULL)
		b->data[0] = '\0';
}

void buf_free(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .max = b->max };
}

void buf_wipe(struct buf *b)
{
	if (b->data != NULL)
		explicit_bzero(b->data, b->cap);
	buf_free(b);
}
