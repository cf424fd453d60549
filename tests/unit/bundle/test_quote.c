#include <string.h>
#include <yaml.h>

#include "base/buf.h"
#include "bundle/quote.h"
#include "check.h"

/* Numbers that are the same on every run (Marsaglia's xorshift). */
static uint32_t next(uint32_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 17;
	*x ^= *x << 5;
	return *x;
}

/* libyaml reads `yaml`, a map of one key, and its value is exactly `want`. */
static void assert_reads_back(const struct buf *yaml, const char *want, size_t len)
{
	yaml_parser_t p;
	yaml_event_t ev;
	bool found = false;
	assert_true(yaml_parser_initialize(&p));
	yaml_parser_set_input_string(&p, (const unsigned char *)yaml->data, yaml->len);
	for (unsigned scalars = 0;;) {
		if (!yaml_parser_parse(&p, &ev))
			fail_msg("%s in:\n%s", p.problem, yaml->data);
		bool end = ev.type == YAML_STREAM_END_EVENT;
		if (ev.type == YAML_SCALAR_EVENT && ++scalars == 2) {
			if (ev.data.scalar.length != len ||
				memcmp(ev.data.scalar.value, want, len) != 0)
				fail_msg("read back as \"%s\":\n%s", ev.data.scalar.value,
					yaml->data);
			found = true;
		}
		yaml_event_delete(&ev);
		if (end)
			break;
	}
	yaml_parser_delete(&p);
	assert_true(found);
}

static void scalar(struct buf *out, const char *text)
{
	struct err e;
	buf_clear(out);
	assert_int_equal(quote_yaml(out, text, &e), 0);
}

static void quote_yaml_leaves_plain_words_and_quotes_the_rest(void **state)
{
	(void)state;
	static const char *const cases[][2] = { { "libreswan", "libreswan" },
		{ "/etc/ipsec.conf", "/etc/ipsec.conf" }, { "a-b_c.d+e@f=g", "a-b_c.d+e@f=g" },
		{ "", "''" }, { "yes", "'yes'" }, { "Off", "'Off'" }, { "null", "'null'" },
		{ "~", "'~'" }, { "1", "'1'" }, { "1e3", "'1e3'" }, { "-x", "'-x'" },
		{ "a: b", "'a: b'" }, { "a #b", "'a #b'" }, { "it's", "'it''s'" },
		{ "a b", "'a b'" }, { "{x}", "'{x}'" }, { "a\nb", "\"a\\nb\"" },
		{ "a\tb", "\"a\\x09b\"" }, { "\xc3\xa9", "\"\xc3\xa9\"" },
		{ "\xe2\x80\xa8", "\"\\u2028\"" }, { "\"\\\n", "\"\\\"\\\\\\n\"" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf b = { 0 };
		scalar(&b, cases[i][0]);
		assert_string_equal(b.data, cases[i][1]);
	}
}

static const char *const BITS[] = { "a", " ", "\t", "\n", ":", "#", "-", "'", "\"", "\\", "%", "@",
	"`", "{", "[", ",", "&", "*", "!", "|", ">", "?", "---", "...", "- ", ": ", " #", "\n\n",
	"  ", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xe2\x80\xa8", "\xc2\x85", "\x7f",
	"\x01", "\xef\xbb\xbf", "\r", "no", "1", "0x1f", "2001-01-01", "<<", "=", "~" };

static void text_of_bits(uint32_t *x, char *text, size_t size)
{
	size_t len = 0;
	text[0] = '\0';
	for (uint32_t n = next(x) % 9; n > 0; n--) {
		const char *bit = BITS[next(x) % (sizeof(BITS) / sizeof(BITS[0]))];
		size_t k = strlen(bit);
		if (len + k + 1 > size)
			break;
		memcpy(text + len, bit, k + 1);
		len += k;
	}
}

static void quote_yaml_reads_back(void **state)
{
	(void)state;
	uint32_t x = 2463534242u;
	cleanup_buf struct buf b = { 0 };
	for (int i = 0; i < 20000; i++) {
		char text[128];
		struct err e;
		text_of_bits(&x, text, sizeof(text));
		buf_clear(&b);
		assert_int_equal(buf_puts(&b, "- k: ", &e), 0);
		assert_int_equal(quote_yaml(&b, text, &e), 0);
		assert_int_equal(buf_puts(&b, "\n  l: m\n", &e), 0);
		assert_reads_back(&b, text, strlen(text));
	}
}

static void quote_yaml_refuses_what_is_no_utf8(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	assert_int_equal(quote_yaml(&b, "a\xff", &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
}

static void quote_yaml_is_block_judges(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool block;
	} cases[] = { { "a\n", true }, { "a", true }, { "\ta\n\n", true }, { "", false },
		{ "\n", false }, { "  \n", false }, { "a\r\n", false }, { "a\x01", false },
		{ "a\x7f", false }, { "\xff", false }, { "\xc2\x85z", false },
		{ "z\xe2\x80\xa9", false }, { "\xef\xbb\xbfz", false }, { "\xc3\xa9\n", true },
		{ "\xc0\xaf", false }, { "\xed\xa0\x80", false }, { "\xf4\x90\x80\x80", false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(
			quote_yaml_is_block(cases[i].text, strlen(cases[i].text)), cases[i].block);
	assert_false(quote_yaml_is_block("a\0b", 3));
}

static void quote_yaml_block_reads_back(void **state)
{
	(void)state;
	uint32_t x = 88675123u;
	unsigned blocks = 0;
	cleanup_buf struct buf b = { 0 };
	for (int i = 0; i < 40000; i++) {
		char text[128];
		struct err e;
		text_of_bits(&x, text, sizeof(text));
		if (!quote_yaml_is_block(text, strlen(text)))
			continue;
		blocks++;
		buf_clear(&b);
		assert_int_equal(buf_puts(&b, "- k: ", &e), 0);
		assert_int_equal(quote_yaml_block(&b, text, strlen(text), 4, 2, &e), 0);
		assert_int_equal(buf_puts(&b, "  l: m\n", &e), 0);
		assert_reads_back(&b, text, strlen(text));
	}
	assert_true(blocks > 5000);
}

static void quote_is_utf8_judges(void **state)
{
	(void)state;
	assert_true(quote_is_utf8("a\xf0\x9f\x98\x80", 5));
	assert_false(quote_is_utf8("a\xf0\x9f\x98", 4));
	assert_false(quote_is_utf8("\x80", 1));
	assert_false(quote_is_utf8("a\0", 2));
	assert_true(quote_is_utf8("", 0));
}

static void quote_shell_quotes(void **state)
{
	(void)state;
	static const char *const cases[][2] = { { "/a/b.c", "/a/b.c" }, { "", "''" },
		{ "a b", "'a b'" }, { "a'b", "'a'\\''b'" }, { "$(x)", "'$(x)'" },
		{ "a\nb", "'a\nb'" }, { "~x", "'~x'" }, { "*", "'*'" }, { "a;b", "'a;b'" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e;
		cleanup_buf struct buf b = { 0 };
		assert_int_equal(quote_shell(&b, cases[i][0], &e), 0);
		assert_string_equal(b.data, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quote_yaml_leaves_plain_words_and_quotes_the_rest),
		cmocka_unit_test(quote_yaml_reads_back),
		cmocka_unit_test(quote_yaml_refuses_what_is_no_utf8),
		cmocka_unit_test(quote_yaml_is_block_judges),
		cmocka_unit_test(quote_yaml_block_reads_back),
		cmocka_unit_test(quote_is_utf8_judges),
		cmocka_unit_test(quote_shell_quotes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
