#include "bundle/gzip.h"

#include <libdeflate.h>

int gzip_add(struct buf *out, const void *data, size_t len, int level, struct err *e)
{
	struct libdeflate_compressor *c = libdeflate_alloc_compressor(level);
	if (c == NULL)
		return err_nomem(e);
	size_t bound = libdeflate_gzip_compress_bound(c, len);
	int rc = buf_reserve(out, bound, e);
	if (rc == 0) {
		size_t n = libdeflate_gzip_compress(c, data, len, out->data + out->len, bound);
		out->len += n;
		out->data[out->len] = '\0';
		if (n == 0)
			rc = err_set(
				e, ERR_BUG, 0, "gzip of %zu bytes does not fit its bound", len);
	}
	libdeflate_free_compressor(c);
	return rc;
}
