#include "given.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "fail.h"
#include "recipe/recipe.h"

/* A folder of its own for each test, which is the current one while it runs. */
struct scene {
	struct given given;
	struct recipe recipe;
	struct recipe_query query;
	char folder[32];
	int before; /* the folder where we were */
};

static int scene_setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	given_start(&s->given);
	strcpy(s->folder, "/tmp/test_recipe.XXXXXX");
	assert_non_null(mkdtemp(s->folder));
	s->before = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->before >= 0);
	assert_int_equal(chdir(s->folder), 0);
	s->query.root = ".";
	*state = s;
	return 0;
}

static int scene_teardown(void **state)
{
	struct scene *s = *state;
	struct err e;
	assert_int_equal(fchdir(s->before), 0);
	close(s->before);
	assert_int_equal(file_remove_tree(AT_FDCWD, s->folder, &e), 0);
	arena_free(&s->given.arena);
	free(s);
	return 0;
}

/* Write a file with the folders it needs. */
static void put(const char *path, const char *text)
{
	char part[256];
	for (size_t i = 0; path[i] != '\0'; i++) {
		if (path[i] != '/' || i == 0)
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		(void)mkdir(part, 0777);
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static int load(struct scene *s, const char *name)
{
	s->query.name = name;
	return recipe_load(&s->query, &s->given.arena, &s->given.diag, &s->recipe, &s->given.err);
}

static void load_good(struct scene *s, const char *name)
{
	assert_int_equal(load(s, name), 0);
	assert_problems(&s->given, "");
}

static void load_bad(struct scene *s, const char *name, const char *problems)
{
	assert_int_equal(load(s, name), 0);
	assert_problems(&s->given, problems);
}

static void assert_words(const struct words *words, const char *expected)
{
	char text[200] = "";
	for (size_t i = 0; i < words->count; i++) {
		strcat(text, i > 0 ? " " : "");
		strcat(text, words->list[i].text);
	}
	assert_string_equal(text, expected);
}

#define VARS                                                                                       \
	"vars:\n"                                                                                  \
	"  vpc_cidr: {type: cidr, default: 172.16.0.0/16, help: x}\n"                              \
	"  hub_subnet: {type: cidr, default: 172.16.1.0/24, help: x}\n"                            \
	"  pool_name: {type: fqdn, default: vpn.example.com, help: x}\n"
#define SITE(n)                                                                                    \
	"- {name: b" #n ", peer: 203.0.113." #n ", id: 10.0." #n ".1, subnets: [10.0." #n          \
	".0/24], psk: ssm:/k}\n"

/* ---- finding ---- */

static void recipe_load_by_name(void **state)
{
	struct scene *s = *state;
	put("recipes/hub.yaml", "description: the hub\ndaemon: strongswan\n");
	load_good(s, "hub");
	assert_string_equal(s->recipe.name, "hub");
	assert_string_equal(s->recipe.description, "the hub");
	assert_int_equal(s->recipe.daemon, DAEMON_STRONGSWAN);
	assert_int_equal(s->recipe.chain_count, 1);
	assert_int_equal(s->recipe.input_count, 1);
	assert_string_equal(s->recipe.inputs[0].path, "recipes/hub.yaml");
	assert_int_equal(strlen(s->recipe.inputs[0].sha256), 64);
	assert_null(s->recipe.overlay_url);
}

static void recipe_load_by_path(void **state)
{
	struct scene *s = *state;
	put("mine.yaml", "servces: []\n");
	load_bad(s, "./mine.yaml",
		"./mine.yaml:1:1: unknown recipe key \"servces\": did you mean \"services\"?\n");
	assert_string_equal(s->recipe.name, "mine");
	assert_string_equal(s->recipe.inputs[0].path, "mine.yaml");
}

static void recipe_load_path_is_below_the_root(void **state)
{
	struct scene *s = *state;
	put("far/x/mine.yaml", "servces: []\n");
	s->query.root = "far";
	load_bad(s, "x/mine.yaml",
		"far/x/mine.yaml:1:1: unknown recipe key \"servces\": did you mean "
		"\"services\"?\n");
	assert_string_equal(s->recipe.inputs[0].path, "x/mine.yaml");
}

static void recipe_load_first_folder_wins(void **state)
{
	struct scene *s = *state;
	static const char *const search[] = { "two", "three/", NULL };
	put("recipes/other.yaml", "{}\n");
	put("two/recipes/hub.yaml", "description: two\n");
	put("three/recipes/hub.yaml", "description: three\n");
	s->query.search = search;
	load_good(s, "hub");
	assert_string_equal(s->recipe.description, "two");
	assert_string_equal(s->recipe.inputs[0].path, "recipes/hub.yaml");
}

static void recipe_load_not_found(void **state)
{
	struct scene *s = *state;
	static const char *const search[] = { "/nonexistent", NULL };
	put("recipes/hub.yaml", "{}\n");
	s->query.search = search;
	assert_int_equal(load(s, "hbu"), -1);
	assert_int_equal(s->given.err.kind, ERR_INPUT);
	assert_string_equal(s->given.err.msg, "no recipe \"hbu\": did you mean \"hub\"?");
	assert_int_equal(load(s, "something"), -1);
	assert_string_equal(s->given.err.msg,
		"no recipe \"something\": looked for in recipes, /nonexistent/recipes");
	assert_int_equal(load(s, "./hub.yaml"), -1);
	assert_int_equal(s->given.err.kind, ERR_INPUT);
	assert_string_equal(s->given.err.msg, "open ./hub.yaml: No such file or directory");
	assert_int_equal(load(s, ".."), -1);
	assert_int_equal(load(s, ""), -1);
}

static void recipe_load_too_large(void **state)
{
	struct scene *s = *state;
	put("big.yaml", "");
	assert_int_equal(truncate("big.yaml", (off_t)RECIPE_BYTES_MAX + 1), 0);
	assert_int_equal(load(s, "big.yaml"), -1);
	assert_int_equal(s->given.err.kind, ERR_INPUT);
	assert_string_equal(s->given.err.msg, "big.yaml: 1048577 bytes: at most 1048576 are read");
}

static void recipe_load_name_unfit_for_a_folder(void **state)
{
	struct scene *s = *state;
	put("two words.yaml", "{}\n");
	load_bad(s, "./two words.yaml",
		"./two words.yaml: name \"two words\": allowed are letters, digits and ._-, a "
		"letter or digit first, at most 64\n");
}

/* ---- extends ---- */

/* The image section adds up over the chain like the recipe itself. */
static void recipe_load_image_of_a_company(void **state)
{
	struct scene *s = *state;
	static const char *const search[] = { "ours", NULL };
	put("ours/recipes/hub.yaml",
		VARS "services: [a.service]\nimage:\n  base: {debian: bookworm}\n  size: 2G\n"
		     "  label: hub-root\n  packages: [sudo, less]\n  arguments: [quiet, a=b]\n"
		     "  exclude: [/usr/share/doc/*, \"!/usr/share/doc/*/copyright\"]\n"
		     "  mask: [apt.timer]\n  overlays: [image]\n  setuid: [/usr/bin/sudo]\n"
		     "  modes: {/etc/m: {mode: \"0600\"}}\n");
	put("ours/overlays/image/etc/m", "");
	put("acme/recipes/acme.yaml",
		"extends: hub\nvars: {pool_name: base.example}\nimage:\n  base: {tar: \"../{{pool_name}}.tar\"}\n"
		"  size: 1536M\n  arch: arm64\n  packages: [-less, vim]\n  arguments: [-quiet]\n"
		"  exclude: [\"-!/usr/share/doc/*/copyright\"]\n  mask: [-apt.timer]\n"
		"  services: [apt.timer]\n");
	s->query.root = "acme";
	s->query.search = search;
	load_good(s, "acme");
	const struct image *image = &s->recipe.image;
	assert_int_equal(image->base, IMAGE_BASE_TAR);
	assert_string_equal(image->tar, "acme/recipes/../base.example.tar");
	assert_null(image->mirror);
	assert_int_equal(image->size, 1536ULL << 20);
	assert_int_equal(image->arch, IMAGE_ARM64);
	assert_string_equal(image->label, "hub-root");
	assert_words(&image->packages, "sudo vim");
	assert_words(&image->arguments, "a=b");
	assert_words(&image->exclude, "/usr/share/doc/*");
	assert_words(&image->setuid, "/usr/bin/sudo");
	assert_words(&image->services, "apt.timer");
	assert_int_equal(image->mask.count, 0);
	assert_int_equal(image->overlay_count, 1);
	assert_string_equal(image->overlays[0].path, "ours/overlays/image");
	assert_int_equal(image->modes.count, 1);
	assert_int_equal(s->recipe.modes.count, 0);
	assert_words(&s->recipe.services, "a.service");
}

/* A company's folder beside ours: its own recipe, overlay and sites; ours by the search path. */
static void recipe_load_of_a_company(void **state)
{
	struct scene *s = *state;
	static const char *const search[] = { "ours", NULL };
	put("ours/recipes/hub.yaml", VARS "packages: [libreswan, iptables]\noverlays: [hub]\n"
					  "services: [a.service, b.service]\n"
					  "modes: {/etc/x: {mode: \"0600\", owner: root}}\n"
					  "sites: hub-sites.yaml\n");
	put("ours/recipes/hub-sites.yaml", SITE(1) SITE(2));
	put("ours/overlays/hub/etc/x", "");
	put("acme/recipes/acme.yaml",
		"extends: hub\ndescription: ours\nvars: {pool_name: vpn.acme.example}\n"
		"packages: [-iptables, iptables-nft]\noverlays: [acme]\nservices: [-b.service, "
		"c.service]\nmodes: {/etc/x: {group: hub}, /etc/y/*: {mode: 750, original: "
		"keep}}\nsites: more/sites.yaml\nparts: [extra.cfg]\n"
		"overlay_url: \"s3://images/{{pool_name}}.tar.gz\"\n");
	put("acme/recipes/more/sites.yaml", SITE(3));
	put("acme/recipes/extra.cfg", "");
	put("acme/overlays/acme/etc/y/z", "");
	s->query.root = "acme";
	s->query.search = search;
	load_good(s, "acme");
	const struct recipe *r = &s->recipe;
	assert_string_equal(r->name, "acme");
	assert_string_equal(r->description, "ours");
	assert_int_equal(r->chain_count, 2);
	assert_string_equal(r->chain[0], "hub");
	assert_string_equal(r->chain[1], "acme");
	assert_words(&r->packages, "libreswan iptables-nft");
	assert_words(&r->services, "a.service c.service");
	assert_string_equal(r->packages.list[1].layer, "acme");
	assert_int_equal(r->overlay_count, 2);
	assert_string_equal(r->overlays[0].path, "ours/overlays/hub");
	assert_string_equal(r->overlays[1].path, "acme/overlays/acme");
	assert_int_equal(r->part_count, 1);
	assert_string_equal(r->parts[0].path, "acme/recipes/extra.cfg");
	assert_int_equal(r->modes.count, 3);
	assert_int_equal(r->modes.list[0].mode, 0600);
	assert_false(r->modes.list[1].has_mode);
	assert_string_equal(r->modes.list[1].group, "hub");
	assert_int_equal(r->modes.list[2].mode, 0750);
	assert_true(r->modes.list[2].keep_original);
	assert_int_equal(r->sites.count, 1);
	assert_string_equal(r->sites.list[0].name, "b3");
	assert_string_equal(r->overlay_url, "s3://images/vpn.acme.example.tar.gz");
	const char *const inputs[] = { "recipes/acme.yaml", "recipes/hub.yaml",
		"recipes/more/sites.yaml" };
	assert_int_equal(r->input_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(r->inputs[i].path, inputs[i]);
	assert_int_equal(r->context.vpc.prefix, 16);
	assert_false(r->context.from_s3);
}

/* By its path from elsewhere: its own overlays are found at its home. */
static void recipe_load_of_a_company_by_path(void **state)
{
	struct scene *s = *state;
	put("recipes/hub.yaml", "overlays: [hub]\n");
	put("overlays/hub/x", "");
	put("acme/recipes/acme.yaml", "extends: hub\noverlays: [acme, ../special]\n");
	put("acme/overlays/acme/x", "");
	put("acme/special/x", "");
	load_good(s, "acme/recipes/acme.yaml");
	assert_int_equal(s->recipe.overlay_count, 3);
	assert_string_equal(s->recipe.overlays[1].path, "acme/overlays/acme");
	assert_string_equal(s->recipe.overlays[2].path, "acme/recipes/../special");
}

static void recipe_load_extends_by_path(void **state)
{
	struct scene *s = *state;
	put("a/top.yaml", "extends: ../b/base.yaml\n");
	put("b/base.yaml", "packages: [x]\n");
	load_good(s, "a/top.yaml");
	assert_words(&s->recipe.packages, "x");
	assert_string_equal(s->recipe.chain[0], "base");
}

static void recipe_load_extends_in_a_circle(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml", "extends: b\n");
	put("recipes/b.yaml", "extends: c\n");
	put("recipes/c.yaml", "extends: ../recipes/b.yaml\n");
	load_bad(s, "a",
		"recipes/c.yaml:1:10: extends goes in a circle, b -> c -> b: a chain must end\n");
}

static void recipe_load_extends_at_the_limit(void **state)
{
	struct scene *s = *state;
	char path[40], text[40];
	for (int i = 1; i <= 9; i++) {
		snprintf(path, sizeof(path), "recipes/r%d.yaml", i);
		snprintf(text, sizeof(text), i < 9 ? "extends: r%d\n" : "{}\n", i + 1);
		put(path, text);
	}
	load_good(s, "r2");
	assert_int_equal(s->recipe.chain_count, EXTENDS_DEPTH_MAX);
	load_bad(s, "r1",
		"recipes/r8.yaml:1:10: too many recipes in a chain of extends: at most 8 are "
		"allowed\n");
}

/* What rests on a base recipe that is not there is not reported on top. */
static void recipe_load_without_its_base_says_only_that(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml", "extends: basic\nvars: {x: 1}\npackages: [-y]\n");
	put("recipes/base.yaml", "{}\n");
	load_bad(s, "a", "recipes/a.yaml:1:10: no recipe \"basic\": did you mean \"base\"?\n");
	assert_string_equal(s->recipe.name, "a");
}

static void recipe_load_empty_takes_away(void **state)
{
	struct scene *s = *state;
	put("recipes/base.yaml", VARS "description: x\ndaemon: strongswan\noverlay_url: "
				      "https://example.com/x\nsites:\n" SITE(1));
	put("recipes/a.yaml", "extends: base\nsites:\noverlay_url: ''\ndaemon: ~\ndescription:\n");
	load_good(s, "a");
	assert_null(s->recipe.overlay_url);
	assert_null(s->recipe.description);
	assert_int_equal(s->recipe.sites.count, 0);
	assert_int_equal(s->recipe.daemon, DAEMON_LIBRESWAN);
}

/* ---- sites ---- */

static void recipe_load_sites_option_replaces(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml", VARS "sites: missing.yaml\n");
	put("other.yaml", "list:\n" SITE(1) SITE(2));
	s->query.sites_file = "other.yaml";
	load_good(s, "a");
	assert_int_equal(s->recipe.sites.count, 2);
	assert_string_equal(s->recipe.inputs[1].path, "other.yaml");
}

static void recipe_load_sites_option_not_found(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml", "{}\n");
	s->query.sites_file = "none.yaml";
	load_bad(s, "a", "--sites: open none.yaml: No such file or directory\n");
}

static void recipe_load_sites_are_templates(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml", VARS "sites: \"{{pool_name}}.yaml\"\n");
	put("recipes/vpn.example.com.yaml",
		"- {name: b1, peer: any, id: \"@b1.{{pool_name}}\", subnets: [10.0.0.0/8], crypto: "
		"modern, psk: \"ssm:/{{pool_name}}/b1\"}\n");
	load_good(s, "a");
	assert_string_equal(s->recipe.sites.list[0].id, "@b1.vpn.example.com");
	assert_string_equal(s->recipe.sites.list[0].psk.arg, "/vpn.example.com/b1");
}

static void recipe_load_sites_need_networks(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml",
		"vars: {vpc_cidr: {type: string, default: x, help: x}}\nsites:\n" SITE(1));
	load_bad(s, "a",
		"recipes/a.yaml:1:8: vpc_cidr of type string: the builder needs a cidr\n"
		"recipes/a.yaml:3:1: sites without a variable hub_subnet: declare it, of type "
		"cidr\n");
}

static void recipe_load_sites_are_checked_against_the_networks(void **state)
{
	struct scene *s = *state;
	static const char *const sets[] = { "vpc_cidr=10.0.0.0/16", "hub_subnet=10.0.0.0/24",
		NULL };
	put("recipes/a.yaml", VARS "sites:\n" SITE(1));
	s->query.sets = sets;
	assert_int_equal(load(s, "a"), 0);
	assert_true(diag_total(&s->given.diag) > 0);
	assert_non_null(strstr(given_problems(&s->given), "recipes/a.yaml:6:"));
}

/* ---- the rest ---- */

static void recipe_load_limits_of_lists(void **state)
{
	struct scene *s = *state;
	struct buf b = { 0 };
	struct err e;
	assert_int_equal(buf_puts(&b, "packages:\n", &e), 0);
	for (int i = 0; i <= PACKAGES_MAX; i++)
		assert_int_equal(buf_printf(&b, &e, "- p%d\n", i), 0);
	assert_int_equal(buf_puts(&b, "services:\n", &e), 0);
	for (int i = 0; i <= SERVICES_MAX; i++)
		assert_int_equal(buf_printf(&b, &e, "- p%d.service\n", i), 0);
	assert_int_equal(buf_puts(&b, "overlays:\n", &e), 0);
	for (int i = 0; i <= OVERLAYS_MAX; i++) {
		char path[40];
		snprintf(path, sizeof(path), "overlays/o%d/x", i);
		put(path, "");
		assert_int_equal(buf_printf(&b, &e, "- o%d\n", i), 0);
	}
	assert_int_equal(buf_puts(&b, "modes:\n", &e), 0);
	for (int i = 0; i <= MODES_MAX; i++)
		assert_int_equal(buf_printf(&b, &e, "  /m%d: {owner: x}\n", i), 0);
	put("recipes/a.yaml", b.data);
	buf_free(&b);
	load_bad(s, "a",
		"recipes/a.yaml:514:3: too many packages: at most 512 are allowed\n"
		"recipes/a.yaml:644:3: too many services: at most 128 are allowed\n"
		"recipes/a.yaml:678:3: too many overlays: at most 32 are allowed\n"
		"recipes/a.yaml:4776:3: too many mode rules: at most 4096 are allowed\n");
}

static void recipe_load_package_of_the_base_again_is_fine(void **state)
{
	struct scene *s = *state;
	put("recipes/base.yaml", "packages: [a, b]\n");
	put("recipes/top.yaml", "extends: base\npackages: [b, c, -a]\n");
	load_good(s, "top");
	assert_words(&s->recipe.packages, "b c");
}

static void recipe_load_modes(void **state)
{
	struct scene *s = *state;
	static const struct {
		const char *path;
		bool good;
	} cases[] = {
		{ "/a", true },
		{ "/a/b.c/-d", true },
		{ "/a/*", true },
		{ "/a/...", true },
		{ "/*", false },
		{ "/", false },
		{ "a/b", false },
		{ "/a/", false },
		{ "/a//b", false },
		{ "/a/./b", false },
		{ "/a/../b", false },
		{ "/a/*/b", false },
		{ "/a/b*", false },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[80];
		snprintf(text, sizeof(text), "modes: {\"%s\": {mode: 4755}}\n", cases[i].path);
		put("recipes/a.yaml", text);
		struct scene fresh = { .query = s->query };
		given_start(&fresh.given);
		assert_int_equal(load(&fresh, "a"), 0);
		assert_int_equal(diag_total(&fresh.given.diag), cases[i].good ? 0 : 1);
		assert_int_equal(fresh.recipe.modes.count, cases[i].good ? 1 : 0);
		if (cases[i].good)
			assert_int_equal(fresh.recipe.modes.list[0].mode, 04755);
		arena_free(&fresh.given.arena);
	}
}

static void recipe_check_unused_names_both_kinds(void **state)
{
	struct scene *s = *state;
	put("recipes/a.yaml", VARS "modes: {/etc/x: {mode: \"0600\"}}\n");
	load_good(s, "a");
	assert_string_equal(recipe_var(&s->recipe, "vpc_cidr"), "172.16.0.0/16");
	assert_null(recipe_var(&s->recipe, "nothing"));
	recipe_check_unused(&s->recipe, &s->given.diag);
	assert_problems(&s->given,
		"recipes/a.yaml:4:3: variable pool_name is used nowhere: use {{pool_name}} in a "
		"template, or take it out\n"
		"recipes/a.yaml:5:9: /etc/x: no overlay has it: name a path that one has\n");
}

static void recipe_keys_are_documented(void **state)
{
	(void)state;
	for (size_t i = 0; i < RECIPE_KEY_COUNT; i++)
		assert_true(strlen(RECIPE_KEYS[i].help) > 10);
	for (size_t i = 0; i < VAR_KEY_COUNT; i++)
		assert_true(strlen(VAR_KEYS[i].help) > 10);
	for (size_t i = 0; i < MODE_KEY_COUNT; i++)
		assert_true(strlen(MODE_KEYS[i].help) > 10);
}

/* ---- failures ---- */

static void put_whole(void)
{
	put("recipes/base.yaml", VARS "packages: [x]\noverlays: [o]\nsites: sites.yaml\n"
				      "modes: {/etc/x: {mode: \"0600\"}}\n");
	put("recipes/top.yaml", "extends: base\npackages: [y]\noverlay_url: "
				"\"https://{{pool_name}}/o.tar.gz\"\n");
	put("recipes/sites.yaml", SITE(1) SITE(2));
	put("overlays/o/x", "");
}

static void recipe_load_each_call_fails(void **state)
{
	struct scene *s = *state;
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_READ };
	put_whole();
	for (size_t k = 0; k < 2; k++) {
		for (unsigned n = 1;; n++) {
			struct scene fresh = { .query = s->query };
			given_start(&fresh.given);
			fail_arm(kinds[k], n);
			int rc = load(&fresh, "top");
			bool hit = fail_disarm();
			assert_int_equal(rc, hit ? -1 : 0);
			if (hit)
				assert_int_equal(fresh.given.err.kind, ERR_MACHINE);
			arena_free(&fresh.given.arena);
			if (!hit)
				break;
			assert_true(n < 200);
		}
	}
}

