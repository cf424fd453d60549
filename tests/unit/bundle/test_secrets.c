#include "bundle/secrets.h"

#include "scratch.h"

static struct psk_ref env_ref(const char *text)
{
	return (struct psk_ref){ .kind = PSK_ENV,
		.text = text,
		.arg = text + 4,
		.pos = { .file = "sites.yaml", .line = 3, .col = 5 } };
}

static struct psk_ref file_ref(const char *text)
{
	struct psk_ref ref = env_ref(text);
	ref.kind = PSK_FILE;
	ref.arg = text + 5;
	return ref;
}

struct keys {
	struct arena arena;
	struct diag diag;
	struct secrets secrets;
	struct site list[4];
	struct sites sites;
};

static void keys_make(struct keys *k)
{
	*k = (struct keys){ 0 };
	k->diag.arena = &k->arena;
	k->sites.list = k->list;
}

static int read_keys(struct keys *k, const char *path, bool inline_secrets, struct err *e)
{
	return secrets_read(&k->sites, path, inline_secrets, &k->arena, &k->diag, &k->secrets, e);
}

static void keys_free(struct keys *k)
{
	secrets_wipe(&k->secrets);
	arena_free(&k->arena);
}

static void secrets_read_makes_keys_json_each_key_once(void **state)
{
	(void)state;
	struct keys k;
	struct err e;
	struct scratch dir;
	char path[2048];
	keys_make(&k);
	scratch_make(&dir);
	scratch_text(&dir, "keys/one", "FromFile'{}12\n");
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", "FromEnvironment1", 1), 0);
	k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.list[1].psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.list[2].psk = file_ref("file:keys/one");
	k.list[3].psk = (struct psk_ref){ .kind = PSK_SSM, .text = "ssm:/x", .arg = "/x" };
	k.sites.count = 4;
	assert_int_equal(read_keys(&k, scratch_path(&dir, "sites.yaml", path), true, &e), 0);
	assert_int_equal(k.diag.count, 0);
	assert_string_equal(k.secrets.json.data, "{\n \"env:IMGBUILD_TEST_KEY\": "
						 "\"FromEnvironment1\",\n \"file:keys/one\": "
						 "\"FromFile'{}12\"\n}\n");
	assert_int_equal(k.secrets.count, 2);
	assert_int_equal(k.secrets.sites, 3);
	unsetenv("IMGBUILD_TEST_KEY");
	keys_free(&k);
	scratch_free(&dir);
}

static void secrets_read_default_key_counts(void **state)
{
	(void)state;
	struct keys k;
	struct err e;
	keys_make(&k);
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", "FromEnvironment1", 1), 0);
	k.sites.psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.sites.count = 2;
	assert_int_equal(read_keys(&k, NULL, true, &e), 0);
	assert_int_equal(k.secrets.count, 1);
	assert_int_equal(k.secrets.sites, 2);
	unsetenv("IMGBUILD_TEST_KEY");
	keys_free(&k);
}

static void secrets_read_without_the_switch_is_a_problem_and_reads_nothing(void **state)
{
	(void)state;
	struct keys k;
	struct err e;
	keys_make(&k);
	k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.list[1].psk = file_ref("file:/nonexistent");
	k.sites.count = 2;
	assert_int_equal(read_keys(&k, NULL, false, &e), 0);
	assert_int_equal(k.diag.count, 2);
	assert_int_equal(k.diag.list[0].pos.line, 3);
	assert_non_null(strstr(k.diag.list[0].text, "--inline-secrets"));
	assert_int_equal(k.secrets.json.len, 0);
	keys_free(&k);
}

static void secrets_read_without_references_is_empty(void **state)
{
	(void)state;
	struct keys k;
	struct err e;
	keys_make(&k);
	assert_int_equal(read_keys(&k, NULL, true, &e), 0);
	assert_int_equal(k.secrets.json.len, 0);
	assert_int_equal(k.diag.count, 0);
	keys_free(&k);
}

