/* Credentials of a profile: its keys, its role and where that has its source, its program. */
#include "credentials_world.h"

static void profile_keys(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, "[default]\naws_access_key_id=AKIDC\naws_secret_access_key=HIDDENc\n",
		"[default]\naws_access_key_id=AKIDP\naws_secret_access_key=HIDDENp\n"
		"aws_session_token = HIDDENt\n");
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "HIDDENp");
	assert_string_equal(w.c.token, "HIDDENt");
	finds(&w, "AKIDP", "profile default");
}

static void profile_role_of_a_source(void **state)
{
	(void)state;
	struct world w;
	world_make(&w,
		"[default]\nrole_arn = arn:r\nsource_profile = base\nexternal_id = e/1\n"
		"duration_seconds=900\nrole_session_name=me\nregion=eu-north-1\n",
		"[base]\naws_access_key_id=AKIDB\naws_secret_access_key=HIDDENb\n");
	answer_sts(&w, "RoleArn=arn%3Ar&RoleSessionName=me&DurationSeconds=900&ExternalId=e%2F1",
		"AKIDB", credentials_xml("ASIAR"));
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "HIDDENASIAR");
	assert_string_equal(w.region, "eu-north-1");
	assert_int_equal(w.c.expires, NOW + 3600);
	w.asked = 0;
	finds(&w, "ASIAR", "profile default");
}

static void profile_role_of_a_role(void **state)
{
	(void)state;
	struct world w;
	world_make(&w,
		"[profile top]\nrole_arn=top\nsource_profile=middle\nrole_session_name=s\n"
		"[profile middle]\nrole_arn=middle\nsource_profile=default\nrole_session_name=s\n"
		"[default]\nrole_arn=not-used\nsource_profile=nowhere\n"
		"aws_access_key_id=AKIDB\naws_secret_access_key=HIDDENb\n",
		"");
	w.p.name = "top";
	w.p.asked = true;
	answer_sts(&w, "RoleArn=middle&RoleSessionName=s", "AKIDB", credentials_xml("ASIAM"));
	answer_sts(&w, "RoleArn=top&RoleSessionName=s", "ASIAM", credentials_xml("ASIAT"));
	finds(&w, "ASIAT", "profile top");

	/* Its own source. */
	world_make(&w,
		"[default]\nrole_arn=r\nsource_profile=default\nrole_session_name=s\n"
		"aws_access_key_id=AKIDB\naws_secret_access_key=HIDDENb\n",
		"");
	answer_sts(&w, "RoleArn=r&RoleSessionName=s", "AKIDB", credentials_xml("ASIAR"));
	finds(&w, "ASIAR", "profile default");

	/* The second role refuses. */
	world_make(&w,
		"[default]\nrole_arn=top\nsource_profile=m\n[profile m]\nrole_arn=middle\n"
		"source_profile=b\n[profile b]\naws_access_key_id=AKIDB\n"
		"aws_secret_access_key=HIDDENb\n",
		"");
	answer_sts(&w, "*", "AKIDB", credentials_xml("ASIAM"));
	answer_sts(&w, "*", "ASIAM", NULL);
	fails(&w, ERR_REMOTE,
		"AWS credentials: profile \"default\": role top: AccessDenied: not allowed");
}

