#include "given.h"

#include "fail.h"
#include "recipe/var.h"
#include "recipe/var_type.h"

static struct vars declared(struct given *g, const char *yaml)
{
	struct vars vs = { 0 };
	struct node *n = given_yaml(g, yaml);
	assert_int_equal(vars_apply(&vs, n, "base", &g->arena, &g->diag, &g->err), 0);
	return vs;
}

static void apply(struct given *g, struct vars *vs, const char *yaml)
{
	struct node *n = given_yaml(g, yaml);
	assert_int_equal(vars_apply(vs, n, "acme", &g->arena, &g->diag, &g->err), 0);
}

static void set(struct given *g, struct vars *vs, const char *assignment)
{
	assert_int_equal(vars_set(vs, assignment, &g->arena, &g->diag, &g->err), 0);
}

static void resolve(struct given *g, struct vars *vs)
{
	assert_int_equal(vars_resolve(vs, &g->arena, &g->diag, &g->err), 0);
}

static const char *value(const struct vars *vs, const char *name)
{
	struct var *v = vars_find(vs, name);
	assert_non_null(v);
	return v->value;
}

#define TTL "ttl: {type: int, default: 60, min: 10, max: 100, help: seconds}\n"

static void vars_apply_declares(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, TTL "name: {type: string, optional: true, help: a name}\n");
	resolve(g, &vs);
	assert_problems(g, "");
	const struct var *v = vars_find(&vs, "ttl");
	assert_int_equal(v->type, VAR_INT);
	assert_int_equal(v->min, 10);
	assert_int_equal(v->max, 100);
	assert_string_equal(v->value, "60");
	assert_string_equal(v->layer, "default");
	assert_string_equal(v->help, "seconds");
	assert_int_equal(v->declared.line, 1);
	assert_int_equal(v->set_at.col, 27);
	assert_false(v->used);
	assert_string_equal(value(&vs, "name"), "");
}

static void vars_last_word_counts(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, TTL);
	apply(g, &vs, "ttl: 70\n");
	resolve(g, &vs);
	assert_string_equal(value(&vs, "ttl"), "70");
	assert_string_equal(vs.list[0].layer, "acme");
	set(g, &vs, "ttl=80");
	set(g, &vs, "ttl=90");
	resolve(g, &vs);
	assert_string_equal(value(&vs, "ttl"), "90");
	assert_string_equal(vs.list[0].layer, "--set");
	assert_problems(g, "");
}

static void vars_declared_again_start_anew(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, TTL "b: {type: bool, default: true, help: x}\n");
	apply(g, &vs, "ttl: {type: string, default: forever, help: words}\n");
	resolve(g, &vs);
	assert_problems(g, "");
	assert_int_equal(vs.count, 2);
	assert_string_equal(vs.list[0].name, "ttl");
	assert_int_equal(vs.list[0].type, VAR_STRING);
	assert_string_equal(vs.list[0].value, "forever");
}

static void vars_resolve_refers_either_way(void **state)
{
	struct given *g = *state;
	struct vars vs =
		declared(g, "c: {type: string, default: \"{{b}} {{{{a}} {{b}}\", help: x}\n"
			    "a: {type: fqdn, default: vpn.example.com, help: x}\n"
			    "b: {type: string, default: \"@{{a}}\", help: x}\n");
	set(g, &vs, "a=vpn.example.org");
	resolve(g, &vs);
	assert_problems(g, "");
	assert_string_equal(value(&vs, "b"), "@vpn.example.org");
	assert_string_equal(value(&vs, "c"), "@vpn.example.org {{a}} @vpn.example.org");
	assert_true(vars_find(&vs, "a")->used);
	assert_true(vars_find(&vs, "b")->used);
	assert_false(vars_find(&vs, "c")->used);
}

/* A company derives a base recipe's variable from one of its own, which is declared later. */
static void vars_resolve_override_refers_to_a_new_one(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, "pool: {type: fqdn, default: vpn.example.com, help: x}\n");
	apply(g, &vs,
		"domain: {type: fqdn, default: acme.example, help: x}\n"
		"pool: vpn.{{domain}}\n");
	resolve(g, &vs);
	assert_problems(g, "");
	assert_string_equal(value(&vs, "pool"), "vpn.acme.example");
}

