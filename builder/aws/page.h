/*
 * Answers that come in pages: the token of the next one.
 */
#ifndef IMGBUILD_AWS_PAGE_H
#define IMGBUILD_AWS_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/query.h"
#include "base/arena.h"

/*
 * Take `next` as the token to ask with. False: that was the last page (no token, an empty one, or
 * the very token that was asked with, which would go on for ever).
 */
bool page_next(const char **token, const char *next);

/* A decimal number; 0 for NULL and for anything else. */
int64_t page_number(const char *text);
/* "true". */
bool page_true(const char *text);
/* Seconds since 1970 of "2026-05-01T10:20:30.000Z" (fractions are dropped); 0: it is none. */
int64_t page_time(const char *text);

/* Elements of a list, counted. */
size_t page_count(const struct xml_node *list);

#endif
