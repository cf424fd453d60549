#include "given.h"

#include "fail.h"

/* ---- what is read ---- */

static void node_parse_kinds_and_places(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "a: x\nb:\n- 'y'\n- {c: d}\né: \"ü\"\n");
	assert_problems(g, "");
	assert_int_equal(n->kind, NODE_MAP);
	assert_int_equal(n->count, 3);
	const struct node *b = node_get(n, "b");
	assert_int_equal(b->kind, NODE_LIST);
	assert_int_equal(b->count, 2);
	assert_string_equal(b->items[0]->text, "y");
	assert_int_equal(b->items[0]->pos.line, 3);
	assert_int_equal(b->items[0]->pos.col, 3);
	assert_string_equal(b->items[0]->pos.file, "f.yaml");
	assert_string_equal(node_get(b->items[1], "c")->text, "d");
	/* Columns count characters. */
	assert_int_equal(n->items[2]->pos.col, 4);
	assert_string_equal(n->items[2]->text, "ü");
	assert_null(node_get(n, "z"));
	assert_null(node_get(b, "c"));
	assert_null(node_get(NULL, "c"));
}

static void node_parse_scalars_stay_text(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "[no, 0644, 12:30, 1e3, true, 1_000, .inf]");
	const char *const texts[] = { "no", "0644", "12:30", "1e3", "true", "1_000", ".inf" };
	assert_int_equal(n->count, 7);
	for (unsigned i = 0; i < 7; i++)
		assert_string_equal(n->items[i]->text, texts[i]);
}

static void node_is_null_only_unquoted(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "a:\nb: ~\nc: null\nd: ''\ne: '~'\nf: !!str null\ng: []\n");
	for (unsigned i = 0; i < 7; i++)
		assert_int_equal(node_is_null(n->items[i]), i < 3);
	assert_string_equal(node_kind_text(n->items[0]), "empty");
	assert_string_equal(node_kind_text(n->items[3]), "a text");
	assert_string_equal(node_kind_text(n->items[6]), "a list");
	assert_string_equal(node_kind_text(n), "a map");
}

static void node_parse_as_written_when_columns_can_be_counted(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g,
		"- plain é\n- 'single'\n- \"double\"\n- 'it''s'\n- \"\\n\"\n- |\n  block\n- two\n"
		"  lines\n- &a anchored\n- !!str tagged\n");
	const bool expected[] = { true, true, true, false, false, false, false, false, false };
	assert_problems(g, "");
	assert_int_equal(n->count, 9);
	for (unsigned i = 0; i < 9; i++)
		assert_int_equal(n->items[i]->as_written, expected[i]);
}

static void node_parse_alias_shares_the_node(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "a: &x [1]\nb: *x\nc: &x [2]\nd: *x\n");
	assert_problems(g, "");
	assert_ptr_equal(n->items[0], n->items[1]);
	assert_ptr_equal(n->items[2], n->items[3]);
	assert_int_equal(n->items[1]->pos.line, 1);
}

static void node_parse_alias_as_key(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "- &k name\n- *k : x\n");
	assert_problems(g, "");
	assert_string_equal(node_get(n->items[1], "name")->text, "x");
}

static void node_parse_equal_texts_are_kept_once(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "[rtx810, rtx810, rtx81, rtx8100]");
	assert_ptr_equal(n->items[0]->text, n->items[1]->text);
	assert_string_equal(n->items[2]->text, "rtx81");
	assert_string_equal(n->items[3]->text, "rtx8100");
}

static void node_parse_empty_is_null_without_problem(void **state)
{
	struct given *g = *state;
	assert_null(given_yaml(g, ""));
	assert_null(given_yaml(g, "# only a comment\n"));
	assert_problems(g, "");
}

static void node_parse_byte_order_mark_is_skipped(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "\xef\xbb\xbf"
				       "a: b\n");
	assert_problems(g, "");
	assert_string_equal(n->keys[0]->text, "a");
	assert_int_equal(n->keys[0]->pos.col, 1);
}

