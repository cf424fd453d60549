/*
 * What a name in an overlay folder is taken for.
 */
#ifndef IMGBUILD_BUNDLE_INTAKE_H
#define IMGBUILD_BUNDLE_INTAKE_H

#include <stdbool.h>

/* Left lying by version control, an editor or Python: never shipped. */
bool intake_ignores(const char *name);

/* Why a name is refused, as the tail of a message; NULL when it may stay. */
const char *intake_refuses(const char *name);

/* Why nothing may be put at an absolute path of the hub; NULL when it may. */
const char *intake_refuses_place(const char *path);

#endif
