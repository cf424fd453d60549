#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct arena_chunk {
	struct arena_chunk *next;
	void *base; /* as allocated */
	size_t used;
	size_t size;
	alignas(max_align_t) char data[];
};

static const size_t CHUNK = (size_t)32 << 10;
static const size_t HUGE_PAGE = (size_t)2 << 20;

static struct arena_chunk *chunk_small(size_t size)
{
	struct arena_chunk *c = calloc(1, sizeof(*c) + size);
	if (c != NULL) {
		c->base = c;
		c->size = size;
	}
	return c;
}

static struct arena_chunk *chunk_large(size_t size)
{
	size_t bytes = (sizeof(struct arena_chunk) + size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	void *base = malloc(bytes + HUGE_PAGE);
	if (base == NULL)
		return NULL;
	uintptr_t aligned = ((uintptr_t)base + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
	struct arena_chunk *c = (void *)((char *)base + (aligned - (uintptr_t)base));
	/* Without huge pages all is well, only slower. */
	(void)madvise(c, bytes, MADV_HUGEPAGE);
	memset(c, 0, bytes);
	c->base = base;
	c->size = bytes - sizeof(*c);
	return c;
}

void *arena_alloc(struct arena *a, size_t size, struct err *e)
{
	size_t max = a->max != 0 ? a->max : ARENA_MAX;
	size_t align = alignof(max_align_t);
	if (size > max - align || a->used > max - size - align) {
		err_set(e, ERR_MACHINE, 0, "more than %zu bytes of input in memory", max);
		return NULL;
	}
	size = (size + align - 1) / align * align;
	struct arena_chunk *c = a->chunks;
	if (c == NULL || c->size - c->used < size) {
		/* A large piece gets a chunk of its own behind the one still being filled. */
		bool large = a->large && a->used + size > HUGE_PAGE / 4 && size <= ARENA_MAX;
		bool alone = c != NULL && size > (large ? HUGE_PAGE : CHUNK) / 4;
		size_t want = alone || size > CHUNK ? size : CHUNK;
		large = large && (!alone || size > HUGE_PAGE / 2);
		struct arena_chunk *fresh = large ? chunk_large(want) : chunk_small(want);
		if (fresh == NULL) {
			err_nomem(e);
			return NULL;
		}
		if (alone) {
			fresh->next = c->next;
			c->next = fresh;
		} else {
			fresh->next = c;
			a->chunks = fresh;
		}
		c = fresh;
	}
	void *p = c->data + c->used;
	c->used += size;
	a->used += size;
	return p;
}

void *arena_array(struct arena *a, size_t count, size_t size, struct err *e)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes)) {
		err_set(e, ERR_MACHINE, 0, "more elements than memory has bytes");
		return NULL;
	}
	return arena_alloc(a, bytes, e);
}

char *arena_strndup(struct arena *a, const char *text, size_t len, struct err *e)
{
	char *p = arena_alloc(a, len + 1, e);
	if (p != NULL && len > 0)
		memcpy(p, text, len);
	return p;
}

char *arena_strdup(struct arena *a, const char *text, struct err *e)
{
	return arena_strndup(a, text, strlen(text), e);
}

char *arena_printf(struct arena *a, struct err *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		err_set(e, ERR_BUG, 0, "format \"%s\"", fmt);
		return NULL;
	}
	char *p = arena_alloc(a, (size_t)n + 1, e);
	if (p == NULL)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

void *arena_push(
	struct arena *a, void *array_ptr, size_t *count, size_t *cap, size_t size, struct err *e)
{
	char *array;
	memcpy(&array, array_ptr, sizeof(array));
	if (*count == *cap) {
		size_t more = *cap != 0 ? *cap * 2 : 8;
		char *grown = arena_array(a, more, size, e);
		if (grown == NULL)
			return NULL;
		if (*count > 0)
			memcpy(grown, array, *count * size);
		memcpy(array_ptr, &grown, sizeof(grown));
		array = grown;
		*cap = more;
	}
	return array + size * (*count)++;
}

void arena_free(struct arena *a)
{
	struct arena_chunk *c = a->chunks;
	while (c != NULL) {
		struct arena_chunk *next = c->next;
		free(c->base);
		c = next;
	}
	*a = (struct arena){ .max = a->max, .large = a->large };
}
