/* What the tests of this layer start from: memory, problems, and a recipe or record as text. */
#ifndef IMGBUILD_TESTS_RECIPE_GIVEN_H
#define IMGBUILD_TESTS_RECIPE_GIVEN_H

#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "recipe/node.h"

struct given {
	struct arena arena;
	struct diag diag;
	struct err err;
};

static inline void given_start(struct given *g)
{
	*g = (struct given){ 0 };
	g->diag.arena = &g->arena;
}

static inline int given_setup(void **state)
{
	struct given *g = malloc(sizeof(*g));
	assert_non_null(g);
	given_start(g);
	*state = g;
	return 0;
}

static inline int given_teardown(void **state)
{
	struct given *g = *state;
	arena_free(&g->arena);
	free(g);
	return 0;
}

/* All problems, sorted, one a line. */
static inline const char *given_problems(struct given *g)
{
	struct buf b = { 0 };
	diag_sort(&g->diag);
	assert_int_equal(buf_puts(&b, "", &g->err), 0);
	for (size_t i = 0; i < g->diag.count; i++)
		assert_int_equal(diag_print(&g->diag.list[i], &b, &g->err), 0);
	const char *text = arena_strdup(&g->arena, b.data, &g->err);
	assert_non_null(text);
	buf_free(&b);
	return text;
}

#define assert_problems(g, expected) assert_string_equal(given_problems(g), expected)

static inline struct node *given_bytes(struct given *g, const char *data, size_t len)
{
	struct node *n;
	assert_int_equal(node_parse(&g->arena, "f.yaml", data, len, &g->diag, &n, &g->err), 0);
	return n;
}

static inline struct node *given_yaml(struct given *g, const char *text)
{
	return given_bytes(g, text, strlen(text));
}

#define given_test(f) cmocka_unit_test_setup_teardown(f, given_setup, given_teardown)

#endif
