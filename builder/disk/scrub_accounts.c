#include <string.h>

#include "disk/scrub.h"

struct table {
	const char *path;
	bool empty_is_open; /* nothing in the field: anybody gets in */
	const char *what;
};

static const struct table TABLES[] = {
	{ "/etc/passwd", true, "account" },
	{ "/etc/shadow", true, "account" },
	{ "/etc/gshadow", false, "group" },
};
static const size_t TABLE_COUNT = sizeof(TABLES) / sizeof(TABLES[0]);

bool scrub_wants(const char *path)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (strcmp(TABLES[i].path, path) == 0)
			return true;
	return strcmp(path, "/etc/group") == 0 || strcmp(path, "/var/lib/dpkg/statoverride") == 0;
}

static bool is_locked(const struct table *t, const char *field, size_t len)
{
	if (len == 0)
		return !t->empty_is_open;
	/* "x" in passwd: look into shadow. */
	return field[0] == '!' || field[0] == '*' ||
	       (len == 1 && field[0] == 'x' && t == &TABLES[0]);
}

static int check_table(struct rootfs *r, const struct table *t, struct err *e)
{
	struct rootfs_node *n = rootfs_resolve(r, t->path);
	n = n != NULL ? rootfs_file(n) : NULL;
	if (n == NULL || n->size == 0)
		return 0;
	if (n->data == NULL)
		return err_set(e, ERR_BUG, 0, "%s: not in memory", t->path);
	cleanup_buf struct buf out = { 0 };
	const char *at = n->data, *end = at + n->size;
	bool changed = false;
	for (unsigned line = 1; at < end; line++) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop + 1 : end;
		const char *name_end = memchr(at, ':', (size_t)(stop - at));
		const char *field = name_end != NULL ? name_end + 1 : NULL;
		const char *field_end =
			field != NULL ? memchr(field, ':', (size_t)(stop - field)) : NULL;
		size_t len = field_end != NULL ? (size_t)(field_end - field) : 0;
		if (field_end == NULL || is_locked(t, field, len)) {
			if (buf_add(&out, at, (size_t)(stop - at), e) < 0)
				return -1;
			at = stop;
			continue;
		}
		if (name_end - at != 4 || memcmp(at, "root", 4) != 0)
			return err_set(e, ERR_INPUT, 0,
				"the base's %s:%u: %s \"%.*s\" %s: nobody may log in to an image by password: lock it in the base (passwd -l)",
				t->path, line, t->what,
				(int)(name_end - at < 64 ? name_end - at : 64), at,
				len == 0 ? "needs no password" : "has a password");
		changed = true;
		if (buf_add(&out, at, (size_t)(field - at), e) < 0 || buf_putc(&out, '*', e) < 0 ||
			buf_add(&out, field_end, (size_t)(stop - field_end), e) < 0)
			return -1;
		at = stop;
	}
	if (!changed)
		return 0;
	char *text = arena_strndup(r->arena, out.data, out.len, e);
	if (text == NULL)
		return -1;
	n->data = text;
	n->size = out.len;
	return 0;
}

int scrub_accounts(struct rootfs *r, struct err *e)
{
	for (size_t i = 0; i < TABLE_COUNT; i++)
		if (check_table(r, &TABLES[i], e) < 0)
			return -1;
	return 0;
}
