/*
 * Keys that come twice in a map: for node_read.c.
 */
#ifndef IMGBUILD_RECIPE_NODE_KEYS_H
#define IMGBUILD_RECIPE_NODE_KEYS_H

#include "recipe/node.h"

/* Note each repeated key of a map and leave its later pairs out. ERR_MACHINE. */
must_check int node_drop_repeated(struct node *n, struct diag *d, struct err *e);

#endif
