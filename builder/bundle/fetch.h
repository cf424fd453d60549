/*
 * The script of the fetch form (fetch.py), linked in.
 */
#ifndef IMGBUILD_BUNDLE_FETCH_H
#define IMGBUILD_BUNDLE_FETCH_H

#include <stddef.h>

extern const char FETCH_SCRIPT[];
extern const char FETCH_SCRIPT_END[];

static inline size_t fetch_script_size(void)
{
	return (size_t)(FETCH_SCRIPT_END - FETCH_SCRIPT);
}

#endif