static void node_parse_line_ends_of_dos(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "a: b\r\nc: d\r\n");
	assert_string_equal(node_get(n, "a")->text, "b");
	assert_int_equal(node_get(n, "c")->pos.line, 2);
}

/* ---- what is refused ---- */

struct bad {
	const char *text;
	const char *problems;
};

static void node_parse_refuses(void **state)
{
	struct given *g = *state;
	static const struct bad cases[] = {
		{ "a: \"\\0\"\n",
			"f.yaml:1:4: a NUL character inside of a text: allowed are all others\n" },
		{ "a: [*x]\n", "f.yaml:1:5: alias *x: no anchor of that name stands before it\n" },
		{ "a: &x {b: *x}\n", "f.yaml:1:11: alias *x inside of what it stands for: it may "
				     "come only behind that\n" },
		{ "a: b\n--- c\n", "f.yaml:2:1: a second document: one is allowed\n" },
		{ "a: b\xe2\x80\xa8\n", "f.yaml:1:5: byte 0xe2, a Unicode line separator: the file "
					"must be plain UTF-8 text\n" },
		{ "a: \xc0\x80\n", "f.yaml:1:4: byte 0xc0, no UTF-8: the file must be plain UTF-8 "
				   "text\n" },
		{ "a: \xef\xbb\xbf\n", "f.yaml:1:4: byte 0xef, a byte order mark: the file must be "
				       "plain UTF-8 text\n" },
		{ "a\r\x01", "f.yaml:2:1: byte 0x01, a control character: the file must be plain "
			     "UTF-8 text\n" },
		{ "\xff\xfe", "f.yaml:1:1: UTF-16: the file must be UTF-8\n" },
		{ "a: `x`\n", "f.yaml:1:4: a value that starts with `: put it in quotes\n" },
		{ "é: {{x}}/y\n", "f.yaml:1:4: a value that starts with {{: put it in quotes\n" },
		{ "%TAG x\n", NULL },
		{ "a: !<\n", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct given fresh;
		given_start(&fresh);
		assert_null(given_yaml(&fresh, cases[i].text));
		const char *text = given_problems(&fresh);
		if (cases[i].problems == NULL)
			assert_non_null(strstr(text, ": allowed is YAML 1.1\n"));
		else if (strncmp(text, cases[i].problems, strlen(cases[i].problems)) != 0)
			assert_string_equal(text, cases[i].problems);
		arena_free(&fresh.arena);
	}
	(void)g;
}

static void node_parse_notes_and_goes_on(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "a: 1\n? [x]\n: 2\n? {y: z}\n: 3\n'': 4\n<<: {b: 5}\n"
				       "'<<': 6\na: 7\nc: !foo 8\nd: !!seq {}\n");
	assert_problems(g,
		"f.yaml:2:3: a list as a key: allowed is a text\n"
		"f.yaml:4:3: a map as a key: allowed is a text\n"
		"f.yaml:6:1: an empty key: allowed is a text\n"
		"f.yaml:7:1: a merge key (<<): allowed are keys written out one by one\n"
		"f.yaml:9:1: key \"a\" a second time (first on line 1): once is allowed\n"
		"f.yaml:10:4: tag !foo on a text: allowed is !!str, or none\n"
		"f.yaml:11:4: tag !!seq on a map: allowed is !!map, or none\n");
	assert_int_equal(n->count, 4);
	assert_string_equal(node_get(n, "a")->text, "1");
	assert_string_equal(node_get(n, "<<")->text, "6");
}

static void node_parse_repeated_key_among_many(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (int i = 0; i < 500; i++)
		assert_int_equal(buf_printf(&b, &g->err, "k%d: %d\n", i % 499, i), 0);
	struct node *n = given_bytes(g, b.data, b.len);
	buf_free(&b);
	assert_problems(
		g, "f.yaml:500:1: key \"k0\" a second time (first on line 1): once is allowed\n");
	assert_int_equal(n->count, 499);
	assert_string_equal(node_get(n, "k0")->text, "0");
	assert_string_equal(node_get(n, "k498")->text, "498");
}

/* ---- limits ---- */

static void repeat(struct buf *b, const char *text, size_t count)
{
	struct err e;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(buf_puts(b, text, &e), 0);
}

