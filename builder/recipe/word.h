/*
 * What the lists of a recipe are made of.
 */
#ifndef IMGBUILD_RECIPE_WORD_H
#define IMGBUILD_RECIPE_WORD_H

#include <stdbool.h>
#include <stddef.h>

#include "recipe/diag.h"

/* A word of a list with the place where it was said and the recipe that said it. */
struct word {
	const char *text;
	struct pos pos;
	const char *layer; /* recipe name */
};

struct words {
	struct word *list;
	size_t count;
	size_t cap;
};

/* An overlay or a part: `text` as written, `path` where it was found. */
struct found {
	struct word word;
	const char *path;
};

struct mode_rule {
	const char *path; /* absolute on the target; a trailing slash and star: all below */
	struct pos pos;
	const char *layer;
	bool has_mode;
	unsigned mode;      /* permission bits, 07777 */
	const char *owner;  /* user name, NULL: root */
	const char *group;  /* group name, NULL: root */
	bool keep_original; /* `original: keep`: the vendor's file stays as PATH.orig */
	bool used;
};

struct mode_rules {
	struct mode_rule *list; /* a later rule wins */
	size_t count;
	size_t cap;
};

#endif
