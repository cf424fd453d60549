/*
 * Small text helpers: the nearest of known words, strict numbers, UTF-8.
 */
#ifndef IMGBUILD_BASE_TEXT_H
#define IMGBUILD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The candidate nearest to `word` by edit distance (insertion, deletion, substitution, swap of
 * neighbours), or NULL when none is near enough to be a typing mistake (at most a third of it).
 * `name_at(ctx, i)` gives candidate i of `count`.
 */
const char *text_nearest(const char *word, const char *(*name_at)(const void *ctx, size_t i),
	const void *ctx, size_t count);

/* Decimal digits only, no sign, no blank, no overflow, low <= value <= high. */
bool text_number(
	const char *text, unsigned long long low, unsigned long long high, unsigned long long *ret);

bool text_starts(const char *text, const char *prefix);

/* Bytes of the UTF-8 sequence at `p` (RFC 3629), at most `left`; 0 if it is none. */
size_t text_utf8_len(const char *p, size_t left);

#endif
