#include "bundle/tree.h"

#include <errno.h>

#include "scratch.h"

static const char RECIPE[] = "vars: {name: {type: string, default: Hub, help: h}}\n"
			     "overlays: [one, two]\n"
			     "modes:\n"
			     "  /etc/secret/*: {mode: \"0600\", group: adm}\n"
			     "  /etc/secret: {mode: \"0700\"}\n"
			     "  /etc/plain: {original: keep}\n";

static void build(struct world *w)
{
	struct err e;
	w->bundle.tree = (struct tree){ .arena = &w->arena };
	for (size_t i = 0; i < w->recipe.overlay_count; i++)
		assert_int_equal(tree_overlay(&w->bundle.tree, &w->recipe.overlays[i],
					 &w->recipe.vars, &w->diag, &e),
			0);
	assert_int_equal(tree_finish(&w->bundle.tree, &w->recipe.modes, &w->diag, &e), 0);
}

static void fill(struct world *w)
{
	world_make(w);
	scratch_text(&w->dir, "overlays/one/etc/plain", "one\n");
	scratch_text(&w->dir, "overlays/one/etc/filled.in", "I am {{name}}.\n");
	scratch_write(&w->dir, "overlays/one/usr/bin/tool", "#!/bin/sh\n", 10, 0700);
	scratch_text(&w->dir, "overlays/one/etc/secret/key", "k\n");
	scratch_text(&w->dir, "overlays/two/etc/plain", "two\n");
	scratch_text(&w->dir, "overlays/two/etc/plain.d/x", "x\n");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	fill(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_free(*state);
	free(*state);
	return 0;
}

static void tree_later_layer_wins_and_is_remembered(void **state)
{
	struct world *w = *state;
	world_load(w, RECIPE);
	build(w);
	assert_int_equal(diag_total(&w->diag), 0);
	const struct entry *e = tree_find(&w->bundle.tree, "/etc/plain");
	assert_non_null(e);
	assert_string_equal(e->data, "two\n");
	assert_string_equal(e->layer, "two");
	assert_string_equal(e->replaced->layer, "one");
	assert_null(e->replaced->replaced);
	assert_true(e->keep_original);
	assert_null(tree_find(&w->bundle.tree, "/etc/nothing"));
	for (size_t i = 1; i < w->bundle.tree.count; i++)
		assert_true(
			strcmp(w->bundle.tree.list[i - 1].path, w->bundle.tree.list[i].path) < 0);
}

static void tree_fills_templates_and_keeps_the_digest_of_the_source(void **state)
{
	struct world *w = *state;
	world_load(w, RECIPE);
	build(w);
	const struct entry *entry = tree_find(&w->bundle.tree, "/etc/filled");
	assert_string_equal(entry->data, "I am Hub.\n");
	struct sha256 digest = sha256_of("I am {{name}}.\n", 15);
	assert_memory_equal(digest.bytes, entry->source_digest.bytes, 32);
	assert_null(tree_find(&w->bundle.tree, "/etc/filled.in"));
}

static void tree_modes_come_from_x_bit_and_rules(void **state)
{
	struct world *w = *state;
	world_load(w, RECIPE);
	build(w);
	const struct tree *t = &w->bundle.tree;
	assert_int_equal(tree_find(t, "/usr/bin/tool")->mode, 0755);
	assert_int_equal(tree_find(t, "/etc/plain")->mode, 0644);
	assert_int_equal(tree_find(t, "/etc/secret/key")->mode, 0600);
	assert_string_equal(tree_find(t, "/etc/secret/key")->group, "adm");
	assert_string_equal(tree_find(t, "/etc/secret/key")->owner, "root");
	/* A folder is shipped when a rule names it, or when nothing is in it. */
	assert_int_equal(tree_find(t, "/etc/secret")->mode, 0700);
	assert_null(tree_find(t, "/etc"));
	assert_null(tree_find(t, "/etc/plain.d"));
	for (size_t i = 0; i < w->recipe.modes.count; i++)
		assert_true(w->recipe.modes.list[i].used);
}

static void tree_empty_folders_and_links_are_shipped_unfollowed(void **state)
{
	struct world *w = *state;
	char path[2048];
	scratch_folders(&w->dir, "overlays/one/var/empty/");
	assert_int_equal(
		symlink("/etc/shadow", scratch_path(&w->dir, "overlays/one/etc/abs", path)), 0);
	assert_int_equal(
		symlink("../../../../..", scratch_path(&w->dir, "overlays/one/etc/up", path)), 0);
	world_load(w, RECIPE);
	build(w);
	assert_int_equal(diag_total(&w->diag), 0);
	const struct tree *t = &w->bundle.tree;
	assert_int_equal(tree_find(t, "/var/empty")->kind, ENTRY_FOLDER);
	assert_int_equal(tree_find(t, "/etc/abs")->kind, ENTRY_LINK);
	assert_string_equal(tree_find(t, "/etc/abs")->data, "/etc/shadow");
	assert_string_equal(tree_find(t, "/etc/up")->data, "../../../../..");
}

static void tree_passes_over_what_editors_and_git_leave(void **state)
{
	struct world *w = *state;
	static const char *const names[] = { ".git/config", ".gitignore", ".gitkeep", "etc/x~",
		"etc/.x.swp", "etc/.#x", "etc/#x#", "etc/.DS_Store", "usr/__pycache__/x.pyc",
		"usr/x.pyc" };
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char name[128];
		snprintf(name, sizeof(name), "overlays/one/%s", names[i]);
		scratch_text(&w->dir, name, "no\n");
	}
	world_load(w, RECIPE);
	build(w);
	assert_int_equal(diag_total(&w->diag), 0);
	assert_int_equal(w->bundle.tree.ignored_count, sizeof(names) / sizeof(names[0]));
	for (size_t i = 0; i < w->bundle.tree.count; i++)
		assert_null(strstr(w->bundle.tree.list[i].data, "no\n"));
}

