/*
 * One proposal, from text: what crypto.c and crypto_parse.c share.
 */
#ifndef IMGBUILD_RECIPE_CRYPTO_PROPOSAL_H
#define IMGBUILD_RECIPE_CRYPTO_PROPOSAL_H

#include "recipe/crypto.h"

/*
 * Take p->text apart and fill in its algorithms. `c` says which IKE version and router it is for.
 * Problems go to `d` at p->pos; then false.
 */
bool proposal_parse(struct proposal *p, bool ike, const struct crypto *c, struct diag *d);

#endif
