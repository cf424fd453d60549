#include "disk/dpkg.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum field {
	PACKAGE,
	STATUS,
	VERSION,
	ARCHITECTURE,
	SOURCE,
	MAINTAINER,
	FIELDS,
};

static const char *const NAMES[FIELDS] = { "Package", "Status", "Version", "Architecture", "Source",
	"Maintainer" };

struct text {
	const char *at; /* NULL: not there */
	size_t len;
};

struct stanza {
	struct text field[FIELDS];
	size_t line; /* its first, 0 while empty */
};

struct reading {
	const char *path;
	struct dpkg_packages found;
	struct arena *arena;
	struct err *e;
};

static struct text trimmed(const char *at, size_t len)
{
	while (len > 0 && (*at == ' ' || *at == '\t')) {
		at++;
		len--;
	}
	while (len > 0 && (at[len - 1] == ' ' || at[len - 1] == '\t' || at[len - 1] == '\r'))
		len--;
	return (struct text){ at, len };
}

static const char *copy(struct reading *r, struct text t)
{
	return arena_strndup(r->arena, t.at != NULL ? t.at : "", t.len, r->e);
}

/* "want flag state": the state alone says what is there. */
static bool is_installed(struct text status)
{
	static const char word[] = " installed";
	size_t len = sizeof(word) - 1;
	return status.len >= len && memcmp(status.at + status.len - len, word, len) == 0;
}

/* "NAME" or "NAME (VERSION)"; without the field, the package is its own source. */
static int add_source(struct reading *r, struct text source, struct dpkg_package *p)
{
	p->source = p->name;
	p->source_version = p->version;
	if (source.len == 0)
		return 0;
	const char *open = memchr(source.at, '(', source.len);
	size_t name = open != NULL ? (size_t)(open - source.at) : source.len;
	p->source = copy(r, trimmed(source.at, name));
	if (p->source == NULL)
		return -1;
	if (open == NULL)
		return 0;
	const char *close = memchr(open, ')', source.len - name);
	size_t len = close != NULL ? (size_t)(close - open) - 1 : source.len - name - 1;
	p->source_version = copy(r, trimmed(open + 1, len));
	return p->source_version != NULL ? 0 : -1;
}

static int end_stanza(struct reading *r, struct stanza *s)
{
	struct stanza done = *s;
	*s = (struct stanza){ 0 };
	if (done.line == 0 || !is_installed(done.field[STATUS]))
		return 0;
	static const enum field needed[] = { PACKAGE, VERSION, ARCHITECTURE };
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (done.field[needed[i]].len == 0)
			return err_set(r->e, ERR_INPUT, 0, "%s:%zu: an installed package has no %s",
				r->path, done.line, NAMES[needed[i]]);
	}
	struct dpkg_package *p = arena_push(
		r->arena, &r->found.list, &r->found.count, &r->found.cap, sizeof(*p), r->e);
	if (p == NULL)
		return -1;
	p->name = copy(r, done.field[PACKAGE]);
	p->version = copy(r, done.field[VERSION]);
	p->architecture = copy(r, done.field[ARCHITECTURE]);
	p->maintainer = copy(r, done.field[MAINTAINER]);
	if (p->name == NULL || p->version == NULL || p->architecture == NULL ||
		p->maintainer == NULL)
		return -1;
	return add_source(r, done.field[SOURCE], p);
}

static int read_line(
	struct reading *r, struct stanza *s, const char *line, size_t len, size_t number)
{
	if (trimmed(line, len).len == 0)
		return end_stanza(r, s);
	if (*line == ' ' || *line == '\t') {
		if (s->line == 0)
			return err_set(r->e, ERR_INPUT, 0,
				"%s:%zu: a continued line without a field before it", r->path,
				number);
		return 0;
	}
	const char *colon = memchr(line, ':', len);
	if (colon == NULL || colon == line)
		return err_set(r->e, ERR_INPUT, 0, "%s:%zu: not a line of \"Field: value\"",
			r->path, number);
	if (s->line == 0)
		s->line = number;
	size_t name = (size_t)(colon - line);
	for (size_t i = 0; i < FIELDS; i++) {
		if (strlen(NAMES[i]) == name && strncasecmp(NAMES[i], line, name) == 0)
			s->field[i] = trimmed(colon + 1, len - name - 1);
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct dpkg_package *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order != 0 ? order : strcmp(x->architecture, y->architecture);
}

int dpkg_parse(const char *path, const char *data, size_t len, struct arena *a,
	struct dpkg_packages *ret, struct err *e)
{
	struct reading r = { .path = path, .arena = a, .e = e };
	struct stanza s = { 0 };
	const char *end = data + len;
	size_t number = 1;
	if (len > 0 && memchr(data, '\0', len) != NULL)
		return err_set(e, ERR_INPUT, 0, "%s: not text: it holds a NUL byte", path);
	for (const char *line = data; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t size = (size_t)((newline != NULL ? newline : end) - line);
		if (read_line(&r, &s, line, size, number) < 0)
			return -1;
		line += size + (newline != NULL);
	}
	if (end_stanza(&r, &s) < 0)
		return -1;
	if (r.found.count > 0)
		qsort(r.found.list, r.found.count, sizeof(*r.found.list), by_name);
	*ret = r.found;
	return 0;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* deb-version(7): '~' sorts before the end, letters before all else. */
static int weight(const char *p, const char *end)
{
	if (p == end || is_digit(*p))
		return 0;
	if (*p == '~')
		return -1;
	bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
	return letter ? (unsigned char)*p : (unsigned char)*p + 256;
}

static int compare_part(const char *x, const char *x_end, const char *y, const char *y_end)
{
	while (x < x_end || y < y_end) {
		while ((x < x_end && !is_digit(*x)) || (y < y_end && !is_digit(*y))) {
			int order = weight(x, x_end) - weight(y, y_end);
			if (order != 0)
				return order;
			x += x < x_end;
			y += y < y_end;
		}
		while (x < x_end && *x == '0')
			x++;
		while (y < y_end && *y == '0')
			y++;
		int first = 0;
		while (x < x_end && is_digit(*x) && y < y_end && is_digit(*y)) {
			if (first == 0)
				first = *x - *y;
			x++;
			y++;
		}
		if (x < x_end && is_digit(*x))
			return 1;
		if (y < y_end && is_digit(*y))
			return -1;
		if (first != 0)
			return first;
	}
	return 0;
}

int dpkg_version_compare(const char *x, const char *y)
{
	static const char none[] = "0";
	const char *x_colon = strchr(x, ':'), *y_colon = strchr(y, ':');
	int order = compare_part(x_colon != NULL ? x : none, x_colon != NULL ? x_colon : none + 1,
		y_colon != NULL ? y : none, y_colon != NULL ? y_colon : none + 1);
	if (order != 0)
		return order;
	x = x_colon != NULL ? x_colon + 1 : x;
	y = y_colon != NULL ? y_colon + 1 : y;
	const char *x_dash = strrchr(x, '-'), *y_dash = strrchr(y, '-');
	const char *x_end = x + strlen(x), *y_end = y + strlen(y);
	order = compare_part(
		x, x_dash != NULL ? x_dash : x_end, y, y_dash != NULL ? y_dash : y_end);
	if (order != 0)
		return order;
	return compare_part(x_dash != NULL ? x_dash + 1 : x_end, x_end,
		y_dash != NULL ? y_dash + 1 : y_end, y_end);
}