/* An arena that is full after each number of bytes: every piece of memory is missed once. */
static void recipe_load_each_piece_of_memory_fails(void **state)
{
	struct scene *s = *state;
	put_whole();
	size_t misses = 0;
	for (size_t room = 16;; room += 16, misses++) {
		struct scene fresh = { .query = s->query };
		given_start(&fresh.given);
		fresh.given.arena.max = room;
		int rc = load(&fresh, "top");
		if (rc < 0)
			assert_int_equal(fresh.given.err.kind, ERR_MACHINE);
		else
			assert_int_equal(fresh.recipe.sites.count, 2);
		assert_int_equal(diag_total(&fresh.given.diag), 0);
		arena_free(&fresh.given.arena);
		if (rc == 0)
			break;
	}
	assert_true(misses > 100);
}

#define scene_test(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		scene_test(recipe_load_by_name),
		scene_test(recipe_load_by_path),
		scene_test(recipe_load_path_is_below_the_root),
		scene_test(recipe_load_first_folder_wins),
		scene_test(recipe_load_not_found),
		scene_test(recipe_load_too_large),
		scene_test(recipe_load_name_unfit_for_a_folder),
		scene_test(recipe_load_of_a_company),
		scene_test(recipe_load_image_of_a_company),
		scene_test(recipe_load_of_a_company_by_path),
		scene_test(recipe_load_extends_by_path),
		scene_test(recipe_load_extends_in_a_circle),
		scene_test(recipe_load_extends_at_the_limit),
		scene_test(recipe_load_without_its_base_says_only_that),
		scene_test(recipe_load_empty_takes_away),
		scene_test(recipe_load_sites_option_replaces),
		scene_test(recipe_load_sites_option_not_found),
		scene_test(recipe_load_sites_are_templates),
		scene_test(recipe_load_sites_need_networks),
		scene_test(recipe_load_sites_are_checked_against_the_networks),
		scene_test(recipe_load_limits_of_lists),
		scene_test(recipe_load_package_of_the_base_again_is_fine),
		scene_test(recipe_load_modes),
		scene_test(recipe_check_unused_names_both_kinds),
		cmocka_unit_test(recipe_keys_are_documented),
		scene_test(recipe_load_each_call_fails),
		scene_test(recipe_load_each_piece_of_memory_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