/* Each fault of a key is named without the key. */
static void secrets_read_names_each_fault(void **state)
{
	(void)state;
	static const struct {
		const char *key, *said;
	} cases[] = { { NULL, "is not set" }, { "", "is empty" }, { "Zq7short", NULL },
		{ "Zq7shor", "shorter than 8" }, { "Zq7has blank", "printable ASCII" },
		{ "Zq7\"quoted\"", "printable ASCII" }, { "Zq7back\\slash", "printable ASCII" },
		{ "Zq7uml\xc3\xa4ut", "printable ASCII" }, { "Zq7bell\a12", "printable ASCII" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct keys k;
		struct err e;
		keys_make(&k);
		if (cases[i].key != NULL)
			assert_int_equal(setenv("IMGBUILD_TEST_KEY", cases[i].key, 1), 0);
		else
			unsetenv("IMGBUILD_TEST_KEY");
		k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
		k.sites.count = 1;
		assert_int_equal(read_keys(&k, NULL, true, &e), 0);
		assert_int_equal(k.diag.count, cases[i].said != NULL);
		if (cases[i].said != NULL) {
			assert_non_null(strstr(k.diag.list[0].text, cases[i].said));
			assert_non_null(strstr(k.diag.list[0].text, "IMGBUILD_TEST_KEY"));
			assert_null(strstr(k.diag.list[0].text, "Zq7"));
		}
		keys_free(&k);
	}
	char *large = calloc(1, 131);
	memset(large, 'k', 129);
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", large, 1), 0);
	struct keys k;
	struct err e;
	keys_make(&k);
	k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.sites.count = 1;
	assert_int_equal(read_keys(&k, NULL, true, &e), 0);
	assert_non_null(strstr(k.diag.list[0].text, "longer than 128"));
	keys_free(&k);
	large[128] = '\0';
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", large, 1), 0);
	keys_make(&k);
	k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.sites.count = 1;
	assert_int_equal(read_keys(&k, NULL, true, &e), 0);
	assert_int_equal(k.diag.count, 0);
	keys_free(&k);
	unsetenv("IMGBUILD_TEST_KEY");
	free(large);
}

static void secrets_read_file_that_cannot_be_read(void **state)
{
	(void)state;
	static const char *const files[] = { "file:/nonexistent/key", "file:/dev/null",
		"file:/etc" };
	for (size_t i = 0; i < 3; i++) {
		struct keys k;
		struct err e;
		keys_make(&k);
		k.list[0].psk = file_ref(files[i]);
		k.sites.count = 1;
		assert_int_equal(read_keys(&k, NULL, true, &e), 0);
		assert_int_equal(k.diag.count, 1);
		assert_non_null(strstr(k.diag.list[0].text, files[i] + 5));
		keys_free(&k);
	}
}

static void secrets_wipe_leaves_nothing(void **state)
{
	(void)state;
	struct keys k;
	struct err e;
	keys_make(&k);
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", "FromEnvironment1", 1), 0);
	k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
	k.sites.count = 1;
	assert_int_equal(read_keys(&k, NULL, true, &e), 0);
	secrets_wipe(&k.secrets);
	assert_null(k.secrets.json.data);
	secrets_wipe(&k.secrets);
	unsetenv("IMGBUILD_TEST_KEY");
	keys_free(&k);
}

static void secrets_read_every_failure_is_reported(void **state)
{
	(void)state;
	struct scratch dir;
	char path[2048];
	scratch_make(&dir);
	scratch_text(&dir, "key", "FromFile12\n");
	assert_int_equal(setenv("IMGBUILD_TEST_KEY", "FromEnvironment1", 1), 0);
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_READ };
	for (size_t i = 0; i < 2; i++) {
		for (unsigned n = 1;; n++) {
			struct keys k;
			struct err e = { 0 };
			keys_make(&k);
			k.list[0].psk = env_ref("env:IMGBUILD_TEST_KEY");
			k.list[1].psk = file_ref("file:key");
			k.sites.count = 2;
			fail_arm(kinds[i], n);
			int rc = read_keys(&k, scratch_path(&dir, "s", path), true, &e);
			bool hit = fail_disarm();
			keys_free(&k);
			if (!hit) {
				assert_int_equal(rc, 0);
				assert_true(n > 1);
				break;
			}
			assert_int_equal(rc, -1);
			assert_int_equal(e.kind, ERR_MACHINE);
		}
	}
	unsetenv("IMGBUILD_TEST_KEY");
	scratch_free(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_read_makes_keys_json_each_key_once),
		cmocka_unit_test(secrets_read_default_key_counts),
		cmocka_unit_test(secrets_read_without_the_switch_is_a_problem_and_reads_nothing),
		cmocka_unit_test(secrets_read_without_references_is_empty),
		cmocka_unit_test(secrets_read_names_each_fault),
		cmocka_unit_test(secrets_read_file_that_cannot_be_read),
		cmocka_unit_test(secrets_wipe_leaves_nothing),
		cmocka_unit_test(secrets_read_every_failure_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
