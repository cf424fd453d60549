/* What a guest is given: the recipe's own user-data with other endpoints, and one part more. */
#include <stdio.h>
#include <string.h>

#include "boot/guest.h"
#include "bundle/gzip.h"
#include "bundle/scratch.h"

#define VAR(name, type) "  " name ": {type: " type ", optional: true, help: x}\n"
static const char RECIPE[] =
	"vars:\n"
	"  pool_name: {type: fqdn, default: VPN.Example.com, help: x}\n"
	"  hub_id: {type: string, default: \"@{{pool_name}}\", help: x}\n"
	"  tunnel_mss: {type: int, default: 1360, help: x}\n"
	"  vpc_cidr: {type: cidr, default: 172.16.0.0/16, help: x}\n"
	"  hub_subnet: {type: cidr, default: 172.16.1.0/24, help: x}\n"
	"  admin_cidr: {type: cidr, default: 172.16.0.0/16, help: x}\n" VAR("region", "string") VAR(
		"hosted_zone", "string") VAR("sites_url", "url") VAR("ssm_endpoint", "url")
		VAR("ca_file", "string") "overlays: [o]\n"
					 "services: [hub-pool.service]\n"
					 "sites:\n"
					 "  psk: ssm:/hub/default\n"
					 "  list:\n"
					 "  - {name: a, peer: 203.0.113.1, id: 192.168.1.1, "
					 "subnets: 192.168.1.0/24}\n"
					 "  - {name: b, peer: 203.0.113.2, id: 192.168.2.1, "
					 "subnets: 192.168.2.0/24, psk: \"secretsmanager:hub/b\"}\n"
					 "  - {name: c, peer: 203.0.113.3, id: 192.168.3.1, "
					 "subnets: 192.168.3.0/24, psk: \"ssm:/hub/default\"}\n";

static void given(struct world *w, const char *const *sets)
{
	struct err e;
	world_make(w);
	scratch_text(&w->dir, "overlays/o/etc/hub/hub.conf.in",
		"ssm={{ssm_endpoint}}\nca={{ca_file}}\nzone={{hosted_zone}}\n"
		"from={{admin_cidr}} {{vpc_cidr}} {{hub_subnet}}\nregion={{region}}\n");
	scratch_text(&w->dir, "recipes/r.yaml", RECIPE);
	struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = sets };
	assert_int_equal(recipe_load(&q, &w->arena, &w->diag, &w->recipe, &e), 0);
	struct bundle_options o = { 0 };
	assert_int_equal(bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
	if (w->diag.count > 0)
		fail_msg("%s:%u: %s", w->diag.list[0].pos.file, w->diag.list[0].pos.line,
			w->diag.list[0].text);
}

static bool has_key(const struct aws_local *aws, enum aws_service service, const char *name)
{
	for (size_t i = 0; i < aws->secret_count; i++)
		if (aws->secrets[i].service == service && strcmp(aws->secrets[i].name, name) == 0)
			return strlen(aws->secrets[i].value) == 24;
	return false;
}

static void guest_stock_has_what_sites_refer_to(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	static const char *const none[] = { NULL };
	given(&w, none);
	struct aws_local aws = { .arena = &w.arena };
	assert_int_equal(guest_stock(&w.bundle, &aws, &e), 0);
	assert_int_equal(aws.secret_count, 2);
	assert_true(has_key(&aws, AWS_SSM, "/hub/default"));
	assert_true(has_key(&aws, AWS_SECRETSMANAGER, "hub/b"));
	assert_string_not_equal(aws.secrets[0].value, aws.secrets[1].value);
	assert_string_equal(aws.region, "us-east-1");
	assert_string_equal(aws.zone.id, GUEST_ZONE);
	assert_string_equal(aws.zone.name, "example.com.");
	assert_null(aws.object_path);
	assert_true(guest_joins(&w.recipe));
	world_free(&w);

	static const char *const sets[] = { "hosted_zone=/hostedzone/Z1", "region=eu-west-1",
		"sites_url=s3://bucket/a/sites.json?versionId=7", "pool_name=example.org", NULL };
	given(&w, sets);
	aws = (struct aws_local){ .arena = &w.arena };
	assert_int_equal(guest_stock(&w.bundle, &aws, &e), 0);
	assert_string_equal(aws.region, "eu-west-1");
	assert_string_equal(aws.zone.id, "Z1");
	assert_string_equal(aws.zone.name, "example.org.");
	assert_string_equal(aws.object_path, "bucket/a/sites.json");
	assert_non_null(strstr(aws.object, "\"name\":\"a\""));
	assert_non_null(strstr(aws.object, "\"keys\":{}"));
	world_free(&w);
}

