/* Templates: any bytes; the result is the text with names replaced, and each fault has its place.
 */
#include <string.h>

#include "fuzz.h"
#include "recipe/template.h"

/* Line and column, counted anew and differently. */
static size_t line_count(const char *text, size_t len)
{
	size_t lines = 1;
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { .max = (size_t)64 << 20 };
	struct diag d = { .arena = &a };
	struct err e;
	struct var list[] = {
		{ .name = "a", .value = "", .ready = true },
		{ .name = "pool_name", .value = "vpn.example.com", .ready = true },
		{ .name = "braces", .value = "{{a}}", .ready = true },
		{ .name = "later", .value = "" },
	};
	struct vars vs = { .list = list, .count = 4, .cap = 4 };
	struct buf out = { 0 };
	const char *text = (const char *)data;
	must(template_fill(text, size, (struct pos){ "x.in", 1, 1 }, &vs, &out, &d, &e) == 0);
	must(out.len <= TEMPLATE_BYTES_MAX);
	if (!template_has_braces(text, size))
		must(out.len == size && (size == 0 || memcmp(out.data, text, size) == 0) &&
			diag_total(&d) == 0);
	for (size_t i = 0; i < d.count; i++)
		must(d.list[i].pos.line >= 1 && d.list[i].pos.line <= line_count(text, size));

	/* The same as a scalar of a recipe. */
	char *copy = arena_strndup(&a, text, size, &e);
	must(copy != NULL);
	struct node n = { .text = copy, .pos = { "x.yaml", 1, 1 }, .as_written = size % 2 == 0 };
	must(template_fill_nodes(&n, &vs, &a, &d, &e) == 0);
	must(template_fill_nodes(&n, &vs, &a, &d, &e) == 0);
	must(n.filled && strlen(n.text) <= NODE_SCALAR_MAX + size);
	buf_free(&out);
	arena_free(&a);
	return 0;
}
