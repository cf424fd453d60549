/* Versions, and the variables of os-release. */
#include <string.h>

#include "disk/bootchain.h"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_separators(const char *p)
{
	while (*p != '\0' && !is_digit(*p) && !is_alpha(*p) && strchr("~-^.", *p) == NULL)
		p++;
	return p;
}

/* Take the numbers off the front of both and compare them; none counts as 0. */
static int compare_numbers(const char **a, const char **b)
{
	while (**a == '0')
		++*a;
	while (**b == '0')
		++*b;
	size_t la = strspn(*a, "0123456789"), lb = strspn(*b, "0123456789");
	int order = la != lb ? (la < lb ? -1 : 1) : strncmp(*a, *b, la);
	*a += la;
	*b += lb;
	return order;
}

static int compare_words(const char **a, const char **b)
{
	while (is_alpha(**a) && **a == **b)
		++*a, ++*b;
	if (!is_alpha(**a) && !is_alpha(**b))
		return 0;
	unsigned char ca = is_alpha(**a) ? (unsigned char)**a : 0;
	unsigned char cb = is_alpha(**b) ? (unsigned char)**b : 0;
	return ca < cb ? -1 : 1;
}

int bootchain_compare(const char *a, const char *b)
{
	for (;;) {
		a = skip_separators(a);
		b = skip_separators(b);
		if (*a == '~' || *b == '~') {
			if (*a != *b)
				return *a == '~' ? -1 : 1;
			a++, b++;
			continue;
		}
		if (*a == '\0' || *b == '\0')
			return (*a != '\0') - (*b != '\0');
		/* The rest of the separators: whoever has the earlier one is older. */
		static const char order[] = "-^.";
		const char *s = order;
		while (*s != '\0' && *a != *s && *b != *s)
			s++;
		if (*s != '\0') {
			if (*a != *b)
				return *a == *s ? -1 : 1;
			a++, b++;
			continue;
		}
		int d = is_digit(*a) || is_digit(*b) ? compare_numbers(&a, &b)
						     : compare_words(&a, &b);
		if (d != 0)
			return d;
	}
}

/* Bytes of a line's value without its quotes, as the shell reads it; SIZE_MAX: it cannot be read.
 */
static size_t unquote(const char *p, size_t len, char *out)
{
	size_t n = 0;
	char quote = '\0';
	for (size_t i = 0; i < len; i++) {
		char c = p[i];
		if (c == '\\' && quote != '\'' && i + 1 < len &&
			(quote == '\0' || strchr("\"\\$`", p[i + 1]) != NULL)) {
			out[n++] = p[++i];
		} else if ((c == '"' || c == '\'') && (quote == '\0' || quote == c)) {
			quote = quote == '\0' ? c : '\0';
		} else if (quote != '\'' && strchr("$`", c) != NULL) {
			return SIZE_MAX;
		} else if (quote == '\0' && strchr(" \t;&|<>()", c) != NULL) {
			return strspn(p + i, " \t") == len - i ? n : SIZE_MAX;
		} else {
			out[n++] = c;
		}
	}
	return quote == '\0' ? n : SIZE_MAX;
}

int bootchain_release(const char *text, size_t len, const char *name, struct arena *a,
	const char **ret, struct err *e)
{
	size_t name_len = strlen(name);
	const char *value = NULL;
	for (const char *p = text, *end = text + len; p < end;) {
		const char *eol = memchr(p, '\n', (size_t)(end - p));
		size_t line = (size_t)((eol != NULL ? eol : end) - p);
		size_t indent = 0;
		while (indent < line && (p[indent] == ' ' || p[indent] == '\t'))
			indent++;
		const char *q = p + indent;
		size_t left = line - indent;
		p = eol != NULL ? eol + 1 : end;
		if (left <= name_len || strncmp(q, name, name_len) != 0 || q[name_len] != '=' ||
			memchr(q, '\0', left) != NULL)
			continue;
		char *out = arena_strndup(a, q, left, e);
		if (out == NULL)
			return -1;
		size_t n = unquote(q + name_len + 1, left - name_len - 1, out);
		if (n != SIZE_MAX)
			out[n] = '\0';
		value = n != SIZE_MAX && n > 0 ? out : NULL;
	}
	*ret = value;
	return 0;
}
