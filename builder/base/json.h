/*
 * A JSON writer (RFC 8259) that streams into a buffer: no tree, keys in the order written, the same
 * bytes for the same calls. Errors stick in the writer and come out of json_end, so that a document
 * reads as its shape. (Documents are read with jansson.)
 *
 *   struct json j = json_to(&buf, 2);
 *   json_open(&j, NULL, '{');
 *   json_str(&j, "name", "hub");
 *   json_open(&j, "sites", '[');
 *   json_str(&j, NULL, "branch1");
 *   json_close(&j, ']');
 *   json_close(&j, '}');
 *   if (json_end(&j, e) < 0) ...
 */
#ifndef IMGBUILD_BASE_JSON_H
#define IMGBUILD_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

struct json {
	struct buf *out;
	unsigned indent; /* spaces a level; 0: all on one line */
	unsigned depth;
	unsigned flat; /* > 0: inside json_flat, one line */
	bool comma;    /* a value came before on this level */
	bool failed;
	struct err err;
};

struct json json_to(struct buf *out, unsigned indent);

/* `key` is NULL inside a list and for the outermost value. `bracket` is one of [ { ] }. */
void json_open(struct json *j, const char *key, char bracket);
/* The same, with all up to its end on one line. */
void json_open_flat(struct json *j, const char *key, char bracket);
void json_close(struct json *j, char bracket);
/* NULL text is written as null. Bytes that are no UTF-8 become U+FFFD. */
void json_str(struct json *j, const char *key, const char *text);
void json_strn(struct json *j, const char *key, const char *text, size_t len);
void json_int(struct json *j, const char *key, long long value);
void json_bool(struct json *j, const char *key, bool value);

/* A newline behind the document when indented; the first error of all calls. */
must_check int json_end(struct json *j, struct err *e);

#endif
