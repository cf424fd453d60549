#include "given.h"

#include "fail.h"

static struct pos at(const char *file, unsigned line, unsigned col)
{
	return (struct pos){ file, line, col };
}

static void diag_sort_by_file_line_column(void **state)
{
	struct given *g = *state;
	diag_add(&g->diag, at("b", 2, 1), "third");
	diag_add(&g->diag, at("a", 9, 9), "fifth");
	diag_add(&g->diag, at("b", 1, 7), "second");
	diag_add(&g->diag, at("a", 1, 1), "fourth");
	diag_add(&g->diag, at("b", 1, 2), "first");
	assert_problems(g, "b:1:2: first\nb:1:7: second\nb:2:1: third\na:1:1: fourth\n"
			   "a:9:9: fifth\n");
}

static void diag_sort_keeps_the_order_of_equal_places(void **state)
{
	struct given *g = *state;
	diag_add(&g->diag, at("a", 1, 1), "one");
	diag_add(&g->diag, at("a", 1, 1), "two");
	diag_add(&g->diag, at("a", 1, 1), "three");
	assert_problems(g, "a:1:1: one\na:1:1: two\na:1:1: three\n");
}

static void diag_add_the_same_twice_counts_once(void **state)
{
	struct given *g = *state;
	char other_memory[] = "a";
	diag_add(&g->diag, at("a", 1, 1), "one");
	diag_add(&g->diag, at(other_memory, 1, 1), "one");
	diag_add(&g->diag, at("a", 1, 2), "one");
	assert_int_equal(diag_total(&g->diag), 2);
}

static void diag_print_whole_file_has_no_line(void **state)
{
	struct given *g = *state;
	diag_add(&g->diag, at("--set", 0, 0), "text");
	diag_add(&g->diag, at(NULL, 0, 0), "no file");
	assert_problems(g, "--set: text\n: no file\n");
}

static void diag_add_control_characters_are_shown(void **state)
{
	struct given *g = *state;
	diag_add(&g->diag, at("a", 1, 1), "%s", "x\x1b[2J\n\x7f\xc2\x9b\xff é");
	assert_problems(g, "a:1:1: x\\x1b[2J\\x0a\\x7f\\xc2\\x9b\\xff é\n");
}

static void diag_add_long_text_is_cut_between_characters(void **state)
{
	struct given *g = *state;
	for (size_t shift = 0; shift < 3; shift++) {
		char text[6001];
		for (size_t i = 0; i < sizeof(text) - 1; i += 3)
			memcpy(text + i, "\xe6\x97\xa5", 3);
		text[6000] = '\0';
		diag_add(&g->diag, at("a", 1, (unsigned)shift + 1), "%.*s%s", (int)shift, "xy",
			text);
		const char *kept = g->diag.list[shift].text;
		size_t len = strlen(kept);
		assert_in_range(len, 895, 900);
		assert_string_equal(kept + len - 3, "...");
		assert_null(strchr(kept, '\\'));
	}
}

static void diag_add_beyond_the_limit_is_counted(void **state)
{
	struct given *g = *state;
	for (unsigned i = 0; i < DIAG_MAX + 50; i++)
		diag_add(&g->diag, at("a", i + 1, 1), "text");
	assert_int_equal(g->diag.count, DIAG_MAX);
	assert_int_equal(diag_total(&g->diag), DIAG_MAX + 50);
}

static void diag_add_without_memory_is_counted(void **state)
{
	struct given *g = *state;
	fail_arm(FAIL_ALLOC, 1);
	diag_add(&g->diag, at("a", 1, 1), "text");
	assert_true(fail_disarm());
	assert_int_equal(diag_total(&g->diag), 1);
	diag_add(&g->diag, at("a", 1, 1), "text");
	assert_int_equal(diag_total(&g->diag), 2);
}

static void diag_show_cuts_with_dots(void **state)
{
	(void)state;
	char text[200];
	memset(text, 'x', sizeof(text));
	text[83] = '\0';
	assert_string_equal(diag_show(text).text, text);
	text[83] = 'x';
	text[84] = '\0';
	assert_int_equal(strlen(diag_show(text).text), 83);
	assert_string_equal(diag_show(text).text + 80, "...");
	assert_string_equal(diag_show("").text, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		given_test(diag_sort_by_file_line_column),
		given_test(diag_sort_keeps_the_order_of_equal_places),
		given_test(diag_add_the_same_twice_counts_once),
		given_test(diag_print_whole_file_has_no_line),
		given_test(diag_add_control_characters_are_shown),
		given_test(diag_add_long_text_is_cut_between_characters),
		given_test(diag_add_beyond_the_limit_is_counted),
		given_test(diag_add_without_memory_is_counted),
		given_test(diag_show_cuts_with_dots),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
