#include "boot/asked.h"

#include <stdio.h>
#include <string.h>

static void printable(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

int asked_note(struct asked *a, const struct asked_item *item, struct err *e)
{
	struct asked_item clean = *item;
	printable(clean.op);
	printable(clean.what);
	printable(clean.code);
	a->total++;
	for (size_t i = 0; i < a->count; i++) {
		struct asked_item *old = &a->list[i];
		if (old->status == clean.status && strcmp(old->service, clean.service) == 0 &&
			strcmp(old->op, clean.op) == 0 && strcmp(old->what, clean.what) == 0 &&
			strcmp(old->code, clean.code) == 0) {
			old->count++;
			return 0;
		}
	}
	if (a->count == ASKED_MAX) {
		a->beyond++;
		return 0;
	}
	struct asked_item *slot =
		arena_push(a->arena, &a->list, &a->count, &a->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = clean;
	slot->count = 1;
	return 0;
}

static size_t width(size_t so_far, const char *text)
{
	size_t n = strlen(text);
	return n > so_far ? n : so_far;
}

int asked_table(const struct asked *a, struct buf *out, struct err *e)
{
	size_t service = 0, op = 0;
	for (size_t i = 0; i < a->count; i++) {
		service = width(service, a->list[i].service);
		op = width(op, a->list[i].op);
	}
	for (size_t i = 0; i < a->count; i++) {
		const struct asked_item *item = &a->list[i];
		if (buf_printf(out, e, "%7lu  %-*s  %-*s  %3u%s%s%s%s\n", item->count, (int)service,
			    item->service, (int)op, item->op, item->status,
			    item->code[0] != '\0' ? " " : "", item->code,
			    item->what[0] != '\0' ? "  " : "", item->what) < 0)
			return -1;
	}
	if (a->beyond > 0)
		return buf_printf(out, e, "%7lu  further requests\n", a->beyond);
	return 0;
}
