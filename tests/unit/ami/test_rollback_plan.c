#include "check.h"

#include <string.h>

#include "ami/rollback_plan.h"

#define HISTORY_MAX 8

/* "A B C b": published A, B, C, then back to B (a small letter). */
static size_t history(const char *text, struct ssm_parameter list[HISTORY_MAX])
{
	static const char *const values[] = { "ami-a", "ami-b", "ami-c", "ami-d" };
	size_t n = 0;
	for (const char *p = text; *p != '\0'; p++) {
		bool back = *p >= 'a';
		list[n] = (struct ssm_parameter){ .name = "/hub/ami",
			.value = values[back ? *p - 'a' : *p - 'A'],
			.description = back ? ROLLBACK_MARK : "imgbuild publish",
			.version = (int64_t)n + 1 };
		n++;
	}
	return n;
}

static const char *before(const char *text)
{
	struct ssm_parameter list[HISTORY_MAX];
	const struct ssm_parameter *p = rollback_value(list, history(text, list));
	return p != NULL ? p->value : "none";
}

static void value_before_is_the_last_other_one(void **state)
{
	(void)state;
	assert_string_equal(before("AB"), "ami-a");
	assert_string_equal(before("ABC"), "ami-b");
	assert_string_equal(before("ABBB"), "ami-a");
	assert_string_equal(before("ABA"), "ami-b");
}

static void value_before_the_first_is_none(void **state)
{
	(void)state;
	assert_string_equal(before(""), "none");
	assert_string_equal(before("A"), "none");
	assert_string_equal(before("AA"), "none");
	assert_string_equal(before("ABa"), "none");
}

static void rollback_after_rollback_goes_on_back(void **state)
{
	(void)state;
	assert_string_equal(before("ABCb"), "ami-a");
	assert_string_equal(before("ABCDcb"), "ami-a");
	/* Published again after a rollback: that counts. */
	assert_string_equal(before("ABaB"), "ami-a");
	assert_string_equal(before("ABCbD"), "ami-b");
}

static void rollback_under_way_is_told_by_the_last_version(void **state)
{
	(void)state;
	struct ssm_parameter list[HISTORY_MAX];
	assert_false(rollback_under_way(list, history("", list)));
	assert_false(rollback_under_way(list, history("AB", list)));
	assert_true(rollback_under_way(list, history("ABa", list)));
	assert_false(rollback_under_way(list, history("ABaB", list)));
}

static void version_before_has_the_image_or_another_one(void **state)
{
	(void)state;
	struct ec2_template_version versions[] = {
		{ .number = 4, .image = "ami-c", .description = "" },
		{ .number = 3, .image = "ami-c", .description = "" },
		{ .number = 2, .image = "", .description = "" },
		{ .number = 1, .image = "ami-a", .description = "" },
	};
	struct publish_template t = { { "lt-1", "hub", 4, 4 }, versions, 4 };
	assert_int_equal(rollback_version(&t, NULL)->number, 1);
	assert_int_equal(rollback_version(&t, "ami-a")->number, 1);
	assert_int_equal(rollback_version(&t, "ami-c")->number, 4);
	assert_null(rollback_version(&t, "ami-b"));
	t.template.default_version = 1;
	assert_null(rollback_version(&t, NULL));
	assert_int_equal(rollback_version(&t, "ami-a")->number, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value_before_is_the_last_other_one),
		cmocka_unit_test(value_before_the_first_is_none),
		cmocka_unit_test(rollback_after_rollback_goes_on_back),
		cmocka_unit_test(rollback_under_way_is_told_by_the_last_version),
		cmocka_unit_test(version_before_has_the_image_or_another_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
