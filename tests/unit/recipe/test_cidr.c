#include "check.h"

#include <stdio.h>
#include <string.h>

#include "recipe/cidr.h"

static void addr_parse_quads(void **state)
{
	(void)state;
	uint32_t a = 0;
	assert_int_equal(addr_parse("0.0.0.0", &a), CIDR_OK);
	assert_int_equal(a, 0);
	assert_int_equal(addr_parse("192.168.0.1", &a), CIDR_OK);
	assert_int_equal(a, 0xc0a80001);
	assert_int_equal(addr_parse("255.255.255.255", &a), CIDR_OK);
	assert_int_equal(a, UINT32_MAX);
	assert_string_equal(addr_format(0xc0a80001).text, "192.168.0.1");
	assert_string_equal(addr_format(UINT32_MAX).text, "255.255.255.255");
}

static void addr_parse_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3",
		"1..2.3", "256.1.1.1", "1.2.3.4 ", " 1.2.3.4", "01.2.3.4", "1.2.3.04", "1.2.3.4/32",
		"1,2,3,4", "a.b.c.d", "-1.2.3.4", "+1.2.3.4", "1.2.3.99999999999999999999",
		"0x1.2.3.4", ":", "1:2" };
	static const char *const six[] = { "::", "::1", "fe80::1", "2001:DB8::1", "::ffff:1.2.3.4",
		"fe80::1%eth0", "2001:db8::/64" };
	uint32_t a = 42;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(addr_parse(bad[i], &a), CIDR_SYNTAX);
	for (size_t i = 0; i < sizeof(six) / sizeof(six[0]); i++)
		assert_int_equal(addr_parse(six[i], &a), CIDR_IPV6);
	assert_int_equal(a, 42);
}

static void cidr_parse_networks(void **state)
{
	(void)state;
	struct cidr c;
	assert_int_equal(cidr_parse("0.0.0.0/0", &c), CIDR_OK);
	assert_int_equal(c.prefix, 0);
	assert_int_equal(cidr_last(c), UINT32_MAX);
	assert_int_equal(cidr_parse("10.1.2.3/32", &c), CIDR_OK);
	assert_int_equal(cidr_last(c), 0x0a010203);
	assert_int_equal(cidr_parse("172.16.0.0/12", &c), CIDR_OK);
	assert_int_equal(cidr_last(c), 0xac1fffff);
	assert_string_equal(cidr_format(c).text, "172.16.0.0/12");
	assert_int_equal(cidr_parse("255.255.255.255/32", &c), CIDR_OK);
	assert_string_equal(cidr_format(c).text, "255.255.255.255/32");
}

static void cidr_parse_host_bits_gives_the_network(void **state)
{
	(void)state;
	struct cidr c;
	assert_int_equal(cidr_parse("192.168.1.77/24", &c), CIDR_HOST_BITS);
	assert_string_equal(cidr_format(c).text, "192.168.1.0/24");
	assert_int_equal(cidr_parse("0.0.0.1/0", &c), CIDR_HOST_BITS);
	assert_string_equal(cidr_format(c).text, "0.0.0.0/0");
}

static void cidr_parse_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33",
		"10.0.0.0/08", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/255.0.0.0",
		"/8", "any", "10.0.0.0/-1", "10.0.0.0/4294967304" };
	struct cidr c = { 1, 2 };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(cidr_parse(bad[i], &c), CIDR_SYNTAX);
	assert_int_equal(cidr_parse("2001:db8::/32", &c), CIDR_IPV6);
	assert_int_equal(c.addr, 1);
	assert_int_equal(c.prefix, 2);
}

static struct cidr net(const char *text)
{
	struct cidr c;
	assert_int_equal(cidr_parse(text, &c), CIDR_OK);
	return c;
}

static void cidr_overlaps_and_contains(void **state)
{
	(void)state;
	assert_true(cidr_overlaps(net("10.0.0.0/8"), net("10.1.0.0/16")));
	assert_true(cidr_overlaps(net("10.1.0.0/16"), net("10.0.0.0/8")));
	assert_true(cidr_contains(net("10.0.0.0/8"), net("10.1.0.0/16")));
	assert_false(cidr_contains(net("10.1.0.0/16"), net("10.0.0.0/8")));
	assert_true(cidr_contains(net("10.1.0.0/16"), net("10.1.0.0/16")));
	assert_false(cidr_overlaps(net("10.0.0.0/9"), net("10.128.0.0/9")));
	assert_true(cidr_overlaps(net("0.0.0.0/0"), net("255.255.255.255/32")));
	assert_false(cidr_overlaps(net("192.168.0.0/24"), net("192.168.1.0/24")));
}

static void cidr_fault_text_for_each(void **state)
{
	(void)state;
	assert_string_equal(cidr_fault_text(CIDR_OK), "");
	assert_non_null(strstr(cidr_fault_text(CIDR_SYNTAX), "ADDRESS/PREFIX"));
	assert_non_null(strstr(cidr_fault_text(CIDR_HOST_BITS), "host bits"));
	assert_non_null(strstr(cidr_fault_text(CIDR_IPV6), "IPv4"));
}

static void fqdn_valid_names(void **state)
{
	(void)state;
	static const char label63[] =
		"abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz0";
	static const char *const bad[] = { "", "a", "a.", ".a", "a..b", "-a.com", "a-.com",
		"a_b.com", "1.2.3.4", "a.1", "a.1b", "a b.com", "any", "a.com.", "a.com/",
		"\xc3\xa4.com" };
	char name[300];
	assert_int_equal(strlen(label63), 63);
	assert_true(fqdn_valid("vpn.example.com"));
	assert_true(fqdn_valid("A-1.B2"));
	assert_true(fqdn_valid("1.2.3.example"));
	assert_true(fqdn_valid("xn--bcher-kva.example"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(fqdn_valid(bad[i]));
	snprintf(name, sizeof(name), "%s.com", label63);
	assert_true(fqdn_valid(name));
	snprintf(name, sizeof(name), "x%s.com", label63);
	assert_false(fqdn_valid(name));
	snprintf(name, sizeof(name), "%s.%s.%s.%.61s", label63, label63, label63, label63);
	assert_int_equal(strlen(name), 253);
	assert_true(fqdn_valid(name));
	strcat(name, "a");
	assert_false(fqdn_valid(name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addr_parse_quads),
		cmocka_unit_test(addr_parse_refuses),
		cmocka_unit_test(cidr_parse_networks),
		cmocka_unit_test(cidr_parse_host_bits_gives_the_network),
		cmocka_unit_test(cidr_parse_refuses),
		cmocka_unit_test(cidr_overlaps_and_contains),
		cmocka_unit_test(cidr_fault_text_for_each),
		cmocka_unit_test(fqdn_valid_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