static void tree_names_each_odd_thing(void **state)
{
	struct world *w = *state;
	char path[2048];
	static const char *const odd[][2] = { { "etc/a\nb", "control character" },
		{ "etc/x.orig", "vendor's files" }, { "etc/x.rej", "failed patch" },
		{ "etc/\xff", "no UTF-8" }, { "run/x", "at boot" }, { "tmp/x", "at boot" },
		{ "etc/.in", "without a name" } };
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		char name[128];
		snprintf(name, sizeof(name), "overlays/one/%s", odd[i][0]);
		scratch_text(&w->dir, name, "x\n");
	}
	assert_int_equal(mkfifo(scratch_path(&w->dir, "overlays/one/etc/pipe", path), 0600), 0);
	world_load(w, RECIPE);
	build(w);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
		assert_said(w, odd[i][1]);
	assert_said(w, "a named pipe");
	assert_int_equal(diag_total(&w->diag), sizeof(odd) / sizeof(odd[0]) + 1);
	for (size_t i = 0; i < w->diag.count; i++)
		assert_non_null(strstr(w->diag.list[i].pos.file, "overlays/one/"));
}

static void tree_refuses_what_is_too_large_or_deep(void **state)
{
	struct world *w = *state;
	char path[2048], deep[512] = "overlays/one/";
	scratch_text(&w->dir, "overlays/one/etc/large", "");
	assert_int_equal(
		truncate(scratch_path(&w->dir, "overlays/one/etc/large", path), 16777217), 0);
	for (int i = 0; i < TREE_DEPTH_MAX + 2; i++)
		strcat(deep, "d/");
	strcat(deep, "f");
	scratch_text(&w->dir, deep, "x");
	world_load(w, RECIPE);
	build(w);
	assert_said(w, "a file may have at most 16777216");
	assert_said(w, "more than 32 folders");
	assert_int_equal(diag_total(&w->diag), 2);
}

static void tree_refuses_files_in_place_of_folders(void **state)
{
	struct world *w = *state;
	scratch_text(&w->dir, "overlays/two/usr/bin", "a file\n");
	scratch_text(&w->dir, "overlays/two/etc/filled", "x\n");
	scratch_text(&w->dir, "overlays/two/etc/twice", "x\n");
	scratch_text(&w->dir, "overlays/two/etc/twice.in", "x\n");
	world_load(w, RECIPE);
	build(w);
	assert_said(w, "a file where");
	assert_said(w, "gives /etc/twice as well");
	assert_int_equal(diag_total(&w->diag), 2);
}

static void tree_template_problem_has_its_place(void **state)
{
	struct world *w = *state;
	scratch_text(&w->dir, "overlays/one/etc/bad.in", "fine\nx {{nmae}}\n");
	world_load(w, RECIPE);
	build(w);
	assert_int_equal(diag_total(&w->diag), 1);
	assert_int_equal(w->diag.list[0].pos.line, 2);
	assert_said(w, "nmae");
}

static void tree_missing_overlay_is_a_problem(void **state)
{
	struct world *w = *state;
	struct err e;
	world_load(w, RECIPE);
	struct tree t = { .arena = &w->arena };
	struct found gone = { .word = { .text = "gone" }, .path = "/nonexistent/overlay" };
	assert_int_equal(tree_overlay(&t, &gone, &w->recipe.vars, &w->diag, &e), 0);
	assert_said(w, "No such file");
}

static void tree_every_failure_is_reported(void **state)
{
	struct world *w = *state;
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_READ };
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (unsigned n = 1;; n++) {
			struct err e = { 0 };
			world_reset(w);
			world_load(w, RECIPE);
			struct tree t = { .arena = &w->arena };
			int rc = 0;
			fail_arm(kinds[k], n);
			for (size_t i = 0; rc == 0 && i < w->recipe.overlay_count; i++)
				rc = tree_overlay(
					&t, &w->recipe.overlays[i], &w->recipe.vars, &w->diag, &e);
			if (rc == 0)
				rc = tree_finish(&t, &w->recipe.modes, &w->diag, &e);
			if (!fail_disarm()) {
				assert_int_equal(rc, 0);
				assert_true(n > 2);
				break;
			}
			assert_int_equal(rc, -1);
			assert_int_equal(e.kind, ERR_MACHINE);
		}
	}
}

#define TREE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TREE_TEST(tree_later_layer_wins_and_is_remembered),
		TREE_TEST(tree_fills_templates_and_keeps_the_digest_of_the_source),
		TREE_TEST(tree_modes_come_from_x_bit_and_rules),
		TREE_TEST(tree_empty_folders_and_links_are_shipped_unfollowed),
		TREE_TEST(tree_passes_over_what_editors_and_git_leave),
		TREE_TEST(tree_names_each_odd_thing),
		TREE_TEST(tree_refuses_what_is_too_large_or_deep),
		TREE_TEST(tree_refuses_files_in_place_of_folders),
		TREE_TEST(tree_template_problem_has_its_place),
		TREE_TEST(tree_missing_overlay_is_a_problem),
		TREE_TEST(tree_every_failure_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
