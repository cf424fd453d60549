#include "aws/xml.h"

#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/library.h"
#include "base/text.h"

#define CALLS(X)                                                                                   \
	X(xmlInitParser)                                                                           \
	X(xmlNewParserCtxt)                                                                        \
	X(xmlFreeParserCtxt)                                                                       \
	X(xmlCtxtReadMemory)                                                                       \
	X(xmlFreeDoc)                                                                              \
	X(xmlStopParser)                                                                           \
	X(xmlSAX2GetLineNumber)                                                                    \
	X(xmlSAX2GetColumnNumber)

struct calls {
	CALLS(LIBRARY_POINTER)
};

struct reader {
	struct calls calls;
	xmlParserCtxtPtr ctxt;
	struct arena *arena;
	bool strict;
	struct xml_node *open[XML_DEPTH_MAX]; /* from the outermost inwards */
	struct xml_node **tail[XML_DEPTH_MAX + 1];
	size_t depth;
	size_t nodes;
	struct buf text; /* since the last tag */
	struct xml_node *root;
	bool failed;
	struct err *err;
};

static void stop(struct reader *r)
{
	r->failed = true;
	r->calls.xmlStopParser(r->ctxt);
}

static void bad_at(struct reader *r, int line, int column, const char *what)
{
	if (r->failed)
		return;
	char plain[256];
	size_t n = 0;
	for (; what[n] != '\0' && n < sizeof(plain) - 1; n++)
		plain[n] = (unsigned char)what[n] < ' ' || what[n] == 0x7F ? '?' : what[n];
	while (n > 0 && (plain[n - 1] == '?' || plain[n - 1] == ' '))
		n--; /* libxml2's own end in a newline */
	plain[n] = '\0';
	err_set(r->err, ERR_INPUT, 0, "XML, line %d, column %d: %s", line, column, plain);
	stop(r);
}

static void bad(struct reader *r, const char *what)
{
	bad_at(r, r->calls.xmlSAX2GetLineNumber(r->ctxt), r->calls.xmlSAX2GetColumnNumber(r->ctxt),
		what);
}

static bool only_blanks(const struct buf *b)
{
	for (size_t i = 0; i < b->len; i++)
		if (strchr(" \t\r\n", b->data[i]) == NULL)
			return false;
	return true;
}

static struct xml_node *make_node(struct reader *r, const char *name, const char *space)
{
	struct xml_node *n = arena_alloc(r->arena, sizeof(*n), r->err);
	if (n == NULL)
		return NULL;
	n->text = "";
	n->name = arena_strdup(r->arena, name, r->err);
	n->space = arena_strdup(r->arena, space, r->err);
	return n->name != NULL && n->space != NULL ? n : NULL;
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri,
	int space_count, const xmlChar **spaces, int attributes, int defaulted,
	const xmlChar **attrs)
{
	(void)spaces;
	(void)defaulted;
	(void)attrs;
	struct reader *r = ctx;
	if (r->failed)
		return;
	if (r->depth == XML_DEPTH_MAX || ++r->nodes > XML_NODES_MAX)
		return bad(r, "too much");
	if (r->strict && (prefix != NULL || attributes > 0 || space_count > (r->depth == 0)))
		return bad(r, "an attribute or a prefix");
	if (!only_blanks(&r->text))
		return bad(r, "text between elements");
	buf_clear(&r->text);
	bool spaced = r->depth == 0 && uri != NULL;
	struct xml_node *n = make_node(r, (const char *)name, spaced ? (const char *)uri : "");
	if (n == NULL)
		return stop(r);
	*r->tail[r->depth] = n;
	r->tail[r->depth] = &n->next;
	r->open[r->depth++] = n;
	r->tail[r->depth] = &n->first;
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri)
{
	(void)name;
	(void)prefix;
	(void)uri;
	struct reader *r = ctx;
	if (r->failed || r->depth == 0)
		return;
	struct xml_node *n = r->open[--r->depth];
	if (n->first == NULL && r->text.len > 0) {
		n->text = arena_strndup(r->arena, r->text.data, r->text.len, r->err);
		if (n->text == NULL)
			return stop(r);
	} else if (!only_blanks(&r->text)) {
		return bad(r, "text between elements");
	}
	buf_clear(&r->text);
}

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct reader *r = ctx;
	if (!r->failed && buf_add(&r->text, text, (size_t)len, r->err) < 0)
		stop(r);
}

static void on_cdata(void *ctx, const xmlChar *text, int len)
{
	struct reader *r = ctx;
	if (r->strict)
		bad(r, "CDATA");
	else
		on_text(r, text, len);
}

