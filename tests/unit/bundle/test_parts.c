#include "bundle/parts.h"

#include "bundle/cloudconfig.h"
#include "scratch.h"

static void load(struct world *w, const char *parts)
{
	char text[512];
	struct err e;
	scratch_text(&w->dir, "overlays/o/etc/ours", "x\n");
	snprintf(text, sizeof(text),
		"vars: {name: {type: string, default: Hub, help: h}}\npackages: [libreswan]\n"
		"overlays: [o]\nparts: [%s]\n",
		parts);
	world_load(w, text);
	w->bundle.tree = (struct tree){ .arena = &w->arena };
	assert_int_equal(tree_overlay(&w->bundle.tree, &w->recipe.overlays[0], &w->recipe.vars,
				 &w->diag, &e),
		0);
	assert_int_equal(tree_finish(&w->bundle.tree, &w->recipe.modes, &w->diag, &e), 0);
	assert_int_equal(
		parts_read(&w->recipe, &w->bundle.tree, &w->arena, &w->diag, &w->bundle.parts, &e),
		0);
}

static void cloud_keys_are_sorted(void **state)
{
	(void)state;
	for (size_t i = 1; i < CLOUD_KEY_COUNT; i++)
		assert_true(strcmp(CLOUD_KEYS[i - 1], CLOUD_KEYS[i]) < 0);
}

static void parts_read_tells_kinds_and_fills(void **state)
{
	(void)state;
	struct world w;
	world_make(&w);
	scratch_text(&w.dir, "recipes/a.cfg.in", "#cloud-config\nhostname: {{name}}\n");
	scratch_text(&w.dir, "recipes/b.sh", "#!/bin/sh\necho {{name}}\n");
	scratch_text(&w.dir, "recipes/c", "#cloud-boothook\ntrue\n");
	scratch_text(&w.dir, "recipes/d",
		"#cloud-config\nmerge_how: " CLOUD_MERGE "\n"
		"write_files: [{path: /etc/ours, append: true}, {path: /etc/theirs}]\n");
	load(&w, "a.cfg.in, b.sh, c, d");
	assert_int_equal(diag_total(&w.diag), 0);
	assert_int_equal(w.bundle.parts.count, 4);
	const struct part *p = w.bundle.parts.list;
	assert_string_equal(p[0].mime.name, "a.cfg");
	assert_string_equal(p[0].mime.type, "text/cloud-config");
	assert_string_equal(p[0].mime.data, "#cloud-config\nhostname: Hub\n");
	assert_string_equal(p[1].mime.type, "text/x-shellscript");
	assert_string_equal(p[1].mime.data, "#!/bin/sh\necho {{name}}\n");
	assert_string_equal(p[2].mime.type, "text/cloud-boothook");
	world_free(&w);
}

static void parts_read_names_each_problem(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text, *said;
	} cases[] = {
		{ "p", "echo hello\n", "first line" },
		{ "p", "#cloud-configx\n", "first line" },
		{ "p", "#include\nhttps://x\n", "first line" },
		{ "p", "", "first line" },
		{ "p", "#cloud-config\nwritefiles: []\n", "knows \"write_files\"" },
		{ "p", "#cloud-config\nzzzz: []\n", "in silence" },
		{ "p", "#cloud-config\n- a\n", "must be a map" },
		{ "p", "#cloud-config\na: [\n", "p:" },
		{ "p", "#cloud-config\npackage_update: false\n", "package_update" },
		{ "p", "#cloud-config\nruncmd: echo\n", "must be a list" },
		{ "p", "#cloud-config\nwrite_files: [{path: /etc/ours}]\n", "overlay o" },
		{ "p", "#cloud-config\nmerge_how: dict(replace)+list()+str()\n", "leave it out" },
		{ "p", "#cloud-config\nmerge_type: [{name: list}]\n", "leave it out" },
		{ "imgbuild.cfg", "#!/bin/sh\n", "not begin with" },
		{ "runcmd", "#!/bin/sh\n", "rename it" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world w;
		char path[64];
		world_make(&w);
		snprintf(path, sizeof(path), "recipes/%s", cases[i].name);
		scratch_text(&w.dir, path, cases[i].text);
		load(&w, cases[i].name);
		assert_int_equal(diag_total(&w.diag), 1);
		if (strcmp(cases[i].said, "p:") != 0)
			assert_said(&w, cases[i].said);
		world_free(&w);
	}
}

static void parts_read_refuses_what_would_be_lost(void **state)
{
	(void)state;
	struct world w;
	world_make(&w);
	scratch_text(&w.dir, "recipes/a.cfg",
		"#cloud-config\ntimezone: UTC\nruncmd: [a]\nssh: {emit_keys_to_console: false}\n");
	scratch_text(&w.dir, "recipes/b.cfg",
		"#cloud-config\ntimezone: Asia/Tokyo\nruncmd: [b]\n"
		"ssh: {emit_keys_to_console: true}\n");
	scratch_text(&w.dir, "recipes/x/a.cfg", "#!/bin/sh\n");
	load(&w, "a.cfg, b.cfg, x/a.cfg");
	assert_said(&w, "\"timezone\" is set differently at");
	assert_said(&w, "\"emit_keys_to_console\" is set differently");
	assert_said(&w, "is called a.cfg as well");
	assert_int_equal(diag_total(&w.diag), 3);
	world_free(&w);
}

static void parts_read_every_failure_is_reported(void **state)
{
	(void)state;
	struct world w;
	world_make(&w);
	scratch_text(&w.dir, "recipes/a.cfg.in", "#cloud-config\nhostname: {{name}}\n");
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_READ };
	for (size_t k = 0; k < 2; k++) {
		for (unsigned n = 1;; n++) {
			struct err e = { 0 };
			struct parts parts;
			world_reset(&w);
			load(&w, "a.cfg.in");
			/* Memory of the arena that is left would hide failures. */
			struct arena fresh = { 0 };
			fail_arm(kinds[k], n);
			int rc = parts_read(&w.recipe, &w.bundle.tree, &fresh, &w.diag, &parts, &e);
			bool hit = fail_disarm();
			arena_free(&fresh);
			if (!hit) {
				assert_int_equal(rc, 0);
				assert_true(n > 1);
				break;
			}
			assert_int_equal(rc, -1);
			assert_int_equal(e.kind, ERR_MACHINE);
		}
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cloud_keys_are_sorted),
		cmocka_unit_test(parts_read_tells_kinds_and_fills),
		cmocka_unit_test(parts_read_names_each_problem),
		cmocka_unit_test(parts_read_refuses_what_would_be_lost),
		cmocka_unit_test(parts_read_every_failure_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
