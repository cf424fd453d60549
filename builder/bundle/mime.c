#include "bundle/mime.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bundle/cloudconfig.h"

#define LINE_MAX_7BIT 998 /* RFC 5322, without the line end */

static bool is_7bit(const struct mime_part *p)
{
	size_t column = 0;
	for (size_t i = 0; i < p->size; i++) {
		unsigned char c = (unsigned char)p->data[i];
		column = c == '\n' ? 0 : column + 1;
		if (column > LINE_MAX_7BIT || c >= 0x7f || (c < 0x20 && c != '\n' && c != '\t'))
			return false;
	}
	return true;
}

static bool occurs(const struct mime_part *parts, size_t count, const char *boundary)
{
	for (size_t i = 0; i < count; i++)
		if (memmem(parts[i].data, parts[i].size, boundary, strlen(boundary)) != NULL)
			return true;
	return false;
}

static int add_part(const struct mime_part *p, const char *boundary, struct buf *out, struct err *e)
{
	bool plain = is_7bit(p);
	if (buf_printf(out, e,
		    "\n--%s\nContent-Type: %s; charset=\"utf-8\"\n"
		    "Content-Transfer-Encoding: %s\n"
		    "Content-Disposition: attachment; filename=\"%s\"\n",
		    boundary, p->type, plain ? "7bit" : "base64", p->name) < 0)
		return -1;
	if (strcmp(p->type, "text/cloud-config") == 0 &&
		buf_printf(out, e, "Merge-Type: %s\n", CLOUD_MERGE) < 0)
		return -1;
	if (buf_putc(out, '\n', e) < 0)
		return -1;
	return plain ? buf_add(out, p->data, p->size, e) : buf_base64(out, p->data, p->size, 76, e);
}

int mime_write(const struct mime_part *parts, size_t count, struct buf *out, struct err *e)
{
	char boundary[32];
	unsigned n = 0;
	do
		snprintf(boundary, sizeof(boundary), "=_imgbuild_%u", n++);
	while (occurs(parts, count, boundary));

	size_t total = 1024;
	for (size_t i = 0; i < count; i++)
		total += parts[i].size + parts[i].size / 2 + 512;
	if (buf_reserve(out, total, e) < 0 ||
		buf_printf(out, e,
			"Content-Type: multipart/mixed; boundary=\"%s\"\nMIME-Version: 1.0\n",
			boundary) < 0)
		return -1;
	for (size_t i = 0; i < count; i++)
		if (add_part(&parts[i], boundary, out, e) < 0)
			return -1;
	return buf_printf(out, e, "\n--%s--\n", boundary);
}