static void vars_resolve_filled_value_is_checked(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, "a: {type: string, default: x, help: x}\n"
				     "b: {type: int, default: \"1{{a}}\", help: x}\n");
	resolve(g, &vs);
	assert_problems(g, "f.yaml:2:25: b is \"1x\": allowed is a whole number\n");
	assert_string_equal(value(&vs, "b"), "");
}

static void vars_resolve_in_a_circle(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, "a: {type: string, default: \"{{b}}\", help: x}\n"
				     "b: {type: string, default: \"{{c}}\", help: x}\n"
				     "c: {type: string, default: \"{{a}}\", help: x}\n"
				     "d: {type: string, default: y, help: x}\n");
	set(g, &vs, "d={{d}}");
	resolve(g, &vs);
	assert_problems(g,
		"f.yaml:3:29: {{a}} in a value that it needs itself: values must not go in a "
		"circle\n"
		"--set: {{d}} in a value that it needs itself: values must not go in a circle\n");
}

static void vars_resolve_a_long_chain(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (int i = 0; i < VARS_MAX - 1; i++)
		assert_int_equal(
			buf_printf(&b, &g->err, "v%d: {type: int, default: \"{{v%d}}\", help: x}\n",
				i, i + 1),
			0);
	assert_int_equal(
		buf_printf(&b, &g->err, "v%d: {type: int, default: 7, help: x}\n", VARS_MAX - 1),
		0);
	struct vars vs = declared(g, b.data);
	buf_free(&b);
	resolve(g, &vs);
	assert_problems(g, "");
	assert_string_equal(value(&vs, "v0"), "7");
}

static void vars_set_faults(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, TTL);
	set(g, &vs, "ttl");
	set(g, &vs, "=5");
	set(g, &vs, "tll=5");
	set(g, &vs, "colour=blue");
	set(g, &vs, "ttl=5\xff");
	set(g, &vs, "ttl=1000");
	resolve(g, &vs);
	assert_problems(g, "--set: \"ttl\": allowed is NAME=VALUE\n"
			   "--set: \"=5\": allowed is NAME=VALUE\n"
			   "--set: unknown variable \"tll\": did you mean \"ttl\"?\n"
			   "--set: unknown variable \"colour\": the recipe declares none of that "
			   "name\n"
			   "--set: \"ttl=5\\xff\" is no UTF-8: it must be\n"
			   "--set: ttl is \"1000\": allowed is a whole number from 10 to 100\n");
}

static void vars_set_keeps_what_is_behind_the_first_equals(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, "a: {type: string, optional: true, help: x}\n");
	set(g, &vs, "a=b=c");
	resolve(g, &vs);
	assert_string_equal(value(&vs, "a"), "b=c");
	set(g, &vs, "a=");
	resolve(g, &vs);
	assert_string_equal(value(&vs, "a"), "");
	assert_problems(g, "");
}

static void vars_apply_null_is_empty(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, "a: {type: string, default: x, optional: true, help: x}\n"
				     "b: {type: string, default: x, help: x}\n");
	apply(g, &vs, "a: ~\nb:\n");
	resolve(g, &vs);
	assert_string_equal(value(&vs, "a"), "");
	assert_problems(g, "f.yaml:2:3: b is empty: allowed is a text of one line without control "
			   "characters\n");
}

static void vars_apply_a_broken_declaration_is_known(void **state)
{
	struct given *g = *state;
	struct vars vs = declared(g, "a: {type: nmber, help: x}\n");
	set(g, &vs, "a=1");
	resolve(g, &vs);
	assert_problems(g, "f.yaml:1:4: a without default: it is needed, or `optional: true`\n"
			   "f.yaml:1:11: type is \"nmber\": allowed is string, int, bool, cidr, "
			   "address, fqdn, url or enum\n");
}

static void vars_apply_too_many(void **state)
{
	struct given *g = *state;
	struct buf b = { 0 };
	for (int i = 0; i <= VARS_MAX; i++)
		assert_int_equal(
			buf_printf(&b, &g->err, "v%d: {type: int, default: 1, help: x}\n", i), 0);
	struct vars vs = declared(g, b.data);
	buf_free(&b);
	assert_int_equal(vs.count, VARS_MAX);
	assert_problems(g, "f.yaml:257:1: too many variables: at most 256 are allowed\n");
}

