#include <string.h>

#include "aws/profile.h"
#include "base/text.h"

/* A piece of the text. */
struct span {
	const char *at;
	size_t len;
};

struct parser {
	struct profiles *p;
	const char *file;
	bool credentials;
	struct arena *a;
	struct err *e;

	size_t line;
	const char *start;   /* of the line */
	const char *section; /* NULL: none yet */
	size_t first;        /* of this file's values */
	bool said_profile;   /* [profile default] came */
	const char *plain; /* "default" of a plain [default] in the config file: known by address */
	size_t top;        /* value that the lines below it belong to, when has_top */
	bool has_top;
	size_t indent; /* of that line, in bytes */
	size_t room;   /* bytes that its value may have where it is; 0: no more than it has */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static struct span trim(struct span s)
{
	while (s.len > 0 && is_blank(s.at[0])) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.at[s.len - 1]))
		s.len--;
	return s;
}

/* Up to a comment, which has a blank before it. */
static struct span without_comment(struct span s)
{
	for (size_t i = 1; i < s.len; i++)
		if ((s.at[i] == '#' || s.at[i] == ';') && is_blank(s.at[i - 1]))
			s.len = i;
	return trim(s);
}

/* What is wrong at a place of the line; the line itself may hold a secret and is never told. */
static int wrong(struct parser *t, const char *at, const char *what)
{
	size_t column = 1;
	for (const char *c = t->start; c < at; c++)
		column += ((unsigned char)*c & 0xC0) != 0x80;
	return err_set(t->e, ERR_INPUT, 0, "%s:%zu:%zu: %s", t->file, t->line, column, what);
}

static struct profile_value *push(
	struct parser *t, const char *parent, struct span key, struct span value)
{
	struct profiles *p = t->p;
	char *name = arena_strndup(t->a, key.at, key.len, t->e);
	char *text = name != NULL ? arena_strndup(t->a, value.at, value.len, t->e) : NULL;
	struct profile_value *v = text != NULL ? arena_push(t->a, &p->values, &p->count, &p->cap,
							 sizeof(*p->values), t->e)
					       : NULL;
	if (v == NULL)
		return NULL;
	for (char *c = name; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c | 0x20);
	*v = (struct profile_value){ .section = t->section,
		.parent = parent,
		.key = name,
		.value = text,
		.file = t->file,
		.line = t->line,
		.credentials = t->credentials };
	return v;
}

/* "profile  NAME" and the like: the length of the first word, when there is a second. */
static size_t prefix_len(struct span name)
{
	for (size_t i = 0; i < name.len; i++)
		if (is_blank(name.at[i]))
			return i;
	return 0;
}

static struct span unquoted(struct span s)
{
	if (s.len >= 2 && (s.at[0] == '"' || s.at[0] == '\'') && s.at[s.len - 1] == s.at[0])
		s = (struct span){ s.at + 1, s.len - 2 };
	return s;
}

static bool equals(struct span s, const char *text)
{
	return s.len == strlen(text) && memcmp(s.at, text, s.len) == 0;
}

/* How a section is known, see profile.h; NULL: no memory. */
static const char *known_as(struct parser *t, struct span name)
{
	size_t word = prefix_len(name);
	if (t->credentials)
		return arena_strndup(t->a, name.at, name.len, t->e);
	if (equals(name, "default"))
		return t->plain;
	if (word == 0)
		return "";
	struct span rest = unquoted(trim((struct span){ name.at + word, name.len - word }));
	if (!equals((struct span){ name.at, word }, "profile"))
		return arena_printf(
			t->a, t->e, "%.*s %.*s", (int)word, name.at, (int)rest.len, rest.at);
	if (equals(rest, "default"))
		t->said_profile = true;
	return arena_strndup(t->a, rest.at, rest.len, t->e);
}

