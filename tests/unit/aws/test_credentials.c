/* The chain of credentials: the environment, web identity, and what the whole does. */
#include "credentials_world.h"
#include "fail.h"

static void stale_five_minutes_before(void **state)
{
	(void)state;
	struct aws_credentials c = { .expires = 0 };
	assert_false(credentials_stale(&c, NOW));
	c.expires = NOW + 300;
	assert_false(credentials_stale(&c, NOW));
	assert_true(credentials_stale(&c, NOW + 1));
	assert_true(credentials_stale(&c, NOW + 1000));
}

static void wipe_leaves_nothing(void **state)
{
	(void)state;
	struct aws_credentials c = { .id = "a", .secret = "b", .token = "c", .source = "d" };
	static const struct aws_credentials nothing;
	credentials_wipe(&c);
	assert_memory_equal(&c, &nothing, sizeof(c));
}

static void environment_first(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, "", "[default]\naws_access_key_id=AKIDP\naws_secret_access_key=HIDDENp\n");
	set(&w, "AWS_ACCESS_KEY_ID=AKIDE ");
	set(&w, "AWS_SECRET_ACCESS_KEY= HIDDENe\n");
	set(&w, "AWS_SESSION_TOKEN=HIDDENt");
	set(&w, "AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere");
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "HIDDENe");
	assert_string_equal(w.c.token, "HIDDENt");
	assert_int_equal(w.c.expires, 0);
	finds(&w, "AKIDE", "environment");

	world_make(&w, "", "");
	set(&w, "AWS_ACCESS_KEY_ID=AKIDE");
	set(&w, "AWS_SECRET_ACCESS_KEY=HIDDENe");
	set(&w, "AWS_CREDENTIAL_EXPIRATION=2030-01-01T09:00:00.25+09:00");
	assert_int_equal(find(&w), -1);
	assert_string_equal(w.e.msg, "AWS credentials: AWS_CREDENTIAL_EXPIRATION: the credentials "
				     "expired at 2030-01-01T09:00:00.25+09:00");
	set(&w, "AWS_CREDENTIAL_EXPIRATION=2030-01-01T00:00:01-0330");
	assert_int_equal(find(&w), 0);
	assert_int_equal(w.c.expires, NOW + 1 + 12600);
	finds(&w, "AKIDE", "environment");
}

static void environment_does_not_count_beside_a_profile(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, "", "[default]\naws_access_key_id=AKIDP\naws_secret_access_key=HIDDENp\n");
	set(&w, "AWS_ACCESS_KEY_ID=AKIDE");
	set(&w, "AWS_SECRET_ACCESS_KEY=HIDDENe");
	set(&w, "AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere");
	w.p.asked = true;
	finds(&w, "AKIDP", "profile default");
}

static void environment_that_is_not_whole(void **state)
{
	(void)state;
	static const struct {
		const char *env[3];
		const char *wanted;
	} bad[] = {
		{ { "AWS_ACCESS_KEY_ID=AKID" },
			"AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not" },
		{ { "AWS_SECRET_ACCESS_KEY=HIDDEN" },
			"AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not" },
		{ { "AWS_ACCESS_KEY_ID= ", "AWS_SECRET_ACCESS_KEY=HIDDEN" },
			"AWS_ACCESS_KEY_ID and its kin: without an access key id" },
		{ { "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=HIDDEN HIDDEN" },
			"AWS_ACCESS_KEY_ID and its kin: the secret access key has a character that "
			"none can have" },
		{ { "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=HIDDEN",
			  "AWS_SESSION_TOKEN=HIDDEN\r\nX: y" },
			"AWS_ACCESS_KEY_ID and its kin: the session token has a character that none "
			"can have" },
		{ { "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=HIDDEN",
			  "AWS_CREDENTIAL_EXPIRATION=tomorrow" },
			"AWS_CREDENTIAL_EXPIRATION: a time of expiry that cannot be read" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;
		char wanted[256];
		world_make(&w, "", "");
		for (size_t k = 0; k < 3 && bad[i].env[k] != NULL; k++)
			set(&w, bad[i].env[k]);
		snprintf(wanted, sizeof(wanted), "AWS credentials: %s", bad[i].wanted);
		fails(&w, ERR_REMOTE, wanted);
	}
	struct world w;
	char secret[400] = "AWS_SECRET_ACCESS_KEY=";
	memset(secret + 22, 'S', 256);
	world_make(&w, "", "");
	set(&w, "AWS_ACCESS_KEY_ID=AKID");
	set(&w, secret);
	fails(&w, ERR_REMOTE,
		"AWS credentials: AWS_ACCESS_KEY_ID and its kin: the secret access key is longer than "
		"255 bytes");
}

static void identity_of_the_environment(void **state)
{
	(void)state;
	struct world w;
	char file[128];
	token_file(file, "AWS_WEB_IDENTITY_TOKEN_FILE", "HIDDEN.a+b/c=\n");
	world_make(&w, "[default]\nregion=eu-west-1\n", "");
	set(&w, file);
	set(&w, "AWS_ROLE_ARN=arn:aws:iam::1:role/ci");
	set(&w, "AWS_ROLE_SESSION_NAME=ci@1");
	answer_sts(&w,
		"RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fci&RoleSessionName=ci%401"
		"&WebIdentityToken=HIDDEN.a%2Bb%2Fc%3D",
		NULL, credentials_xml("ASIAW"));
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "HIDDENASIAW");
	assert_string_equal(w.c.token, "HIDDENtoken");
	assert_int_equal(w.c.expires, NOW + 3600);
	assert_string_equal(w.region, "eu-west-1");
	w.asked = 0;
	finds(&w, "ASIAW", "web identity");

	/* Without a name for the session. */
	world_make(&w, "", "");
	set(&w, file);
	set(&w, "AWS_ROLE_ARN=r");
	answer_sts(&w,
		"RoleArn=r&RoleSessionName=imgbuild-1893456000&WebIdentityToken=HIDDEN.a%2Bb%2Fc%3D",
		NULL, credentials_xml("ASIAW"));
	finds(&w, "ASIAW", "web identity");
	unlink(strchr(file, '=') + 1);
}

