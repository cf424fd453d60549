#include "bundle/userdata.h"

#include <libdeflate.h>

#include "scratch.h"

static const char VARS[] = "vars: {name: {type: string, default: Hub, help: h}}\n";

static void fill(struct world *w)
{
	world_make(w);
	scratch_text(&w->dir, "overlays/o/etc/name.in", "{{name}}\n");
	scratch_text(&w->dir, "overlays/o/etc/vendor.conf", "ours\n");
	scratch_text(&w->dir, "overlays/o/etc/private", "p\n");
	scratch_text(&w->dir, "overlays/o/etc/hub/hub.conf", "[hub]\n");
	scratch_write(&w->dir, "overlays/o/usr/lib/hub/activate", "#!/bin/sh\n", 10, 0755);
}

static const char RECIPE[] = "vars: {name: {type: string, default: Hub, help: h}}\n"
			     "packages: [libreswan, iptables]\n"
			     "overlays: [o]\n"
			     "services: [one.service]\n"
			     "modes:\n"
			     "  /etc/vendor.conf: {original: keep}\n"
			     "  /etc/private: {mode: \"0640\", group: adm}\n";

static void prepare(struct world *w, const char *text)
{
	struct err e;
	const struct bundle_options o = { 0 };
	world_load(w, text);
	assert_int_equal(bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
	if (w->diag.count > 0)
		fail_msg("%s", w->diag.list[0].text);
	/* Not what is tested here, and the golden files need not change with the profiles. */
	struct tree *t = &w->bundle.tree;
	for (size_t i = 0; i < t->count; i++) {
		if (strcmp(t->list[i].path, "/etc/hub/crypto.json") != 0)
			continue;
		memmove(&t->list[i], &t->list[i + 1], (t->count - i - 1) * sizeof(*t->list));
		t->count--;
	}
}

static struct user_data_source source(const struct world *w, struct gzip *gzip)
{
	return (struct user_data_source){ .recipe = &w->recipe,
		.tree = &w->bundle.tree,
		.parts = &w->bundle.parts,
		.secrets = &w->bundle.secrets,
		.archive_size = 1234,
		.archive_digest = { { 0xab } },
		.gzip = gzip,
		.arena = w->bundle.arena };
}

static int paste(struct world *w, struct err *e)
{
	cleanup_gzip struct gzip gzip = { 0 };
	struct user_data_source s = source(w, &gzip);
	return user_data_paste(&s, &w->bundle.paste, e);
}

static int ami(struct world *w, struct err *e)
{
	cleanup_gzip struct gzip gzip = { 0 };
	struct user_data_source s = source(w, &gzip);
	return user_data_ami(&s, &w->bundle.ami, e);
}

/* Text of no pattern: it compresses badly, to about three quarters. */
static void noise(char *text, size_t len)
{
	uint32_t x = 2463534242u;
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		text[i] = i % 80 == 79 ? '\n' : (char)('!' + x % 90);
	}
	text[len - 1] = '\n';
}

static void user_data_paste_plain_golden(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	fill(&w);
	prepare(&w, RECIPE);
	assert_int_equal(paste(&w, &e), 0);
	assert_int_equal(w.bundle.paste.form, USER_DATA_PLAIN);
	assert_false(w.bundle.paste.secret);
	assert_golden("paste.yaml", w.bundle.paste.raw.data, w.bundle.paste.raw.len);
	world_free(&w);
}

/* The overlay's own script sees to the units that it names. */
static void user_data_paste_enables_units_that_nobody_sees_to(void **state)
{
	(void)state;
	static const char script[] =
		"#!/bin/sh\nsystemctl enable hub-one two.service xthree four-x\n";
	struct world w;
	struct err e;
	char recipe[1024];
	fill(&w);
	scratch_write(&w.dir, "overlays/o/usr/lib/hub/activate", script, sizeof(script) - 1, 0755);
	snprintf(recipe, sizeof(recipe),
		"%spackages: [p]\noverlays: [o]\n"
		"services: [hub-one.service, two.service, one.service, three.service, four.service]\n",
		VARS);
	prepare(&w, recipe);
	assert_int_equal(paste(&w, &e), 0);
	assert_non_null(strstr(w.bundle.paste.raw.data,
		"/usr/lib/hub/activate && systemctl enable --now one.service three.service "
		"four.service'\n"));
	world_free(&w);
}

static void user_data_paste_compresses_when_it_must(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	static char text[20000];
	fill(&w);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 64 == 63 ? '\n' : 'x';
	scratch_write(&w.dir, "overlays/o/etc/large", text, sizeof(text), 0644);
	prepare(&w, RECIPE);
	assert_int_equal(paste(&w, &e), 0);
	const struct user_data *u = &w.bundle.paste;
	assert_int_equal(u->form, USER_DATA_GZIP);
	char *back = calloc(1, u->text_size + 1);
	size_t n;
	struct libdeflate_decompressor *d = libdeflate_alloc_decompressor();
	assert_int_equal(
		libdeflate_gzip_decompress(d, u->raw.data, u->raw.len, back, u->text_size + 1, &n),
		0);
	libdeflate_free_decompressor(d);
	assert_int_equal(n, u->text_size);
	assert_memory_equal(back, "#cloud-config\n", 14);
	free(back);
	world_free(&w);
}

