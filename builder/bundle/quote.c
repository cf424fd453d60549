#include "bundle/quote.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

/* The character at *p, which is moved behind it; UINT32_MAX when it is no UTF-8. */
static uint32_t next_char(const unsigned char **p, const unsigned char *end)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *s = *p;
	size_t n = s[0] < 0x80   ? 1
		   : s[0] < 0xc2 ? 0
		   : s[0] < 0xe0 ? 2
		   : s[0] < 0xf0 ? 3
		   : s[0] < 0xf5 ? 4
				 : 0;
	if (n == 0 || n > (size_t)(end - s))
		return UINT32_MAX;
	uint32_t c = n == 1 ? s[0] : s[0] & (0x7fu >> n);
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return UINT32_MAX;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[n] || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff)
		return UINT32_MAX;
	*p = s + n;
	return c;
}

/* YAML 1.1, c-printable, without the line ends that a reader would normalise and the BOM. */
static bool is_printable(uint32_t c)
{
	return c == '\t' || c == '\n' || (c >= 0x20 && c < 0x7f) || (c >= 0xa0 && c < 0x2028) ||
	       (c > 0x2029 && c < 0xd800) || (c >= 0xe000 && c < 0xfffe && c != 0xfeff) ||
	       (c >= 0x10000 && c <= 0x10ffff);
}

bool quote_is_utf8(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	while (p < end) {
		uint32_t c = next_char(&p, end);
		if (c == UINT32_MAX || c == 0)
			return false;
	}
	return true;
}

bool quote_yaml_is_block(const char *text, size_t len)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + len;
	bool seen = false;
	while (p < end) {
		uint32_t c = next_char(&p, end);
		if (c == UINT32_MAX || !is_printable(c))
			return false;
		seen = seen || (c != ' ' && c != '\t' && c != '\n');
	}
	return seen;
}

int quote_yaml_block(struct buf *out, const char *text, size_t len, unsigned indent, unsigned step,
	struct err *e)
{
	static const char blanks[] = "          ";
	const char *end = text + len;
	bool strip = end[-1] != '\n';
	bool keep = len > 1 && end[-1] == '\n' && end[-2] == '\n';
	if (buf_puts(out, "|", e) < 0)
		return -1;
	/* A reader finds the indentation by the first line, unless that begins with a blank. */
	if ((text[0] == ' ' || text[0] == '\n' || text[0] == '\t') &&
		buf_printf(out, e, "%u", step) < 0)
		return -1;
	if (buf_puts(out, strip ? "-\n" : keep ? "+\n" : "\n", e) < 0)
		return -1;
	for (const char *line = text; line < end;) {
		const char *stop = memchr(line, '\n', (size_t)(end - line));
		size_t n = (size_t)((stop != NULL ? stop : end) - line);
		if ((n > 0 && buf_add(out, blanks, indent, e) < 0) ||
			buf_add(out, line, n, e) < 0 || buf_putc(out, '\n', e) < 0)
			return -1;
		line += n + 1;
	}
	return 0;
}

/* Plain words that a reader of YAML 1.1 or 1.2 takes for something else. */
static bool is_reserved(const char *text)
{
	static const char *const words[] = { "y", "n", "yes", "no", "on", "off", "true", "false",
		"null" };
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(text, words[i]) == 0)
			return true;
	return false;
}

static bool is_plain(const char *text)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/";
	static const char rest[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_/"
				   "0123456789.+@=-";
	return *text != '\0' && strchr(first, *text) != NULL && text[strspn(text, rest)] == '\0' &&
	       !is_reserved(text);
}

static int single_quoted(struct buf *out, const char *text, struct err *e)
{
	if (buf_putc(out, '\'', e) < 0)
		return -1;
	for (; *text != '\0'; text++)
		if ((*text == '\'' && buf_putc(out, '\'', e) < 0) || buf_putc(out, *text, e) < 0)
			return -1;
	return buf_putc(out, '\'', e);
}

static int double_quoted(struct buf *out, const char *text, struct err *e)
{
	const unsigned char *p = (const unsigned char *)text, *end = p + strlen(text);
	if (buf_putc(out, '"', e) < 0)
		return -1;
	while (p < end) {
		const unsigned char *from = p;
		uint32_t c = next_char(&p, end);
		int rc;
		if (c == UINT32_MAX)
			return err_set(e, ERR_BUG, 0, "text that is no UTF-8 in YAML");
		if (c == '"' || c == '\\')
			rc = buf_printf(out, e, "\\%c", (int)c);
		else if (c == '\n')
			rc = buf_puts(out, "\\n", e);
		else if (is_printable(c) && c != '\t')
			rc = buf_add(out, from, (size_t)(p - from), e);
		else
			rc = buf_printf(out, e, c < 0x100 ? "\\x%02x" : "\\u%04x", c);
		if (rc < 0)
			return -1;
	}
	return buf_putc(out, '"', e);
}

int quote_yaml(struct buf *out, const char *text, struct err *e)
{
	if (is_plain(text))
		return buf_puts(out, text, e);
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < 0x20 || (unsigned char)*p >= 0x7f)
			return double_quoted(out, text, e);
	return single_quoted(out, text, e);
}

int quote_shell(struct buf *out, const char *text, struct err *e)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789_/.:@%+,=-";
	if (*text != '\0' && text[strspn(text, safe)] == '\0')
		return buf_puts(out, text, e);
	if (buf_putc(out, '\'', e) < 0)
		return -1;
	for (; *text != '\0'; text++)
		if (*text == '\'' ? buf_puts(out, "'\\''", e) < 0 : buf_putc(out, *text, e) < 0)
			return -1;
	return buf_putc(out, '\'', e);
}
