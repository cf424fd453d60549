#include "base/text.h"

#include <string.h>

#define WORD_MAX 64

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Optimal string alignment distance (Damerau-Levenshtein without overlapping edits). */
static size_t distance(const char *a, size_t la, const char *b, size_t lb)
{
	size_t row[3][WORD_MAX + 1];
	for (size_t j = 0; j <= lb; j++)
		row[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *now = row[i % 3], *up = row[(i - 1) % 3], *up2 = row[(i + 1) % 3];
		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t change = up[j - 1] + (a[i - 1] != b[j - 1]);
			now[j] = least(least(up[j] + 1, now[j - 1] + 1), change);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				now[j] = least(now[j], up2[j - 2] + 1);
		}
	}
	return row[la % 3][lb];
}

const char *text_nearest(const char *word, const char *(*name_at)(const void *ctx, size_t i),
	const void *ctx, size_t count)
{
	size_t len = strlen(word);
	const char *best = NULL;
	size_t best_distance = len / 3 + 1;
	if (len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		const char *name = name_at(ctx, i);
		size_t name_len = strlen(name);
		if (name_len > WORD_MAX)
			continue;
		size_t d = distance(word, len, name, name_len);
		if (d < best_distance || (d == best_distance && best == NULL && d < name_len)) {
			best = name;
			best_distance = d;
		}
	}
	return best;
}

bool text_number(
	const char *text, unsigned long long low, unsigned long long high, unsigned long long *ret)
{
	unsigned long long v = 0;
	if (*text == '\0')
		return false;
	for (const char *p = text; *p != '\0'; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(v, 10ULL, &v) ||
			__builtin_add_overflow(v, (unsigned long long)(*p - '0'), &v))
			return false;
	}
	if (v < low || v > high)
		return false;
	*ret = v;
	return true;
}

bool text_starts(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

size_t text_utf8_len(const char *text, size_t left)
{
	const unsigned char *p = (const unsigned char *)text;
	if (left == 0)
		return 0;
	size_t n = p[0] < 0x80                   ? 1
		   : p[0] >= 0xc2 && p[0] < 0xe0 ? 2
		   : p[0] >= 0xe0 && p[0] < 0xf0 ? 3
		   : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
						 : 0;
	if (n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}
