#include "bundle/bundle.h"

#include <jansson.h>

#include "bundle/manifest.h"
#include "scratch.h"

static const char RECIPE[] =
	"vars:\n"
	"  pool_name: {type: fqdn, default: vpn.example.com, help: h}\n"
	"  vpc_cidr: {type: cidr, default: 172.16.0.0/16, help: h}\n"
	"  hub_subnet: {type: cidr, default: 172.16.1.0/24, help: h}\n"
	"  admin_cidr: {type: cidr, default: 172.16.0.0/16, help: h}\n"
	"  hub_id: {type: string, default: \"@vpn.example.com\", help: h}\n"
	"  sites_url: {type: url, schemes: [s3], optional: true, help: h}\n"
	"  tunnel_mss: {type: int, default: 1360, min: 536, max: 1460, help: h}\n"
	"overlays: [o]\n"
	"sites:\n"
	"- {name: branch1, peer: 203.0.113.1, id: 10.1.0.1, subnets: 10.1.0.0/24, "
	"psk: \"env:IMGBUILD_TEST_KEY\"}\n";

#define KEY "MarkedKey0123456789"

struct kept {
	struct {
		char path[64];
		char *data;
		size_t len;
		unsigned mode;
	} list[64];
	size_t count;
	size_t fail_at; /* 1 based; 0: never */
};

static int keep(
	void *ctx, const char *path, const void *data, size_t len, unsigned mode, struct err *e)
{
	struct kept *k = ctx;
	if (k->count + 1 == k->fail_at)
		return err_set(e, ERR_MACHINE, ENOSPC, "write");
	assert_true(k->count < 64);
	snprintf(k->list[k->count].path, sizeof(k->list[0].path), "%s", path);
	k->list[k->count].data = malloc(len + 1);
	memcpy(k->list[k->count].data, data, len);
	k->list[k->count].data[len] = '\0';
	k->list[k->count].len = len;
	k->list[k->count].mode = mode;
	k->count++;
	return 0;
}

static void forget(struct kept *k)
{
	for (size_t i = 0; i < k->count; i++)
		free(k->list[i].data);
	*k = (struct kept){ 0 };
}

