#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "check.h"

static void err_set_appends_strerror(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(err_set(&e, ERR_MACHINE, ENOENT, "open %s", "x"), -1);
	assert_string_equal(e.msg, "open x: No such file or directory");
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_int_equal(e.errnum, ENOENT);
	assert_false(e.again);
}

static void err_wrap_puts_outer_first(void **state)
{
	(void)state;
	struct err e;
	err_set(&e, ERR_INPUT, 0, "cause");
	assert_int_equal(err_wrap(&e, "inner %d", 1), -1);
	err_wrap(&e, "outer");
	assert_string_equal(e.msg, "outer: inner 1: cause");
	assert_int_equal(e.kind, ERR_INPUT);
}

static void err_wrap_never_drops_root_cause(void **state)
{
	(void)state;
	struct err e;
	char big[2000];
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_INPUT, 0, "the cause");
	for (int i = 0; i < 5; i++)
		err_wrap(&e, "%s", big);
	assert_string_equal(e.msg + strlen(e.msg) - strlen("the cause"), "the cause");
	assert_true(strlen(e.msg) < sizeof(e.msg));
}

static void err_set_survives_long_text(void **state)
{
	(void)state;
	struct err e;
	char big[3000];
	memset(big, 'b', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_INPUT, EIO, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
	assert_int_equal(err_wrap(&e, "more"), -1);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(err_set_appends_strerror),
		cmocka_unit_test(err_wrap_puts_outer_first),
		cmocka_unit_test(err_wrap_never_drops_root_cause),
		cmocka_unit_test(err_set_survives_long_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