static void user_data_paste_that_does_not_fit_names_the_biggest(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	static char text[40000];
	fill(&w);
	noise(text, sizeof(text));
	scratch_write(&w.dir, "overlays/o/etc/large", text, sizeof(text), 0644);
	prepare(&w, RECIPE);
	assert_int_equal(paste(&w, &e), 1);
	assert_int_equal(
		budget_exceeded(&w.bundle.paste, "user-data", &w.recipe, &w.arena, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.msg, "at most 16384"));
	assert_non_null(strstr(e.msg, "parts of it: /etc/large "));
	assert_non_null(strstr(e.msg, "overlay_url"));
	world_free(&w);
}

static void user_data_paste_fetches_when_a_url_is_named(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	static char text[40000];
	char recipe[1024];
	fill(&w);
	noise(text, sizeof(text));
	scratch_write(&w.dir, "overlays/o/etc/large", text, sizeof(text), 0644);
	snprintf(recipe, sizeof(recipe), "%soverlay_url: s3://bucket/overlay.tar.gz?versionId=v1\n",
		RECIPE);
	prepare(&w, recipe);
	assert_int_equal(paste(&w, &e), 0);
	const struct user_data *u = &w.bundle.paste;
	assert_int_equal(u->form, USER_DATA_FETCH);
	assert_true(u->raw.len <= USER_DATA_MAX);
	assert_null(strstr(u->raw.data, "path: /etc"));
	const char *command = strstr(u->raw.data, "runcmd:");
	assert_string_equal(command,
		"runcmd:\n- 'python3 /run/imgbuild-fetch ''s3://bucket/overlay.tar.gz?versionId=v1'' 1234 "
		"ab00000000000000000000000000000000000000000000000000000000000000 "
		"/etc/vendor.conf && /usr/lib/hub/activate && systemctl enable --now one.service'\n");
	world_free(&w);
}

static void user_data_paste_parts_go_into_mime(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	char recipe[1024];
	fill(&w);
	scratch_text(&w.dir, "recipes/extra.cfg", "#cloud-config\nruncmd: [true]\n");
	snprintf(recipe, sizeof(recipe), "%sparts: [extra.cfg]\n", RECIPE);
	prepare(&w, recipe);
	assert_int_equal(paste(&w, &e), 0);
	assert_int_equal(ami(&w, &e), 0);
	for (int i = 0; i < 2; i++) {
		const struct buf *b = i == 0 ? &w.bundle.paste.raw : &w.bundle.ami.raw;
		assert_non_null(strstr(b->data, "multipart/mixed"));
		assert_non_null(strstr(b->data, "filename=\"extra.cfg\""));
		assert_non_null(strstr(b->data, "#cloud-config\nruncmd: [true]\n"));
	}
	world_free(&w);
}

/* cloud-init takes anything with this word in its first 4 KiB for MIME. */
static void user_data_paste_is_not_mistaken_for_mime(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	fill(&w);
	scratch_text(&w.dir, "overlays/o/etc/a-mail", "Mime-Version: 1.0\n");
	prepare(&w, RECIPE);
	assert_int_equal(paste(&w, &e), 0);
	assert_memory_equal(w.bundle.paste.raw.data, "Content-Type: multipart", 23);
	world_free(&w);
}

static void user_data_paste_with_keys_is_secret(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	fill(&w);
	prepare(&w, RECIPE);
	assert_int_equal(
		buf_puts(&w.bundle.secrets.json, "{\n \"env:A\": \"Key12345\"\n}\n", &e), 0);
	assert_int_equal(paste(&w, &e), 0);
	assert_int_equal(ami(&w, &e), 0);
	const char *text = w.bundle.paste.raw.data;
	assert_true(w.bundle.paste.secret);
	assert_false(w.bundle.ami.secret);
	assert_non_null(strstr(text, "-\n path: /etc/hub/keys.json\n permissions: '0600'\n"));
	/* The file exists with its mode before the key is in it. */
	assert_true(strstr(text, "bootcmd:") < strstr(text, "write_files:"));
	assert_non_null(strstr(text, "for f in /etc/hub/keys.json"));
	assert_null(strstr(w.bundle.ami.raw.data, "Key12345"));
	world_free(&w);
}

static void user_data_ami_has_settings_and_sites_in_two_parts(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	fill(&w);
	scratch_text(&w.dir, "overlays/o/etc/hub/sites.json", "{\"sites\": []}\n");
	prepare(&w, RECIPE);
	assert_int_equal(ami(&w, &e), 0);
	assert_golden("ami.mime", w.bundle.ami.raw.data, w.bundle.ami.raw.len);
	world_free(&w);
}

