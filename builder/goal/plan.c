#include <string.h>

#include "disk/disk.h"
#include "goal/goal.h"

static void say_words(const struct run *run, const char *what, const struct words *w)
{
	struct err e;
	cleanup_buf struct buf line = { 0 };
	if (buf_printf(&line, &e, "%-10s", what) < 0)
		return;
	for (size_t i = 0; i < w->count; i++)
		if (buf_printf(&line, &e, "%s%s", i > 0 ? ", " : "", w->list[i].text) < 0)
			return;
	log_say(&run->log, "%s%s", line.data, w->count == 0 ? "none" : "");
}

static void say_recipe(const struct run *run)
{
	const struct recipe *r = &run->recipe;
	log_say(&run->log, "recipe    %s%s%s", r->name, r->description != NULL ? ": " : "",
		r->description != NULL ? r->description : "");
	for (size_t i = r->chain_count; i-- > 1;)
		log_say(&run->log, "          %s extends %s", r->chain[i], r->chain[i - 1]);
	log_say(&run->log, "daemon    %s", daemon_name(r->daemon));
	say_words(run, "packages", &r->packages);
	say_words(run, "services", &r->services);
	log_say(&run->log, "sites     %zu", r->sites.count);

	log_say(&run->log, "\n%-18s %-30s %s", "variable", "value", "set by");
	for (size_t i = 0; i < r->vars.count; i++) {
		const struct var *v = &r->vars.list[i];
		log_say(&run->log, "%-18s %-30s %s", v->name,
			v->value[0] != '\0' ? v->value : "(empty)", v->layer);
	}
}

/* What `disk` would start from; the files come with the others. */
static void say_image(struct run *run)
{
	const struct image *image = &run->recipe.image;
	if (image->pos.line == 0)
		return;
	log_say(&run->log, "\nimage     %s, %s MiB, root file system \"%s\"",
		image_arch_name(image->arch), number_text((size_t)(image->size >> 20)).text,
		image->label);
	if (image->base == IMAGE_BASE_TAR)
		log_say(&run->log, "%-10s%s", "base", image->tar);
	else
		log_say(&run->log, "%-10sdebian %s from %s", "base", image->suite,
			image->mirror != NULL ? image->mirror : "this machine's sources");
	say_words(run, "packages", &image->packages);
	say_words(run, "services", &image->services);
	say_words(run, "mask", &image->mask);
	say_words(run, "setuid", &image->setuid);
	say_words(run, "arguments", &image->arguments);
	log_say(&run->log, "%-10s%zu patterns", "exclude", image->exclude.count);
}

/* An overlay, a file a line: who brings it, and whose it replaces. */
static void say_files(struct run *run, const char *title, const struct tree *t)
{
	if (t->count == 0)
		return;
	log_say(&run->log, "\n%-46s %-4s %-12s %8s  %s", title, "mode", "owner", "bytes", "layer");
	for (size_t i = 0; i < t->count; i++) {
		const struct entry *x = &t->list[i];
		struct err e;
		cleanup_buf struct buf layers = { 0 };
		int rc = buf_puts(&layers, x->layer, &e);
		for (const struct entry *old = x->replaced; rc == 0 && old != NULL;
			old = old->replaced)
			rc = buf_printf(&layers, &e, ", replaces that of %s", old->layer);
		if (rc == 0 && x->keep_original)
			rc = buf_puts(&layers, ", the vendor's is kept as .orig", &e);
		if (rc == 0 && x->kind == ENTRY_LINK)
			rc = buf_printf(&layers, &e, ", link to %s", x->data);
		char owner[80];
		snprintf(owner, sizeof(owner), "%s:%s", x->owner, x->group);
		log_say(&run->log, "%-46s %04o %-12s %8s  %s", x->path, x->mode, owner,
			x->kind == ENTRY_FILE ? number_text(x->size).text : "-",
			rc == 0 ? layers.data : x->layer);
		struct json j = log_event(&run->log, &run->scratch, "file");
		json_str(&j, "path", x->path);
		json_str(&j, "layer", x->layer);
		if (x->replaced != NULL)
			json_str(&j, "replaces", x->replaced->layer);
		json_int(&j, "mode", x->mode);
		json_str(&j, "owner", x->owner);
		json_str(&j, "group", x->group);
		log_event_end(&run->log, &j);
	}
	for (size_t i = 0; i < t->ignored_count; i++)
		log_say(&run->log, "%-46s passed over", t->ignored[i]);
}

static int say_cost(struct run *run, const struct bundle *b, struct err *e)
{
	static const char *const names[] = { "user-data", "user-data.ami" };
	const struct user_data *list[] = { &b->paste, &b->ami };
	for (size_t i = 0; i < 2 && list[i]->raw.len > 0; i++) {
		struct budget budget;
		cleanup_buf struct buf table = { 0 };
		if (budget_of(list[i], &run->arena, &budget, e) < 0 ||
			budget_table(&budget, names[i], &table, e) < 0)
			return -1;
		log_say(&run->log, "\n%s", table.data);
	}
	return 0;
}

static int say_products(struct run *run, const struct bundle *b, struct err *e)
{
	const char *out = run_out(run, e);
	if (out == NULL)
		return -1;
	log_say(&run->log, "`imgbuild %s` would write to %s/%s:", run->options->recipe, out,
		run->recipe.name);
	for (size_t i = 0; i < b->products.count; i++) {
		const struct product *p = &b->products.list[i];
		if (p->secret)
			log_say(&run->log, "%-36s  holds keys", p->path);
		else
			log_say(&run->log, "%-36s %11s  sha256:%.16s", p->path,
				number_text(p->size).text, sha256_text(&p->digest).text);
		run_product_event(run, p);
	}
	if (run->recipe.image.pos.line > 0)
		log_say(&run->log, "and with the goal disk:\n%-36s %11s\n%s, %s", DISK_NAME,
			number_text((size_t)run->recipe.image.size).text, RECORD_NAME, SBOM_NAME);
	return 0;
}

int goal_plan(struct run *run, struct err *e)
{
	struct bundle b = { 0 };
	int rc = run_prepare(run, &b, e);
	if (rc == 0) {
		say_recipe(run);
		say_image(run);
		say_files(run, "file on the hub", &b.tree);
		say_files(run, "file in the image alone", &b.image);
		rc = bundle_make(&b, SINK_NOWHERE, e);
		/* Also when it does not fit: then most of all. */
		struct err ignored;
		if (b.paste.raw.len > 0 && say_cost(run, &b, rc < 0 ? &ignored : e) < 0)
			rc = -1;
	}
	if (rc == 0)
		rc = say_products(run, &b, e);
	if (rc == 0)
		plan_aws(run);
	if (rc == 0)
		run_notes(run, &b);
	bundle_free(&b);
	return rc;
}
