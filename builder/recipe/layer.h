/*
 * The inside of reading a recipe: the chain of files that extend one another, where the things that
 * they name are found, and how they are added up. For recipe*.c and their tests.
 */
#ifndef IMGBUILD_RECIPE_LAYER_H
#define IMGBUILD_RECIPE_LAYER_H

#include <sys/types.h>

#include "recipe/recipe.h"

/* A file that was found: as opened and shown, and as the manifest names it. */
struct spot {
	const char *path;
	const char *label;
};

/* One recipe of the chain. */
struct layer {
	const char *name;
	struct spot spot;
	struct node *root; /* a map; NULL: could not be read */
	dev_t dev;
	ino_t ino;
};

struct loader {
	const struct recipe_query *query;
	struct arena *arena;
	struct diag *diag;
	struct err *err;
	struct recipe *recipe;
	struct layer
		layers[EXTENDS_DEPTH_MAX]; /* the recipe asked for first, the base recipe last */
	size_t count;
};

/* ---- recipe_find.c ---- */

enum find_kind { FIND_RECIPE, FIND_OVERLAY };

/* Whether a text is a path, as recipe.h says. */
bool find_is_path(const char *text);

/* `text` relative to the folder of the file `from`. */
must_check int find_beside(struct loader *l, struct spot from, const char *text, struct spot *ret);

/* The recipe of the command line as a path. */
must_check int find_under_root(struct loader *l, const char *text, struct spot *ret);

/*
 * A recipe or overlay by name, said by the recipe `from` (NULL: the command line). 1: found, 0: in
 * none of the folders, -1: ERR_MACHINE.
 */
must_check int find_named(struct loader *l, enum find_kind kind, const char *name,
	const struct layer *from, struct spot *ret);

/*
 * What to say about a name that was not found, behind "no recipe \"NAME\"": the nearest name that
 * there is, or the folders that were searched. NULL: ERR_MACHINE.
 */
must_check const char *find_hint(
	struct loader *l, enum find_kind kind, const char *name, const struct layer *from);

/* Letters, digits and ._- with a letter or digit first, at most RECIPE_NAME_MAX. */
bool find_name_valid(const char *text);

/* ---- recipe_list.c, recipe_mode.c ---- */

/* Add up `packages`, `services`, `overlays` and `parts` of all layers into the recipe. */
must_check int layers_lists(struct loader *l);
/* Add the rules of one layer's `modes`, which may be NULL. */
must_check int layer_modes(struct loader *l, const struct layer *layer, const struct node *modes,
	struct mode_rules *rules);

/* ---- recipe_section.c ---- */

/* A section of a layer, "publish" or one within another, "publish/refresh"; NULL: not there. */
const struct node *layer_section(const struct layer *layer, const char *section);

/*
 * A section's key in the layer nearest to the recipe asked for, where it is not empty; NULL: nobody
 * says it. `ret_layer` may be NULL.
 */
const struct node *section_get(
	struct loader *l, const char *section, const char *key, const struct layer **ret_layer);

/* A scalar with its {{name}} filled; *ret NULL: not said, no scalar, or a problem is noted. */
must_check int section_scalar(struct loader *l, const struct node *n, const char **ret);

/* ---- recipe_image.c ---- */

/* Read all of the `image` section but its lists, after the variables are resolved. */
must_check int layers_image(struct loader *l);

/* ---- recipe_ami.c, recipe_publish.c ---- */

/* Read `ami` and `keep`; then `publish` all but its lists. After the variables are resolved. */
must_check int layers_ami(struct loader *l);
must_check int layers_publish(struct loader *l);

/* A KMS key: its id, alias/NAME, or the ARN of either. *ret NULL: a problem is noted, or empty. */
must_check int section_kms_key(struct loader *l, const struct node *n, const char **ret);

/* ---- recipe_site.c ---- */

/* Read and check the sites, after the variables are resolved. */
must_check int layers_sites(struct loader *l);

/* ---- recipe.c ---- */

/*
 * Read a file into nodes and note it as an input. Problems with its content go to the file's own
 * lines. *ret NULL: problems, or nothing in it. -1: ERR_INPUT it cannot be read, ERR_MACHINE.
 */
must_check int layer_read(struct loader *l, struct spot spot, size_t max, struct node **ret);

/* The key's value in the layer nearest to the recipe asked for; *ret_layer: that layer. */
struct node *layers_get(struct loader *l, const char *key, struct layer **ret_layer);

/* Resolve what the layers say into the recipe: all of recipe_load but the reading of the chain. */
must_check int layers_resolve(struct loader *l);

#endif
