/*
 * Memory that is released all at once: a recipe and everything read for it live in one arena, so
 * that records can point at one another without anybody owning anybody.
 */
#ifndef IMGBUILD_BASE_ARENA_H
#define IMGBUILD_BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct arena_chunk;

struct arena {
	struct arena_chunk *chunks;
	size_t used; /* bytes handed out */
	size_t max;  /* most bytes it may hand out; 0 means ARENA_MAX */
	/* For tens of megabytes: huge pages, where the kernel has them (madvise(2)). Touching a
	 * page for the first time costs more than filling it. */
	bool large;
};

#define ARENA_MAX ((size_t)1 << 30)

/* Zeroed memory aligned for any type. NULL with ERR_MACHINE set: no memory, or over the cap. */
must_check void *arena_alloc(struct arena *a, size_t size, struct err *e);
/* `count` elements of `size` bytes, checked for overflow. */
must_check void *arena_array(struct arena *a, size_t count, size_t size, struct err *e);
/* NUL-terminated copies. */
must_check char *arena_strndup(struct arena *a, const char *text, size_t len, struct err *e);
must_check char *arena_strdup(struct arena *a, const char *text, struct err *e);
must_check char *arena_printf(struct arena *a, struct err *e, const char *fmt, ...) printf_fn(3);

/*
 * Grow an array kept in the arena: when *cap is used up, a copy of twice the size takes its place.
 * On success the element [*count] exists, zeroed, and *count was raised. Returns it, or NULL.
 */
must_check void *arena_push(
	struct arena *a, void *array_ptr, size_t *count, size_t *cap, size_t size, struct err *e);

void arena_free(struct arena *a);

#define cleanup_arena __attribute__((cleanup(arena_free)))

#endif
