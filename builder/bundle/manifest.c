#include "bundle/manifest.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "bundle/bundle.h"

static void words(struct json *j, const char *key, const struct words *w)
{
	json_open_flat(j, key, '[');
	for (size_t i = 0; i < w->count; i++)
		json_str(j, NULL, w->list[i].text);
	json_close(j, ']');
}

static void input(struct json *j, const char *layer, const char *path, const char *sha256)
{
	json_open_flat(j, NULL, '{');
	if (layer != NULL)
		json_str(j, "overlay", layer);
	json_str(j, "path", path);
	json_str(j, "sha256", sha256);
	json_close(j, '}');
}

/* The name of a file in its overlay: the same wherever the overlay lies. */
static const char *source_path(const struct bundle *b, const struct entry *entry)
{
	for (size_t i = 0; i < b->recipe->overlay_count; i++) {
		const struct found *f = &b->recipe->overlays[i];
		if (strcmp(f->word.text, entry->layer) == 0)
			return entry->source + strlen(f->path);
	}
	return entry->source;
}

static void inputs(struct json *j, const struct bundle *b)
{
	const struct recipe *r = b->recipe;
	json_open(j, "inputs", '[');
	for (size_t i = 0; i < r->input_count; i++)
		input(j, NULL, r->inputs[i].path, r->inputs[i].sha256);
	for (size_t i = 0; i < b->parts.count; i++)
		input(j, NULL, r->parts[i].word.text,
			sha256_text(&b->parts.list[i].source_digest).text);
	for (size_t i = 0; i < b->tree.met_count; i++) {
		const struct entry *entry = &b->tree.met[i];
		if (entry->kind == ENTRY_FILE && entry->source != NULL)
			input(j, entry->layer, source_path(b, entry),
				sha256_text(&entry->source_digest).text);
	}
	for (size_t i = 0; i < b->secrets.count; i++) {
		json_open_flat(j, NULL, '{');
		json_str(j, "reference", b->secrets.refs[i]->text);
		json_bool(j, "secret", true);
		json_close(j, '}');
	}
	json_close(j, ']');
}

static void file(struct json *j, const struct entry *entry)
{
	char mode[8], owner[160];
	snprintf(mode, sizeof(mode), "%04o", entry->mode);
	snprintf(owner, sizeof(owner), "%s:%s", entry->owner, entry->group);
	json_open_flat(j, NULL, '{');
	json_str(j, "path", entry->path);
	json_str(j, "layer", entry->layer);
	json_str(j, "mode", mode);
	json_str(j, "owner", owner);
	if (entry->kind == ENTRY_FOLDER)
		json_bool(j, "folder", true);
	if (entry->kind == ENTRY_LINK)
		json_str(j, "link", entry->data);
	if (entry->kind == ENTRY_FILE) {
		struct sha256 digest = sha256_of(entry->data, entry->size);
		json_str(j, "sha256", sha256_text(&digest).text);
		json_int(j, "size", (long long)entry->size);
	}
	if (entry->replaced != NULL) {
		json_open(j, "replaces", '[');
		for (const struct entry *r = entry->replaced; r != NULL; r = r->replaced)
			json_str(j, NULL, r->layer);
		json_close(j, ']');
	}
	json_close(j, '}');
}

static void products(struct json *j, const struct products *p)
{
	json_open(j, "products", '[');
	for (size_t i = 0; i < p->count; i++) {
		const struct product *one = &p->list[i];
		json_open_flat(j, NULL, '{');
		json_str(j, "path", one->path);
		if (one->secret) {
			json_bool(j, "secret", true);
		} else {
			json_int(j, "size", (long long)one->size);
			json_str(j, "sha256", sha256_text(&one->digest).text);
		}
		json_close(j, '}');
	}
	json_close(j, ']');
}

int manifest_write(const struct bundle *b, struct buf *out, struct err *e)
{
	const struct recipe *r = b->recipe;
	if (buf_reserve(out, 8192 + b->tree.count * 256 + b->products.count * 160, e) < 0)
		return -1;
	struct json j = json_to(out, 2);
	json_open(&j, NULL, '{');
	json_int(&j, "format", 1);
	json_open_flat(&j, "tool", '{');
	json_str(&j, "name", "imgbuild");
	json_str(&j, "version", IMGBUILD_VERSION);
	json_close(&j, '}');
	json_str(&j, "recipe", r->name);
	json_open_flat(&j, "chain", '[');
	for (size_t i = 0; i < r->chain_count; i++)
		json_str(&j, NULL, r->chain[i]);
	json_close(&j, ']');
	json_open(&j, "vars", '{');
	for (size_t i = 0; i < r->vars.count; i++)
		json_str(&j, r->vars.list[i].name, r->vars.list[i].value);
	json_close(&j, '}');
	json_str(&j, "daemon", daemon_name(r->daemon));
	words(&j, "packages", &r->packages);
	words(&j, "services", &r->services);
	json_int(&j, "sites", (long long)r->sites.count);
	json_str(&j, "user_data", user_data_form_name(b->paste.form));
	inputs(&j, b);
	json_open(&j, "files", '[');
	for (size_t i = 0; i < b->tree.count; i++)
		file(&j, &b->tree.list[i]);
	json_close(&j, ']');
	products(&j, &b->products);
	json_close(&j, '}');
	return json_end(&j, e);
}
