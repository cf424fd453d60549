#include "recipe/diag.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define TEXT_MAX 900

/* Bytes of the character at p if it may go to a terminal, 0 if not. */
static size_t printable(const char *p, size_t left)
{
	size_t n = text_utf8_len(p, left);
	unsigned char c = (unsigned char)p[0];
	bool c1 = n == 2 && c == 0xc2 && (unsigned char)p[1] < 0xa0;
	return c < 0x20 || c == 0x7f || c1 ? 0 : n;
}

/* Copy what is printable, the rest as \xNN; "..." when `to` is too small. Returns the length. */
static size_t make_printable(char *to, size_t size, const char *text, size_t len)
{
	size_t used = 0, fits = 0;
	for (size_t i = 0; i < len;) {
		char shown[8];
		size_t n = printable(text + i, len - i);
		size_t step = n != 0 ? n : 1;
		if (n != 0)
			memcpy(shown, text + i, n);
		else
			n = (size_t)snprintf(
				shown, sizeof(shown), "\\x%02x", (unsigned char)text[i]);
		if (used + n + sizeof("...") <= size)
			fits = used + n;
		if (used + n + 1 > size) {
			memcpy(to + fits, "...", sizeof("..."));
			return fits + 3;
		}
		memcpy(to + used, shown, n);
		used += n;
		i += step;
	}
	to[used] = '\0';
	return used;
}

static bool same_place(struct pos a, struct pos b)
{
	return a.line == b.line && a.col == b.col && strcmp(a.file, b.file) == 0;
}

void diag_add(struct diag *d, struct pos pos, const char *fmt, ...)
{
	if (diag_full(d)) {
		d->dropped++;
		return;
	}
	char raw[4096], text[TEXT_MAX + 1];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(raw, sizeof(raw), fmt, ap);
	va_end(ap);
	size_t len = n < 0 ? 0 : (size_t)n < sizeof(raw) ? (size_t)n : sizeof(raw) - 1;
	len = make_printable(text, sizeof(text), raw, len);
	if (pos.file == NULL)
		pos.file = "";

	for (size_t i = 0; i < d->count; i++)
		if (same_place(d->list[i].pos, pos) && strcmp(d->list[i].text, text) == 0)
			return;
	struct err ignored;
	struct problem *p = NULL;
	char *kept = arena_strndup(d->arena, text, len, &ignored);
	if (kept != NULL)
		p = arena_push(d->arena, &d->list, &d->count, &d->cap, sizeof(*p), &ignored);
	if (p == NULL) {
		d->dropped++;
		return;
	}
	*p = (struct problem){ .pos = pos, .text = kept };
}

static size_t file_rank(const struct diag *d, const char *file)
{
	size_t i = 0;
	while (i < d->count && strcmp(d->list[i].pos.file, file) != 0)
		i++;
	return i;
}

void diag_sort(struct diag *d)
{
	/* Insertion: stable, and there are few. */
	size_t rank[DIAG_MAX];
	for (size_t i = 0; i < d->count; i++)
		rank[i] = file_rank(d, d->list[i].pos.file);
	for (size_t i = 1; i < d->count; i++) {
		struct problem p = d->list[i];
		size_t r = rank[i], j = i;
		for (; j > 0; j--) {
			struct pos q = d->list[j - 1].pos;
			if (rank[j - 1] != r           ? rank[j - 1] < r
				: q.line != p.pos.line ? q.line < p.pos.line
						       : q.col <= p.pos.col)
				break;
			d->list[j] = d->list[j - 1];
			rank[j] = rank[j - 1];
		}
		d->list[j] = p;
		rank[j] = r;
	}
}

int diag_print(const struct problem *p, struct buf *ret, struct err *e)
{
	if (p->pos.line == 0)
		return buf_printf(ret, e, "%s: %s\n", p->pos.file, p->text);
	return buf_printf(ret, e, "%s:%u:%u: %s\n", p->pos.file, p->pos.line, p->pos.col, p->text);
}

struct diag_text diag_show(const char *text)
{
	struct diag_text shown;
	make_printable(shown.text, sizeof(shown.text), text, strlen(text));
	return shown;
}