static void make(struct world *w, bool inline_secrets, struct kept *k)
{
	struct err e;
	const struct bundle_options o = { .inline_secrets = inline_secrets };
	world_load(w, RECIPE);
	assert_int_equal(bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
	if (!inline_secrets)
		return;
	if (w->diag.count > 0)
		fail_msg("%s", w->diag.list[0].text);
	const struct sink sink = { keep, k };
	if (bundle_make(&w->bundle, sink, &e) < 0)
		fail_msg("%s", e.msg);
}

/* As much as the hub's files: user-data that is compressed as hard as can be. */
static void bundle_make_compresses_what_the_hub_has(void **state)
{
	struct world *w = *state;
	static char text[44000];
	struct kept k = { 0 };
	uint32_t x = 88675123u;
	for (size_t i = 0; i < sizeof(text); i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		text[i] = (char)(i % 60 == 59 ? '\n' : i % 9 < 7 ? 'a' + i % 23 : 'a' + x % 26);
	}
	scratch_write(&w->dir, "overlays/o/etc/large", text, sizeof(text), 0644);
	make(w, true, &k);
	assert_int_equal(w->bundle.paste.form, USER_DATA_GZIP);
	assert_memory_equal(k.list[0].data, "\x1f\x8b", 2);
	assert_string_equal(k.list[0].path, "user-data");
	assert_int_equal(k.list[0].data[8], 2); /* RFC 1952, XFL: slowest */
	forget(&k);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	world_make(w);
	scratch_text(&w->dir, "overlays/o/etc/hub/hub.conf.in", "id={{hub_id}}\n");
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", KEY, 1), 0);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	free(*state);
	unsetenv("IMGBUILD_TEST_KEY");
	return 0;
}

static void bundle_make_emits_all_in_order(void **state)
{
	struct kept k = { 0 };
	make(*state, true, &k);
	static const char *const first[] = { "user-data", "user-data.b64", "user-data.ami",
		"overlay.tar.gz", "sites.json" };
	static const char *const last[] = { "deploy/security-group.json", "deploy/iam-policy.json",
		"deploy/launch-template.json", "deploy/fleet.yaml", "manifest.json" };
	assert_true(k.count > 10);
	for (size_t i = 0; i < 5; i++) {
		assert_string_equal(k.list[i].path, first[i]);
		assert_string_equal(k.list[k.count - 5 + i].path, last[i]);
	}
	for (size_t i = 5; i < k.count - 5; i++)
		assert_memory_equal(k.list[i].path, "peers/branch1.", 14);
	for (size_t i = 0; i < k.count; i++) {
		char top[64];
		snprintf(top, sizeof(top), "%.*s", (int)strcspn(k.list[i].path, "/"),
			k.list[i].path);
		assert_true(bundle_is_product(top));
	}
	assert_false(bundle_is_product("disk.raw"));
	forget(&k);
}

static void bundle_make_key_is_in_user_data_alone(void **state)
{
	struct world *w = *state;
	struct kept k = { 0 };
	make(w, true, &k);
	for (size_t i = 0; i < k.count; i++) {
		bool paste = strncmp(k.list[i].path, "user-data", 9) == 0 &&
			     strcmp(k.list[i].path, "user-data.ami") != 0;
		assert_int_equal(k.list[i].mode, paste ? 0600 : 0644);
		if (!paste)
			assert_null(memmem(k.list[i].data, k.list[i].len, KEY, strlen(KEY)));
	}
	assert_non_null(strstr(k.list[0].data, KEY));
	assert_int_equal(w->bundle.note_count, 1);
	assert_non_null(strstr(w->bundle.notes[0], "--inline-secrets"));
	assert_null(strstr(w->bundle.notes[0], KEY));

	json_t *root = json_loads(k.list[k.count - 1].data, 0, NULL);
	json_t *products = json_object_get(root, "products");
	assert_int_equal(json_array_size(products), k.count - 1);
	for (size_t i = 0; i < k.count - 1; i++) {
		const json_t *p = json_array_get(products, i);
		bool secret = i < 2;
		assert_string_equal(json_string_value(json_object_get(p, "path")), k.list[i].path);
		assert_int_equal(json_object_get(p, "sha256") == NULL, secret);
		assert_int_equal(json_object_get(p, "size") == NULL, secret);
		if (!secret)
			assert_int_equal(
				json_integer_value(json_object_get(p, "size")), k.list[i].len);
	}
	json_decref(root);
	forget(&k);
}

static void bundle_prepare_refuses_keys_without_the_switch(void **state)
{
	struct world *w = *state;
	struct kept k = { 0 };
	make(w, false, &k);
	assert_said(w, "--inline-secrets");
	assert_int_equal(w->diag.count, 1);
}

static void bundle_make_is_the_same_each_time(void **state)
{
	struct world *w = *state;
	struct kept a = { 0 }, b = { 0 };
	make(w, true, &a);
	world_reset(w);
	make(w, true, &b);
	assert_int_equal(a.count, b.count);
	for (size_t i = 0; i < a.count; i++) {
		assert_int_equal(a.list[i].len, b.list[i].len);
		assert_memory_equal(a.list[i].data, b.list[i].data, a.list[i].len);
	}
	forget(&a);
	forget(&b);
}

static void bundle_make_sites_in_s3_are_not_in_the_tree(void **state)
{
	struct world *w = *state;
	struct err e;
	struct kept k = { 0 };
	const struct bundle_options o = { .inline_secrets = true };
	scratch_text(&w->dir, "recipes/r.yaml", RECIPE);
	static const char *const sets[] = { "sites_url=s3://bucket/sites.json", NULL };
	const struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = sets };
	assert_int_equal(recipe_load(&q, &w->arena, &w->diag, &w->recipe, &e), 0);
	assert_int_equal(bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
	assert_int_equal(w->diag.count, 0);
	assert_null(tree_find(&w->bundle.tree, "/etc/hub/sites.json"));
	assert_non_null(tree_find(&w->bundle.tree, "/etc/hub/crypto.json"));
	const struct sink sink = { keep, &k };
	assert_int_equal(bundle_make(&w->bundle, sink, &e), 0);
	assert_string_equal(k.list[4].path, "sites.json");
	assert_non_null(strstr(k.list[4].data, "branch1"));
	assert_null(strstr(k.list[2].data, "branch1"));
	forget(&k);
}

static void bundle_prepare_refuses_urls_that_no_hub_could_read(void **state)
{
	struct world *w = *state;
	static const struct {
		const char *url;
		bool fine;
	} cases[] = { { "s3://bucket/key", true }, { "s3://a.b-c/k/e/y?versionId=v.1_2", true },
		{ "s3://Bucket/key", false }, { "s3://bu/key", false }, { "s3://bucket/k*", false },
		{ "s3://bucket/k?versionId=", false }, { "s3://bucket/k?x=y", false },
		{ "s3://bucket/k?versionId=a&b=c", false }, { "s3://bucket/?versionId=v", false } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err e;
		char set[128];
		const struct bundle_options o = { .inline_secrets = true };
		snprintf(set, sizeof(set), "sites_url=%s", cases[i].url);
		const char *const sets[] = { set, NULL };
		world_reset(w);
		scratch_text(&w->dir, "recipes/r.yaml", RECIPE);
		const struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = sets };
		assert_int_equal(recipe_load(&q, &w->arena, &w->diag, &w->recipe, &e), 0);
		assert_int_equal(
			bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
		if (cases[i].fine != (w->diag.count == 0))
			fail_msg("%s", cases[i].url);
	}
}

static void bundle_make_manifest_reads_back(void **state)
{
	struct world *w = *state;
	struct err e;
	struct kept k = { 0 };
	struct manifest m;
	make(w, true, &k);
	assert_int_equal(manifest_parse("m", k.list[k.count - 1].data, k.list[k.count - 1].len,
				 &w->arena, &m, &e),
		0);
	assert_true(m.count > k.count);
	forget(&k);
}

static void bundle_make_stops_when_the_sink_fails(void **state)
{
	struct world *w = *state;
	for (size_t n = 1;; n++) {
		struct err e = { 0 };
		struct kept k = { .fail_at = n };
		const struct bundle_options o = { .inline_secrets = true };
		world_reset(w);
		world_load(w, RECIPE);
		assert_int_equal(
			bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
		int rc = bundle_make(&w->bundle, (struct sink){ keep, &k }, &e);
		size_t count = k.count;
		forget(&k);
		if (rc == 0) {
			assert_true(n > 10);
			break;
		}
		assert_int_equal(count, n - 1);
		assert_int_equal(e.errnum, ENOSPC);
	}
}

static int drop(
	void *ctx, const char *path, const void *data, size_t len, unsigned mode, struct err *e)
{
	(void)ctx;
	(void)path;
	(void)data;
	(void)len;
	(void)mode;
	(void)e;
	return 0;
}

static void bundle_every_failed_allocation_is_reported(void **state)
{
	struct world *w = *state;
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		const struct bundle_options o = { .inline_secrets = true };
		world_reset(w);
		world_load(w, RECIPE);
		struct arena fresh = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = bundle_prepare(&w->recipe, &o, &fresh, &w->diag, &w->bundle, &e);
		if (rc == 0)
			rc = bundle_make(&w->bundle, (struct sink){ drop, NULL }, &e);
		bool hit = fail_disarm();
		bundle_free(&w->bundle);
		arena_free(&fresh);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 10);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

#define BUNDLE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUNDLE_TEST(bundle_make_emits_all_in_order),
		BUNDLE_TEST(bundle_make_compresses_what_the_hub_has),
		BUNDLE_TEST(bundle_make_key_is_in_user_data_alone),
		BUNDLE_TEST(bundle_prepare_refuses_keys_without_the_switch),
		BUNDLE_TEST(bundle_make_is_the_same_each_time),
		BUNDLE_TEST(bundle_make_sites_in_s3_are_not_in_the_tree),
		BUNDLE_TEST(bundle_prepare_refuses_urls_that_no_hub_could_read),
		BUNDLE_TEST(bundle_make_manifest_reads_back),
		BUNDLE_TEST(bundle_make_stops_when_the_sink_fails),
		BUNDLE_TEST(bundle_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
