/* Reading a journal back. */
#include <jansson.h>
#include <string.h>

#include "ami/journal_internal.h"
#include "base/digest.h"

enum { SUM = 16, BLOCK_MAX = 1 << 26 };

static const char *copy(struct journal *j, const json_t *o, const char *key, struct err *e)
{
	const char *text = json_string_value(json_object_get(o, key));
	return arena_strdup(j->arena, text != NULL ? text : "", e);
}

static int read_tags(struct journal *j, const json_t *list, struct journal_start *s, struct err *e)
{
	s->tags = arena_array(j->arena, json_array_size(list) + 1, sizeof(*s->tags), e);
	if (s->tags == NULL)
		return -1;
	for (; s->tag_count < json_array_size(list); s->tag_count++) {
		const json_t *pair = json_array_get(list, s->tag_count);
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));
		struct ebs_tag *t = &s->tags[s->tag_count];
		t->key = arena_strdup(j->arena, key != NULL ? key : "", e);
		t->value = arena_strdup(j->arena, value != NULL ? value : "", e);
		if (t->key == NULL || t->value == NULL)
			return -1;
	}
	return 0;
}

static int read_start(struct journal *j, const json_t *o, struct err *e)
{
	struct journal_start s = {
		.region = copy(j, o, "region", e),
		.endpoint = copy(j, o, "endpoint", e),
		.image = copy(j, o, "image", e),
		.run = copy(j, o, "run", e),
		.token = copy(j, o, "token", e),
		.parent = copy(j, o, "parent", e),
		.wanted = copy(j, o, "wanted", e),
		.kms_key = copy(j, o, "kms_key", e),
		.wish = copy(j, o, "wish", e),
		.description = copy(j, o, "description", e),
		.gib = (uint64_t)json_integer_value(json_object_get(o, "gib")),
		.timeout = (unsigned)json_integer_value(json_object_get(o, "timeout")),
		.encrypted = json_is_true(json_object_get(o, "encrypted")),
	};
	if (s.region == NULL || s.endpoint == NULL || s.image == NULL || s.run == NULL ||
		s.token == NULL || s.parent == NULL || s.wanted == NULL || s.kms_key == NULL ||
		s.wish == NULL || s.description == NULL ||
		read_tags(j, json_object_get(o, "tags"), &s, e) < 0)
		return -1;
	j->start = s;
	j->state = JOURNAL_STARTING;
	return 0;
}

static int read_blocks(struct journal *j, const json_t *list, struct err *e)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *x = json_array_get(list, i);
		bool range = json_is_array(x);
		json_int_t first = json_integer_value(range ? json_array_get(x, 0) : x);
		json_int_t last = range ? json_integer_value(json_array_get(x, 1)) : first;
		if (first < 0 || last >= BLOCK_MAX)
			continue;
		for (; first <= last; first++)
			if (journal_note(j, (size_t)first, e) < 0)
				return -1;
	}
	return 0;
}

/* What is not known is passed over: a newer program may say more. */
static int read_record(struct journal *j, const json_t *o, struct err *e)
{
	const json_t *start = json_object_get(o, "start");
	const json_t *blocks = json_object_get(o, "blocks");
	if (start != NULL)
		return read_start(j, start, e);
	if (blocks != NULL)
		return read_blocks(j, blocks, e);
	if (json_object_get(o, "snapshot") != NULL) {
		j->snapshot = copy(j, o, "snapshot", e);
		j->snapshot_kms = copy(j, o, "kms_key", e);
		if (j->snapshot == NULL || j->snapshot_kms == NULL)
			return -1;
		j->state = JOURNAL_STARTED;
	}
	if (json_object_get(o, "complete") != NULL)
		j->state = JOURNAL_COMPLETING;
	if (json_is_true(json_object_get(o, "completed")))
		j->state = JOURNAL_COMPLETED;
	return 0;
}

static json_t *whole_line(const char *line, size_t len)
{
	if (len < SUM + 2 || line[SUM] != ' ')
		return NULL;
	struct sha256 digest = sha256_of(line + SUM + 1, len - SUM - 1);
	struct sha256_hex hex = sha256_text(&digest);
	if (memcmp(hex.text, line, SUM) != 0)
		return NULL;
	return json_loadb(line + SUM + 1, len - SUM - 1, 0, NULL);
}

int journal_read(struct journal *j, const char *text, size_t len, size_t *ret_whole, struct err *e)
{
	size_t at = 0;
	const char *end;
	while ((end = memchr(text + at, '\n', len - at)) != NULL) {
		size_t line = (size_t)(end - (text + at));
		json_t *o = whole_line(text + at, line);
		/* It starts with its start, or it is none. */
		if (o == NULL ||
			(j->state == JOURNAL_EMPTY && json_object_get(o, "start") == NULL)) {
			json_decref(o);
			break;
		}
		int rc = read_record(j, o, e);
		json_decref(o);
		if (rc < 0)
			return -1;
		at += line + 1;
	}
	*ret_whole = at;
	return 0;
}
