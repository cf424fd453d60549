#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "bundle/manifest.h"
#include "goal/goal.h"

/* Where products go, and whether they are what was there before. */
struct target {
	struct set set;
	const char *old; /* out/RECIPE */
	struct buf path; /* scratch */
	bool changed;
};

static bool as_before(struct target *t, const char *path, const void *data, size_t len)
{
	struct err ignored;
	cleanup_buf struct buf old = { 0 };
	buf_clear(&t->path);
	if (buf_printf(&t->path, &ignored, "%s/%s", t->old, path) < 0 ||
		file_read(AT_FDCWD, t->path.data, len, &old, &ignored) < 0)
		return false;
	bool same = old.len == len && memcmp(old.data, data, len) == 0;
	explicit_bzero(old.data, old.cap);
	return same;
}

/*
 * The manifest has the digests of all products but those with keys in them, so it and they
 * (mode 0600) tell whether anything changed.
 */
static int compare_product(
	void *ctx, const char *path, const void *data, size_t len, unsigned mode, struct err *e)
{
	struct target *t = ctx;
	(void)e;
	if ((mode == 0600 || strcmp(path, MANIFEST_NAME) == 0) && !t->changed)
		t->changed = !as_before(t, path, data, len);
	return 0;
}

static int write_product(
	void *ctx, const char *path, const void *data, size_t len, unsigned mode, struct err *e)
{
	struct target *t = ctx;
	if (compare_product(ctx, path, data, len, mode, e) < 0)
		return -1;
	return set_write(&t->set, path, data, len, mode, e);
}

/* A line for each top-level product, one for each folder; with -v all of them. */
static void say_products(const struct run *run, const struct products *p)
{
	size_t count = 0, bytes = 0;
	for (size_t i = 0; i < p->count; i++) {
		const struct product *made = &p->list[i];
		size_t folder = strcspn(made->path, "/");
		if (run->log.verbose || made->path[folder] == '\0') {
			if (made->secret)
				log_say(&run->log, "  %-28s  holds keys", made->path);
			else
				log_say(&run->log, "  %-28s %11s bytes", made->path,
					number_text(made->size).text);
			continue;
		}
		count++;
		bytes += made->size;
		const struct product *next = i + 1 < p->count ? &p->list[i + 1] : NULL;
		if (next != NULL && strncmp(next->path, made->path, folder + 1) == 0)
			continue;
		char name[64];
		snprintf(
			name, sizeof(name), "%.*s (%zu files)", (int)folder + 1, made->path, count);
		log_say(&run->log, "  %-28s %11s bytes", name, number_text(bytes).text);
		count = bytes = 0;
	}
}

static int report(struct run *run, const struct bundle *b, const char *place, const char *state,
	struct err *e)
{
	struct budget budget;
	cleanup_buf struct buf table = { 0 };
	for (size_t i = 0; run->log.json && i < b->products.count; i++)
		run_product_event(run, &b->products.list[i]);
	say_products(run, &b->products);
	if (run->log.verbose) {
		if (budget_of(&b->paste, &run->arena, &budget, e) < 0 ||
			budget_table(&budget, "user-data", &table, e) < 0)
			return -1;
		log_say(&run->log, "\n%s", table.data);
	}
	run_notes(run, b);
	size_t left = b->paste.raw.len <= USER_DATA_MAX ? USER_DATA_MAX - b->paste.raw.len : 0;
	char room[64] = "";
	if (!b->paste.secret)
		snprintf(room, sizeof(room), ", %s bytes to spare", number_text(left).text);
	log_say(&run->log, "%s: %s: %zu site%s; user-data as %s%s", place, state,
		run->recipe.sites.count, run->recipe.sites.count == 1 ? "" : "s",
		user_data_form_name(b->paste.form), room);
	struct json j = log_event(&run->log, &run->scratch, "done");
	json_str(&j, "recipe", run->recipe.name);
	json_str(&j, "path", place);
	json_str(&j, "state", state);
	json_int(&j, "sites", (long long)run->recipe.sites.count);
	json_str(&j, "user_data", user_data_form_name(b->paste.form));
	log_event_end(&run->log, &j);
	return 0;
}

/* Returns whether something would be written; -1. */
static int rehearse(
	struct bundle *b, const struct run_extra *extra, const char *place, struct err *e)
{
	struct target t = { .old = place };
	int rc = bundle_make(b, (struct sink){ .write = compare_product, .ctx = &t }, e);
	if (rc == 0 && extra != NULL)
		rc = extra->add(extra->ctx, NULL, place, &t.changed, e);
	buf_free(&t.path);
	return rc < 0 ? -1 : t.changed;
}

int run_build(struct run *run, struct bundle *b, const struct run_extra *extra, struct err *e)
{
	const char *out = run_out(run, e);
	const char *place =
		out != NULL ? arena_printf(&run->arena, e, "%s/%s", out, run->recipe.name) : NULL;
	if (place == NULL)
		return -1;
	if (run->options->dry_run) {
		int changed = rehearse(b, extra, place, e);
		if (changed < 0)
			return -1;
		return report(run, b, place, changed ? "would be written" : "unchanged", e);
	}
	struct target t = { .old = place };
	int rc = set_begin(&t.set, out, run->recipe.name, e);
	if (rc == 0)
		rc = bundle_make(b, (struct sink){ .write = write_product, .ctx = &t }, e);
	if (rc == 0 && extra != NULL)
		rc = extra->add(extra->ctx, &t.set, place, &t.changed, e);
	if (rc == 0)
		rc = set_commit(&t.set, bundle_is_product, t.changed, e);
	set_end(&t.set);
	buf_free(&t.path);
	if (rc < 0)
		return -1;
	return report(run, b, place, t.changed ? "complete" : "unchanged", e);
}

int goal_bundle(struct run *run, struct err *e)
{
	struct bundle b = { 0 };
	int rc = run_prepare(run, &b, e);
	if (rc == 0)
		rc = run_build(run, &b, NULL, e);
	bundle_free(&b);
	return rc;
}
