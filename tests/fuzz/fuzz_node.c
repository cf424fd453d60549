/* YAML into nodes: any bytes; what comes back keeps the promises of node.h. */
#include <string.h>

#include "base/text.h"
#include "fuzz.h"
#include "recipe/node.h"

struct seen {
	size_t nodes;
	size_t bytes;
};

static void walk(const struct node *n, unsigned depth, struct seen *seen)
{
	size_t len = strlen(n->text);
	must(n->pos.line > 0 && n->pos.col > 0);
	must(depth <= NODE_DEPTH_MAX && len <= NODE_SCALAR_MAX);
	must(n->kind == NODE_SCALAR ? n->count == 0 : len == 0);
	seen->nodes++;
	seen->bytes += len;
	must(seen->nodes <= NODE_COUNT_MAX && seen->bytes <= NODE_BYTES_MAX);
	for (size_t i = 0, step; i < len; i += step) {
		step = text_utf8_len(n->text + i, len - i);
		must(step != 0);
	}
	for (unsigned i = 0; i < n->count; i++) {
		if (n->kind == NODE_MAP) {
			must(n->keys[i]->kind == NODE_SCALAR && n->keys[i]->text[0] != '\0');
			must(n->count > 50 || node_get(n, n->keys[i]->text) == n->items[i]);
			walk(n->keys[i], depth, seen);
		}
		walk(n->items[i], depth + (n->items[i]->kind != NODE_SCALAR), seen);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct key_spec keys[] = {
		{ "name", NODE_SCALAR, true, "" },
		{ "subnets", NODE_LIST, false, "" },
		{ "vars", NODE_MAP, false, "" },
		{ "sites", NODE_ANY, false, "" },
	};
	struct arena a = { .max = (size_t)64 << 20 };
	struct diag d = { .arena = &a };
	struct node *n = NULL;
	struct err e;
	struct buf out = { 0 };
	must(node_parse(&a, "fuzz.yaml", (const char *)data, size, &d, &n, &e) == 0);
	if (n != NULL) {
		struct seen seen = { 0 };
		walk(n, n->kind != NODE_SCALAR, &seen);
		bool good = node_check_keys(n, "record", keys, 4, &d);
		must(good || diag_total(&d) > 0);
	}
	diag_sort(&d);
	for (size_t i = 0; i < d.count; i++) {
		must(strchr(d.list[i].text, '\n') == NULL && d.list[i].text[0] != '\0');
		must(diag_print(&d.list[i], &out, &e) == 0);
	}
	buf_free(&out);
	arena_free(&a);
	return 0;
}
