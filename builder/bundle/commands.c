#include "bundle/commands.h"

#include <string.h>

#include "bundle/quote.h"
#include "bundle/secrets.h"

static int add(struct commands *c, const struct buf *text, struct err *e)
{
	struct cloud_command *slot =
		arena_push(c->arena, &c->list, &c->count, &c->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	slot->text = arena_strndup(c->arena, text->data, text->len, e);
	return slot->text == NULL ? -1 : 0;
}

/* `before`, the quoted word, `after`. */
static int word(
	struct buf *out, const char *before, const char *text, const char *after, struct err *e)
{
	if (buf_puts(out, before, e) < 0 || quote_shell(out, text, e) < 0)
		return -1;
	return buf_puts(out, after, e);
}

/* The path at which cloud-init writes a file. */
static const char *written_path(const struct entry *entry, struct arena *a, struct err *e)
{
	return entry->keep_original ? arena_printf(a, e, "%s" WAITING_SUFFIX, entry->path)
				    : entry->path;
}

int commands_private(struct commands *c, const struct tree *t, bool keys, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	if (buf_puts(&out, "for f in", e) < 0)
		return -1;
	size_t before = out.len;
	if (keys && word(&out, " ", KEYS_PATH, "", e) < 0)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		const struct entry *entry = &t->list[i];
		if (entry->kind != ENTRY_FILE || (entry->mode & 04) != 0)
			continue;
		const char *path = written_path(entry, c->arena, e);
		if (path == NULL || word(&out, " ", path, "", e) < 0)
			return -1;
	}
	if (out.len == before)
		return 0;
	if (buf_puts(&out, "; do [ -e \"$f\" ] || install -D -m 600 /dev/null \"$f\"; done", e) < 0)
		return -1;
	return add(c, &out, e);
}

static int folder(struct commands *c, const struct entry *entry, struct buf *out, struct err *e)
{
	if (buf_printf(out, e, "install -d -m %04o", entry->mode) < 0)
		return -1;
	if (strcmp(entry->owner, "root") != 0 && word(out, " -o ", entry->owner, "", e) < 0)
		return -1;
	if (strcmp(entry->group, "root") != 0 && word(out, " -g ", entry->group, "", e) < 0)
		return -1;
	if (word(out, " ", entry->path, "", e) < 0)
		return -1;
	return add(c, out, e);
}

static int link_to(struct commands *c, const struct entry *entry, struct buf *out, struct err *e)
{
	const char *slash = strrchr(entry->path, '/');
	const char *parent =
		arena_strndup(c->arena, entry->path, (size_t)(slash - entry->path) + 1, e);
	if (parent == NULL || word(out, "mkdir -p ", parent, " && ", e) < 0 ||
		word(out, "ln -sfn ", entry->data, " ", e) < 0 ||
		quote_shell(out, entry->path, e) < 0)
		return -1;
	return add(c, out, e);
}

static int owner(struct commands *c, const struct entry *entry, struct buf *out, struct err *e)
{
	const char *names = arena_printf(c->arena, e, "%s:%s", entry->owner, entry->group);
	if (names == NULL || word(out, "chown -h ", names, " ", e) < 0 ||
		quote_shell(out, entry->path, e) < 0)
		return -1;
	/* chown takes setuid away. */
	if (entry->kind == ENTRY_FILE && (buf_printf(out, e, " && chmod %04o ", entry->mode) < 0 ||
						 quote_shell(out, entry->path, e) < 0))
		return -1;
	return add(c, out, e);
}

/* Vendors' files that are there move to PATH.orig, the first time; ours take their places. */
static int originals(struct commands *c, const struct tree *t, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	if (buf_puts(&out, "for f in", e) < 0)
		return -1;
	size_t before = out.len;
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].keep_original && word(&out, " ", t->list[i].path, "", e) < 0)
			return -1;
	if (out.len == before)
		return 0;
	if (buf_puts(&out,
		    "; do\n"
		    "  [ ! -e \"$f\" ] || mv -n \"$f\" \"$f.orig\"\n"
		    "  mv -f \"$f" WAITING_SUFFIX "\" \"$f\"\n"
		    "done\n",
		    e) < 0)
		return -1;
	return add(c, &out, e);
}

int commands_place(struct commands *c, const struct tree *t, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	for (size_t i = 0; i < t->count; i++) {
		const struct entry *entry = &t->list[i];
		buf_clear(&out);
		if (entry->kind == ENTRY_FOLDER && folder(c, entry, &out, e) < 0)
			return -1;
		if (entry->kind == ENTRY_LINK && link_to(c, entry, &out, e) < 0)
			return -1;
	}
	if (originals(c, t, e) < 0)
		return -1;
	for (size_t i = 0; i < t->count; i++) {
		const struct entry *entry = &t->list[i];
		buf_clear(&out);
		if (entry->kind != ENTRY_FOLDER &&
			(strcmp(entry->owner, "root") != 0 || strcmp(entry->group, "root") != 0) &&
			owner(c, entry, &out, e) < 0)
			return -1;
	}
	return 0;
}

/* Whether a script names a unit, with or without .service, as a word. */
static bool names_unit(const struct entry *script, const char *unit)
{
	static const char word[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_@";
	size_t n = strlen(unit);
	if (n > 8 && strcmp(unit + n - 8, ".service") == 0)
		n -= 8;
	for (const char *p = script->data;
		(p = memmem(p, script->size - (size_t)(p - script->data), unit, n)) != NULL; p++)
		if ((p == script->data || strchr(word, p[-1]) == NULL) &&
			(p[n] == '\0' || strchr(word, p[n]) == NULL))
			return true;
	return false;
}

/*
 * Append what makes the instance a hub, each step only after the one before: the overlay's own
 * script, and the units that it does not see to.
 */
static int activate(const struct recipe *r, const struct tree *t, struct buf *out, struct err *e)
{
	const struct entry *script = tree_find(t, ACTIVATE_PATH);
	if (buf_puts(out, script != NULL ? ACTIVATE_PATH : "systemctl daemon-reload", e) < 0)
		return -1;
	bool first = true;
	for (size_t i = 0; i < r->services.count; i++) {
		const char *unit = r->services.list[i].text;
		if (script != NULL && names_unit(script, unit))
			continue;
		if (word(out, first ? " && systemctl enable --now " : " ", unit, "", e) < 0)
			return -1;
		first = false;
	}
	return 0;
}

int commands_activate(
	struct commands *c, const struct recipe *r, const struct tree *t, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	if (activate(r, t, &out, e) < 0)
		return -1;
	return add(c, &out, e);
}

int commands_fetch(struct commands *c, const struct recipe *r, const struct tree *t, size_t size,
	const struct sha256 *digest, struct err *e)
{
	cleanup_buf struct buf out = { 0 };
	if (word(&out, "python3 " FETCH_PATH " ", r->overlay_url, "", e) < 0 ||
		buf_printf(&out, e, " %zu %s", size, sha256_text(digest).text) < 0)
		return -1;
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].keep_original && word(&out, " ", t->list[i].path, "", e) < 0)
			return -1;
	if (buf_puts(&out, " && ", e) < 0 || activate(r, t, &out, e) < 0)
		return -1;
	return add(c, &out, e);
}
