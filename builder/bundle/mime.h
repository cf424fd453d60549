/*
 * Several user-data parts in one MIME multipart document (RFC 2046), as cloud-init takes it.
 */
#ifndef IMGBUILD_BUNDLE_MIME_H
#define IMGBUILD_BUNDLE_MIME_H

#include <stddef.h>

#include "base/buf.h"

struct mime_part {
	const char *name; /* file name: ASCII, no quotes */
	const char *type; /* "text/cloud-config" */
	const char *data;
	size_t size;
};

/*
 * Append the document. The boundary is the first of a fixed series that occurs in no part. Each
 * cloud-config part carries the merge rule CLOUD_MERGE as a header for what it does not say
 * itself. Text in ASCII stands as it is, all else in base64: Python's parser gives other bytes
 * back changed. ERR_MACHINE.
 */
must_check int mime_write(
	const struct mime_part *parts, size_t count, struct buf *out, struct err *e);

#endif
