/*
 * Progress: rate and time left, and how often what is written where.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/progress.h"
#include "check.h"

#define MIB ((uint64_t)1 << 20)

static void progress_reckons_rate_and_time_left(void **state)
{
	(void)state;
	struct progress p;
	progress_begin(&p, NULL, "upload", 1000 * MIB, 5000);
	assert_int_equal(progress_left(&p), -1);
	assert_string_equal(progress_text(&p).text, "0 %, 0 of 1000 MiB");
	for (int i = 1; i <= 100; i++)
		progress_step(&p, MIB, 5000 + i * 100);
	assert_string_equal(
		progress_text(&p).text, "10 %, 100 of 1000 MiB, 10.0 MiB/s, 1 min 30 s left");
	/* It stalls: the rate goes down and the time up. */
	progress_step(&p, 0, 18000);
	assert_true(p.rate < 5.0 * (double)MIB);
	assert_true(progress_left(&p) > 180);
	progress_end(&p, 18000);
}

static void progress_of_an_earlier_run_counts_but_not_for_the_rate(void **state)
{
	(void)state;
	struct progress p;
	progress_begin(&p, NULL, "upload", 1000 * MIB, 0);
	progress_skip(&p, 900 * MIB);
	progress_step(&p, 20 * MIB, 2000);
	assert_string_equal(progress_text(&p).text, "92 %, 920 of 1000 MiB, 10.0 MiB/s, 8 s left");
}

static void progress_with_nothing_to_do(void **state)
{
	(void)state;
	struct progress p;
	progress_begin(&p, NULL, "upload", 0, 0);
	progress_step(&p, 0, 100000);
	assert_string_equal(progress_text(&p).text, "100 %, 0 of 0 MiB");
}

static size_t lines(const char *text)
{
	size_t n = 0;
	for (; (text = strchr(text, '\n')) != NULL; text++)
		n++;
	return n;
}

static void check_output(bool json, bool quiet, size_t expected, const char *first)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	struct log log = { .out = out, .err = out, .json = json, .quiet = quiet };
	struct progress p;
	progress_begin(&p, &log, "upload", 60 * MIB, 0);
	for (int i = 1; i <= 35; i++)
		progress_step(&p, MIB, i * 1000);
	progress_end(&p, 36000);
	fclose(out);
	assert_int_equal(lines(text), expected);
	assert_int_equal(strncmp(text, first, strlen(first)), 0);
	free(text);
}

static void progress_in_a_pipe_is_a_line_every_ten_seconds(void **state)
{
	(void)state;
	check_output(false, false, 3, "upload: 16 %, 10 of 60 MiB, 1.0 MiB/s, 50 s left\n");
	check_output(false, true, 0, "");
	check_output(true, false, 3, "{");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(progress_reckons_rate_and_time_left),
		cmocka_unit_test(progress_of_an_earlier_run_counts_but_not_for_the_rate),
		cmocka_unit_test(progress_with_nothing_to_do),
		cmocka_unit_test(progress_in_a_pipe_is_a_line_every_ten_seconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
