#include "recipe/node.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "recipe/node_keys.h"
#include "recipe/yaml.h"

#define SHARED 256 /* texts remembered to be shared, a power of two */

/* What a node stands for with its aliases spelled out. */
struct weight {
	size_t nodes;
	size_t bytes; /* of scalars */
	unsigned height;
};

struct anchor {
	const char *name;
	struct node *node; /* NULL: was left out */
	struct weight weight;
	bool open; /* its node is still being read */
};

/* A list or map being read; its children lie in reader.stack from `first` on, key by key. */
struct frame {
	struct node *node;
	size_t first;
	struct weight weight;
	struct anchor *anchor;
};

struct reader {
	struct arena *arena;
	struct diag *diag;
	struct err *err;
	const char *file;
	struct frame frames[NODE_DEPTH_MAX];
	unsigned depth;
	struct node **stack;
	size_t stack_len, stack_cap;
	struct anchor anchors[NODE_ANCHORS_MAX];
	size_t anchor_count;
	struct weight total;
	struct node *root;
	bool documents; /* one was started */
	bool stop;      /* a problem that ends the reading was noted */
	const char *shared[SHARED];
};

/* Note a problem that ends the reading. */
#define stop_with(r, pos, ...)                                                                     \
	do {                                                                                       \
		diag_add((r)->diag, pos, __VA_ARGS__);                                             \
		(r)->stop = true;                                                                  \
	} while (0)

/* Keys and values repeat from record to record: equal short texts are kept once. */
static const char *keep_text(struct reader *r, const char *text, size_t len)
{
	if (len == 0)
		return "";
	if (len > 24)
		return arena_strndup(r->arena, text, len, r->err);
	uint32_t h = 2166136261U;
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 16777619U;
	const char **slot = &r->shared[(h ^ h >> 16) % SHARED];
	if (*slot == NULL || strncmp(*slot, text, len) != 0 || (*slot)[len] != '\0') {
		const char *kept = arena_strndup(r->arena, text, len, r->err);
		if (kept == NULL)
			return NULL;
		*slot = kept;
	}
	return *slot;
}

static int push(struct reader *r, struct node *n)
{
	if (r->stack_len == r->stack_cap) {
		size_t cap = r->stack_cap != 0 ? r->stack_cap * 2 : 256;
		struct node **grown = realloc(r->stack, cap * sizeof(struct node *));
		if (grown == NULL)
			return err_nomem(r->err);
		r->stack = grown;
		r->stack_cap = cap;
	}
	r->stack[r->stack_len++] = n;
	return 0;
}

static bool key_is_next(const struct reader *r)
{
	if (r->depth == 0)
		return false;
	const struct frame *f = &r->frames[r->depth - 1];
	return f->node->kind == NODE_MAP && (r->stack_len - f->first) % 2 == 0;
}

/* Count what was read; false (with the problem noted) when it is too much. */
static bool count(struct reader *r, struct weight w, struct pos pos)
{
	if (w.nodes > NODE_COUNT_MAX - r->total.nodes) {
		stop_with(r, pos,
			"too many values, aliases counted in full: at most %d are allowed",
			NODE_COUNT_MAX);
		return false;
	}
	if (w.bytes > NODE_BYTES_MAX - r->total.bytes) {
		stop_with(r, pos,
			"too much text, aliases counted in full: at most %zu bytes are allowed",
			NODE_BYTES_MAX);
		return false;
	}
	if (r->depth + w.height > NODE_DEPTH_MAX) {
		stop_with(r, pos, "too many levels of lists and maps: at most %d are allowed",
			NODE_DEPTH_MAX);
		return false;
	}
	r->total.nodes += w.nodes;
	r->total.bytes += w.bytes;
	return true;
}

/* Whether a node can be a key; the problem is noted. */
static bool key_fits(struct reader *r, const struct node *n, struct pos pos)
{
	struct pos map = r->frames[r->depth - 1].node->pos;
	if (n->kind == NODE_MAP && map.line == pos.line && map.col + 1 == pos.col)
		stop_with(r, map, "a value that starts with {{: put it in quotes");
	else if (n->kind != NODE_SCALAR)
		diag_add(r->diag, pos, "%s as a key: allowed is a text", node_kind_text(n));
	else if (n->text[0] == '\0')
		diag_add(r->diag, pos, "an empty key: allowed is a text");
	else if (!n->quoted && strcmp(n->text, "<<") == 0)
		diag_add(r->diag, pos, "a merge key (<<): allowed are keys written out one by one");
	else
		return true;
	return false;
}

/* Hand a finished node (NULL: left out) to the list or map that it stands in. */
static int give(struct reader *r, struct node *n, struct weight w, struct pos pos)
{
	if (r->depth == 0) {
		r->root = n;
		return 0;
	}
	if (n != NULL && key_is_next(r) && !key_fits(r, n, pos))
		n = NULL;
	struct weight *up = &r->frames[r->depth - 1].weight;
	up->nodes += w.nodes;
	up->bytes += w.bytes;
	if (up->height < w.height + 1)
		up->height = w.height + 1;
	return push(r, n);
}