static void vars_nearest_of_nothing(void **state)
{
	(void)state;
	struct vars vs = { 0 };
	assert_null(vars_find(&vs, "a"));
	assert_null(vars_nearest(&vs, "a"));
}

/* ---- types ---- */

struct typed {
	enum var_type type;
	const char *text;
	const char *canonical; /* NULL: refused */
};

static void var_check_by_type(void **state)
{
	struct given *g = *state;
	static const char *words[] = { "quiet", "chatty" };
	static const struct typed cases[] = {
		{ VAR_STRING, "any text = {}", "any text = {}" },
		{ VAR_STRING, "é", "é" },
		{ VAR_STRING, "two\nlines", NULL },
		{ VAR_STRING, "tab\t", NULL },
		{ VAR_STRING, "\x7f", NULL },
		{ VAR_STRING, "", NULL },
		{ VAR_INT, "0", "0" },
		{ VAR_INT, "-7", "-7" },
		{ VAR_INT, "9223372036854775807", "9223372036854775807" },
		{ VAR_INT, "9223372036854775808", NULL },
		{ VAR_INT, "-0", NULL },
		{ VAR_INT, "00", NULL },
		{ VAR_INT, "+1", NULL },
		{ VAR_INT, "1.0", NULL },
		{ VAR_INT, " 1", NULL },
		{ VAR_INT, "-", NULL },
		{ VAR_BOOL, "true", "true" },
		{ VAR_BOOL, "false", "false" },
		{ VAR_BOOL, "True", NULL },
		{ VAR_BOOL, "yes", NULL },
		{ VAR_CIDR, "10.0.0.0/8", "10.0.0.0/8" },
		{ VAR_CIDR, "10.0.0.1/8", NULL },
		{ VAR_CIDR, "10.0.0.0", NULL },
		{ VAR_CIDR, "10.0.0.0/33", NULL },
		{ VAR_ADDRESS, "192.0.2.1", "192.0.2.1" },
		{ VAR_ADDRESS, "192.0.2", NULL },
		{ VAR_FQDN, "vpn.example.com", "vpn.example.com" },
		{ VAR_FQDN, "vpn", NULL },
		{ VAR_URL, "https://example.com/a?b=c#d", "https://example.com/a?b=c#d" },
		{ VAR_URL, "http://example.com", "http://example.com" },
		{ VAR_URL, "s3://bucket/key?versionId=1", "s3://bucket/key?versionId=1" },
		{ VAR_URL, "s3://bucket/", NULL },
		{ VAR_URL, "s3://bucket/?x", NULL },
		{ VAR_URL, "s3:///key", NULL },
		{ VAR_URL, "https:///x", NULL },
		{ VAR_URL, "https://a b/", NULL },
		{ VAR_URL, "https://a/\"", NULL },
		{ VAR_URL, "ftp://example.com/", NULL },
		{ VAR_URL, "example.com", NULL },
		{ VAR_ENUM, "quiet", "quiet" },
		{ VAR_ENUM, "quite", NULL },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct var v = { .name = "v",
			.type = cases[i].type,
			.min = INT64_MIN,
			.max = INT64_MAX,
			.set_at = { "f", (unsigned)i + 1, 1 } };
		if (v.type == VAR_ENUM) {
			v.values = words;
			v.value_count = 2;
		}
		const char *ret;
		size_t before = diag_total(&g->diag);
		assert_int_equal(
			var_check(&v, cases[i].text, &g->arena, &g->diag, &ret, &g->err), 0);
		if (cases[i].canonical == NULL) {
			assert_null(ret);
			assert_int_equal(diag_total(&g->diag), before + 1);
		} else {
			assert_non_null(ret);
			assert_string_equal(ret, cases[i].canonical);
			assert_int_equal(diag_total(&g->diag), before);
		}
	}
}

static void var_check_range_at_its_ends(void **state)
{
	struct given *g = *state;
	static const struct {
		const char *text;
		bool good;
	} cases[] = { { "9", false }, { "10", true }, { "20", true }, { "21", false } };
	for (size_t i = 0; i < 4; i++) {
		struct var v = { .name = "v", .type = VAR_INT, .min = 10, .max = 20 };
		const char *ret;
		v.set_at.file = "f";
		assert_int_equal(
			var_check(&v, cases[i].text, &g->arena, &g->diag, &ret, &g->err), 0);
		assert_int_equal(ret != NULL, cases[i].good);
	}
}

