#include "bundle/userdata.h"

#include <string.h>
#include <strings.h>

#include "bundle/cloudconfig.h"
#include "bundle/commands.h"
#include "bundle/fetch.h"
#include "bundle/gzip.h"

/* What an instance of the AMI can be given anew: its settings, and its sites. */
static const char *const SETTINGS[] = { "/etc/hub/hub.conf", NULL };
static const char *const SITES[] = { "/etc/hub/crypto.json", "/etc/hub/sites.json", NULL };

/* Up to here there is room for more sites, and time is saved. */
#define USER_DATA_ROOMY 14000

/* Nothing compresses so well that a document this large could fit. */
#define HOPELESS ((size_t)8 << 20)

const char *user_data_form_name(enum user_data_form f)
{
	static const char *const names[] = { "plain", "gzip", "fetch" };
	return names[f];
}

static int add_piece(struct user_data *u, const struct user_data_source *s, const char *name,
	const char *data, size_t size, bool secret, struct err *e)
{
	struct piece *p =
		arena_push(s->arena, &u->pieces, &u->piece_count, &u->piece_cap, sizeof(*p), e);
	if (p == NULL)
		return -1;
	*p = (struct piece){ name, data, size, secret };
	u->secret = u->secret || secret;
	return 0;
}

/* Files of a document. */
struct files {
	struct cloud_file *list;
	size_t count;
};

static int add_file(struct files *f, struct user_data *u, const struct user_data_source *s,
	const char *path, unsigned mode, const char *data, size_t size, bool secret, struct err *e)
{
	f->list[f->count++] = (struct cloud_file){ path, mode, data, size };
	return add_piece(u, s, path, data, size, secret, e);
}

static int add_keys(
	struct files *f, struct user_data *u, const struct user_data_source *s, struct err *e)
{
	const struct buf *json = &s->secrets->json;
	if (json->len == 0)
		return 0;
	return add_file(f, u, s, KEYS_PATH, KEYS_MODE, json->data, json->len, true, e);
}

static int add_tree(
	struct files *f, struct user_data *u, const struct user_data_source *s, struct err *e)
{
	for (size_t i = 0; i < s->tree->count; i++) {
		const struct entry *entry = &s->tree->list[i];
		if (entry->kind != ENTRY_FILE)
			continue;
		const char *path = entry->path;
		if (entry->keep_original)
			path = arena_printf(s->arena, e, "%s" WAITING_SUFFIX, path);
		if (path == NULL || add_file(f, u, s, path, entry->mode, entry->data, entry->size,
					    false, e) < 0)
			return -1;
	}
	return 0;
}

/* A document that must not be taken for MIME: cloud-init looks for this word in its beginning. */
static bool looks_like_mime(const struct buf *text)
{
	static const char word[] = "mime-version:";
	size_t n = text->len < 4096 ? text->len : 4096, w = sizeof(word) - 1;
	for (size_t i = 0; i + w <= n; i++)
		if (strncasecmp(text->data + i, word, w) == 0)
			return true;
	return false;
}

/* The builder's own documents and the recipe's parts as one text. `own` is left to the caller. */
static int join(const struct mime_part *own, size_t own_count, const struct user_data_source *s,
	struct user_data *u, struct buf *out, struct err *e)
{
	size_t count = own_count + s->parts->count;
	struct mime_part *all = arena_array(s->arena, count, sizeof(*all), e);
	if (all == NULL)
		return -1;
	memcpy(all, own, own_count * sizeof(*own));
	for (size_t i = 0; i < s->parts->count; i++) {
		const struct part *p = &s->parts->list[i];
		all[own_count + i] = p->mime;
		if (add_piece(u, s, p->mime.name, p->mime.data, p->mime.size, false, e) < 0)
			return -1;
	}
	return mime_write(all, count, out, e);
}

/* Worth compressing harder: little room is left, and it is not far beyond what fits. */
static bool is_tight(size_t packed)
{
	return packed > USER_DATA_ROOMY && packed < USER_DATA_MAX * 5 / 4;
}

/* Plain where that fits, else compressed, and harder where that is tight. 1: does not fit. */
static int pack(
	const struct user_data_source *s, struct buf *text, struct user_data *u, struct err *e)
{
	u->text_size = text->len;
	u->form = USER_DATA_PLAIN;
	if (text->len <= USER_DATA_MAX || text->len > HOPELESS) {
		u->raw = *text;
		*text = (struct buf){ 0 };
		return u->raw.len > USER_DATA_MAX;
	}
	u->form = USER_DATA_GZIP;
	u->compressed = true;
	/* The hub's files take about a third, so that most often one try is enough. */
	int level = is_tight(text->len / 3) ? GZIP_BEST : GZIP_GOOD;
	if (gzip_add(s->gzip, &u->raw, text->data, text->len, level, e) < 0)
		return -1;
	if (level == GZIP_GOOD && is_tight(u->raw.len)) {
		buf_clear(&u->raw);
		if (gzip_add(s->gzip, &u->raw, text->data, text->len, GZIP_BEST, e) < 0)
			return -1;
	}
	return u->raw.len > USER_DATA_MAX;
}

