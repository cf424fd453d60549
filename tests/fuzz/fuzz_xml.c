/* XML into nodes: any bytes; what comes back keeps the promises of xml.h. */
#include <string.h>

#include "aws/xml.h"
#include "base/text.h"
#include "fuzz.h"

static void walk(const struct xml_node *n, unsigned depth, size_t *nodes)
{
	must(depth <= XML_DEPTH_MAX && ++*nodes <= XML_NODES_MAX);
	must(n->name[0] != '\0');
	must(depth == 1 || n->space[0] == '\0');
	must(n->first == NULL || n->text[0] == '\0');
	size_t len = strlen(n->text);
	for (size_t i = 0, step; i < len; i += step) {
		step = text_utf8_len(n->text + i, len - i);
		must(step != 0);
	}
	for (const struct xml_node *c = n->first; c != NULL; c = c->next)
		walk(c, depth + 1, nodes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int strict = 0; strict < 2; strict++) {
		struct arena a = { .max = (size_t)64 << 20 };
		struct xml_node *n = NULL;
		struct err e = { 0 };
		size_t nodes = 0;
		int rc = (strict ? xml_parse_strict : xml_parse)(
			(const char *)data, size, &a, &n, &e);
		must(rc == 0 ? n != NULL : n == NULL && e.msg[0] != '\0');
		must(rc == 0 || strchr(e.msg, '\n') == NULL);
		if (rc == 0)
			walk(n, 1, &nodes);
		arena_free(&a);
	}
	return 0;
}