static void var_types_have_names_and_words(void **state)
{
	(void)state;
	for (size_t i = 0; i < VAR_TYPE_COUNT; i++) {
		enum var_type t;
		assert_true(var_type_parse(var_type_name((enum var_type)i), &t));
		assert_int_equal(t, i);
		assert_true(strlen(var_type_allows(t)) > 3);
	}
}

static void var_name_valid_at_its_limits(void **state)
{
	(void)state;
	char name[VAR_NAME_MAX + 2];
	memset(name, 'a', sizeof(name));
	name[VAR_NAME_MAX + 1] = '\0';
	assert_false(var_name_valid(name));
	name[VAR_NAME_MAX] = '\0';
	assert_true(var_name_valid(name));
	assert_false(var_name_valid(""));
	assert_false(var_name_valid("_a"));
	assert_false(var_name_valid("1a"));
	assert_false(var_name_valid("aB"));
	assert_true(var_name_valid("a_1"));
}

static void vars_each_allocation_fails(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct given g;
		given_start(&g);
		struct vars vs = { 0 };
		struct node *a =
			given_yaml(&g, "a: {type: cidr, default: 10.0.0.0/8, help: x}\n"
				       "b: {type: enum, values: [x, y], default: x, help: x}\n"
				       "c: {type: string, default: \"{{a}}{{b}}\", help: x}\n");
		fail_arm(FAIL_ALLOC, n);
		int rc = vars_apply(&vs, a, "base", &g.arena, &g.diag, &g.err);
		if (rc == 0)
			rc = vars_set(&vs, "b=y", &g.arena, &g.diag, &g.err);
		if (rc == 0)
			rc = vars_resolve(&vs, &g.arena, &g.diag, &g.err);
		bool hit = fail_disarm();
		assert_int_equal(rc, hit ? -1 : 0);
		if (!hit)
			assert_string_equal(value(&vs, "c"), "10.0.0.0/8y");
		arena_free(&g.arena);
		if (!hit)
			break;
	}
}

/* The same with an arena that is full after each number of bytes. */
static void vars_each_piece_of_memory_fails(void **state)
{
	(void)state;
	for (size_t room = 16;; room += 16) {
		struct given g;
		given_start(&g);
		struct vars vs = { 0 };
		struct node *a =
			given_yaml(&g, "a: {type: cidr, default: 10.0.0.0/8, help: x}\n"
				       "b: {type: enum, values: [x, y], default: x, help: x}\n"
				       "c: {type: string, default: \"{{a}}{{b}}\", help: x}\n");
		g.arena.max = g.arena.used + room;
		int rc = vars_apply(&vs, a, "base", &g.arena, &g.diag, &g.err);
		if (rc == 0)
			rc = vars_set(&vs, "b=y", &g.arena, &g.diag, &g.err);
		if (rc == 0)
			rc = vars_resolve(&vs, &g.arena, &g.diag, &g.err);
		if (rc < 0)
			assert_int_equal(g.err.kind, ERR_MACHINE);
		arena_free(&g.arena);
		if (rc == 0)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(vars_apply_declares),
		given_test(vars_last_word_counts),
		given_test(vars_declared_again_start_anew),
		given_test(vars_resolve_refers_either_way),
		given_test(vars_resolve_override_refers_to_a_new_one),
		given_test(vars_resolve_filled_value_is_checked),
		given_test(vars_resolve_in_a_circle),
		given_test(vars_resolve_a_long_chain),
		given_test(vars_set_faults),
		given_test(vars_set_keeps_what_is_behind_the_first_equals),
		given_test(vars_apply_null_is_empty),
		given_test(vars_apply_a_broken_declaration_is_known),
		given_test(vars_apply_too_many),
		given_test(vars_nearest_of_nothing),
		given_test(var_check_by_type),
		given_test(var_check_range_at_its_ends),
		given_test(var_types_have_names_and_words),
		given_test(var_name_valid_at_its_limits),
		given_test(vars_each_allocation_fails),
		given_test(vars_each_piece_of_memory_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
