/*
 * Shared libraries that are loaded when a goal needs them: linking libarchive or a TLS library
 * costs every run more than the whole bundle takes.
 *
 *   #define CALLS(X) X(archive_read_new) X(archive_read_free)
 *   struct calls { CALLS(LIBRARY_POINTER) };
 *   static const char *const NAMES[] = { CALLS(LIBRARY_NAME) };
 *   library_load("libarchive.so.13", "libarchive13", NAMES, COUNT, &calls, e)
 *   calls.archive_read_new();
 */
#ifndef IMGBUILD_BASE_LIBRARY_H
#define IMGBUILD_BASE_LIBRARY_H

#include <stddef.h>

#include "base/err.h"

#define LIBRARY_POINTER(f) __typeof__(f) *f; /* NOLINT(bugprone-macro-parentheses) */
#define LIBRARY_NAME(f)    #f,

/*
 * Load the library (it stays loaded) and fill `calls`, a struct of `count` function pointers in the
 * order of `names`. ERR_MACHINE: not installed (the message names the Debian package), or without
 * one of the functions.
 */
must_check int library_load(const char *soname, const char *package, const char *const *names,
	size_t count, void *calls, struct err *e);

#endif
