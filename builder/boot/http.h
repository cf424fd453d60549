/*
 * A request and a reply of HTTP, apart from how they travel: the answers of this folder's services
 * are functions from one to the other, and the daemon in service.h carries them.
 */
#ifndef IMGBUILD_BOOT_HTTP_H
#define IMGBUILD_BOOT_HTTP_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define HTTP_HEADERS_MAX 64
#define HTTP_BODY_MAX    ((size_t)1 << 20) /* bytes of a request */

struct http_header {
	const char *name;
	const char *value;
};

struct http_request {
	const char *method;
	const char *target; /* as sent: path and query, nothing decoded */
	struct http_header headers[HTTP_HEADERS_MAX];
	size_t header_count;
	struct buf body;
};

struct http_reply {
	unsigned status;
	const char *type; /* Content-Type; static text */
	struct http_header more[2];
	size_t more_count;
	struct buf body;
};

/* The value of a header, its name in any case; NULL: not sent, or sent more than once. */
const char *http_header(const struct http_request *r, const char *name);

/* Bytes of the target before the query. */
size_t http_path_len(const struct http_request *r);

/*
 * The value of a query parameter, decoded, into `out` (emptied first). 1: there, 0: not, -1:
 * ERR_INPUT when an escape in it is broken, ERR_MACHINE.
 */
must_check int http_parameter(
	const struct http_request *r, const char *name, struct buf *out, struct err *e);

/* Append text with its %XX decoded. ERR_INPUT: a broken escape, or an encoded NUL. */
must_check int http_decode(const char *text, size_t len, struct buf *out, struct err *e);

#endif