static void on_comment(void *ctx, const xmlChar *text)
{
	(void)text;
	struct reader *r = ctx;
	if (r->strict)
		bad(r, "a comment");
}

static void on_instruction(void *ctx, const xmlChar *target, const xmlChar *data)
{
	(void)target;
	(void)data;
	struct reader *r = ctx;
	if (r->strict)
		bad(r, "a processing instruction");
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *id, const xmlChar *system)
{
	(void)name;
	(void)id;
	(void)system;
	bad(ctx, "a document type");
}

static void on_error(void *ctx, xmlErrorPtr error)
{
	struct reader *r = ctx;
	if (error->level < XML_ERR_ERROR || r->failed)
		return;
	if (error->code == XML_ERR_NO_MEMORY) {
		err_nomem(r->err);
		return stop(r);
	}
	bad_at(r, error->line, error->int2, error->message != NULL ? error->message : "not XML");
}

/* libxml2 guesses and converts encodings; nothing but UTF-8 reaches it. */
static bool is_utf8(const char *text, size_t len, size_t *ret_at)
{
	for (size_t i = 0, n; i < len; i += n) {
		n = text[i] != '\0' ? text_utf8_len(text + i, len - i) : 0;
		*ret_at = i;
		if (n == 0)
			return false;
	}
	return true;
}

static int read_all(struct reader *r, const char *text, size_t len)
{
	static const int options = XML_PARSE_NONET | XML_PARSE_IGNORE_ENC;
	*r->ctxt->sax = (xmlSAXHandler){
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.ignorableWhitespace = on_text,
		.cdataBlock = on_cdata,
		.comment = on_comment,
		.processingInstruction = on_instruction,
		.internalSubset = on_doctype,
		.serror = on_error,
	};
	r->ctxt->userData = r;
	r->tail[0] = &r->root;
	xmlDocPtr doc = r->calls.xmlCtxtReadMemory(r->ctxt, text, (int)len, NULL, NULL, options);
	if (doc != NULL)
		r->calls.xmlFreeDoc(doc);
	if (!r->failed && (!r->ctxt->wellFormed || r->root == NULL || r->depth != 0))
		bad(r, "not a document");
	return r->failed ? -1 : 0;
}

static int parse(const char *text, size_t len, bool strict, struct arena *a, struct xml_node **ret,
	struct err *e)
{
	static const char *const NAMES[] = { CALLS(LIBRARY_NAME) };
	struct reader r = { .arena = a, .strict = strict, .err = e };
	size_t at = 0;
	if (len > INT_MAX)
		return err_set(e, ERR_INPUT, 0, "XML of more than %d bytes", INT_MAX);
	if (!is_utf8(text, len, &at))
		return err_set(e, ERR_INPUT, 0, "XML, byte %zu: not a character", at);
	if (library_load("libxml2.so.2", "libxml2", NAMES, sizeof(NAMES) / sizeof(*NAMES), &r.calls,
		    e) < 0)
		return -1;
	r.calls.xmlInitParser();
	r.ctxt = r.calls.xmlNewParserCtxt();
	if (r.ctxt == NULL)
		return err_nomem(e);
	int rc = read_all(&r, text, len);
	r.calls.xmlFreeParserCtxt(r.ctxt);
	buf_wipe(&r.text); /* it may have been a key */
	if (rc == 0)
		*ret = r.root;
	return rc;
}

int xml_parse(const char *text, size_t len, struct arena *a, struct xml_node **ret, struct err *e)
{
	return parse(text, len, false, a, ret, e);
}

int xml_parse_strict(
	const char *text, size_t len, struct arena *a, struct xml_node **ret, struct err *e)
{
	return parse(text, len, true, a, ret, e);
}

const struct xml_node *xml_child(const struct xml_node *n, const char *name)
{
	for (n = n != NULL ? n->first : NULL; n != NULL; n = n->next)
		if (strcmp(n->name, name) == 0)
			return n;
	return NULL;
}

const char *xml_text(const struct xml_node *n, const char *name)
{
	const struct xml_node *child = xml_child(n, name);
	return child != NULL ? child->text : NULL;
}

int xml_put(struct buf *out, const char *text, struct err *e)
{
	for (; *text != '\0'; text++) {
		const char *entity = *text == '&'   ? "&amp;"
				     : *text == '<' ? "&lt;"
				     : *text == '>' ? "&gt;"
				     : *text == '"' ? "&quot;"
						    : NULL;
		if ((entity != NULL ? buf_puts(out, entity, e) : buf_putc(out, *text, e)) < 0)
			return -1;
	}
	return 0;
}
