#include "disk/owner.h"

#include <string.h>

#include "base/text.h"

#define LINES_MAX 100000

/* NAME:x:ID:... */
static bool parse(const char *line, const char *end, size_t *ret_name, uint32_t *ret_id)
{
	const char *name_end = memchr(line, ':', (size_t)(end - line));
	if (name_end == NULL || name_end == line || line[0] == '#' || line[0] == '+')
		return false;
	const char *id = memchr(name_end + 1, ':', (size_t)(end - name_end - 1));
	if (id == NULL)
		return false;
	const char *id_end = memchr(id + 1, ':', (size_t)(end - id - 1));
	size_t len = id_end != NULL ? (size_t)(id_end - id - 1) : 0;
	char digits[16];
	unsigned long long value;
	if (len == 0 || len >= sizeof(digits))
		return false;
	memcpy(digits, id + 1, len);
	digits[len] = '\0';
	if (!text_number(digits, 0, UINT32_MAX - 1, &value))
		return false;
	*ret_name = (size_t)(name_end - line);
	*ret_id = (uint32_t)value;
	return true;
}

static int read_file(const struct rootfs *r, const char *path, struct owner **list, size_t *count,
	size_t *cap, struct err *e)
{
	struct rootfs_node *n = rootfs_resolve(r, path);
	n = n != NULL ? rootfs_file(n) : NULL;
	if (n == NULL || n->data == NULL)
		return 0;
	const char *at = n->data, *end = at + n->size;
	while (at < end && *count < LINES_MAX) {
		const char *line = at, *stop = memchr(at, '\n', (size_t)(end - at));
		stop = stop != NULL ? stop : end;
		at = stop + 1;
		size_t len;
		uint32_t id;
		if (!parse(line, stop, &len, &id))
			continue;
		char *name = arena_strndup(r->arena, line, len, e);
		if (name == NULL)
			return -1;
		struct owner *o = arena_push(r->arena, list, count, cap, sizeof(*o), e);
		if (o == NULL)
			return -1;
		*o = (struct owner){ name, id };
	}
	return 0;
}

int owners_read(const struct rootfs *r, struct owners *ret, struct err *e)
{
	struct owners o = { 0 };
	if (read_file(r, "/etc/passwd", &o.users, &o.user_count, &o.user_cap, e) < 0 ||
		read_file(r, "/etc/group", &o.groups, &o.group_count, &o.group_cap, e) < 0)
		return -1;
	*ret = o;
	return 0;
}

struct names {
	const struct owner *list;
};

static const char *name_at(const void *ctx, size_t i)
{
	return ((const struct names *)ctx)->list[i].name;
}

static int find(const struct owner *list, size_t count, const char *name, const char *what,
	const char *file, uint32_t *ret, struct err *e)
{
	unsigned long long number;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(list[i].name, name) == 0) {
			*ret = list[i].id;
			return 0;
		}
	}
	if (text_number(name, 0, UINT32_MAX - 1, &number)) {
		*ret = (uint32_t)number;
		return 0;
	}
	if (strcmp(name, "root") == 0) {
		*ret = 0;
		return 0;
	}
	struct names names = { list };
	const char *near = text_nearest(name, name_at, &names, count);
	return err_set(e, ERR_INPUT, 0, "no %s \"%s\" in the base's %s%s%s%s", what, name, file,
		near != NULL ? ": did you mean \"" : "", near != NULL ? near : "",
		near != NULL ? "\"?" : "");
}

int owners_user(const struct owners *o, const char *name, uint32_t *ret, struct err *e)
{
	return find(o->users, o->user_count, name, "user", "/etc/passwd", ret, e);
}

int owners_group(const struct owners *o, const char *name, uint32_t *ret, struct err *e)
{
	return find(o->groups, o->group_count, name, "group", "/etc/group", ret, e);
}