/* Make one text of the document and the parts, and pack it. */
static int finish(const struct cloud_config *c, const struct user_data_source *s,
	struct user_data *u, struct err *e)
{
	struct buf own = { 0 }, all = { 0 };
	int rc = cloud_config_write(c, &own, e);
	if (rc == 0 && (s->parts->count > 0 || looks_like_mime(&own))) {
		const struct mime_part part = { "imgbuild.cfg", "text/cloud-config", own.data,
			own.len };
		rc = join(&part, 1, s, u, &all, e);
	} else if (rc == 0) {
		all = own;
		own = (struct buf){ 0 };
	}
	if (rc == 0)
		rc = pack(s, &all, u, e);
	(u->secret ? buf_wipe : buf_free)(&own);
	(u->secret ? buf_wipe : buf_free)(&all);
	return rc;
}

static const char *title(const struct user_data_source *s, const char *what, struct err *e)
{
	return arena_printf(
		s->arena, e, "%s%s, by imgbuild " IMGBUILD_VERSION, s->recipe->name, what);
}

static int paste(const struct user_data_source *s, struct user_data *u, struct err *e)
{
	bool fetch = s->recipe->overlay_url != NULL;
	bool keys = s->secrets->json.len > 0;
	struct commands boot = { .arena = s->arena }, run = { .arena = s->arena };
	struct files files = { 0 };
	files.list = arena_array(s->arena, s->tree->count + 2, sizeof(*files.list), e);
	const char *line = title(s, fetch ? ", fetched" : "", e);
	static const struct tree none;
	if (files.list == NULL || line == NULL ||
		commands_private(&boot, fetch ? &none : s->tree, keys, e) < 0)
		return -1;
	if (fetch) {
		if (add_file(&files, u, s, FETCH_PATH, 0755, FETCH_SCRIPT, fetch_script_size(),
			    false, e) < 0 ||
			commands_fetch(&run, s->recipe, s->tree, s->archive_size,
				&s->archive_digest, e) < 0)
			return -1;
	} else if (add_tree(&files, u, s, e) < 0 || commands_place(&run, s->tree, e) < 0 ||
		   commands_activate(&run, s->recipe, s->tree, e) < 0) {
		return -1;
	}
	if (add_keys(&files, u, s, e) < 0)
		return -1;
	struct cloud_config c = { .title = line,
		.packages = &s->recipe->packages,
		.files = files.list,
		.file_count = files.count,
		.boot = boot.list,
		.boot_count = boot.count,
		.run = run.list,
		.run_count = run.count };
	int rc = finish(&c, s, u, e);
	if (fetch)
		u->form = USER_DATA_FETCH;
	return rc;
}

int user_data_paste(const struct user_data_source *s, struct user_data *ret, struct err *e)
{
	struct user_data u = { 0 };
	int rc = paste(s, &u, e);
	if (rc < 0)
		user_data_free(&u);
	else
		*ret = u;
	return rc;
}

/* A document of those of `paths` that the tree has; nothing when it has none. */
static int document(const struct user_data_source *s, const char *const *paths, const char *what,
	struct user_data *u, struct buf *out, struct err *e)
{
	struct cloud_file list[8];
	struct files files = { .list = list };
	for (size_t i = 0; paths[i] != NULL; i++) {
		const struct entry *entry = tree_find(s->tree, paths[i]);
		if (entry != NULL && entry->kind == ENTRY_FILE &&
			add_file(&files, u, s, entry->path, entry->mode, entry->data, entry->size,
				false, e) < 0)
			return -1;
	}
	if (files.count == 0)
		return 0;
	struct cloud_config c = {
		.title = title(s, what, e), .files = files.list, .file_count = files.count
	};
	return c.title == NULL ? -1 : cloud_config_write(&c, out, e);
}

static int ami(
	const struct user_data_source *s, bool with_sites, struct user_data *u, struct err *e)
{
	cleanup_buf struct buf settings = { 0 };
	cleanup_buf struct buf sites = { 0 };
	cleanup_buf struct buf all = { 0 };
	if (document(s, SETTINGS, ", settings", u, &settings, e) < 0)
		return -1;
	if (with_sites && tree_find(s->tree, "/etc/hub/sites.json") != NULL &&
		document(s, SITES, ", sites", u, &sites, e) < 0)
		return -1;
	struct mime_part own[2];
	size_t count = 0;
	if (settings.len > 0)
		own[count++] = (struct mime_part){ "imgbuild-settings.cfg", "text/cloud-config",
			settings.data, settings.len };
	if (sites.len > 0)
		own[count++] = (struct mime_part){ "imgbuild-sites.cfg", "text/cloud-config",
			sites.data, sites.len };
	if (count + s->parts->count == 0) {
		struct cloud_config c = { .title = title(s, ", nothing to set", e) };
		if (c.title == NULL || cloud_config_write(&c, &all, e) < 0)
			return -1;
	} else if (join(own, count, s, u, &all, e) < 0) {
		return -1;
	}
	return pack(s, &all, u, e);
}

int user_data_ami(const struct user_data_source *s, struct user_data *ret, struct err *e)
{
	struct user_data u = { 0 };
	int rc = ami(s, true, &u, e);
	if (rc == 1 && tree_find(s->tree, "/etc/hub/sites.json") != NULL) {
		user_data_free(&u);
		rc = ami(s, false, &u, e);
		u.without_sites = true;
	}
	if (rc < 0)
		user_data_free(&u);
	else
		*ret = u;
	return rc;
}

void user_data_free(struct user_data *u)
{
	if (u->secret)
		buf_wipe(&u->raw);
	else
		buf_free(&u->raw);
	*u = (struct user_data){ 0 };
}
