#include "bundle/product.h"

int product_emit(struct products *p, const char *path, const void *data, size_t len, bool secret,
	struct err *e)
{
	struct product *made = arena_push(p->arena, &p->list, &p->count, &p->cap, sizeof(*made), e);
	if (made == NULL)
		return -1;
	made->path = arena_strdup(p->arena, path, e);
	if (made->path == NULL)
		return -1;
	made->digest = sha256_of(data, len);
	made->size = len;
	made->secret = secret;
	return p->sink.write(p->sink.ctx, path, data, len, secret ? 0600 : 0644, e);
}
