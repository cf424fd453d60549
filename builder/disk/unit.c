#include "disk/unit.h"

#include <string.h>

static const char *const TYPES[] = { "service", "socket", "device", "mount", "automount", "swap",
	"target", "path", "timer", "slice", "scope" };

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(":-_.\\", c) != NULL);
}

enum unit_kind unit_kind(const char *name)
{
	const char *dot = strrchr(name, '.'), *at = strchr(name, '@');
	bool typed = false;
	if (dot == NULL || dot == name || at == name || strlen(name) > UNIT_NAME_MAX)
		return UNIT_INVALID;
	for (size_t i = 0; i < sizeof(TYPES) / sizeof(TYPES[0]); i++)
		typed = typed || strcmp(dot + 1, TYPES[i]) == 0;
	if (!typed)
		return UNIT_INVALID;
	for (const char *p = name; p < dot; p++)
		if (!is_name_byte(*p) && *p != '@')
			return UNIT_INVALID;
	return at == NULL || at > dot ? UNIT_PLAIN : at + 1 == dot ? UNIT_TEMPLATE : UNIT_INSTANCE;
}

const char *unit_instance(
	struct arena *a, const char *template, const char *instance, struct err *e)
{
	const char *at = strchr(template, '@');
	return arena_printf(a, e, "%.*s%s%s", (int)(at + 1 - template), template, instance,
		strrchr(template, '.'));
}

const char *unit_template(struct arena *a, const char *instance, struct err *e)
{
	return unit_instance(a, instance, "", e);
}

const char *unit_instance_of(struct arena *a, const char *name, struct err *e)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	return at != NULL && at < dot ? arena_strndup(a, at + 1, (size_t)(dot - at - 1), e) : "";
}

/* Words between blanks; a pair of quotes keeps blanks together. */
static int add_words(
	struct arena *a, const char *text, size_t len, struct unit_list *into, struct err *e)
{
	const char *p = text, *end = text + len;
	for (;;) {
		while (p < end && strchr(" \t\r", *p) != NULL)
			p++;
		if (p == end)
			return 0;
		char *word = arena_alloc(a, (size_t)(end - p) + 1, e);
		if (word == NULL)
			return -1;
		size_t used = 0;
		char quote = '\0';
		for (; p < end && (quote != '\0' || strchr(" \t\r", *p) == NULL); p++) {
			if (quote == '\0' && (*p == '"' || *p == '\''))
				quote = *p;
			else if (*p == quote)
				quote = '\0';
			else
				word[used++] = *p;
		}
		const char **slot =
			arena_push(a, &into->list, &into->count, &into->cap, sizeof(*slot), e);
		if (slot == NULL)
			return -1;
		*slot = word;
	}
}

static bool key_is(const char *line, size_t len, const char *key)
{
	while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
		len--;
	return strlen(key) == len && memcmp(line, key, len) == 0;
}

static int take_line(
	struct arena *a, const char *line, size_t len, struct unit_install *into, struct err *e)
{
	const char *equals = memchr(line, '=', len);
	if (equals == NULL)
		return 0;
	size_t key_len = (size_t)(equals - line);
	const char *value = equals + 1;
	size_t value_len = len - key_len - 1;
	while (value_len > 0 && strchr(" \t", *value) != NULL)
		value++, value_len--;
	while (value_len > 0 && strchr(" \t\r", value[value_len - 1]) != NULL)
		value_len--;
	if (key_is(line, key_len, "DefaultInstance")) {
		into->default_instance =
			value_len > 0 ? arena_strndup(a, value, value_len, e) : NULL;
		return value_len > 0 && into->default_instance == NULL ? -1 : 0;
	}
	const struct {
		const char *key;
		struct unit_list *list;
	} KEYS[] = {
		{ "WantedBy", &into->wanted_by },
		{ "RequiredBy", &into->required_by },
		{ "UpheldBy", &into->upheld_by },
		{ "Alias", &into->alias },
		{ "Also", &into->also },
	};
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++) {
		if (!key_is(line, key_len, KEYS[i].key))
			continue;
		if (value_len == 0 && KEYS[i].list != &into->also)
			KEYS[i].list->count = 0;
		return add_words(a, value, value_len, KEYS[i].list, e);
	}
	return 0;
}

int unit_parse(
	struct arena *a, const char *text, size_t len, struct unit_install *into, struct err *e)
{
	const char *at = text, *end = text + len;
	cleanup_buf struct buf joined = { 0 };
	bool inside = false;
	while (at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));
		const char *line = at;
		size_t n = (size_t)((stop != NULL ? stop : end) - at);
		at += n + 1;
		while (n > 0 && strchr(" \t", *line) != NULL)
			line++, n--;
		/* Comments stand between the lines of a value, too. */
		if (n > 0 && (*line == '#' || *line == ';'))
			continue;
		bool more = n > 0 && line[n - 1] == '\\' && stop != NULL;
		if (buf_add(&joined, line, n - more, e) < 0 ||
			(more && buf_putc(&joined, ' ', e) < 0))
			return -1;
		if (more)
			continue;
		if (joined.len > 0 && joined.data[0] == '[') {
			inside = strncmp(joined.data, "[Install]", 9) == 0;
			into->present = into->present || inside;
		} else if (inside && joined.len > 0 &&
			   take_line(a, joined.data, joined.len, into, e) < 0)
			return -1;
		buf_clear(&joined);
	}
	return 0;
}

static int expand_one(struct arena *a, char what, const char *name, struct buf *out, struct err *e)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');
	size_t prefix = (size_t)((at != NULL && at < dot ? at : dot) - name);
	const char *instance = unit_instance_of(a, name, e), *dash;
	if (instance == NULL)
		return -1;
	switch (what) {
	case '%':
		return buf_putc(out, '%', e);
	case 'i':
		return buf_puts(out, instance, e);
	case 'j': /* the last part of the prefix */
		dash = memrchr(name, '-', prefix);
		return dash != NULL ? buf_add(out, dash + 1, prefix - (size_t)(dash + 1 - name), e)
				    : buf_add(out, name, prefix, e);
	case 'n':
		return buf_puts(out, name, e);
	case 'N':
		return buf_add(out, name, (size_t)(dot - name), e);
	case 'p':
		return buf_add(out, name, prefix, e);
	default:
		return err_set(e, ERR_INPUT, 0,
			"%s: %%%c in its [Install] section is not known here: %%i, %%j, %%n, %%N and %%p are",
			name, what);
	}
}

const char *unit_expand(struct arena *a, const char *value, const char *name, struct err *e)
{
	cleanup_buf struct buf out = { .max = 4096 };
	for (const char *p = value; *p != '\0'; p++) {
		int rc = *p == '%' && p[1] != '\0' ? expand_one(a, *++p, name, &out, e)
						   : buf_putc(&out, *p, e);
		if (rc < 0)
			return NULL;
	}
	return arena_strndup(a, out.data != NULL ? out.data : "", out.len, e);
}
