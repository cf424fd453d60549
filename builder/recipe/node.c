#include "recipe/node.h"

#include <string.h>

const struct node *node_get(const struct node *n, const char *key)
{
	if (n == NULL || n->kind != NODE_MAP)
		return NULL;
	for (unsigned i = 0; i < n->count; i++)
		if (strcmp(n->keys[i]->text, key) == 0)
			return n->items[i];
	return NULL;
}

bool node_is_null(const struct node *n)
{
	return n->kind == NODE_SCALAR && !n->quoted &&
	       (n->text[0] == '\0' || strcmp(n->text, "~") == 0 || strcmp(n->text, "null") == 0);
}

const char *node_kind_text(const struct node *n)
{
	return n->kind == NODE_LIST  ? "a list"
	       : n->kind == NODE_MAP ? "a map"
	       : node_is_null(n)     ? "empty"
				     : "a text";
}
