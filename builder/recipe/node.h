/*
 * YAML (1.1, read by libyaml) as nodes that know their line and column.
 *
 * Every scalar is its text: what it means (a number, true or false, octal permission bits) is
 * decided by who reads it, so that `no`, `0644` and `12:30` are never turned into something else.
 *
 * Limits, all enforced while reading, with a problem that names the place: NODE_BYTES_MAX a file,
 * NODE_DEPTH_MAX levels, NODE_COUNT_MAX nodes and NODE_BYTES_MAX bytes of scalars with every alias
 * counted as the whole that it stands for (so that aliases cannot blow up memory or time),
 * NODE_ANCHORS_MAX anchors, NODE_SCALAR_MAX bytes a scalar. Text other than UTF-8, control
 * characters, syntax errors, several documents, and an alias inside of its own anchor are problems
 * that end the reading; duplicate keys, tags other than !!str, !!seq and !!map, merge keys (<<),
 * and keys that are empty or no scalars are noted, left out, and the reading goes on.
 */
#ifndef IMGBUILD_RECIPE_NODE_H
#define IMGBUILD_RECIPE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "recipe/diag.h"

#define NODE_BYTES_MAX   ((size_t)16 << 20)
#define NODE_DEPTH_MAX   16
#define NODE_COUNT_MAX   1000000
#define NODE_ANCHORS_MAX 256
#define NODE_SCALAR_MAX  ((size_t)64 << 10)

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

/* Shared, not copied, where an alias stands: its place is that of the anchor. */
struct node {
	enum node_kind kind : 8;
	bool quoted : 1;     /* scalar in quotes, a block or !!str: never null by its look */
	bool as_written : 1; /* scalar on one line without escapes: columns can be counted in it */
	bool filled : 1;     /* its {{name}} are replaced (template_fill_nodes) */
	unsigned count;
	struct pos pos;
	const char *text;    /* scalar: NUL-terminated, no NUL inside; "" for a list or a map */
	struct node **keys;  /* map: scalars */
	struct node **items; /* list: members; map: values */
};

/*
 * Read one document. `file` is the name shown in messages, kept; `data` is not. Everything returned
 * lives in `a`. Problems go to `d`; *ret is NULL when reading ended early, and for a document that
 * is empty. -1 only for ERR_MACHINE.
 */
must_check int node_parse(struct arena *a, const char *file, const char *data, size_t len,
	struct diag *d, struct node **ret, struct err *e);

/* The value of a key in a map, or NULL (also when `n` is NULL or no map). */
const struct node *node_get(const struct node *n, const char *key);

/* An unquoted nothing, `~` or `null`. */
bool node_is_null(const struct node *n);

/* What a node is, for messages: "a list", "a map", "empty", "a text". */
const char *node_kind_text(const struct node *n);

/*
 * The keys a map may have, as one table from which the check, its suggestions and the manual come.
 */
struct key_spec {
	const char *name;
	enum node_kind kind; /* what its value must be; NODE_ANY for several */
	bool required;
	const char *help; /* for the recipe reference: one line */
};

#define NODE_ANY ((enum node_kind) - 1)

/*
 * Problems for unknown keys (with the nearest known one), wrong kinds of values (an empty one is
 * no list and no map), missing required keys. `what` names the map in messages ("recipe", "site").
 * False when `n` is no map or anything was wrong.
 */
bool node_check_keys(const struct node *n, const char *what, const struct key_spec *specs,
	size_t count, struct diag *d);

#endif
