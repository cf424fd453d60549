/*
 * XML answers and requests as small trees, read by libxml2 (loaded when needed) without network,
 * entities or document types.
 */
#ifndef IMGBUILD_AWS_XML_H
#define IMGBUILD_AWS_XML_H

#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define XML_DEPTH_MAX 64
#define XML_NODES_MAX 200000

struct xml_node {
	const char *name;       /* without its prefix */
	const char *space;      /* namespace of the outermost; "" without */
	const char *text;       /* decoded; "" where there are elements */
	struct xml_node *first; /* elements, in order */
	struct xml_node *next;
};

/*
 * Read a document in UTF-8, as a service answers: attributes, comments and processing instructions
 * are passed over; text between elements is refused. Everything lives in the arena. ERR_INPUT: what
 * is wrong, with line and column; ERR_MACHINE.
 */
must_check int xml_parse(
	const char *text, size_t len, struct arena *a, struct xml_node **ret, struct err *e);

/*
 * The same, as clients of a service send it: attributes but for one xmlns of the outermost element,
 * prefixes, comments, CDATA and processing instructions are refused as well.
 */
must_check int xml_parse_strict(
	const char *text, size_t len, struct arena *a, struct xml_node **ret, struct err *e);

/* The first child of that name; NULL: none, or n is NULL. */
const struct xml_node *xml_child(const struct xml_node *n, const char *name);
/* Its text; NULL: none. */
const char *xml_text(const struct xml_node *n, const char *name);

/* Append text with its special characters as entities. */
must_check int xml_put(struct buf *out, const char *text, struct err *e);

#endif
