/*
 * The two ends of reading YAML that libyaml does not do well: refusing bytes that are no text
 * before it sees them, and saying what is wrong in words that help.
 */
#ifndef IMGBUILD_RECIPE_YAML_H
#define IMGBUILD_RECIPE_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <yaml.h>

#include "recipe/diag.h"

/*
 * Whether `data` is UTF-8 text as YAML 1.1 allows it, without NUL, control characters and the line
 * separators that editors do not count; else the problem with its place. *ret_skip: bytes of a byte
 * order mark to leave out.
 */
bool yaml_text_ok(const char *file, const char *data, size_t len, struct diag *d, size_t *ret_skip);

/* The place of a mark. */
struct pos yaml_pos(const char *file, yaml_mark_t mark);

/* The problem for a syntax error in `p`, which read `data`. Not for YAML_MEMORY_ERROR. */
void yaml_fault(
	const yaml_parser_t *p, const char *file, const char *data, size_t len, struct diag *d);

#endif
