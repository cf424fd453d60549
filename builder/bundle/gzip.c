#include "bundle/gzip.h"

#include <libdeflate.h>

static int prepare(struct gzip *g, int level, struct err *e)
{
	if (g->compressor != NULL && g->level == level)
		return 0;
	gzip_free(g);
	g->compressor = libdeflate_alloc_compressor(level);
	g->level = level;
	return g->compressor != NULL ? 0 : err_nomem(e);
}

int gzip_add(
	struct gzip *g, struct buf *out, const void *data, size_t len, int level, struct err *e)
{
	if (prepare(g, level, e) < 0)
		return -1;
	size_t bound = libdeflate_gzip_compress_bound(g->compressor, len);
	if (buf_reserve(out, bound, e) < 0)
		return -1;
	size_t n = libdeflate_gzip_compress(g->compressor, data, len, out->data + out->len, bound);
	if (n == 0)
		return err_set(e, ERR_BUG, 0, "gzip of %zu bytes does not fit its bound", len);
	out->len += n;
	out->data[out->len] = '\0';
	return 0;
}

void gzip_free(struct gzip *g)
{
	libdeflate_free_compressor(g->compressor);
	*g = (struct gzip){ 0 };
}
