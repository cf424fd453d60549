#include "recipe/yaml.h"

#include <string.h>

#include "base/text.h"

struct pos yaml_pos(const char *file, yaml_mark_t mark)
{
	return (struct pos){ file, (unsigned)mark.line + 1, (unsigned)mark.column + 1 };
}

/* What cannot be in a text, or NULL. `n` is the length of its UTF-8 sequence. */
static const char *unfit(const unsigned char *p, size_t n)
{
	if (n == 0)
		return "no UTF-8";
	if (p[0] == 0)
		return "a NUL byte";
	if ((p[0] < 0x20 && p[0] != '\t' && p[0] != '\n' && p[0] != '\r') || p[0] == 0x7f)
		return "a control character";
	if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
		return "a control character";
	if (n == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9))
		return "a Unicode line separator";
	if (n == 3 && p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)
		return "a byte order mark";
	if (n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe)
		return "a Unicode non-character";
	return NULL;
}

bool yaml_text_ok(const char *file, const char *data, size_t len, struct diag *d, size_t *ret_skip)
{
	size_t start = len >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	if (len >= 2 && (memcmp(data, "\xff\xfe", 2) == 0 || memcmp(data, "\xfe\xff", 2) == 0)) {
		diag_add(d, (struct pos){ file, 1, 1 }, "UTF-16: the file must be UTF-8");
		return false;
	}
	struct pos pos = { file, 1, 1 };
	for (size_t i = start; i < len;) {
		const unsigned char *p = (const unsigned char *)data + i;
		if (*p >= 0x20 && *p < 0x7f) {
			pos.col++;
			i++;
			continue;
		}
		size_t n = text_utf8_len(data + i, len - i);
		const char *what = unfit(p, n);
		if (what != NULL) {
			diag_add(d, pos, "byte 0x%02x, %s: the file must be plain UTF-8 text", *p,
				what);
			return false;
		}
		/* CR LF, LF and a lone CR each end a line, as libyaml counts. */
		bool ends = *p == '\n' || (*p == '\r' && (i + 1 == len || p[1] != '\n'));
		pos.line += ends;
		pos.col = ends ? 1 : pos.col + 1;
		i += n;
	}
	*ret_skip = start;
	return true;
}

/* libyaml's words (api.c, scanner.c and parser.c of 0.2.5) and ours. */
struct wording {
	const char *theirs;
	const char *context; /* only with this context; NULL: any */
	bool at_start;       /* the fault is where the construct began */
	bool opened;         /* say on which line the construct began */
	const char *ours;
};

static const struct wording WORDINGS[] = {
	{ "could not find expected ':'", NULL, true, false,
		"no \": \" behind this: a key is followed by a colon and a blank" },
	{ "mapping values are not allowed in this context", NULL, false, false,
		"\": \" where no key can stand: indent the line like its neighbours, or quote a "
		"value that contains \": \"" },
	{ "mapping keys are not allowed in this context", NULL, false, false,
		"\"? \" where no key can stand: indent the line like its neighbours" },
	{ "block sequence entries are not allowed in this context", NULL, false, false,
		"\"- \" where no list can start: put it on a line of its own" },
	{ "did not find expected key", "while parsing a block mapping", false, false,
		"a line that fits no key above it: the keys of a map start in the same column, as "
		"\"key: value\"" },
	{ "did not find expected key", NULL, false, false,
		"no key here: allowed is \"key: value\"" },
	{ "did not find expected '-' indicator", NULL, false, false,
		"no \"- \" here: the members of a list start with it, in the same column" },
	{ "did not find expected ',' or ']'", NULL, false, true,
		"no \",\" or \"]\": commas part the members of a list in brackets, and ] ends it" },
	{ "did not find expected ',' or '}'", NULL, false, true,
		"no \",\" or \"}\": commas part the pairs of a map in braces, and } ends it (quote "
		"a value that contains \": \")" },
	{ "did not find expected node content", NULL, false, false,
		"no value here: a value is needed" },
	{ "did not find expected <document start>", NULL, false, false,
		"something behind the end of the document: one document is allowed" },
	{ "found unexpected end of stream", NULL, true, false,
		"a quote that is opened and not closed: close it" },
	{ "found unexpected document indicator", NULL, true, false,
		"a quote that is opened and not closed before the end of the document: close it" },
	{ "found unknown escape character", NULL, false, false,
		"an unknown escape behind a backslash: write \\\\ for a backslash, or use single "
		"quotes" },
	{ "did not find expected hexdecimal number", NULL, false, false,
		"an escape without its digits: hexadecimal digits are needed" },
	{ "found invalid Unicode character escape code", NULL, false, false,
		"an escape for no Unicode character: allowed is up to 10FFFF, without D800 to "
		"DFFF" },
	{ "found a tab character where an indentation space is expected", NULL, false, false,
		"a tab: indent with blanks" },
	{ "found a tab character that violates indentation", NULL, false, false,
		"a tab: indent with blanks" },
	{ "found unexpected ':'", NULL, false, false,
		"\":\" inside of a value in braces or brackets: quote the value" },
	{ "found undefined tag handle", NULL, false, false,
		"an unknown tag: allowed are none, !!str, !!seq and !!map" },
	{ "found an indentation indicator equal to 0", NULL, false, false,
		"0 for the indentation of a block: allowed is 1 to 9" },
	{ "did not find expected alphabetic or numeric character", NULL, false, false,
		"no name behind & or *: allowed are letters, digits, - and _ (quote a value that "
		"starts with * or &)" },
	{ "did not find expected comment or line break", NULL, false, false,
		"something behind the start of a block: the text starts on the next line" },
	{ "found incompatible YAML document", NULL, false, false, "%YAML: allowed is 1.1 or 1.2" },
};

