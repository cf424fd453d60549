/*
 * The types of variables: what each allows, and the check.
 */
#ifndef IMGBUILD_RECIPE_VAR_TYPE_H
#define IMGBUILD_RECIPE_VAR_TYPE_H

#include "recipe/var.h"

/* False when it is no type's name. */
bool var_type_parse(const char *text, enum var_type *ret);

/* A whole number as `type: int` allows it: an optional minus, digits, no needless zeros. */
bool var_int_parse(const char *text, long long *ret);

/* A scheme that `type: url` knows. */
bool var_scheme_known(const char *text);

/*
 * Check `text` against the variable's type and ranges. *ret is the canonical text, or NULL when it
 * is wrong: then the problem is noted at v->set_at.
 */
must_check int var_check(const struct var *v, const char *text, struct arena *a, struct diag *d,
	const char **ret, struct err *e);

#endif