/* The recipe's own user-data with these settings. */
static void expected(const struct world *w, const char *const *sets, bool adhoc,
	struct world *again, struct user_data *ret)
{
	struct err e;
	struct gzip gzip = { 0 };
	*again = (struct world){ 0 };
	again->diag.arena = &again->arena;
	struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = sets };
	struct bundle_options o = { 0 };
	assert_int_equal(recipe_load(&q, &again->arena, &again->diag, &again->recipe, &e), 0);
	assert_int_equal(
		bundle_prepare(&again->recipe, &o, &again->arena, &again->diag, &again->bundle, &e),
		0);
	struct user_data_source s = { .recipe = &again->recipe,
		.tree = &again->bundle.tree,
		.parts = &again->bundle.parts,
		.secrets = &again->bundle.secrets,
		.gzip = &gzip,
		.arena = &again->arena };
	assert_int_equal(adhoc ? user_data_paste(&s, ret, &e) : user_data_ami(&s, ret, &e), 0);
	gzip_free(&gzip);
}

static void made(const struct world *w, bool adhoc, bool ssh, struct buf *ret)
{
	struct arena a = { 0 };
	struct err e;
	struct buf ca = { 0 };
	static const char *const none[] = { NULL };
	assert_int_equal(buf_puts(&ca, "-----BEGIN CERTIFICATE-----\nAA==\n", &e), 0);
	const struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = none };
	const struct guest_options g = { .query = &q,
		.bundle = &w->bundle,
		.endpoint = "https://169.254.0.2:8443",
		.ca = &ca,
		.adhoc = adhoc,
		.ssh = ssh };
	if (guest_user_data(&g, &a, ret, &e) < 0)
		fail_msg("%s", e.msg);
	buf_free(&ca);
	arena_free(&a);
}

static void guest_user_data_adds_one_part(void **state)
{
	(void)state;
	static const char *const none[] = { NULL };
	static const char *const sets[] = { "ssm_endpoint=https://169.254.0.2:8443",
		"ca_file=" GUEST_CA, "hosted_zone=" GUEST_ZONE, NULL };
	struct world w, again;
	struct user_data own = { 0 };
	struct buf ours = { 0 };
	given(&w, none);
	expected(&w, sets, false, &again, &own);
	made(&w, false, false, &ours);
	/* All but the line that ends the document is there as it was. */
	size_t same = own.raw.len - 1;
	while (same > 0 && own.raw.data[same - 1] != '\n')
		same--;
	assert_true(ours.len > same);
	assert_memory_equal(ours.data, own.raw.data, same);
	assert_non_null(strstr(ours.data + same, "text/cloud-boothook"));
	assert_non_null(strstr(ours.data + same, "cat >" GUEST_CA));
	assert_non_null(strstr(ours.data, "ssm=https://169.254.0.2:8443\n"));
	assert_null(strstr(ours.data, "iptables"));
	buf_free(&ours);

	made(&w, false, true, &ours);
	assert_non_null(strstr(ours.data, "iptables -w -I INPUT -s 169.254.0.2 "));
	assert_non_null(strstr(ours.data, "from=172.16.0.0/16 "));
	buf_free(&ours);
	user_data_free(&own);
	bundle_free(&again.bundle);
	arena_free(&again.arena);

	/* Pasted, the rules come with the user-data. */
	made(&w, true, true, &ours);
	assert_non_null(strstr(ours.data, "from=169.254.0.2/32 "));
	assert_null(strstr(ours.data, "iptables"));
	assert_non_null(strstr(ours.data, "cat >" GUEST_CA));
	buf_free(&ours);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_stock_has_what_sites_refer_to),
		cmocka_unit_test(guest_user_data_adds_one_part),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
