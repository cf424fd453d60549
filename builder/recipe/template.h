/*
 * {{name}} templates: files whose name ends in `.in` (overlay files, cloud-config parts), and
 * scalar values of a recipe (values of variables, `overlay_url`, `sites`: the records or the name
 * of the file) and of a sites file. `{{{{` stands for a literal `{{`; braces of any other kind are
 * nothing special. There are no conditions and no loops, and what was filled in is not looked at
 * again.
 */
#ifndef IMGBUILD_RECIPE_TEMPLATE_H
#define IMGBUILD_RECIPE_TEMPLATE_H

#include "base/buf.h"
#include "recipe/node.h"
#include "recipe/var.h"

/* Most bytes that one template may become. */
#define TEMPLATE_BYTES_MAX ((size_t)16 << 20)

/*
 * Append `text` with every {{name}} replaced to *ret and mark the variables as used. Unknown names
 * (with the nearest known one), unclosed braces, malformed names and a result that is too large are
 * problems at their file:line:col, counted from `start` (line and column of the text's first
 * character); with such a problem the braces stay in the result.
 * -1 only for ERR_MACHINE.
 */
must_check int template_fill(const char *text, size_t len, struct pos start, struct vars *vs,
	struct buf *ret, struct diag *d, struct err *e);

/*
 * The next {{name}} in a NUL-terminated text from *at on, well formed or not found: false. *at is
 * behind it then.
 */
struct template_name {
	char text[VAR_NAME_MAX + 1];
};
bool template_next(const char *text, size_t *at, struct template_name *ret);

/* Whether there is anything to fill. */
bool template_has_braces(const char *text, size_t len);

/*
 * Replace {{name}} in a scalar; problems stand at the exact place when the scalar is written on one
 * line, else where it starts. *ret is the text of `n` itself when there is nothing to replace.
 */
must_check int template_fill_scalar(const struct node *n, struct vars *vs, struct arena *a,
	struct diag *d, const char **ret, struct err *e);

/* The same in place for every value below `n` (keys are left alone). NULL is nothing. */
must_check int template_fill_nodes(
	struct node *n, struct vars *vs, struct arena *a, struct diag *d, struct err *e);

#endif
