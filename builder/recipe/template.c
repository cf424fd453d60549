#include "recipe/template.h"

#include <string.h>

#include "base/text.h"

/* Where we are in the text; columns count characters. */
struct cursor {
	const char *text;
	size_t len;
	size_t at;
	struct pos pos;
	bool fixed; /* columns mean nothing: stay */
};

static void advance(struct cursor *c, size_t to)
{
	for (; c->at < to && !c->fixed; c->at++) {
		unsigned char b = (unsigned char)c->text[c->at];
		if (b == '\n') {
			c->pos.line++;
			c->pos.col = 1;
		} else if ((b & 0xc0) != 0x80) {
			c->pos.col++;
		}
	}
	c->at = to;
}

bool template_has_braces(const char *text, size_t len)
{
	return memmem(text, len, "{{", 2) != NULL;
}

/* Up to here }} is looked for. */
#define REACH 200

/* The length of the name behind `{{` up to `}}` on the same line; false: no end. */
static bool find_end(const char *p, size_t left, size_t *ret)
{
	for (size_t i = 0; i + 1 < left && i < REACH && p[i] != '\n'; i++)
		if (p[i] == '}' && p[i + 1] == '}') {
			*ret = i;
			return true;
		}
	return false;
}

/* The name in `text`, at most VAR_NAME_MAX bytes, else "". */
static struct template_name name_in(const char *text, size_t len)
{
	struct template_name name = { "" };
	if (len <= VAR_NAME_MAX)
		memcpy(name.text, text, len);
	if (strlen(name.text) != len || !var_name_valid(name.text))
		name.text[0] = '\0';
	return name;
}

bool template_next(const char *text, size_t *at, struct template_name *ret)
{
	const char *open;
	while ((open = strstr(text + *at, "{{")) != NULL) {
		size_t len = 0, from = (size_t)(open - text) + 2;
		bool literal = text_starts(open, "{{{{");
		bool ends = !literal && find_end(text + from, strlen(text + from), &len);
		*at = from + (literal ? 2 : 0);
		if (!ends)
			continue;
		*ret = name_in(text + from, len);
		if (ret->text[0] == '\0')
			continue;
		*at = from + len + 2;
		return true;
	}
	return false;
}

/* What stands between the braces is no name: with blanks or braces around it, or not at all. */
static void malformed(const char *text, size_t len, struct pos pos, struct vars *vs, struct diag *d)
{
	size_t from = 0, to = len;
	while (from < to && strchr(" \t{", text[from]) != NULL)
		from++;
	while (to > from && strchr(" \t}", text[to - 1]) != NULL)
		to--;
	struct template_name meant = name_in(text + from, to - from);
	struct var *v = vars_find(vs, meant.text);
	char shown[64];
	size_t n = len < sizeof(shown) - 1 ? len : sizeof(shown) - 1;
	memcpy(shown, text, n);
	shown[n] = '\0';
	if (v == NULL) {
		diag_add(d, pos, "{{%s}}: allowed is {{name}} ({{{{ stands for a literal {{)",
			diag_show(shown).text);
		return;
	}
	v->used = true;
	diag_add(d, pos, "{{%s}}: did you mean {{%s}}?", diag_show(shown).text, v->name);
}

/* The variable of {{name}}; NULL with the problem noted. */
static struct var *lookup(
	const char *text, size_t len, struct pos pos, struct vars *vs, struct diag *d)
{
	struct template_name name = name_in(text, len);
	if (name.text[0] == '\0') {
		malformed(text, len, pos, vs, d);
		return NULL;
	}
	struct var *v = vars_find(vs, name.text);
	if (v != NULL && v->ready)
		return v;
	const char *near = v == NULL && !diag_full(d) ? vars_nearest(vs, name.text) : NULL;
	if (v != NULL) {
		diag_add(d, pos,
			"{{%s}} in a value that it needs itself: values must not go in a circle",
			name.text);
	} else if (near != NULL) {
		diag_add(d, pos, "{{%s}} is no variable: did you mean {{%s}}?", name.text, near);
		v = vars_find(vs, near);
	} else {
		diag_add(d, pos, "{{%s}} is no variable: declare it under vars", name.text);
	}
	/* What was meant is not unused on top. */
	if (v != NULL)
		v->used = true;
	return NULL;
}

