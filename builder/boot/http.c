#include "boot/http.h"

#include <string.h>
#include <strings.h>

const char *http_header(const struct http_request *r, const char *name)
{
	const char *found = NULL;
	for (size_t i = 0; i < r->header_count; i++) {
		if (strcasecmp(r->headers[i].name, name) != 0)
			continue;
		if (found != NULL)
			return NULL;
		found = r->headers[i].value;
	}
	return found;
}

size_t http_path_len(const struct http_request *r)
{
	return strcspn(r->target, "?");
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

int http_decode(const char *text, size_t len, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (c == '%') {
			int high = len - i > 2 ? hex_value(text[i + 1]) : -1;
			int low = len - i > 2 ? hex_value(text[i + 2]) : -1;
			if (high < 0 || low < 0 || high + low == 0)
				return err_set(e, ERR_INPUT, 0, "not URI-encoded");
			c = (char)(high * 16 + low);
			i += 2;
		}
		if (buf_putc(out, c, e) < 0)
			return -1;
	}
	return 0;
}

int http_parameter(const struct http_request *r, const char *name, struct buf *out, struct err *e)
{
	const char *p = r->target + http_path_len(r);
	size_t n = strlen(name);
	buf_clear(out);
	if (buf_reserve(out, 1, e) < 0)
		return -1;
	while (*p != '\0') {
		p++;
		size_t len = strcspn(p, "&");
		if (len > n && strncmp(p, name, n) == 0 && p[n] == '=')
			return http_decode(p + n + 1, len - n - 1, out, e) < 0 ? -1 : 1;
		p += len;
	}
	return 0;
}
