/*
 * A growing byte buffer with a cap. Always NUL-terminated behind `len` once anything was added, so
 * text can be used as a C string. Zero-initialise with the cap: `struct buf b = { .max = SIZE };`.
 */
#ifndef IMGBUILD_BASE_BUF_H
#define IMGBUILD_BASE_BUF_H

#include <stddef.h>

#include "base/err.h"

struct buf {
	char *data; /* owned; NULL while empty */
	size_t len; /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* most bytes it may hold; 0 means BUF_MAX */
};

#define BUF_MAX ((size_t)1 << 30)

/* Make room for `extra` more bytes. ERR_MACHINE: no memory, or over the cap. */
must_check int buf_reserve(struct buf *b, size_t extra, struct err *e);
must_check int buf_add(struct buf *b, const void *data, size_t len, struct err *e);
must_check int buf_puts(struct buf *b, const char *text, struct err *e);
must_check int buf_putc(struct buf *b, char c, struct err *e);
must_check int buf_printf(struct buf *b, struct err *e, const char *fmt, ...) printf_fn(3);

/* RFC 4648 base64 of `len` bytes, with a newline after every `wrap` characters (0: none). */
must_check int buf_base64(struct buf *b, const void *data, size_t len, size_t wrap, struct err *e);

/* Forget the content, keep the memory. */
void buf_clear(struct buf *b);
/* Release the memory; takes an empty one. For secrets: wiped first. */
void buf_free(struct buf *b);
void buf_wipe(struct buf *b);

#define cleanup_buf __attribute__((cleanup(buf_free)))

#endif
