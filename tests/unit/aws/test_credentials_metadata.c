/* Credentials of a container and of an instance's role. */
#include "credentials_world.h"

static void container_gives_credentials(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, "[default]\nregion=x\n", "");
	set(&w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/credentials/HIDDEN");
	set(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://localhost/not-used");
	answer(&w, "GET", "http://169.254.170.2/v2/credentials/HIDDEN", NULL, JSON, 200);
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "HIDDENx");
	assert_string_equal(w.c.token, "HIDDENt");
	assert_int_equal(w.c.expires, NOW + 6 * 3600);
	finds(&w, "ASIAX", "container");

	char file[128];
	token_file(file, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "Bearer HIDDENb\n");
	world_make(&w, "", "");
	set(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://169.254.170.23/v1/credentials");
	set(&w, "AWS_CONTAINER_AUTHORIZATION_TOKEN=HIDDENe");
	answer(&w, "GET", "http://169.254.170.23/v1/credentials", "Authorization: HIDDENe", JSON,
		200);
	assert_int_equal(find(&w), 0);
	set(&w, file);
	w.answers[0].header = "Authorization: Bearer HIDDENb";
	finds(&w, "ASIAX", "container");
	unlink(strchr(file, '=') + 1);
}

static void container_hosts(void **state)
{
	(void)state;
	static const char *const good[] = { "http://localhost/c", "http://LocalHost:80/c",
		"http://127.0.0.1/c", "http://127.9.8.7:1234", "http://[::1]/c",
		"http://[::1]:80/c", "http://[fd00:ec2::23]/c", "http://[FD00:0EC2:0::23]/c",
		"http://169.254.170.2?c", "https://example.com/c", "https://[2001:db8::1]:8443/c" };
	static const char *const bad[] = { "http://example.com/c", "http://169.254.170.3/c",
		"http://169.254.169.254/c", "http://127.0.0.1.example.com/c", "http://0x7f.1/c",
		"http://[::2]/c", "http://[fd00:ec2::254]/c", "http://localhost.example.com/c",
		"http://10.0.0.1#@127.0.0.1/" };
	static const char *const none[] = { "ftp://localhost/c", "localhost", "http://",
		"http:///c", "http://127.0.0.1@example.com/c", "https://x@y",
		"http://127.0.0.1\\@x/c", "http://[::1/c", "http://[::1]x/c", "http://[]/c",
		"http://:80/c", "http://localhost/a b", "http://localhost/\r\nX: y" };
	char nv[256], wanted[256];
	struct world w;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		world_make(&w, "", "");
		snprintf(nv, sizeof(nv), "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", good[i]);
		set(&w, nv);
		answer(&w, "GET", good[i], NULL, JSON, 200);
		finds(&w, "ASIAX", "container");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_make(&w, "", "");
		snprintf(nv, sizeof(nv), "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", bad[i]);
		set(&w, nv);
		assert_int_equal(find(&w), -1);
		assert_int_equal(w.e.kind, ERR_USAGE);
		assert_non_null(strstr(w.e.msg, ": only https may go there"));
		assert_int_equal(w.fetched, 0);
		world_free(&w);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		world_make(&w, "", "");
		snprintf(nv, sizeof(nv), "AWS_CONTAINER_CREDENTIALS_FULL_URI=%s", none[i]);
		set(&w, nv);
		snprintf(wanted, sizeof(wanted),
			"AWS credentials: AWS_CONTAINER_CREDENTIALS_FULL_URI is not a URL of http or "
			"https");
		fails(&w, ERR_USAGE, wanted);
	}
	world_make(&w, "", "");
	set(&w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=.example.com/");
	fails(&w, ERR_USAGE,
		"AWS credentials: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is not a path");
}

static void container_that_fails(void **state)
{
	(void)state;
	static const struct {
		const char *body, *wanted;
		int status;
	} bad[] = {
		{ "", "status 500", 500 },
		{ "{\"code\":\"NoRole\",\"message\":\"none here\"}", "NoRole: none here", 200 },
		{ "{\"code\":\"NoRole\"}", "NoRole", 200 },
		{ "{}", "the answer: without an access key id", 200 },
		{ "\"HIDDEN\"", "the answer is no JSON", 200 },
		{ "", "the answer is no JSON", 200 },
		{ "{\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HIDDEN\",\"Expiration\":"
		  "\"2030-01-01T00:00:00Z\"}",
			"the credentials expired at 2030-01-01T00:00:00Z", 200 },
	};
	struct world w;
	char wanted[256];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_make(&w, "", "");
		set(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/c");
		answer(&w, "GET", "http://127.0.0.1/c", NULL, bad[i].body, bad[i].status);
		assert_int_equal(find(&w), -1);
		snprintf(wanted, sizeof(wanted), "AWS credentials: the container's credentials: %s",
			bad[i].wanted);
		if (strstr(bad[i].wanted, "no JSON") != NULL) { /* where is Jansson's to say */
			assert_non_null(strstr(w.e.msg, wanted));
			world_free(&w);
			continue;
		}
		fails(&w, ERR_REMOTE, wanted);
	}
	world_make(&w, "", "");
	set(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/c");
	set(&w, "AWS_CONTAINER_AUTHORIZATION_TOKEN=HIDDEN\r\nX: y");
	fails(&w, ERR_REMOTE,
		"AWS credentials: the container's credentials: AWS_CONTAINER_AUTHORIZATION_TOKEN has "
		"a character that no header can have");
	world_make(&w, "", "");
	set(&w, "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/c");
	set(&w, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=/nowhere");
	fails(&w, ERR_REMOTE,
		"AWS credentials: the container's credentials: AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: "
		"open /nowhere: No such file or directory");
}

static void instance_world(struct world *w, const char *base, const char *json, int status)
{
	static char urls[3][160];
	world_make(w, "", "");
	snprintf(urls[0], sizeof(urls[0]), "%s/latest/api/token", base);
	snprintf(urls[1], sizeof(urls[1]), "%s/latest/meta-data/iam/security-credentials/", base);
	snprintf(urls[2], sizeof(urls[2]), "%.140shub%%40x", urls[1]);
	answer(w, "PUT", urls[0], "X-aws-ec2-metadata-token-ttl-seconds: 21600", "HIDDENs", 200);
	answer(w, "GET", urls[1], "X-aws-ec2-metadata-token: HIDDENs", "hub@x\n", 200);
	answer(w, "GET", urls[2], "X-aws-ec2-metadata-token: HIDDENs", json, status);
}

static void instance_gives_credentials(void **state)
{
	(void)state;
	struct world w;
	instance_world(&w, IMDS, JSON, 200);
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.token, "HIDDENt");
	assert_int_equal(w.c.expires, NOW + 6 * 3600);
	finds(&w, "ASIAX", "instance role hub%40x");

	instance_world(&w, "http://[fd00:ec2::254]", JSON, 200);
	set(&w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv6");
	finds(&w, "ASIAX", "instance role hub%40x");
	instance_world(&w, "http://127.0.0.1:99", JSON, 200);
	set(&w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=ipv6");
	set(&w, "AWS_EC2_METADATA_SERVICE_ENDPOINT=http://127.0.0.1:99/");
	finds(&w, "ASIAX", "instance role hub%40x");
}

static void instance_after_its_time(void **state)
{
	(void)state;
	struct world w;
	instance_world(&w, IMDS,
		"{\"Code\":\"Success\",\"AccessKeyId\":\"ASIAX\",\"SecretAccessKey\":\"HIDDEN\","
		"\"Expiration\":\"2029-12-31T23:00:00Z\"}",
		200);
	assert_int_equal(find(&w), 0);
	assert_int_equal(w.c.expires, NOW + 900);
	world_free(&w);
}

static void none_tells_where_it_looked(void **state)
{
	(void)state;
	static const char before[] = "no AWS credentials: AWS_ACCESS_KEY_ID is not set, profile "
				     "\"default\" is in neither of the shared files, "
				     "AWS_CONTAINER_CREDENTIALS_FULL_URI is not set, ";
	static const struct {
		const char *json, *wanted;
		int status;
	} bad[] = {
		{ "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"no trust\"}",
			"the metadata service: role hub%40x: AssumeRoleUnauthorizedAccess: no trust",
			200 },
		{ "", "the metadata service: status 503", 503 },
		{ "{}", "the metadata service: role hub%40x: the answer: without an access key id",
			200 },
	};
	struct world w;
	char wanted[512];
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		instance_world(&w, IMDS, bad[i].json, bad[i].status);
		snprintf(wanted, sizeof(wanted), "%s%s", before, bad[i].wanted);
		fails(&w, ERR_REMOTE, wanted);
	}
	instance_world(&w, IMDS, JSON, 200);
	w.answers[1].status = 404;
	snprintf(wanted, sizeof(wanted), "%sthe metadata service: this instance has no role",
		before);
	fails(&w, ERR_REMOTE, wanted);
	instance_world(&w, IMDS, JSON, 200);
	w.answers[1].body = "";
	fails(&w, ERR_REMOTE, wanted);
	instance_world(&w, IMDS, JSON, 200);
	w.answers[0].body = "HIDDEN\r\nX: y";
	snprintf(wanted, sizeof(wanted), "%sthe metadata service: a session token that is none",
		before);
	fails(&w, ERR_REMOTE, wanted);
	instance_world(&w, IMDS, JSON, 200);
	set(&w, "AWS_EC2_METADATA_DISABLED=TRUE");
	snprintf(wanted, sizeof(wanted),
		"%sthe metadata service is switched off (AWS_EC2_METADATA_DISABLED)", before);
	fails(&w, ERR_REMOTE, wanted);

	world_make(&w, "[profile x]\nregion=y\n", "");
	w.p.name = "x";
	w.p.asked = w.p.exists = true;
	fails(&w, ERR_REMOTE,
		"no AWS credentials: AWS_ACCESS_KEY_ID does not count beside --profile, profile \"x\" "
		"has none, AWS_CONTAINER_CREDENTIALS_FULL_URI is not set, the metadata service: " IMDS
		"/latest/api/token: nobody is there");
}

static void instance_that_ends_the_chain(void **state)
{
	(void)state;
	struct world w;
	instance_world(&w, IMDS, JSON, 200);
	w.answers[0].status = EINTR;
	fails(&w, ERR_REMOTE,
		"AWS credentials: the metadata service: stopped: Interrupted system call");
	instance_world(&w, IMDS, JSON, 200);
	set(&w, "AWS_EC2_METADATA_SERVICE_ENDPOINT=169.254.169.254");
	fails(&w, ERR_USAGE,
		"AWS credentials: the metadata service: AWS_EC2_METADATA_SERVICE_ENDPOINT is not a URL "
		"of http or https");
	instance_world(&w, IMDS, JSON, 200);
	set(&w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE=6");
	fails(&w, ERR_USAGE,
		"AWS credentials: the metadata service: AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is "
		"neither IPv4 nor IPv6");
}

static void instance_region(void **state)
{
	(void)state;
	static const struct {
		const char *body, *wanted;
		int status;
	} cases[] = {
		{ "eu-west-1", NULL, 200 },
		{ "", "the metadata service: a region that is none", 200 },
		{ "<html>", "the metadata service: a region that is none", 200 },
		{ "", "the metadata service: status 404", 404 },
	};
	struct world w;
	const char *region;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		instance_world(&w, IMDS, JSON, 200);
		answer(&w, "GET", IMDS "/latest/meta-data/placement/region",
			"X-aws-ec2-metadata-token: HIDDENs", cases[i].body, cases[i].status);
		int rc = credentials_instance_region(&w.p, &w.net, &w.arena, &region, &w.e);
		assert_int_equal(rc, cases[i].wanted == NULL ? 0 : -1);
		if (rc == 0)
			assert_string_equal(region, "eu-west-1");
		else
			assert_string_equal(w.e.msg, cases[i].wanted);
		world_free(&w);
	}
	instance_world(&w, IMDS, JSON, 200);
	set(&w, "AWS_EC2_METADATA_DISABLED=true");
	assert_int_equal(credentials_instance_region(&w.p, &w.net, &w.arena, &region, &w.e), -1);
	assert_int_equal(w.fetched, 0);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(container_gives_credentials),
		cmocka_unit_test(container_hosts),
		cmocka_unit_test(container_that_fails),
		cmocka_unit_test(instance_gives_credentials),
		cmocka_unit_test(instance_after_its_time),
		cmocka_unit_test(none_tells_where_it_looked),
		cmocka_unit_test(instance_that_ends_the_chain),
		cmocka_unit_test(instance_region),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
