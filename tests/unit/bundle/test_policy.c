#include "bundle/policy.h"

#include "scratch.h"

struct account {
	struct arena arena;
	struct sites sites;
	struct site list[64];
	char names[64][64];
	struct deploy deploy;
};

static void account_make(struct account *a)
{
	*a = (struct account){ 0 };
	a->sites.list = a->list;
	a->deploy = (struct deploy){ .recipe = "hub",
		.sites = &a->sites,
		.pool_name = "VPN.example.com",
		.hosted_zone = "",
		.region = "",
		.admin_cidr = "172.16.0.0/16",
		.group = "hub",
		.sites_url = "",
		.overlay_url = "",
		.user_data_b64 = "QUJD" };
}

static void refer(struct account *a, enum psk_kind kind, const char *prefix, const char *arg)
{
	size_t i = a->sites.count++;
	snprintf(a->names[i], sizeof(a->names[i]), "%s%s", prefix, arg);
	a->list[i].psk = (struct psk_ref){
		.kind = kind, .text = a->names[i], .arg = a->names[i] + strlen(prefix)
	};
}

static const struct statement *find(const struct policy *p, const char *sid)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->list[i].sid, sid) == 0)
			return &p->list[i];
	return NULL;
}

static void policy_of_nothing_is_empty(void **state)
{
	(void)state;
	struct account a;
	struct policy p;
	struct err e;
	account_make(&a);
	refer(&a, PSK_ENV, "env:", "X");
	assert_int_equal(policy_of(&a.deploy, &a.arena, &p, &e), 0);
	assert_int_equal(p.count, 0);
	arena_free(&a.arena);
}

static void policy_of_names_the_keys_in_use_and_no_others(void **state)
{
	(void)state;
	struct account a;
	struct policy p;
	struct err e;
	account_make(&a);
	refer(&a, PSK_SSM, "ssm:", "/hub/b");
	refer(&a, PSK_SSM, "ssm:", "/hub/a:3");
	refer(&a, PSK_SSM, "ssm:", "/hub/b");
	refer(&a, PSK_SSM, "ssm:", "bare");
	refer(&a, PSK_SECRETSMANAGER, "secretsmanager:", "hub/c");
	refer(&a, PSK_SECRETSMANAGER, "secretsmanager:", "arn:aws:secretsmanager:x:1:secret:d");
	assert_int_equal(policy_of(&a.deploy, &a.arena, &p, &e), 0);
	const struct statement *s = find(&p, "KeysInParameters");
	assert_int_equal(s->resources.count, 3);
	assert_string_equal(s->resources.list[0],
		"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/bare");
	assert_string_equal(s->resources.list[1],
		"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/hub/a");
	assert_string_equal(s->actions.list[0], "ssm:GetParameters");
	assert_int_equal(s->actions.count, 1);
	s = find(&p, "DecryptParameters");
	assert_string_equal(s->conditions[0].key, "kms:ViaService");
	assert_string_equal(s->conditions[0].values.list[0], "ssm.${AWS::Region}.amazonaws.com");
	assert_int_equal(s->conditions[1].values.count, 3);
	s = find(&p, "KeysInSecrets");
	assert_int_equal(s->resources.count, 2);
	assert_string_equal(s->resources.list[0], "arn:aws:secretsmanager:x:1:secret:d");
	assert_string_equal(s->resources.list[1],
		"arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:"
		"hub/c-??????");
	assert_null(find(&p, "Objects"));
	assert_null(find(&p, "OwnRecord"));
	arena_free(&a.arena);
}

static void policy_of_many_keys_takes_their_folder(void **state)
{
	(void)state;
	struct account a;
	struct policy p;
	struct err e;
	account_make(&a);
	for (int i = 0; i < 20; i++) {
		char name[32];
		snprintf(name, sizeof(name), "/hub/psk/%d/key", i);
		refer(&a, PSK_SSM, "ssm:", name);
		snprintf(name, sizeof(name), "branch%d", i);
		refer(&a, PSK_SECRETSMANAGER, "secretsmanager:", name);
	}
	assert_int_equal(policy_of(&a.deploy, &a.arena, &p, &e), 0);
	const struct statement *s = find(&p, "KeysInParameters");
	assert_int_equal(s->resources.count, 1);
	assert_string_equal(s->resources.list[0],
		"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:parameter/hub/psk/*");
	s = find(&p, "KeysInSecrets");
	assert_int_equal(s->resources.count, 1);
	assert_non_null(strstr(s->resources.list[0], ":secret:*"));
	arena_free(&a.arena);
}

