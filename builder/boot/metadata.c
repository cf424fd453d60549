#include "boot/metadata.h"

#include <stdio.h>
#include <string.h>

/* Where a path is, or belongs. */
static size_t place_of(const struct metadata *m, const char *path)
{
	size_t i = 0;
	while (i < m->count && strcmp(m->list[i].path, path) < 0)
		i++;
	return i;
}

int metadata_set(struct metadata *m, const char *path, const char *data, size_t size, struct err *e)
{
	const char *copy = arena_strndup(m->arena, data, size, e);
	if (copy == NULL)
		return -1;
	size_t i = place_of(m, path);
	if (i == m->count || strcmp(m->list[i].path, path) != 0) {
		const char *name = arena_strdup(m->arena, path, e);
		if (name == NULL || arena_push(m->arena, &m->list, &m->count, &m->cap,
					    sizeof(*m->list), e) == NULL)
			return -1;
		memmove(&m->list[i + 1], &m->list[i], (m->count - 1 - i) * sizeof(*m->list));
		m->list[i].path = name;
	}
	m->list[i].data = copy;
	m->list[i].size = size;
	return 0;
}

int metadata_text(struct metadata *m, const char *path, struct err *e, const char *fmt, ...)
{
	char text[1024];
	va_list args;
	va_start(args, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof(text))
		return err_set(e, ERR_BUG, 0, "metadata %s: too long", path);
	return metadata_set(m, path, text, (size_t)n, e);
}

/* The names directly below a folder, each once. 1: there are some. */
static int list(const struct metadata *m, const char *folder, struct buf *out, struct err *e)
{
	size_t n = strlen(folder), last_len = 0;
	const char *last = NULL;
	for (size_t i = 0; i < m->count; i++) {
		const char *path = m->list[i].path;
		if (strncmp(path, folder, n) != 0 || path[n] == '\0')
			continue;
		const char *name = path + n;
		size_t len = strcspn(name, "/");
		len += name[len] == '/';
		if (last != NULL && last_len == len && strncmp(last, name, len) == 0)
			continue;
		if ((last != NULL && buf_putc(out, '\n', e) < 0) || buf_add(out, name, len, e) < 0)
			return -1;
		last = name;
		last_len = len;
	}
	return last != NULL;
}

static const struct metadata_entry *find(const struct metadata *m, const char *path)
{
	size_t i = place_of(m, path);
	return i < m->count && strcmp(m->list[i].path, path) == 0 ? &m->list[i] : NULL;
}

int metadata_get(const struct metadata *m, const char *path, struct buf *out, struct err *e)
{
	char folder[1024];
	size_t n = strlen(path);
	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n + 2 > sizeof(folder))
		return 0;
	memcpy(folder, path, n);
	folder[n] = '\0';
	const struct metadata_entry *found = find(m, folder);
	if (found == NULL && n > 0) {
		memcpy(folder + n, "/", 2);
		found = find(m, folder);
	}
	if (found != NULL)
		return buf_add(out, found->data, found->size, e) < 0 ? -1 : 1;
	return list(m, folder, out, e);
}