static void user_data_ami_leaves_out_sites_that_do_not_fit(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	static char text[40000];
	fill(&w);
	noise(text, sizeof(text));
	scratch_write(&w.dir, "overlays/o/etc/hub/sites.json", text, sizeof(text), 0644);
	prepare(&w, RECIPE);
	assert_int_equal(ami(&w, &e), 0);
	assert_true(w.bundle.ami.without_sites);
	assert_null(strstr(w.bundle.ami.raw.data, "sites.json"));
	assert_non_null(strstr(w.bundle.ami.raw.data, "hub.conf"));
	world_free(&w);
}

static void user_data_ami_without_settings_is_an_empty_document(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	char recipe[512];
	world_make(&w);
	scratch_text(&w.dir, "overlays/o/etc/name.in", "{{name}}\n");
	snprintf(recipe, sizeof(recipe), "%soverlays: [o]\n", VARS);
	prepare(&w, recipe);
	assert_int_equal(ami(&w, &e), 0);
	assert_memory_equal(w.bundle.ami.raw.data, "#cloud-config\n", 14);
	world_free(&w);
}

static void budget_shares_sum_up_to_what_is_used(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	static char text[20000];
	struct budget b;
	fill(&w);
	noise(text, sizeof(text));
	scratch_write(&w.dir, "overlays/o/etc/large", text, 16000, 0644);
	prepare(&w, RECIPE);
	assert_int_equal(paste(&w, &e), 0);
	assert_int_equal(budget_of(&w.bundle.paste, &w.arena, &b, &e), 0);
	size_t packed = 0, raw = 0;
	for (size_t i = 0; i < b.count; i++) {
		packed += b.list[i].packed;
		raw += b.list[i].raw;
	}
	assert_int_equal(packed, w.bundle.paste.raw.len);
	assert_int_equal(raw, w.bundle.paste.text_size);
	assert_string_equal(b.list[0].name, "/etc/large");
	cleanup_buf struct buf table = { 0 };
	assert_int_equal(budget_table(&b, "user-data", &table, &e), 0);
	assert_non_null(strstr(table.data, "of 16384"));
	buf_free(&table);
	world_free(&w);
}

static void budget_tells_no_size_of_what_is_secret(void **state)
{
	(void)state;
	struct world w;
	struct err e;
	struct budget b;
	fill(&w);
	prepare(&w, RECIPE);
	assert_int_equal(
		buf_puts(&w.bundle.secrets.json, "{\n \"env:A\": \"Key12345\"\n}\n", &e), 0);
	assert_int_equal(paste(&w, &e), 0);
	assert_int_equal(budget_of(&w.bundle.paste, &w.arena, &b, &e), 0);
	cleanup_buf struct buf table = { 0 };
	char used[32];
	assert_int_equal(budget_table(&b, "user-data", &table, &e), 0);
	snprintf(used, sizeof(used), "%zu", w.bundle.paste.raw.len);
	assert_null(strstr(table.data, used));
	assert_non_null(strstr(table.data, "/etc/hub/keys.json"));
	assert_non_null(strstr(table.data, "secret"));
	buf_free(&table);
	world_free(&w);
}

static void user_data_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	struct world w;
	fill(&w);
	prepare(&w, RECIPE);
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct arena fresh = { 0 };
		w.bundle.arena = &fresh;
		fail_arm(FAIL_ALLOC, n);
		int rc = paste(&w, &e);
		if (rc == 0)
			rc = ami(&w, &e);
		bool hit = fail_disarm();
		user_data_free(&w.bundle.paste);
		user_data_free(&w.bundle.ami);
		arena_free(&fresh);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 5);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(user_data_paste_plain_golden),
		cmocka_unit_test(user_data_paste_enables_units_that_nobody_sees_to),
		cmocka_unit_test(user_data_paste_compresses_when_it_must),
		cmocka_unit_test(user_data_paste_that_does_not_fit_names_the_biggest),
		cmocka_unit_test(user_data_paste_fetches_when_a_url_is_named),
		cmocka_unit_test(user_data_paste_parts_go_into_mime),
		cmocka_unit_test(user_data_paste_is_not_mistaken_for_mime),
		cmocka_unit_test(user_data_paste_with_keys_is_secret),
		cmocka_unit_test(user_data_ami_has_settings_and_sites_in_two_parts),
		cmocka_unit_test(user_data_ami_leaves_out_sites_that_do_not_fit),
		cmocka_unit_test(user_data_ami_without_settings_is_an_empty_document),
		cmocka_unit_test(budget_shares_sum_up_to_what_is_used),
		cmocka_unit_test(budget_tells_no_size_of_what_is_secret),
		cmocka_unit_test(user_data_every_failed_allocation_is_reported),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