/* Remember an anchor; *ret stays NULL when there is none or no room. */
static int add_anchor(struct reader *r, const yaml_char_t *name, struct pos pos, struct node *n,
	struct weight w, struct anchor **ret)
{
	if (name == NULL)
		return 0;
	if (r->anchor_count == NODE_ANCHORS_MAX) {
		stop_with(r, pos, "too many anchors: at most %d are allowed", NODE_ANCHORS_MAX);
		return 0;
	}
	const char *kept = arena_strdup(r->arena, (const char *)name, r->err);
	if (kept == NULL)
		return -1;
	struct anchor *a = &r->anchors[r->anchor_count++];
	*a = (struct anchor){ .name = kept, .node = n, .weight = w, .open = true };
	*ret = a;
	return 0;
}

static struct node *new_node(struct reader *r, enum node_kind kind, struct pos pos)
{
	struct node *n = arena_alloc(r->arena, sizeof(*n), r->err);
	if (n == NULL)
		return NULL;
	n->kind = kind;
	n->pos = pos;
	n->text = "";
	return n;
}

/* Whether a tag says what the node is anyway; notes the problem. */
static void check_tag(struct reader *r, const yaml_char_t *tag, enum node_kind kind, struct pos pos)
{
	static const struct {
		const char *tag;
		const char *own;
		const char *what;
	} kinds[] = {
		[NODE_SCALAR] = { YAML_STR_TAG, "!!str", "a text" },
		[NODE_LIST] = { YAML_SEQ_TAG, "!!seq", "a list" },
		[NODE_MAP] = { YAML_MAP_TAG, "!!map", "a map" },
	};
	const char *own = kinds[kind].own, *what = kinds[kind].what;
	if (tag == NULL || strcmp((const char *)tag, "!") == 0 ||
		strcmp((const char *)tag, kinds[kind].tag) == 0)
		return;
	const char *core = "tag:yaml.org,2002:", *shown = (const char *)tag;
	bool is_core = text_starts(shown, core);
	diag_add(r->diag, pos, "tag %s%s on %s: allowed is %s, or none", is_core ? "!!" : "",
		diag_show(is_core ? shown + strlen(core) : shown).text, what, own);
}

/* Whether the text stands in the file as it is, on one line. */
static bool stands_as_written(const yaml_event_t *ev, bool quoted)
{
	if (ev->data.scalar.style == YAML_LITERAL_SCALAR_STYLE ||
		ev->data.scalar.style == YAML_FOLDED_SCALAR_STYLE ||
		ev->start_mark.line != ev->end_mark.line)
		return false;
	size_t chars = 0;
	for (size_t i = 0; i < ev->data.scalar.length; i++)
		chars += (ev->data.scalar.value[i] & 0xc0) != 0x80;
	return ev->end_mark.column - ev->start_mark.column == chars + (quoted ? 2 : 0);
}

static int on_scalar(struct reader *r, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t len = ev->data.scalar.length;
	struct pos pos = yaml_pos(r->file, ev->start_mark);
	struct weight w = { .nodes = 1, .bytes = len };
	if (memchr(text, '\0', len) != NULL) {
		stop_with(r, pos, "a NUL character inside of a text: allowed are all others");
		return 0;
	}
	if (len > NODE_SCALAR_MAX) {
		stop_with(r, pos, "a text of %zu bytes: at most %zu are allowed", len,
			NODE_SCALAR_MAX);
		return 0;
	}
	if (!count(r, w, pos))
		return 0;
	check_tag(r, ev->data.scalar.tag, NODE_SCALAR, pos);
	struct node *n = new_node(r, NODE_SCALAR, pos);
	if (n == NULL || (n->text = keep_text(r, text, len)) == NULL)
		return -1;
	bool plain = ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
	n->quoted = !plain || ev->data.scalar.tag != NULL;
	/* With a tag or an anchor in front the marks do not say where the text starts. */
	n->as_written = ev->data.scalar.tag == NULL && ev->data.scalar.anchor == NULL &&
			stands_as_written(ev, !plain);
	struct anchor *anchor = NULL;
	if (add_anchor(r, ev->data.scalar.anchor, pos, n, w, &anchor) < 0)
		return -1;
	if (anchor != NULL)
		anchor->open = false;
	return r->stop ? 0 : give(r, n, w, pos);
}

static int on_start(struct reader *r, enum node_kind kind, const yaml_char_t *name,
	const yaml_char_t *tag, yaml_mark_t mark)
{
	struct pos pos = yaml_pos(r->file, mark);
	struct weight w = { .nodes = 1, .height = 1 };
	if (!count(r, w, pos))
		return 0;
	check_tag(r, tag, kind, pos);
	struct node *n = new_node(r, kind, pos);
	if (n == NULL)
		return -1;
	struct anchor *anchor = NULL;
	if (add_anchor(r, name, pos, n, w, &anchor) < 0)
		return -1;
	if (!r->stop)
		r->frames[r->depth++] = (struct frame){ n, r->stack_len, w, anchor };
	return 0;
}