static void identity_that_fails(void **state)
{
	(void)state;
	struct world w;
	char file[128], empty[128];
	token_file(file, "AWS_WEB_IDENTITY_TOKEN_FILE", "HIDDEN");
	token_file(empty, "AWS_WEB_IDENTITY_TOKEN_FILE", "\n");
	world_make(&w, "", "");
	set(&w, file);
	fails(&w, ERR_REMOTE,
		"AWS credentials: AWS_WEB_IDENTITY_TOKEN_FILE is set and AWS_ROLE_ARN is not");
	world_make(&w, "", "");
	set(&w, "AWS_WEB_IDENTITY_TOKEN_FILE=/nowhere");
	set(&w, "AWS_ROLE_ARN=r");
	fails(&w, ERR_REMOTE,
		"AWS credentials: web identity: role r: web identity token: open /nowhere: No such "
		"file or directory");
	char wanted[256];
	world_make(&w, "", "");
	set(&w, empty);
	set(&w, "AWS_ROLE_ARN=r");
	snprintf(wanted, sizeof(wanted),
		"AWS credentials: web identity: role r: web identity token: %s is empty",
		strchr(empty, '=') + 1);
	fails(&w, ERR_REMOTE, wanted);

	static const struct {
		const char *body, *wanted;
	} bad[] = {
		{ NULL, "AccessDenied: not allowed" },
		{ "", "an answer that cannot be read" },
		{ "<R><HIDDEN", "an answer that cannot be read" },
		{ "<R><Credentials/></R>", "an answer without credentials" },
		{ "<R><X><Credentials/></X></R>", "without an access key id" },
		{ "<R><X><Credentials><AccessKeyId>A</AccessKeyId></Credentials></X></R>",
			"without a secret access key" },
		{ "<R><X><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>HIDDEN"
		  "</SecretAccessKey></Credentials></X></R>",
			"a time of expiry that cannot be read" },
		{ "<R><X><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>HIDDEN"
		  "</SecretAccessKey><Expiration>2029-12-31T23:59:59Z</Expiration></Credentials>"
		  "</X></R>",
			"the credentials expired at 2029-12-31T23:59:59Z" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		world_make(&w, "", "");
		set(&w, file);
		set(&w, "AWS_ROLE_ARN=r");
		answer_sts(&w, "*", NULL, bad[i].body);
		snprintf(wanted, sizeof(wanted), "AWS credentials: web identity: role r: %s",
			bad[i].wanted);
		fails(&w, ERR_REMOTE, wanted);
	}
	unlink(strchr(file, '=') + 1);
	unlink(strchr(empty, '=') + 1);
}

static void find_without_memory(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct world w;
		world_make(&w,
			"[default]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=s\n"
			"credential_source=Ec2InstanceMetadata\n",
			"");
		answer(&w, "PUT", IMDS "/latest/api/token",
			"X-aws-ec2-metadata-token-ttl-seconds: 21600", "HIDDENs", 200);
		answer(&w, "GET", ROLES, "X-aws-ec2-metadata-token: HIDDENs", "hub", 200);
		answer(&w, "GET", ROLES "hub", "X-aws-ec2-metadata-token: HIDDENs", JSON, 200);
		answer_sts(&w, "*", "ASIAX", credentials_xml("ASIAS"));
		answer_sts(&w, "*", "ASIAS", credentials_xml("ASIAR"));
		fail_arm(FAIL_ALLOC, n);
		int rc = credentials_find(&w.p, &w.net, &w.arena, &w.c, &w.e);
		bool hit = fail_disarm();
		assert_int_equal(rc, hit ? -1 : 0);
		if (hit)
			assert_int_equal(w.e.kind, ERR_MACHINE);
		else
			assert_string_equal(w.c.id, "ASIAR");
		world_free(&w);
		if (!hit)
			break;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stale_five_minutes_before),
		cmocka_unit_test(wipe_leaves_nothing),
		cmocka_unit_test(environment_first),
		cmocka_unit_test(environment_does_not_count_beside_a_profile),
		cmocka_unit_test(environment_that_is_not_whole),
		cmocka_unit_test(identity_of_the_environment),
		cmocka_unit_test(identity_that_fails),
		cmocka_unit_test(find_without_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