static void node_parse_at_the_depth_limit(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	repeat(&b, "[", NODE_DEPTH_MAX);
	repeat(&b, "x", 1);
	repeat(&b, "]", NODE_DEPTH_MAX);
	assert_non_null(given_bytes(g, b.data, b.len));
	assert_problems(g, "");
	buf_clear(&b);
	repeat(&b, "[", NODE_DEPTH_MAX + 1);
	repeat(&b, "]", NODE_DEPTH_MAX + 1);
	assert_null(given_bytes(g, b.data, b.len));
	assert_problems(
		g, "f.yaml:1:17: too many levels of lists and maps: at most 16 are allowed\n");
	buf_free(&b);
}

static void node_parse_alias_counts_its_depth(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	repeat(&b, "a: &a ", 1);
	repeat(&b, "[", NODE_DEPTH_MAX - 1);
	repeat(&b, "]", NODE_DEPTH_MAX - 1);
	repeat(&b, "\nb: [*a]\n", 1);
	assert_null(given_bytes(g, b.data, b.len));
	assert_problems(
		g, "f.yaml:2:5: too many levels of lists and maps: at most 16 are allowed\n");
	buf_free(&b);
}

static void node_parse_scalar_too_long(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	repeat(&b, "x", NODE_SCALAR_MAX);
	assert_non_null(given_bytes(g, b.data, b.len));
	repeat(&b, "x", 1);
	assert_null(given_bytes(g, b.data, b.len));
	assert_problems(g, "f.yaml:1:1: a text of 65537 bytes: at most 65536 are allowed\n");
	buf_free(&b);
}

static void node_parse_file_too_large(void **state)
{
	struct given *g = *state;
	char *data = calloc(1, NODE_BYTES_MAX + 1);
	assert_non_null(data);
	memset(data, '\n', NODE_BYTES_MAX + 1);
	assert_null(given_bytes(g, data, NODE_BYTES_MAX));
	assert_problems(g, "");
	assert_null(given_bytes(g, data, NODE_BYTES_MAX + 1));
	assert_problems(g, "f.yaml: 16777217 bytes: at most 16777216 are allowed\n");
	free(data);
}

static void node_parse_too_many_anchors(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (int i = 0; i <= NODE_ANCHORS_MAX; i++)
		assert_int_equal(buf_printf(&b, &g->err, "- &a%d x\n", i), 0);
	assert_null(given_bytes(g, b.data, b.len));
	assert_problems(g, "f.yaml:257:3: too many anchors: at most 256 are allowed\n");
	buf_free(&b);
}

/* 64 KiB of YAML that would stand for 10^9 nodes, and for a terabyte of text. */
static void node_parse_alias_bombs_cost_nothing(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	repeat(&b, "- &a0 [x,x,x,x,x,x,x,x,x,x]\n", 1);
	for (int i = 1; i < 9; i++) {
		assert_int_equal(buf_printf(&b, &g->err, "- &a%d [", i), 0);
		for (int k = 0; k < 10; k++)
			assert_int_equal(buf_printf(&b, &g->err, "*a%d,", i - 1), 0);
		repeat(&b, "]\n", 1);
	}
	g->arena.max = 64 << 10;
	assert_null(given_bytes(g, b.data, b.len));
	assert_non_null(strstr(given_problems(g),
		"too many values, aliases counted in full: at most 1000000 are allowed\n"));

	struct given text;
	given_start(&text);
	text.arena.max = 256 << 10;
	buf_clear(&b);
	repeat(&b, "- &x ", 1);
	repeat(&b, "y", 60000);
	repeat(&b, "\n", 1);
	repeat(&b, "- *x\n", 1000);
	assert_null(given_bytes(&text, b.data, b.len));
	assert_problems(&text, "f.yaml:280:3: too much text, aliases counted in full: at most "
			       "16777216 bytes are allowed\n");
	arena_free(&text.arena);
	buf_free(&b);
}