static int on_end(struct reader *r)
{
	if (r->depth == 0)
		return err_set(r->err, ERR_BUG, 0, "libyaml ends what it did not start");
	struct frame *f = &r->frames[--r->depth];
	struct node *n = f->node;
	size_t len = r->stack_len - f->first;
	size_t step = n->kind == NODE_MAP ? 2 : 1;
	if (len > 0) {
		struct node **from = r->stack + f->first;
		struct node **kept = arena_array(r->arena, len, sizeof(struct node *), r->err);
		if (kept == NULL)
			return -1;
		n->items = kept + (step - 1) * (len / step);
		n->keys = step == 2 ? kept : NULL;
		for (size_t i = 0; i < len; i += step) {
			if (from[i] == NULL || from[i + step - 1] == NULL)
				continue;
			if (step == 2)
				n->keys[n->count] = from[i];
			n->items[n->count++] = from[i + step - 1];
		}
	}
	r->stack_len = f->first;
	if (n->kind == NODE_MAP && node_drop_repeated(n, r->diag, r->err) < 0)
		return -1;
	if (f->anchor != NULL) {
		f->anchor->weight = f->weight;
		f->anchor->open = false;
	}
	return give(r, n, f->weight, n->pos);
}

static const char *anchor_name(const void *ctx, size_t i)
{
	return ((const struct anchor *)ctx)[i].name;
}

static int on_alias(struct reader *r, const yaml_event_t *ev)
{
	struct pos pos = yaml_pos(r->file, ev->start_mark);
	const char *name = (const char *)ev->data.alias.anchor;
	struct anchor *a = NULL;
	for (size_t i = r->anchor_count; i > 0 && a == NULL; i--)
		if (strcmp(r->anchors[i - 1].name, name) == 0)
			a = &r->anchors[i - 1];
	if (a == NULL) {
		const char *near = text_nearest(name, anchor_name, r->anchors, r->anchor_count);
		stop_with(r, pos, "alias *%s: %s%s%s", diag_show(name).text,
			near != NULL ? "did you mean *" : "no anchor of that name stands before it",
			near != NULL ? diag_show(near).text : "", near != NULL ? "?" : "");
		return 0;
	}
	if (a->open) {
		stop_with(r, pos,
			"alias *%s inside of what it stands for: it may come only behind that",
			diag_show(name).text);
		return 0;
	}
	return count(r, a->weight, pos) ? give(r, a->node, a->weight, pos) : 0;
}

static int on_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->documents)
			stop_with(r, yaml_pos(r->file, ev->start_mark),
				"a second document: one is allowed");
		r->documents = true;
		return 0;
	case YAML_SCALAR_EVENT:
		return on_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		return on_start(r, NODE_LIST, ev->data.sequence_start.anchor,
			ev->data.sequence_start.tag, ev->start_mark);
	case YAML_MAPPING_START_EVENT:
		return on_start(r, NODE_MAP, ev->data.mapping_start.anchor,
			ev->data.mapping_start.tag, ev->start_mark);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return on_end(r);
	case YAML_ALIAS_EVENT:
		return on_alias(r, ev);
	default:
		return 0;
	}
}

static int read_events(struct reader *r, const char *data, size_t len)
{
	yaml_parser_t parser;
	if (yaml_parser_initialize(&parser) == 0)
		return err_nomem(r->err);
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)data, len);
	int rc = 0;
	for (bool done = false; rc == 0 && !r->stop && !done;) {
		yaml_event_t ev;
		if (yaml_parser_parse(&parser, &ev) == 0) {
			if (parser.error == YAML_MEMORY_ERROR)
				rc = err_nomem(r->err);
			else
				yaml_fault(&parser, r->file, data, len, r->diag);
			r->stop = true;
			break;
		}
		rc = on_event(r, &ev);
		done = ev.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&parser);
	return rc;
}

int node_parse(struct arena *a, const char *file, const char *data, size_t len, struct diag *d,
	struct node **ret, struct err *e)
{
	struct reader r = { .arena = a, .diag = d, .err = e };
	size_t skip = 0;
	*ret = NULL;
	r.file = arena_strdup(a, file, e);
	if (r.file == NULL)
		return -1;
	if (len > NODE_BYTES_MAX) {
		diag_add(d, (struct pos){ r.file, 0, 0 }, "%zu bytes: at most %zu are allowed", len,
			NODE_BYTES_MAX);
		return 0;
	}
	if (!yaml_text_ok(r.file, data, len, d, &skip))
		return 0;
	int rc = read_events(&r, data + skip, len - skip);
	free(r.stack);
	if (rc == 0 && !r.stop)
		*ret = r.root;
	return rc;
}
