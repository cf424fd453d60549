/*
 * The bundle: from a resolved recipe to all products of out/RECIPE/.
 *
 *   struct bundle b = { 0 };
 *   bundle_prepare(&recipe, &options, &arena, &diag, &b, e)   // problems go to diag
 *   bundle_make(&b, sink, e)                                  // only without problems
 *   bundle_free(&b)
 *
 * Products, in this order: user-data, user-data.b64, user-data.ami, overlay.tar.gz, sites.json,
 * the sheets in peers/, the documents in deploy/, manifest.json. They are a function of the inputs:
 * no time, host or user is in them.
 */
#ifndef IMGBUILD_BUNDLE_BUNDLE_H
#define IMGBUILD_BUNDLE_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "bundle/budget.h"
#include "bundle/parts.h"
#include "bundle/product.h"
#include "bundle/secrets.h"
#include "bundle/tree.h"
#include "bundle/userdata.h"
#include "recipe/diag.h"
#include "recipe/recipe.h"

struct bundle_options {
	bool inline_secrets;      /* read env: and file: keys */
	unsigned long long epoch; /* SOURCE_DATE_EPOCH, seconds: times in the archive; 0 without */
};

struct bundle {
	struct recipe *recipe;
	struct bundle_options options;
	struct arena *arena;
	struct tree tree;  /* what will lie on the hub */
	struct tree image; /* what lies on top of that in a disk image */
	struct parts parts;
	struct secrets secrets;
	struct buf sites_json;
	struct buf crypto_json;
	/* Set by bundle_make. */
	struct user_data paste; /* also when it does not fit */
	struct user_data ami;
	size_t archive_size; /* bytes of overlay.tar.gz */
	struct products products;
	/* What the user should know although all is well: a line each. */
	const char **notes;
	size_t note_count;
	size_t note_cap;
};

/*
 * Read overlays and parts, fill templates (marking variables and mode rules as used: call
 * recipe_check_unused afterwards), read inline keys. Everything lives in `a` but for what
 * bundle_free releases, which must be called also after a failure. -1: ERR_MACHINE.
 */
must_check int bundle_prepare(struct recipe *r, const struct bundle_options *o, struct arena *a,
	struct diag *d, struct bundle *ret, struct err *e);

/*
 * Make all products. All that can fail for the recipe's sake fails before the first is handed to
 * the sink. ERR_INPUT: user-data does not fit; the sink's errors; ERR_MACHINE.
 */
must_check int bundle_make(struct bundle *b, struct sink sink, struct err *e);

/* Wipe keys, release buffers. Takes an empty one. */
void bundle_free(struct bundle *b);

/* Whether the bundle makes a top-level file or folder of this name (for set_commit). */
bool bundle_is_product(const char *name);

#endif