static void node_parse_over_the_cap_of_the_arena(void **state)
{
	struct given *g = *state;
	struct node *n;
	g->arena.max = 300;
	const char *text = "[a, b, c, d, e, f, g, h, i]";
	assert_int_equal(node_parse(&g->arena, "f", text, strlen(text), &g->diag, &n, &g->err), -1);
	assert_int_equal(g->err.kind, ERR_MACHINE);
}

/* ---- keys ---- */

static const struct key_spec KEYS[] = {
	{ "name", NODE_SCALAR, true, "" },
	{ "subnets", NODE_LIST, false, "" },
	{ "any", NODE_ANY, false, "" },
};

static void node_check_keys_good(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "{any: {}, name: '', subnets: []}");
	assert_true(node_check_keys(n, "site", KEYS, 3, &g->diag));
	assert_problems(g, "");
}

static void node_check_keys_all_problems_at_once(void **state)
{
	struct given *g = *state;
	struct node *n = given_yaml(g, "subnet: [x]\ncolour: blue\nsubnets: {}\n");
	assert_false(node_check_keys(n, "site", KEYS, 3, &g->diag));
	assert_problems(g, "f.yaml:1:1: unknown site key \"subnet\": did you mean \"subnets\"?\n"
			   "f.yaml:1:1: site without name: it is needed\n"
			   "f.yaml:2:1: unknown site key \"colour\": allowed are name, subnets, "
			   "any\n"
			   "f.yaml:3:10: subnets is a map: allowed is a list\n");
}

static void node_check_keys_no_map(void **state)
{
	struct given *g = *state;
	assert_false(node_check_keys(given_yaml(g, "[x]"), "site", KEYS, 3, &g->diag));
	assert_problems(g, "f.yaml:1:1: site is a list: allowed is a map\n");
}

/* ---- failures ---- */

static void node_parse_each_allocation_fails(void **state)
{
	(void)state;
	struct buf b = { 0 };
	struct err e;
	repeat(&b, "- &a1 [x]\n", 1);
	for (int i = 0; i < 400; i++)
		assert_int_equal(buf_printf(&b, &e, "- {name: site%d, list: [x]}\n", i), 0);
	repeat(&b, "- {", 1);
	for (int i = 0; i < 40; i++)
		assert_int_equal(buf_printf(&b, &e, "k%d: *a1, ", i), 0);
	repeat(&b, "}\n", 1);
	unsigned n = 1;
	for (;; n++) {
		struct given g;
		struct node *root = NULL;
		given_start(&g);
		fail_arm(FAIL_ALLOC, n);
		int rc = node_parse(&g.arena, "f", b.data, b.len, &g.diag, &root, &g.err);
		bool hit = fail_disarm();
		assert_int_equal(rc, hit ? -1 : 0);
		if (hit)
			assert_int_equal(g.err.kind, ERR_MACHINE);
		else
			assert_int_equal(diag_total(&g.diag), 0);
		arena_free(&g.arena);
		if (!hit)
			break;
	}
	assert_true(n > 3);
	buf_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(node_parse_kinds_and_places),
		given_test(node_parse_scalars_stay_text),
		given_test(node_is_null_only_unquoted),
		given_test(node_parse_as_written_when_columns_can_be_counted),
		given_test(node_parse_alias_shares_the_node),
		given_test(node_parse_alias_as_key),
		given_test(node_parse_equal_texts_are_kept_once),
		given_test(node_parse_empty_is_null_without_problem),
		given_test(node_parse_byte_order_mark_is_skipped),
		given_test(node_parse_line_ends_of_dos),
		given_test(node_parse_refuses),
		given_test(node_parse_notes_and_goes_on),
		given_test(node_parse_repeated_key_among_many),
		given_test(node_parse_at_the_depth_limit),
		given_test(node_parse_alias_counts_its_depth),
		given_test(node_parse_scalar_too_long),
		given_test(node_parse_file_too_large),
		given_test(node_parse_too_many_anchors),
		given_test(node_parse_alias_bombs_cost_nothing),
		given_test(node_parse_over_the_cap_of_the_arena),
		given_test(node_check_keys_good),
		given_test(node_check_keys_all_problems_at_once),
		given_test(node_check_keys_no_map),
		given_test(node_parse_each_allocation_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
