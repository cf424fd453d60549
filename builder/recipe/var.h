/*
 * Recipe variables: declared with a type, a default and a line of help; overridden by an extending
 * recipe's `vars` and by --set.
 *
 *   vars:
 *     record_ttl: {type: int, default: 60, min: 10, max: 86400, help: seconds the record lives}
 *     hub_id: {type: string, default: "@{{pool_name}}", help: the name all hubs give to branches}
 *     daemon_log: {type: enum, values: [quiet, chatty], default: quiet, help: ...}
 *     sites_url: {type: url, schemes: [s3], optional: true, help: ...}
 *
 * A value may refer to other variables, but not in a circle.
 */
#ifndef IMGBUILD_RECIPE_VAR_H
#define IMGBUILD_RECIPE_VAR_H

#include <stdbool.h>
#include <stddef.h>

#include "recipe/diag.h"
#include "recipe/node.h"

enum var_type { VAR_STRING, VAR_INT, VAR_BOOL, VAR_CIDR, VAR_ADDRESS, VAR_FQDN, VAR_URL, VAR_ENUM };

#define VARS_MAX        256
#define VAR_NAME_MAX    64   /* bytes */
#define VAR_VALUE_MAX   1024 /* bytes */
#define VAR_CHOICES_MAX 64   /* values of an enum */

struct var {
	const char *name; /* [a-z][a-z0-9_]{0,63} */
	enum var_type type;
	const char *help;
	const char *given;           /* the value as written, {{name}} not replaced */
	const char *value;           /* in force, checked and canonical; "" until vars_resolve */
	struct pos declared;         /* where the declaration stands */
	struct pos set_at;           /* where the value was given; file "--set" for the option */
	const struct node *set_node; /* the scalar that gave it; NULL for --set and no default */
	const char *layer;           /* "default", the recipe that set it, or "--set" */
	long long min, max;          /* VAR_INT */
	bool may_be_empty;           /* `optional: true`: an empty value is allowed */
	const char **values;         /* VAR_ENUM: the words allowed; VAR_URL: the schemes allowed */
	size_t value_count;
	bool ready;       /* vars_resolve has been there */
	bool resolving;   /* it is there right now */
	bool misdeclared; /* a problem with the declaration is noted */
	bool broken;      /* one with it, its value or one it refers to is noted: the value is "" */
	bool used;        /* some template, or the recipe itself, referred to it */
};

/* Declared in one table, name by type and by what it allows, for messages and the manual. */
const char *var_type_name(enum var_type t);
const char *var_type_allows(enum var_type t);
#define VAR_TYPE_COUNT ((size_t)VAR_ENUM + 1)

struct vars {
	struct var *list; /* in order of declaration */
	size_t count;
	size_t cap;
};

bool var_name_valid(const char *text);

/*
 * Take over the `vars` map of one recipe, base recipe first. A map value declares (or declares
 * again: then all of it counts anew, in its old place); a scalar sets a variable that a base recipe
 * declared. Problems go to `d`.
 */
must_check int vars_apply(struct vars *vs, const struct node *map, const char *layer,
	struct arena *a, struct diag *d, struct err *e);

/* One `--set NAME=VALUE`; the last of a name counts. Problems: file "--set", line 0. */
must_check int vars_set(
	struct vars *vs, const char *assignment, struct arena *a, struct diag *d, struct err *e);

/*
 * Fill in the values, each after those that it refers to, and check each against its type. After
 * all recipes and --set were taken over; before that no variable has a value. Problems stand where
 * the value was given, and the variable is empty then.
 */
must_check int vars_resolve(struct vars *vs, struct arena *a, struct diag *d, struct err *e);

/* NULL when unknown. */
struct var *vars_find(const struct vars *vs, const char *name);
/* The declared name nearest to a mistyped one, or NULL. */
const char *vars_nearest(const struct vars *vs, const char *name);

/* The keys of a declaration, for the manual. */
extern const struct key_spec VAR_KEYS[];
extern const size_t VAR_KEY_COUNT;

#endif
