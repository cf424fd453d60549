/*
 * The single fields of a site, from text. Each adds its problem to `d`, with `label` (which site)
 * in it, and then returns false, or 1 for those that can run out of memory.
 */
#ifndef IMGBUILD_RECIPE_SITE_FIELD_H
#define IMGBUILD_RECIPE_SITE_FIELD_H

#include "recipe/site.h"

struct field {
	char label[64]; /* "site branch1" */
	struct arena *arena;
	struct diag *diag;
};

/* The text of a scalar, or NULL: no scalar (the keys' check has said so), or empty (said here). */
const char *field_text(const struct field *f, const struct node *n, const char *key);

bool field_name(const struct field *f, const struct node *n, const char **ret);
bool field_psk(const struct field *f, const struct node *n, struct psk_ref *ret);
bool field_dpd(const struct field *f, const struct node *n, unsigned *interval, unsigned *count);
/* 0, 1 when there was a problem, -1 ERR_MACHINE. */
must_check int field_peer(
	const struct field *f, const struct node *n, struct site *s, struct err *e);
must_check int field_id(const struct field *f, const struct node *n, struct site *s, struct err *e);
must_check int field_subnets(
	const struct field *f, const struct node *n, struct site *s, struct err *e);

#endif
