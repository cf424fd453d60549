/*
 * YAML (1.1, read by libyaml) as nodes that know their line and column.
 *
 * Limits, all enforced while reading, with an error that names the place: NODE_BYTES_MAX a file,
 * NODE_DEPTH_MAX levels, NODE_COUNT_MAX nodes with every alias counted as the whole that it stands
 * for, so that aliases cannot blow up memory or time. Duplicate keys, several documents in a file,
 * tags other than the core ones, keys that are no scalars, and an alias inside of its own anchor
 * are problems.
 */
#ifndef IMGBUILD_RECIPE_NODE_H
#define IMGBUILD_RECIPE_NODE_H

#include <stdbool.h>
#include <stddef.h>

#include "recipe/diag.h"

#define NODE_BYTES_MAX ((size_t)32 << 20)
#define NODE_DEPTH_MAX 16
#define NODE_COUNT_MAX 1000000

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
	enum node_kind kind;
	bool quoted; /* scalar in quotes or a block: never null, bool or number by its look */
	struct pos pos;
	const char *text;    /* scalar: NUL-terminated, no NUL inside */
	struct node **keys;  /* map: scalars */
	struct node **items; /* list: members; map: values */
	size_t count;
};

/*
 * Read one document. `file` is the name shown in messages; `data` is not kept. Everything returned
 * lives in `a`. Problems of syntax and limits go to `d`; then *ret is NULL and 0 is returned, as
 * for an empty document (check diag_total). -1 only for ERR_MACHINE.
 */
must_check int node_parse(struct arena *a, const char *file, const char *data, size_t len,
	struct diag *d, struct node **ret, struct err *e);

/* The value of a key in a map, or NULL (also when `n` is NULL or no map). */
const struct node *node_get(const struct node *n, const char *key);

/* An unquoted nothing, `~` or `null`. */
bool node_is_null(const struct node *n);

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
 * Problems for unknown keys (with the nearest known one), wrong kinds of values, missing required
 * keys. `what` names the map in messages ("recipe", "site"). False when `n` is no map or anything
 * was wrong.
 */
bool node_check_keys(const struct node *n, const char *what, const struct key_spec *specs,
	size_t count, struct diag *d);

#endif
