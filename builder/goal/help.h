/*
 * What is printed about the program itself, all from the goal, option and recipe key tables:
 * --help, the man page (mdoc(7)), shell completions, the reference of goals and recipe keys
 * (Markdown).
 */
#ifndef IMGBUILD_GOAL_HELP_H
#define IMGBUILD_GOAL_HELP_H

#include <stdio.h>

#include "recipe/node.h"

/* The maps of a recipe, in the order of the manual. */
struct key_table {
	const char *title; /* "Recipe" */
	const char *intro; /* a paragraph before the table */
	const struct key_spec *keys;
	const size_t *count;
};
extern const struct key_table KEY_TABLES[];
extern const size_t KEY_TABLE_COUNT;

void help_print(FILE *out);
void man_print(FILE *out);
void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void reference_print(FILE *out);

#endif
