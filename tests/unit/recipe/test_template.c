#include "given.h"

#include "fail.h"
#include "recipe/template.h"

static struct var LIST[] = {
	{ .name = "a", .value = "", .ready = true },
	{ .name = "pool_name", .value = "vpn.example.com", .ready = true },
	{ .name = "braces", .value = "{{a}}", .ready = true },
	{ .name = "later", .value = "" },
};

/* A copy of the variables, so that `used` starts anew. */
static struct vars some_vars(struct given *g)
{
	struct var *list = arena_array(&g->arena, 4, sizeof(*list), &g->err);
	assert_non_null(list);
	memcpy(list, LIST, sizeof(LIST));
	return (struct vars){ .list = list, .count = 4, .cap = 4 };
}

static const char *filled(struct given *g, struct vars *vs, const char *text)
{
	struct buf out = { 0 };
	assert_int_equal(template_fill(text, strlen(text), (struct pos){ "x.in", 1, 1 }, vs, &out,
				 &g->diag, &g->err),
		0);
	const char *kept = arena_strndup(&g->arena, out.len > 0 ? out.data : "", out.len, &g->err);
	assert_non_null(kept);
	buf_free(&out);
	return kept;
}

static void template_fill_replaces(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	static const struct {
		const char *text;
		const char *result;
	} cases[] = {
		{ "", "" },
		{ "plain", "plain" },
		{ "{{pool_name}}", "vpn.example.com" },
		{ "x{{pool_name}}y{{a}}z\n", "xvpn.example.comyz\n" },
		{ "{{{{pool_name}}", "{{pool_name}}" },
		{ "{{{{{{pool_name}}", "{{vpn.example.com" },
		{ "{{braces}}", "{{a}}" },
		{ "{ } }} {a} {%x%} $a", "{ } }} {a} {%x%} $a" },
		{ "{{pool_name}}}", "vpn.example.com}" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(filled(g, &vs, cases[i].text), cases[i].result);
	assert_problems(g, "");
}

static void template_fill_marks_used(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	filled(g, &vs, "{{a}} {{{{pool_name}}");
	assert_true(vs.list[0].used);
	assert_false(vs.list[1].used);
}

static void template_fill_faults_at_their_place(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	const char *text = "é日 {{pool_nam}} {{zzz}}\n"
			   "\t{{ pool_name }}\r\n"
			   "{{{a}}} {{A}} {{}} {{later}}\n"
			   "{{a}\n"
			   "}} {{a";
	const char *result = filled(g, &vs, text);
	assert_problems(g,
		"x.in:1:4: {{pool_nam}} is no variable: did you mean {{pool_name}}?\n"
		"x.in:1:17: {{zzz}} is no variable: declare it under vars\n"
		"x.in:2:2: {{ pool_name }}: did you mean {{pool_name}}?\n"
		"x.in:3:1: {{{a}}: did you mean {{a}}?\n"
		"x.in:3:9: {{A}}: allowed is {{name}} ({{{{ stands for a literal {{)\n"
		"x.in:3:15: {{}}: allowed is {{name}} ({{{{ stands for a literal {{)\n"
		"x.in:3:20: {{later}} in a value that it needs itself: values must not go in a circle\n"
		"x.in:4:1: {{ without }} on the same line: allowed is {{name}} ({{{{ stands for a "
		"literal {{)\n"
		"x.in:5:4: {{ without }} on the same line: allowed is {{name}} ({{{{ stands for a "
		"literal {{)\n");
	assert_string_equal(result, text);
	/* What was meant is not reported as unused on top. */
	assert_true(vs.list[0].used && vs.list[1].used);
}

static void template_fill_long_names_are_cut(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	char text[200] = "{{";
	memset(text + 2, 'a', 150);
	strcpy(text + 152, "}}");
	filled(g, &vs, text);
	assert_int_equal(diag_total(&g->diag), 1);
	assert_true(strlen(g->diag.list[0].text) < 140);
}

static void template_fill_keeps_bytes(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	static const char text[] = "\0\xff{{a}}\x80\0";
	struct buf out = { 0 };
	assert_int_equal(template_fill(text, sizeof(text), (struct pos){ "x", 1, 1 }, &vs, &out,
				 &g->diag, &g->err),
		0);
	assert_int_equal(out.len, sizeof(text) - 5);
	assert_memory_equal(out.data, "\0\xff\x80\0", 5);
	buf_free(&out);
}

static void template_next_names(void **state)
{
	(void)state;
	struct template_name name;
	size_t at = 0;
	const char *text = "{{a}} {{{{b}} {{ c }} {{{d}} {{d}}{{e";
	assert_true(template_next(text, &at, &name));
	assert_string_equal(name.text, "a");
	assert_true(template_next(text, &at, &name));
	assert_string_equal(name.text, "d");
	assert_false(template_next(text, &at, &name));
}

static void template_fill_counts_from_the_start_given(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	struct buf out = { 0 };
	assert_int_equal(template_fill("x{{q}}\n{{q}}", 12, (struct pos){ "x", 10, 5 }, &vs, &out,
				 &g->diag, &g->err),
		0);
	assert_problems(g, "x:10:6: {{q}} is no variable: declare it under vars\n"
			   "x:11:1: {{q}} is no variable: declare it under vars\n");
	buf_free(&out);
}

static void template_fill_too_large(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	char *big = malloc(VAR_VALUE_MAX + 1);
	assert_non_null(big);
	memset(big, 'x', VAR_VALUE_MAX);
	big[VAR_VALUE_MAX] = '\0';
	vs.list[0].value = big;
	struct buf text = { 0 }, out = { 0 };
	for (size_t i = 0; i <= TEMPLATE_BYTES_MAX / VAR_VALUE_MAX; i++)
		assert_int_equal(buf_puts(&text, "{{a}}", &g->err), 0);
	assert_int_equal(template_fill(text.data, text.len, (struct pos){ "x", 1, 1 }, &vs, &out,
				 &g->diag, &g->err),
		0);
	assert_problems(g, "x:1:81921: too large when filled in: at most 16777216 bytes are "
			   "allowed\n");
	assert_int_equal(out.len, TEMPLATE_BYTES_MAX);
	buf_free(&text);
	buf_free(&out);
	free(big);
}

static const char *scalar(struct given *g, struct vars *vs, const struct node *n)
{
	const char *text;
	assert_int_equal(template_fill_scalar(n, vs, &g->arena, &g->diag, &text, &g->err), 0);
	return text;
}

static void template_fill_scalar_exact_column_where_it_can_be(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	struct node *n = given_yaml(
		g, "- \"é {{x1}}\"\n- s3://{{x2}}\n- \"\\t{{x3}}\"\n- |\n  one\n  {{x4}}\n");
	for (unsigned i = 0; i < 4; i++)
		scalar(g, &vs, n->items[i]);
	assert_problems(g, "f.yaml:1:6: {{x1}} is no variable: declare it under vars\n"
			   "f.yaml:2:8: {{x2}} is no variable: declare it under vars\n"
			   "f.yaml:3:3: {{x3}} is no variable: declare it under vars\n"
			   "f.yaml:4:3: {{x4}} is no variable: declare it under vars\n");
}

static void template_fill_scalar_without_braces_is_itself(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	struct node *n = given_yaml(g, "text");
	assert_ptr_equal(scalar(g, &vs, n), n->text);
}

static void template_fill_scalar_too_long(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	struct buf text = { 0 };
	assert_int_equal(buf_putc(&text, '"', &g->err), 0);
	for (size_t i = 0; i < 60000 / 13; i++)
		assert_int_equal(buf_puts(&text, "{{pool_name}}", &g->err), 0);
	assert_int_equal(buf_putc(&text, '"', &g->err), 0);
	struct node *n = given_bytes(g, text.data, text.len);
	assert_string_equal(scalar(g, &vs, n), "");
	assert_problems(g, "f.yaml:1:1: a text of 69225 bytes when filled in: at most 65536 are "
			   "allowed\n");
	buf_free(&text);
}

static void template_fill_nodes_all_values_once(void **state)
{
	struct given *g = *state;
	struct vars vs = some_vars(g);
	struct node *n = given_yaml(g, "\"{{a}}\": \"{{pool_name}}\"\nb: [&x \"{{braces}}\", *x, "
				       "{c: \"{{{{\"}]\n");
	for (int round = 0; round < 2; round++) {
		assert_int_equal(template_fill_nodes(n, &vs, &g->arena, &g->diag, &g->err), 0);
		assert_string_equal(n->keys[0]->text, "{{a}}");
		assert_string_equal(n->items[0]->text, "vpn.example.com");
		assert_string_equal(n->items[1]->items[0]->text, "{{a}}");
		assert_string_equal(n->items[1]->items[1]->text, "{{a}}");
		assert_string_equal(node_get(n->items[1]->items[2], "c")->text, "{{");
	}
	assert_int_equal(template_fill_nodes(NULL, &vs, &g->arena, &g->diag, &g->err), 0);
	assert_problems(g, "");
}

static void template_each_allocation_fails(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct given g;
		given_start(&g);
		struct vars vs = some_vars(&g);
		struct node *root = given_yaml(&g, "[\"{{pool_name}}\", \"{{braces}}\"]");
		g.arena.max = g.arena.used + 24; /* the copies may fail, too */
		fail_arm(FAIL_ALLOC, n);
		int rc = template_fill_nodes(root, &vs, &g.arena, &g.diag, &g.err);
		bool hit = fail_disarm();
		assert_int_equal(rc, -1);
		assert_int_equal(g.err.kind, ERR_MACHINE);
		arena_free(&g.arena);
		if (!hit)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(template_fill_replaces),
		given_test(template_fill_marks_used),
		given_test(template_fill_faults_at_their_place),
		given_test(template_fill_long_names_are_cut),
		given_test(template_fill_keeps_bytes),
		given_test(template_fill_counts_from_the_start_given),
		given_test(template_fill_too_large),
		given_test(template_next_names),
		given_test(template_fill_scalar_exact_column_where_it_can_be),
		given_test(template_fill_scalar_without_braces_is_itself),
		given_test(template_fill_scalar_too_long),
		given_test(template_fill_nodes_all_values_once),
		given_test(template_each_allocation_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
