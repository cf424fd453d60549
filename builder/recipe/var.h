/*
 * Recipe variables: declared with a type, a default and a line of help; overridden by an extending
 * recipe's `vars` and by --set.
 */
#ifndef IMGBUILD_RECIPE_VAR_H
#define IMGBUILD_RECIPE_VAR_H

#include <stdbool.h>
#include <stddef.h>

#include "recipe/diag.h"
#include "recipe/node.h"

enum var_type { VAR_STRING, VAR_INT, VAR_BOOL, VAR_CIDR, VAR_ADDRESS, VAR_FQDN, VAR_URL, VAR_ENUM };

struct var {
	const char *name; /* [a-z][a-z0-9_]{0,63} */
	enum var_type type;
	const char *help;
	const char *value;   /* text in force, checked against the type; canonical form */
	struct pos declared; /* where the declaration stands */
	struct pos set_at;   /* where the value in force was given; file "--set" for the option */
	const char *layer;   /* "default", the recipe that set it, or "--set" */
	long long min, max;  /* VAR_INT */
	bool may_be_empty;   /* `optional: true`: an empty value is allowed */
	const char **values; /* VAR_ENUM */
	size_t value_count;
	bool used; /* some template, or the recipe itself, referred to it */
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

#define VARS_MAX 256

/*
 * Take over the `vars` map of one recipe, base recipe first. A map value declares (or declares
 * again); a scalar sets a variable that a base recipe declared. Problems go to `d`.
 */
must_check int vars_apply(struct vars *vs, const struct node *map, const char *layer,
	struct arena *a, struct diag *d, struct err *e);

/* One `--set NAME=VALUE`. Problems go to `d` with file "--set" and line 0. */
must_check int vars_set(
	struct vars *vs, const char *assignment, struct arena *a, struct diag *d, struct err *e);

/* NULL when unknown. */
struct var *vars_find(const struct vars *vs, const char *name);
/* The declared name nearest to a mistyped one, or NULL. */
const char *vars_nearest(const struct vars *vs, const char *name);

#endif
