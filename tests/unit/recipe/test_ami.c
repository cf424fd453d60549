#include "given.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "fail.h"
#include "recipe/recipe.h"

struct scene {
	struct given given;
	struct recipe recipe;
	char folder[32];
};

static int scene_setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	given_start(&s->given);
	strcpy(s->folder, "/tmp/test_ami.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	*state = s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;
	struct err e;
	assert_int_equal(file_remove_tree(AT_FDCWD, s->folder, &e), 0);
	arena_free(&s->given.arena);
	free(s);
	return 0;
}

static void put(struct scene *s, const char *name, const char *text)
{
	char path[64];
	snprintf(path, sizeof(path), "%s/%s.yaml", s->folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int load_into(struct scene *s, const char *name)
{
	char file[32];
	snprintf(file, sizeof(file), "./%s.yaml", name);
	const struct recipe_query q = { .name = file, .root = s->folder };
	return recipe_load(&q, &s->given.arena, &s->given.diag, &s->recipe, &s->given.err);
}

static struct recipe *load(struct scene *s, const char *name)
{
	assert_int_equal(load_into(s, name), 0);
	assert_problems(&s->given, "");
	return &s->recipe;
}

static void assert_words(const struct words *words, const char *expected)
{
	char text[400] = "";
	for (size_t i = 0; i < words->count; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, words->list[i].text);
	}
	assert_string_equal(text, expected);
}

static void ami_of_a_recipe_without_one(void **state)
{
	struct scene *s = *state;
	put(s, "hub", "description: hub\n");
	const struct recipe *r = load(s, "hub");
	assert_int_equal(r->ami.pos.line, 0);
	assert_string_equal(r->ami.name, AMI_NAME_DEFAULT);
	assert_int_equal(r->ami.encryption, AMI_AS_ACCOUNT);
	assert_int_equal(r->ami.volume, 0);
	assert_int_equal(r->ami.tag_count, 0);
	assert_int_equal(r->publish.pos.line, 0);
	assert_int_equal(r->publish.region_count, 0);
	assert_false(r->publish.everybody);
	assert_int_equal(r->publish.refresh.pos.line, 0);
	assert_int_equal(r->keep, AMI_KEEP_DEFAULT);
}

static const char BASE[] =
	"vars: {stage: {type: string, default: test, help: x}}\n"
	"image: {base: {debian: bookworm}, size: 3G}\n"
	"ami:\n  name: hub _DIGEST_\n  description: the hub\n  kms_key: alias/hub\n  volume: 4G\n"
	"  tags: {team: network, stage: \"{{stage}}\", cost: \"\"}\n"
	"publish:\n"
	"  regions:\n    eu-west-1: {kms_key: alias/west, parameter: /west/ami}\n"
	"    us-gov-east-1:\n    ap-southeast-5: {upload: true}\n"
	"  accounts: [012345678901, \"123456789012\"]\n"
	"  organizations: [arn:aws:organizations::123456789012:organization/o-abcdefghij]\n"
	"  units: [arn:aws-us-gov:organizations::123456789012:ou/o-abcdefghij/ou-abcd-12345678]\n"
	"  deprecate_after: 90d\n  protect: with_cooldown\n  parameter: \"/{{stage}}/ami\"\n"
	"  launch_templates: [lt-0123456789abcdef0]\n"
	"  refresh:\n    groups: [hub a, hub b]\n    min_healthy: 90\n    max_healthy: 150\n"
	"    warmup: 300\n    checkpoints: [20, 100]\n    checkpoint_delay: 600\n"
	"keep: 5\n";

static void ami_with_everything(void **state)
{
	struct scene *s = *state;
	put(s, "hub", BASE);
	const struct recipe *r = load(s, "hub");
	const struct ami *ami = &r->ami;
	assert_string_equal(ami->name, "hub _DIGEST_");
	assert_string_equal(ami->description, "the hub");
	assert_int_equal(ami->encryption, AMI_ENCRYPTED);
	assert_string_equal(ami->kms_key, "alias/hub");
	assert_int_equal(ami->volume, 4ULL << 30);
	assert_int_equal(ami->tag_count, 3);
	assert_string_equal(ami->tags[1].key, "stage");
	assert_string_equal(ami->tags[1].value, "test");
	assert_string_equal(ami->tags[2].value, "");
	const struct publish *p = &r->publish;
	assert_int_equal(p->region_count, 3);
	assert_string_equal(p->regions[0].name, "eu-west-1");
	assert_string_equal(p->regions[0].kms_key, "alias/west");
	assert_string_equal(p->regions[0].parameter, "/west/ami");
	assert_false(p->regions[0].upload);
	assert_null(p->regions[1].kms_key);
	assert_true(p->regions[2].upload);
	assert_words(&p->accounts, "012345678901 123456789012");
	assert_int_equal(p->organizations.count, 1);
	assert_int_equal(p->units.count, 1);
	assert_int_equal(p->deprecate_days, 90);
	assert_int_equal(p->protect, PROTECT_COOLDOWN);
	assert_string_equal(p->parameter, "/test/ami");
	assert_words(&p->launch_templates, "lt-0123456789abcdef0");
	assert_words(&p->refresh.groups, "hub a hub b");
	assert_int_equal(p->refresh.min_healthy, 90);
	assert_int_equal(p->refresh.max_healthy, 150);
	assert_int_equal(p->refresh.warmup, 300);
	assert_int_equal(p->refresh.checkpoint_count, 2);
	assert_int_equal(p->refresh.checkpoints[1], 100);
	assert_int_equal(p->refresh.checkpoint_delay, 600);
	assert_int_equal(r->keep, 5);
}

static void ami_of_a_company(void **state)
{
	struct scene *s = *state;
	put(s, "hub", BASE);
	put(s, "acme",
		"extends: ./hub.yaml\nvars: {stage: live}\n"
		"ami:\n  kms_key: \"\"\n  encrypted: false\n  tags: {cost: , team: acme, owner: me}\n"
		"publish:\n  regions: {-us-gov-east-1: , eu-west-1: {}}\n"
		"  accounts: [-123456789012, \"111122223333\"]\n  protect: \"\"\n"
		"  public: \"" AMI_PUBLIC_WORDS "\"\n"
		"  refresh: {groups: [-hub a], checkpoints: [50, 75, 100], max_healthy: \"\"}\n");
	const struct recipe *r = load(s, "acme");
	assert_int_equal(r->ami.encryption, AMI_PLAIN);
	assert_null(r->ami.kms_key);
	assert_int_equal(r->ami.tag_count, 3);
	assert_string_equal(r->ami.tags[0].value, "acme");
	assert_string_equal(r->ami.tags[1].value, "live");
	assert_string_equal(r->ami.tags[2].key, "owner");
	const struct publish *p = &r->publish;
	assert_int_equal(p->region_count, 2);
	assert_null(p->regions[0].kms_key);
	assert_null(p->regions[0].parameter);
	assert_string_equal(p->regions[1].name, "ap-southeast-5");
	assert_words(&p->accounts, "012345678901 111122223333");
	assert_int_equal(p->protect, PROTECT_NO);
	assert_true(p->everybody);
	assert_string_equal(p->parameter, "/live/ami");
	assert_words(&p->refresh.groups, "hub b");
	assert_int_equal(p->refresh.checkpoint_count, 3);
	assert_int_equal(p->refresh.max_healthy, 0);
}

static void ami_without_memory(void **state)
{
	struct scene *s = *state;
	put(s, "hub", BASE);
	for (unsigned nth = 1;; nth++) {
		arena_free(&s->given.arena);
		given_start(&s->given);
		fail_arm(FAIL_ALLOC, nth);
		int rc = load_into(s, "hub");
		bool hit = fail_disarm();
		if (rc < 0)
			assert_int_equal(s->given.err.kind, ERR_MACHINE);
		if (!hit)
			break;
	}
	assert_problems(&s->given, "");
}

static void ami_name_of_a_template(void **state)
{
	(void)state;
	static const char digest[] = "0123456789abcdef0123456789abcdef";
	static const struct {
		const char *template, *name;
	} cases[] = {
		{ "_RECIPE_ _ARCH_ _DIGEST_", "hub arm64 0123456789ab" },
		{ "_VERSION__DIGEST_", IMGBUILD_VERSION "0123456789ab" },
		{ "__RECIPE__", "_hub_" },
		{ "_RECIPE hub", "_RECIPE hub" },
		{ "a_b_", "a_b_" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cleanup_buf struct buf b = { 0 };
		struct err e;
		assert_int_equal(buf_puts(&b, "", &e), 0);
		assert_int_equal(
			ami_name(cases[i].template, "hub", IMAGE_ARM64, digest, &b, &e), 0);
		assert_string_equal(b.data, cases[i].name);
	}
}

static void shape_of_regions(void **state)
{
	(void)state;
	static const char *const good[] = { "eu-west-1", "us-gov-east-1", "ap-southeast-5",
		"mx-central-1", "eu-isoe-west-1", "us-isob-east-1" };
	static const char *const bad[] = { "", "eu", "eu-west", "eu-west-", "eu-west-1a",
		"EU-west-1", "eu_west_1", "eu-a-b-c-1", "-eu-west-1", "eu-west-123" };
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(publish_region_valid(good[i]));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(publish_region_valid(bad[i]));
}

static void shape_of_parameters(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "/", "//a", "/a/", "a/b", "/aws/x", "/SSM-x", "/a b",
		"/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p" };
	assert_null(publish_parameter_wrong("/hub/ami"));
	assert_null(publish_parameter_wrong("hub-ami"));
	assert_null(publish_parameter_wrong("/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o"));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(publish_parameter_wrong(bad[i]));
}

#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(ami_of_a_recipe_without_one),
		SCENE_TEST(ami_with_everything),
		SCENE_TEST(ami_of_a_company),
		SCENE_TEST(ami_without_memory),
		cmocka_unit_test(ami_name_of_a_template),
		cmocka_unit_test(shape_of_regions),
		cmocka_unit_test(shape_of_parameters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
