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
	const char *ours;
};

static const struct wording WORDINGS[] = {
	{ "could not find expected ':'", NULL, true,
		"no \": \" behind this: a key is followed by a colon and a blank" },
	{ "mapping values are not allowed in this context", NULL, false,
		"\": \" where no key can stand: indent the line like its neighbours, or quote a "
		"value "
		"that contains \": \"" },
	{ "mapping keys are not allowed in this context", NULL, false,
		"\"? \" where no key can stand: indent the line like its neighbours" },
	{ "block sequence entries are not allowed in this context", NULL, false,
		"\"- \" where no list can start: put it on a line of its own" },
	{ "did not find expected key", "while parsing a block mapping", false,
		"a line that fits no key above it: the keys of a map start in the same column, as "
		"\"key: value\"" },
	{ "did not find expected key", NULL, false, "no key here: allowed is \"key: value\"" },
	{ "did not find expected '-' indicator", NULL, false,
		"no \"- \" here: the members of a list start with it, in the same column" },
	{ "did not find expected ',' or ']'", NULL, false,
		"no \",\" or \"]\" here: members of a list in brackets are parted by commas" },
	{ "did not find expected ',' or '}'", NULL, false,
		"no \",\" or \"}\" here: pairs of a map in braces are parted by commas (quote a "
		"value "
		"that starts with {{)" },
	{ "did not find expected node content", NULL, false, "no value here: a value is needed" },
	{ "did not find expected <document start>", NULL, false,
		"something behind the end of the document: one document is allowed" },
	{ "found unexpected end of stream", NULL, true,
		"a quote that is opened and not closed: close it" },
	{ "found unexpected document indicator", NULL, true,
		"a quote that is opened and not closed before the end of the document: close it" },
	{ "found unknown escape character", NULL, false,
		"an unknown escape behind a backslash: write \\\\ for a backslash, or use single "
		"quotes" },
	{ "did not find expected hexdecimal number", NULL, false,
		"an escape without its digits: hexadecimal digits are needed" },
	{ "found invalid Unicode character escape code", NULL, false,
		"an escape for no Unicode character: allowed is up to 10FFFF, without D800 to "
		"DFFF" },
	{ "found a tab character where an indentation space is expected", NULL, false,
		"a tab: indent with blanks" },
	{ "found a tab character that violates indentation", NULL, false,
		"a tab: indent with blanks" },
	{ "found unexpected ':'", NULL, false,
		"\":\" inside of a value in braces or brackets: quote the value" },
	{ "found undefined tag handle", NULL, false,
		"an unknown tag: allowed are none, !!str, !!seq and !!map" },
	{ "found an indentation indicator equal to 0", NULL, false,
		"0 for the indentation of a block: allowed is 1 to 9" },
	{ "did not find expected alphabetic or numeric character", NULL, false,
		"no name behind & or *: allowed are letters, digits, - and _ (quote a value that "
		"starts with * or &)" },
	{ "did not find expected comment or line break", NULL, false,
		"something behind the start of a block: the text starts on the next line" },
	{ "found incompatible YAML document", NULL, false, "%YAML: allowed is 1.1 or 1.2" },
};

/* The byte at a mark, 0 when there is none. Only asked once a file, so counted from the start. */
static char char_at(const char *data, size_t len, yaml_mark_t mark)
{
	size_t i = 0;
	for (size_t chars = 0; i < len && chars < mark.index; chars++) {
		size_t n = text_utf8_len(data + i, len - i);
		i += n != 0 ? n : 1;
	}
	return i < len ? data[i] : '\0';
}

void yaml_fault(
	const yaml_parser_t *p, const char *file, const char *data, size_t len, struct diag *d)
{
	const char *theirs = p->problem != NULL ? p->problem : "unreadable";
	if (strcmp(theirs, "found character that cannot start any token") == 0) {
		char c = char_at(data, len, p->problem_mark);
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
		diag_add(d, yaml_pos(file, at_start ? p->context_mark : p->problem_mark), "%s",
			w->ours);
		return;
	}
	diag_add(d, yaml_pos(file, p->problem_mark), "%s%s%s: allowed is YAML 1.1", theirs,
		p->context != NULL ? " " : "", p->context != NULL ? p->context : "");
}
