/*
 * {{name}} templates: files whose name ends in `.in` (overlay files, cloud-config parts), and the
 * scalar values of a recipe. `{{{{` stands for a literal `{{`. There are no conditions and no
 * loops.
 */
#ifndef IMGBUILD_RECIPE_TEMPLATE_H
#define IMGBUILD_RECIPE_TEMPLATE_H

#include "base/buf.h"
#include "recipe/var.h"

/*
 * Append `text` with every {{name}} replaced to *ret and mark the variables as used. Unknown names
 * (with the nearest known one), unclosed braces and malformed names are problems at their
 * file:line:col, counted from `start` (line and column of the text's first character).
 * -1 only for ERR_MACHINE.
 */
must_check int template_fill(const char *text, size_t len, struct pos start, struct vars *vs,
	struct buf *ret, struct diag *d, struct err *e);

#endif