static void policy_of_objects_and_own_record(void **state)
{
	(void)state;
	struct account a;
	struct policy p;
	struct err e;
	account_make(&a);
	a.deploy.sites_url = "s3://bucket/path/sites.json?versionId=v1";
	a.deploy.overlay_url = "https://example.com/overlay.tar.gz";
	a.deploy.hosted_zone = "/hostedzone/Z123";
	assert_int_equal(policy_of(&a.deploy, &a.arena, &p, &e), 0);
	const struct statement *s = find(&p, "Objects");
	assert_int_equal(s->resources.count, 1);
	assert_string_equal(
		s->resources.list[0], "arn:${AWS::Partition}:s3:::bucket/path/sites.json");
	assert_int_equal(s->actions.count, 2);
	assert_string_equal(s->actions.list[1], "s3:GetObjectVersion");
	s = find(&p, "OwnRecord");
	assert_string_equal(
		s->resources.list[0], "arn:${AWS::Partition}:route53:::hostedzone/Z123");
	assert_int_equal(s->condition_count, 3);
	assert_string_equal(s->conditions[0].values.list[0], "vpn.example.com");
	assert_string_equal(s->conditions[1].values.list[0], "A");
	assert_string_equal(s->conditions[2].values.list[1], "UPSERT");
	arena_free(&a.arena);
}

static void policy_plain_replaces_pseudo_parameters(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct err e;
	static const char text[] =
		"arn:${AWS::Partition}:ssm:${AWS::Region}:${AWS::AccountId}:p/$x";
	assert_string_equal(policy_plain(text, "", &a, &e), "arn:aws:ssm:*:*:p/$x");
	assert_string_equal(
		policy_plain(text, "eu-west-1", &a, &e), "arn:aws:ssm:eu-west-1:*:p/$x");
	arena_free(&a);
}

static void deploy_documents_golden(void **state)
{
	(void)state;
	struct account a;
	struct err e;
	account_make(&a);
	refer(&a, PSK_SSM, "ssm:", "/hub/psk/branch1");
	refer(&a, PSK_SECRETSMANAGER, "secretsmanager:", "hub/branch2");
	a.deploy.sites_url = "s3://bucket/sites.json";
	a.deploy.hosted_zone = "Z123";
	a.deploy.region = "eu-west-1";
	cleanup_buf struct buf b = { 0 };
	assert_int_equal(deploy_iam_policy(&a.deploy, &a.arena, &b, &e), 0);
	assert_golden("iam-policy.json", b.data, b.len);
	buf_clear(&b);
	assert_int_equal(deploy_fleet(&a.deploy, &a.arena, &b, &e), 0);
	assert_golden("fleet.yaml", b.data, b.len);
	buf_clear(&b);
	assert_int_equal(deploy_security_group(&a.deploy, &b, &e), 0);
	assert_golden("security-group.json", b.data, b.len);
	buf_clear(&b);
	assert_int_equal(deploy_launch_template(&a.deploy, &b, &e), 0);
	assert_golden("launch-template.json", b.data, b.len);
	arena_free(&a.arena);
}

static void deploy_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct account a;
	account_make(&a);
	refer(&a, PSK_SSM, "ssm:", "/hub/psk/branch1");
	a.deploy.hosted_zone = "Z123";
	a.deploy.sites_url = "s3://bucket/sites.json";
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct arena arena = { 0 };
		struct buf b = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = deploy_iam_policy(&a.deploy, &arena, &b, &e);
		if (rc == 0)
			rc = deploy_fleet(&a.deploy, &arena, &b, &e);
		if (rc == 0)
			rc = deploy_launch_template(&a.deploy, &b, &e);
		bool hit = fail_disarm();
		buf_free(&b);
		arena_free(&arena);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 3);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy_of_nothing_is_empty),
		cmocka_unit_test(policy_of_names_the_keys_in_use_and_no_others),
		cmocka_unit_test(policy_of_many_keys_takes_their_folder),
		cmocka_unit_test(policy_of_objects_and_own_record),
		cmocka_unit_test(policy_plain_replaces_pseudo_parameters),
		cmocka_unit_test(deploy_documents_golden),
		cmocka_unit_test(deploy_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
