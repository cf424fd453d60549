/*
 * What is printed about the program itself, all from the goal, option and recipe key tables:
 * --help, the man page (mdoc(7)), shell completions, the reference of goals and recipe keys
 * (Markdown).
 */
#ifndef IMGBUILD_GOAL_HELP_H
#define IMGBUILD_GOAL_HELP_H

#include <stdio.h>

void help_print(FILE *out);
void man_print(FILE *out);
void completion_bash(FILE *out);
void completion_zsh(FILE *out);
void reference_print(FILE *out);

#endif