/* The offset of a mark. Only asked once a file, so counted from the start. */
static size_t offset_of(const char *data, size_t len, yaml_mark_t mark)
{
	size_t i = 0;
	for (size_t chars = 0; i < len && chars < mark.index; chars++) {
		size_t n = text_utf8_len(data + i, len - i);
		i += n != 0 ? n : 1;
	}
	return i;
}

/*
 * {{name}} without quotes is a map in a map to YAML, and what it then stumbles over says nothing to
 * anybody: look for it on the line of the fault. True when that was it.
 */
static bool blame_braces(
	const char *file, const char *data, size_t len, yaml_mark_t mark, struct diag *d)
{
	size_t at = offset_of(data, len, mark);
	const char *before = at > 0 ? memrchr(data, '\n', at) : NULL;
	const char *line = before != NULL ? before + 1 : data;
	for (size_t i = 0; line + i + 2 < data + at; i++) {
		if (memcmp(line + i, " {{", 3) != 0)
			continue;
		struct pos pos = yaml_pos(file, mark);
		pos.col = 2;
		for (size_t k = 0; k < i; k++)
			pos.col += ((unsigned char)line[k] & 0xc0) != 0x80;
		diag_add(d, pos, "a value that starts with {{: put it in quotes");
		return true;
	}
	return false;
}

void yaml_fault(
	const yaml_parser_t *p, const char *file, const char *data, size_t len, struct diag *d)
{
	const char *theirs = p->problem != NULL ? p->problem : "unreadable";
	if (blame_braces(file, data, len, p->problem_mark, d))
		return;
	if (strcmp(theirs, "found character that cannot start any token") == 0) {
		size_t at = offset_of(data, len, p->problem_mark);
		char c = at < len ? data[at] : '\0';
		if (c == '\t')
			diag_add(d, yaml_pos(file, p->problem_mark), "a tab: indent with blanks");
		else
			diag_add(d, yaml_pos(file, p->problem_mark),
				"a value that starts with %c: put it in quotes", c);
		return;
	}
	for (size_t i = 0; i < sizeof(WORDINGS) / sizeof(WORDINGS[0]); i++) {
		const struct wording *w = &WORDINGS[i];
		if (strcmp(w->theirs, theirs) != 0 ||
			(w->context != NULL &&
				(p->context == NULL || strcmp(w->context, p->context) != 0)))
			continue;
		bool at_start = w->at_start && p->context != NULL;
		struct pos pos = yaml_pos(file, at_start ? p->context_mark : p->problem_mark);
		if (w->opened && p->context_mark.line != p->problem_mark.line)
			diag_add(d, pos, "%s; it begins on line %zu", w->ours,
				p->context_mark.line + 1);
		else
			diag_add(d, pos, "%s", w->ours);
		return;
	}
	diag_add(d, yaml_pos(file, p->problem_mark), "%s%s%s: allowed is YAML 1.1", theirs,
		p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}