/* Append a piece. 1: does not fit, the problem is noted. */
static int add(struct cursor *c, const char *piece, size_t len, size_t limit, struct buf *ret,
	struct diag *d, struct err *e)
{
	if (len <= limit - ret->len)
		return buf_add(ret, piece, len, e);
	diag_add(d, c->pos, "too large when filled in: at most %zu bytes are allowed",
		TEMPLATE_BYTES_MAX);
	return 1;
}

static int fill(struct cursor *c, struct vars *vs, struct buf *ret, struct diag *d, struct err *e)
{
	size_t limit = ret->len + TEMPLATE_BYTES_MAX, done = 0;
	for (;;) {
		const char *open = memmem(c->text + done, c->len - done, "{{", 2);
		size_t at = open != NULL ? (size_t)(open - c->text) : c->len;
		int rc = add(c, c->text + done, at - done, limit, ret, d, e);
		if (rc != 0 || open == NULL)
			return rc < 0 ? -1 : 0;
		advance(c, at);
		size_t name_len;
		const char *value = "{{";
		size_t step = 2, left = c->len - at - 2;
		struct var *v;
		if (left >= 2 && memcmp(open + 2, "{{", 2) == 0) {
			step = 4;
		} else if (!find_end(open + 2, left, &name_len)) {
			diag_add(d, c->pos,
				"{{ without }} on the same line: allowed is {{name}} ({{{{ stands for a literal {{)");
		} else if ((v = lookup(open + 2, name_len, c->pos, vs, d)) != NULL) {
			v->used = true;
			value = v->value;
			step = name_len + 4;
		}
		rc = add(c, value, strlen(value), limit, ret, d, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
		done = at + step;
	}
}

int template_fill(const char *text, size_t len, struct pos start, struct vars *vs, struct buf *ret,
	struct diag *d, struct err *e)
{
	struct cursor c = { .text = text, .len = len, .pos = start };
	return fill(&c, vs, ret, d, e);
}

int template_fill_scalar(const struct node *n, struct vars *vs, struct arena *a, struct diag *d,
	const char **ret, struct err *e)
{
	size_t len = strlen(n->text);
	if (n->filled || !template_has_braces(n->text, len)) {
		*ret = n->text;
		return 0;
	}
	cleanup_buf struct buf b = { 0 };
	struct cursor c = { .text = n->text, .len = len, .pos = n->pos, .fixed = !n->as_written };
	if (n->as_written && n->quoted)
		c.pos.col++;
	if (fill(&c, vs, &b, d, e) < 0)
		return -1;
	if (b.len > NODE_SCALAR_MAX) {
		diag_add(d, n->pos, "a text of %zu bytes when filled in: at most %zu are allowed",
			b.len, NODE_SCALAR_MAX);
		*ret = "";
		return 0;
	}
	const char *filled = arena_strndup(a, b.data != NULL ? b.data : "", b.len, e);
	if (filled == NULL)
		return -1;
	*ret = filled;
	return 0;
}

int template_fill_nodes(
	struct node *n, struct vars *vs, struct arena *a, struct diag *d, struct err *e)
{
	if (n == NULL || n->filled)
		return 0;
	if (n->kind == NODE_SCALAR && template_fill_scalar(n, vs, a, d, &n->text, e) < 0)
		return -1;
	n->filled = true;
	for (unsigned i = 0; i < n->count; i++)
		if (template_fill_nodes(n->items[i], vs, a, d, e) < 0)
			return -1;
	return 0;
}
