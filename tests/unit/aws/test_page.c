#include "check.h"

#include <string.h>

#include "aws/ec2_template.h"
#include "aws/ec2_token.h"
#include "aws/page.h"

static void page_ends_without_another_token(void **state)
{
	(void)state;
	const char *token = NULL;
	assert_true(page_next(&token, "a"));
	assert_string_equal(token, "a");
	assert_true(page_next(&token, "b"));
	assert_false(page_next(&token, "b"));
	assert_false(page_next(&token, ""));
	assert_false(page_next(&token, NULL));
}

static void time_is_read_as_services_write_it(void **state)
{
	(void)state;
	assert_int_equal(page_time("2023-11-14T22:13:20Z"), 1700000000);
	assert_int_equal(page_time("2023-11-14T22:13:20.999Z"), 1700000000);
	assert_int_equal(page_time("2023-11-14T22:13:20+00:00"), 1700000000);
	static const char *const bad[] = { "", "2023-11-14", "2023-11-14T22:13:20",
		"2023-11-14T22:13:20+01:00", "2023-13-14T22:13:20Z", "x", "2023-11-14T22:13:20ZZ" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(page_time(bad[i]), 0);
	assert_int_equal(page_time(NULL), 0);
}

static void numbers_and_truth(void **state)
{
	(void)state;
	assert_int_equal(page_number("42"), 42);
	assert_int_equal(page_number("-1"), 0);
	assert_int_equal(page_number("4x"), 0);
	assert_int_equal(page_number(NULL), 0);
	assert_true(page_true("true"));
	assert_false(page_true("True"));
	assert_false(page_true(NULL));
}

static void token_is_of_all_words(void **state)
{
	(void)state;
	struct ec2_token a = ec2_token((const char *const[]){ "copy", "ami-1", NULL });
	struct ec2_token b = ec2_token((const char *const[]){ "copy", "ami-1", NULL });
	struct ec2_token c = ec2_token((const char *const[]){ "copya", "mi-1", NULL });
	assert_int_equal(strlen(a.text), 64);
	assert_string_equal(a.text, b.text);
	assert_string_not_equal(a.text, c.text);
}

static void template_follows_a_parameter(void **state)
{
	(void)state;
	assert_string_equal(ec2_template_parameter("resolve:ssm:/hub/ami"), "/hub/ami");
	assert_string_equal(ec2_template_parameter("resolve:ssm:/hub/ami:3"), "/hub/ami:3");
	assert_null(ec2_template_parameter("ami-1"));
	assert_null(ec2_template_parameter(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(page_ends_without_another_token),
		cmocka_unit_test(time_is_read_as_services_write_it),
		cmocka_unit_test(numbers_and_truth),
		cmocka_unit_test(token_is_of_all_words),
		cmocka_unit_test(template_follows_a_parameter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
