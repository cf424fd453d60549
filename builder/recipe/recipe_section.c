#include <string.h>

#include "recipe/layer.h"
#include "recipe/template.h"

const struct node *layer_section(const struct layer *layer, const char *section)
{
	const struct node *n = layer->root;
	char name[32];
	for (const char *p = section; *p != '\0' && n != NULL; p += *p == '/') {
		size_t len = strcspn(p, "/");
		if (len >= sizeof(name))
			return NULL;
		memcpy(name, p, len);
		name[len] = '\0';
		n = node_get(n, name);
		p += len;
	}
	return n;
}

const struct node *section_get(
	struct loader *l, const char *section, const char *key, const struct layer **ret_layer)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct node *n = node_get(layer_section(&l->layers[i], section), key);
		if (n == NULL || node_is_null(n))
			continue;
		if (ret_layer != NULL)
			*ret_layer = &l->layers[i];
		return n;
	}
	return NULL;
}

int section_scalar(struct loader *l, const struct node *n, const char **ret)
{
	*ret = NULL;
	if (n == NULL || n->kind != NODE_SCALAR)
		return 0;
	size_t before = diag_total(l->diag);
	if (template_fill_scalar(n, &l->recipe->vars, l->arena, l->diag, ret, l->err) < 0)
		return -1;
	if (diag_total(l->diag) != before)
		*ret = NULL;
	return 0;
}