static void profile_role_of_a_credential_source(void **state)
{
	(void)state;
	struct world w;
	world_make(&w, "[default]\nrole_arn=r\ncredential_source=Environment\n", "");
	w.p.asked = true; /* the role's source is the environment all the same */
	set(&w, "AWS_ACCESS_KEY_ID=AKIDE");
	set(&w, "AWS_SECRET_ACCESS_KEY=HIDDENe");
	answer_sts(&w, "*", "AKIDE", credentials_xml("ASIAR"));
	finds(&w, "ASIAR", "profile default");

	world_make(&w, "[default]\nrole_arn=r\ncredential_source=EcsContainer\n", "");
	set(&w, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/c");
	answer(&w, "GET", "http://169.254.170.2/c", NULL, JSON, 200);
	answer_sts(&w, "*", "ASIAX", credentials_xml("ASIAR"));
	finds(&w, "ASIAR", "profile default");

	world_make(&w, "[default]\nrole_arn=r\ncredential_source=Ec2InstanceMetadata\n", "");
	answer(&w, "PUT", IMDS "/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600",
		"HIDDENs", 200);
	answer(&w, "GET", ROLES, "X-aws-ec2-metadata-token: HIDDENs", "hub", 200);
	answer(&w, "GET", ROLES "hub", "X-aws-ec2-metadata-token: HIDDENs", JSON, 200);
	answer_sts(&w, "*", "ASIAX", credentials_xml("ASIAR"));
	finds(&w, "ASIAR", "profile default");

	world_make(&w, "[default]\nrole_arn=r\ncredential_source=Environment\n", "");
	fails(&w, ERR_REMOTE,
		"AWS credentials: profile \"default\": credential_source gives no credentials: "
		"AWS_ACCESS_KEY_ID is not set");
	world_make(&w, "[default]\nrole_arn=r\ncredential_source=EcsContainer\n", "");
	fails(&w, ERR_REMOTE,
		"AWS credentials: profile \"default\": credential_source gives no credentials: "
		"AWS_CONTAINER_CREDENTIALS_FULL_URI is not set");
	world_make(&w, "[default]\nrole_arn=r\ncredential_source=Ec2InstanceMetadata\n", "");
	fails(&w, ERR_REMOTE,
		"AWS credentials: profile \"default\": credential_source gives no credentials: the "
		"metadata service: " IMDS "/latest/api/token: nobody is there");
	world_make(&w, "[default]\nrole_arn=r\ncredential_source=Environment\n", "");
	set(&w, "AWS_ACCESS_KEY_ID=AKIDE");
	w.p.asked = true;
	fails(&w, ERR_REMOTE,
		"AWS credentials: profile \"default\": credential_source: AWS_ACCESS_KEY_ID is set and "
		"AWS_SECRET_ACCESS_KEY is not");
}

static void profile_web_identity(void **state)
{
	(void)state;
	struct world w;
	char file[128], config[512];
	token_file(file, "web_identity_token_file", "HIDDENw");
	snprintf(config, sizeof(config),
		"[default]\nrole_arn=top\nsource_profile=w\nrole_session_name=s\n"
		"[profile w]\nrole_arn=r\n%s\nrole_session_name=s\nduration_seconds=43200\n",
		file);
	world_make(&w, config, "");
	answer_sts(&w, "RoleArn=r&RoleSessionName=s&DurationSeconds=43200&WebIdentityToken=HIDDENw",
		NULL, credentials_xml("ASIAW"));
	answer_sts(&w, "RoleArn=top&RoleSessionName=s", "ASIAW", credentials_xml("ASIAT"));
	finds(&w, "ASIAT", "profile default");
	unlink(strchr(file, '=') + 1);
}

static void profile_that_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *config, *wanted;
	} bad[] = {
		{ "[default]\naws_access_key_id=AKID\n",
			"config:2:1: profile \"default\": aws_access_key_id without "
			"aws_secret_access_key" },
		{ "[default]\naws_secret_access_key=HIDDEN\n",
			"config:2:1: profile \"default\": aws_secret_access_key without "
			"aws_access_key_id" },
		{ "[default]\naws_access_key_id=A\naws_secret_access_key=HIDDEN HIDDEN\n",
			"config:2:1: profile \"default\": the secret access key has a character "
			"that none can have" },
		{ "[default]\nrole_arn=r\n",
			"config:2:1: profile \"default\": role_arn without source_profile, "
			"credential_source or web_identity_token_file" },
		{ "[default]\nrole_arn=r\nsource_profile=a\ncredential_source=Environment\n",
			"config:4:1: profile \"default\": source_profile and credential_source at "
			"once" },
		{ "[default]\nrole_arn=r\ncredential_source=Env\n",
			"config:3:1: profile \"default\": credential_source is none of Environment, "
			"EcsContainer, Ec2InstanceMetadata" },
		{ "[default]\nrole_arn=r\nsource_profile=reledse\n[profile release]\n",
			"config:3:1: profile \"default\": its source_profile \"reledse\" is in "
			"neither file; did you mean \"release\"?" },
		{ "[default]\nrole_arn=r\nsource_profile=b\n[profile b]\nregion=x\n",
			"config:3:1: profile \"default\": its source_profile has no credentials" },
		{ "[default]\nrole_arn=r\nsource_profile=default\n",
			"config:3:1: source_profile goes in a circle: default -> default" },
		{ "[default]\nrole_arn=r\nsource_profile=b\n[profile b]\nrole_arn=r\n"
		  "source_profile=c\n[profile c]\nrole_arn=r\nsource_profile=b\n",
			"config:9:1: source_profile goes in a circle: default -> b -> c -> b" },
		{ "[default]\nrole_arn=r\nsource_profile=b\nmfa_serial=m\n",
			"config:4:1: profile \"default\": its role asks for an MFA code, which nobody "
			"is there to type; a profile with `credential_process = aws configure "
			"export-credentials --profile NAME` uses the AWS CLI's" },
		{ "[default]\nsso_session=x\n",
			"config:2:1: profile \"default\": IAM Identity Center is not spoken here; a "
			"profile with `credential_process = aws configure export-credentials "
			"--profile NAME` uses the AWS CLI's" },
		{ "[default]\nweb_identity_token_file=/x\n",
			"config:2:1: profile \"default\": web_identity_token_file without role_arn" },
		{ "[default]\nrole_arn=r\nweb_identity_token_file=/x\nduration_seconds=60\n",
			"config:4:1: profile \"default\": duration_seconds is no number from 900 to "
			"43200" },
		{ "[default]\nrole_arn=r\nsource_profile=b\nduration_seconds=1h\n[profile b]\n"
		  "aws_access_key_id=A\naws_secret_access_key=HIDDEN\n",
			"config:4:1: profile \"default\": duration_seconds is no number from 900 to "
			"43200" },
		{ "[default]\ncredential_process = tool 'HIDDEN\n",
			"config:2:1: credential_process: a quote without its end" },
		{ "[default]\ncredential_process = ''\n",
			"config:2:1: credential_process: no program's name" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;
		char wanted[512];
		world_make(&w, bad[i].config, "");
		snprintf(wanted, sizeof(wanted), "AWS credentials: %s", bad[i].wanted);
		fails(&w, ERR_INPUT, wanted);
	}
}

