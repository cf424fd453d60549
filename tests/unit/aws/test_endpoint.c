/* Where services are found. */
#include "aws/endpoint.h"

#include <string.h>

#include "check.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void region_is_known_by_its_form(void **state)
{
	(void)state;
	static const char *const good[] = { "eu-west-1", "us-east-2", "ap-northeast-1",
		"us-gov-west-1", "cn-north-1", "us-iso-east-1", "me-central-1", "eusc-de-east-1",
		"ap-southeast-12" };
	static const char *const bad[] = { "", "eu", "eu-west", "eu-west1", "eu-1", "EU-west-1",
		"eu-west-1a", "eu-west-100", "eu--west-1", "-eu-west-1", "eu-west-1-", "eu-west-1/",
		"example.com", "eu-west-1.evil", "e-west-1", "eu-west-1 ",
		"aaaaaaaaaaaaaaaa-aaaaaaaaaaaaaaaa-1" };
	for (size_t i = 0; i < COUNT(good); i++)
		if (!endpoint_is_region(good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (endpoint_is_region(bad[i]))
			fail_msg("%s", bad[i]);
}

static void endpoint_of_finds(void **state)
{
	(void)state;
	static const struct {
		enum aws_service service;
		const char *region, *url, *origin, *host, *path;
	} cases[] = {
		{ AWS_EC2, "eu-west-1", NULL, "https://ec2.eu-west-1.amazonaws.com",
			"ec2.eu-west-1.amazonaws.com", "" },
		{ AWS_EBS, "us-gov-west-1", NULL, "https://ebs.us-gov-west-1.amazonaws.com",
			"ebs.us-gov-west-1.amazonaws.com", "" },
		{ AWS_AUTOSCALING, "cn-north-1", NULL,
			"https://autoscaling.cn-north-1.amazonaws.com.cn",
			"autoscaling.cn-north-1.amazonaws.com.cn", "" },
		{ AWS_STS, "us-iso-east-1", NULL, "https://sts.us-iso-east-1.c2s.ic.gov",
			"sts.us-iso-east-1.c2s.ic.gov", "" },
		{ AWS_SSM, "eu-west-1", "http://127.0.0.1:4566", "http://127.0.0.1:4566",
			"127.0.0.1:4566", "" },
		{ AWS_SSM, "eu-west-1", "http://localhost:80/x/y//", "http://localhost",
			"localhost", "/x/y" },
		{ AWS_SSM, "eu-west-1", "https://[::1]:443/", "https://[::1]", "[::1]", "" },
		{ AWS_SSM, "eu-west-1", "https://[::1]:80", "https://[::1]:80", "[::1]:80", "" },
	};
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct arena a = { 0 };
		struct endpoint at;
		struct err e;
		if (endpoint_of(cases[i].service, cases[i].region, cases[i].url, &a, &at, &e) < 0)
			fail_msg("%s", e.msg);
		assert_string_equal(at.origin, cases[i].origin);
		assert_string_equal(at.host, cases[i].host);
		assert_string_equal(at.path, cases[i].path);
		arena_free(&a);
	}
}

static void endpoint_of_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "localhost", "ftp://x", "http://", "http://:80",
		"http://a:b", "http://a:", "http://a:123456", "http://u@h/", "http://u:p@h",
		"http://h/?a=b", "http://h?a", "http://h/#x", "http://h/a b", "http://[::1",
		"http://[]x", "http://h\r\nX: y" };
	struct arena a = { 0 };
	struct endpoint at;
	struct err e;
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (endpoint_of(AWS_EC2, "eu-west-1", bad[i], &a, &at, &e) == 0)
			fail_msg("%s", bad[i]);
		assert_int_equal(e.kind, ERR_USAGE);
	}
	assert_int_equal(
		endpoint_of(AWS_EC2, "eu-west-1", "http://me:hush@h/x?t=hush", &a, &at, &e), -1);
	assert_string_equal(
		e.msg, "endpoint URL \"...h/x...\": a host with or without a port is wanted");
	assert_int_equal(endpoint_of(AWS_EC2, "evil.com/", NULL, &a, &at, &e), -1);
	assert_string_equal(e.msg, "\"evil.com/\" is no region");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(region_is_known_by_its_form),
		cmocka_unit_test(endpoint_of_finds),
		cmocka_unit_test(endpoint_of_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
