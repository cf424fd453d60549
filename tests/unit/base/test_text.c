#include <string.h>

#include "base/digest.h"
#include "base/text.h"
#include "check.h"

static const char *const WORDS[] = { "packages", "overlays", "modes", "vars", "services" };

static const char *word_at(const void *ctx, size_t i)
{
	(void)ctx;
	return WORDS[i];
}

static const char *near(const char *word)
{
	return text_nearest(word, word_at, NULL, sizeof(WORDS) / sizeof(WORDS[0]));
}

static void text_nearest_finds_typing_mistakes(void **state)
{
	(void)state;
	assert_string_equal(near("pakcages"), "packages");
	assert_string_equal(near("package"), "packages");
	assert_string_equal(near("overlay"), "overlays");
	assert_string_equal(near("mode"), "modes");
	assert_string_equal(near("var"), "vars");
}

static void text_nearest_leaves_strangers_alone(void **state)
{
	(void)state;
	assert_null(near("xyzzy"));
	assert_null(near(""));
	assert_null(near("q"));
	char longer[100];
	memset(longer, 'p', 99);
	longer[99] = '\0';
	assert_null(near(longer));
}

static void text_number_is_strict(void **state)
{
	(void)state;
	unsigned long long v = 7;
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1e3",
		"18446744073709551616", "99999999999999999999999" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(text_number(bad[i], 0, ~0ULL, &v));
	assert_int_equal(v, 7);
	assert_true(text_number("18446744073709551615", 0, ~0ULL, &v));
	assert_true(v == ~0ULL);
	assert_true(text_number("10", 10, 10, &v));
	assert_false(text_number("9", 10, 20, &v));
	assert_false(text_number("21", 10, 20, &v));
}

/* FIPS 180-4 example: SHA-256 of "abc". */
static void sha256_of_abc(void **state)
{
	(void)state;
	struct sha256 d = sha256_of("abc", 3);
	assert_string_equal(sha256_text(&d).text,
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_nearest_finds_typing_mistakes),
		cmocka_unit_test(text_nearest_leaves_strangers_alone),
		cmocka_unit_test(text_number_is_strict),
		cmocka_unit_test(sha256_of_abc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