static void process_with(struct world *w, const char *command)
{
	char config[1024];
	snprintf(config, sizeof(config), "[default]\ncredential_process = %s\n", command);
	world_make(w, config, "");
}

static void process_gives_credentials(void **state)
{
	(void)state;
	struct world w;
	process_with(&w, "printf '%s\\n' '{\"Version\": 1, \"AccessKeyId\": \"AKIDX\", "
			 "\"SecretAccessKey\": \"HIDDENx\", \"SessionToken\": \"HIDDENt\", "
			 "\"Expiration\": \"2030-01-01T00:15:00+00:00\"}'");
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "HIDDENx");
	assert_string_equal(w.c.token, "HIDDENt");
	assert_int_equal(w.c.expires, NOW + 900);
	finds(&w, "AKIDX", "profile default");

	/* Words as a shell would split them, and nothing else that a shell does. */
	process_with(&w, "echo   {\\\"Version\\\":1,\"\\\"AccessKeyId\\\":\\\"A\\$X`x`*\\\",\""
			 "'\"SecretAccessKey\":\"$HOME;x\"'}");
	assert_int_equal(find(&w), 0);
	assert_string_equal(w.c.secret, "$HOME;x");
	assert_int_equal(w.c.expires, 0);
	finds(&w, "A$X`x`*", "profile default");
}

static void process_that_fails(void **state)
{
	(void)state;
	static const struct {
		const char *command, *wanted;
		enum err_kind kind;
	} bad[] = {
		{ "no-such-program-as-this HIDDEN", "no-such-program-as-this is not installed",
			ERR_MACHINE },
		{ "false HIDDEN", "false ended with status 1", ERR_REMOTE },
		{ "sh -c 'echo why >&2; exit 3'", "sh ended with status 3:\nwhy", ERR_REMOTE },
		{ "sh -c 'kill -9 $$'", "sh was killed by signal 9 (SIGKILL)", ERR_REMOTE },
		{ "true", NULL, ERR_REMOTE },
		{ "echo HIDDEN", NULL, ERR_REMOTE },
		{ "echo '[]'", " echo: the answer is no JSON object", ERR_REMOTE },
		{ "echo '{}'", " echo: the answer is not of Version 1", ERR_REMOTE },
		{ "echo '{\"Version\":2}'", " echo: the answer is not of Version 1", ERR_REMOTE },
		{ "echo '{\"Version\":\"1\"}'", " echo: the answer is not of Version 1",
			ERR_REMOTE },
		{ "echo '{\"Version\":1,\"SecretAccessKey\":\"HIDDEN\"}'",
			" echo: the answer: without an access key id", ERR_REMOTE },
		{ "echo '{\"Version\":1,\"AccessKeyId\":\"A\"}'",
			" echo: the answer: without a secret access key", ERR_REMOTE },
		{ "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HIDDEN\","
		  "\"Expiration\":\"2029-01-01T00:00:00Z\"}'",
			" echo: the credentials expired at 2029-01-01T00:00:00Z", ERR_REMOTE },
		{ "echo '{\"Version\":1,\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"HIDDEN\","
		  "\"Expiration\":\"HIDDEN\"}'",
			" echo: a time of expiry that cannot be read", ERR_REMOTE },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct world w;
		char wanted[256];
		process_with(&w, bad[i].command);
		if (bad[i].wanted == NULL) {
			assert_int_equal(find(&w), -1);
			assert_non_null(strstr(w.e.msg, ": the answer is no JSON (line "));
			assert_int_equal(w.e.kind, bad[i].kind);
			world_free(&w);
			continue;
		}
		snprintf(wanted, sizeof(wanted),
			"AWS credentials: profile \"default\": credential_process%s%s",
			bad[i].wanted[0] == ' ' ? "" : ": ", bad[i].wanted);
		fails(&w, bad[i].kind, wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(profile_keys),
		cmocka_unit_test(profile_role_of_a_source),
		cmocka_unit_test(profile_role_of_a_role),
		cmocka_unit_test(profile_role_of_a_credential_source),
		cmocka_unit_test(profile_web_identity),
		cmocka_unit_test(profile_that_is_wrong),
		cmocka_unit_test(process_gives_credentials),
		cmocka_unit_test(process_that_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