static int take_section(struct parser *t, struct span line)
{
	const char *end = memchr(line.at, ']', line.len);
	if (end == NULL)
		return wrong(t, line.at, "a section's name without ] behind it");
	struct span name = trim((struct span){ line.at + 1, (size_t)(end - line.at) - 1 });
	struct span rest = trim((struct span){ end + 1, (size_t)(line.at + line.len - end) - 1 });
	if (name.len == 0)
		return wrong(t, line.at, "a section without a name");
	if (rest.len > 0 && rest.at[0] != '#' && rest.at[0] != ';')
		return wrong(t, rest.at, "text behind the name of a section");
	t->section = known_as(t, name);
	t->has_top = false;
	struct span none = { "", 0 };
	return t->section != NULL && push(t, "", none, none) != NULL ? 0 : -1;
}

static int take_value(struct parser *t, struct span line, bool below)
{
	const char *sign = memchr(line.at, '=', line.len);
	if (sign == NULL)
		return wrong(t, line.at,
			below ? "a line below a name that is no NAME = VALUE"
			      : "neither NAME = VALUE nor [SECTION]");
	struct span key = trim((struct span){ line.at, (size_t)(sign - line.at) });
	size_t left = (size_t)(line.at + line.len - sign) - 1;
	/* With the sign, so that a comment right behind it is seen as one only after a blank. */
	struct span value = without_comment((struct span){ sign, left + 1 });
	value = trim((struct span){ value.at + 1, value.len - 1 });
	if (key.len == 0)
		return wrong(t, line.at, "a value without a name");
	if (t->section == NULL)
		return wrong(t, line.at, "NAME = VALUE before any [SECTION]");
	const char *parent = below ? t->p->values[t->top].key : "";
	if (push(t, parent, key, value) == NULL)
		return -1;
	if (!below) {
		t->top = t->p->count - 1;
		t->has_top = true;
		t->indent = (size_t)(line.at - t->start);
		t->room = 0;
	}
	return 0;
}

/* The line is more of the value above. */
static int go_on(struct parser *t, struct span line)
{
	struct profile_value *v = &t->p->values[t->top];
	struct span more = without_comment(line);
	size_t len = strlen(v->value), need = len + more.len + 2;
	if (need > t->room) {
		char *text = arena_alloc(t->a, 2 * need, t->e);
		if (text == NULL)
			return -1;
		memcpy(text, v->value, len);
		explicit_bzero(v->value, len);
		v->value = text;
		t->room = 2 * need;
	}
	v->value[len] = '\n';
	memcpy(v->value + len + 1, more.at, more.len);
	v->value[need - 1] = '\0';
	return 0;
}

static int take_line(struct parser *t, struct span line)
{
	t->start = line.at;
	const char *nul = memchr(line.at, '\0', line.len);
	if (nul != NULL)
		return wrong(t, nul, "a NUL byte: this is no text in UTF-8");
	line = trim(line);
	if (line.len == 0 || line.at[0] == '#' || line.at[0] == ';')
		return 0;
	if (t->has_top && (size_t)(line.at - t->start) > t->indent)
		return t->p->values[t->top].value[0] != '\0' ? go_on(t, line)
							     : take_value(t, line, true);
	return line.at[0] == '[' ? take_section(t, line) : take_value(t, line, false);
}

int profile_parse(struct profiles *p, const char *file, bool credentials, const char *text,
	size_t len, struct arena *a, struct err *e)
{
	struct parser t = { .p = p,
		.credentials = credentials,
		.a = a,
		.e = e,
		.first = p->count,
		.file = arena_strdup(a, file, e),
		.plain = arena_strdup(a, "default", e) };
	if (t.file == NULL || t.plain == NULL)
		return -1;
	if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
		text += 3;
		len -= 3;
	}
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end != NULL ? (size_t)(end - text) : len;
		t.line++;
		if (take_line(&t, (struct span){ text, line }) < 0)
			return -1;
		size_t step = line + (end != NULL);
		text += step;
		len -= step;
	}
	for (size_t i = t.first; i < p->count; i++)
		if (t.said_profile && p->values[i].section == t.plain)
			p->values[i].section = "";
	return 0;
}
