#include "aws/ebs_wire.h"

#include <jansson.h>
#include <string.h>

#include "base/json.h"

bool ebs_snapshot_id(const char *text)
{
	if (text == NULL || strncmp(text, "snap-", 5) != 0)
		return false;
	size_t digits = strspn(text + 5, "0123456789abcdef");
	return digits > 0 && digits <= 59 && text[5 + digits] == '\0';
}

struct ebs_checksum ebs_checksum(const struct sha256 *digest)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	struct ebs_checksum c = { "" };
	const unsigned char *p = digest->bytes;
	char *out = c.text;
	/* 32 bytes: ten groups of three, and two. */
	for (size_t i = 0; i < 33; i += 3) {
		unsigned last = i < 30 ? p[i + 2] : 0;
		unsigned v = (unsigned)p[i] << 16 | (unsigned)p[i + 1] << 8 | last;
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = alphabet[v >> 6 & 63];
		*out++ = i < 30 ? alphabet[v & 63] : '=';
	}
	*out = '\0';
	return c;
}

static int digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool ebs_digest(const char *checksum, struct sha256 *ret)
{
	struct sha256 d;
	unsigned value = 0;
	size_t used = 0;
	if (strlen(checksum) != 44 || checksum[43] != '=')
		return false;
	for (size_t i = 0; i < 43; i++) {
		int v = digit(checksum[i]);
		if (v < 0)
			return false;
		value = value << 6 | (unsigned)v;
		/* After 2, 3 and 4 digits of each group a byte is whole. */
		if (i % 4 != 0)
			d.bytes[used++] = (unsigned char)(value >> (6 - 2 * (i % 4)));
	}
	*ret = d;
	return (value & 3) == 0;
}

int ebs_start_body(const struct ebs_start *s, struct buf *out, struct err *e)
{
	bool parent = s->parent != NULL && s->parent[0] != '\0';
	if (parent && (s->encrypted || s->kms_key != NULL))
		return err_set(e, ERR_BUG, 0, "StartSnapshot: a parent passes its encryption on");
	struct json j = json_to(out, 0);
	json_open(&j, NULL, '{');
	json_int(&j, "VolumeSize", (long long)s->gib);
	if (parent)
		json_str(&j, "ParentSnapshotId", s->parent);
	if (s->tag_count > 0) {
		json_open(&j, "Tags", '[');
		for (size_t i = 0; i < s->tag_count; i++) {
			json_open(&j, NULL, '{');
			json_str(&j, "Key", s->tags[i].key);
			json_str(&j, "Value", s->tags[i].value);
			json_close(&j, '}');
		}
		json_close(&j, ']');
	}
	if (s->description != NULL && s->description[0] != '\0')
		json_str(&j, "Description", s->description);
	if (s->token != NULL)
		json_str(&j, "ClientToken", s->token);
	if (s->encrypted || s->kms_key != NULL)
		json_bool(&j, "Encrypted", true);
	if (s->kms_key != NULL)
		json_str(&j, "KmsKeyArn", s->kms_key);
	if (s->timeout != 0)
		json_int(&j, "Timeout", s->timeout);
	json_close(&j, '}');
	return json_end(&j, e);
}

static int strange(const char *operation, const char *what, struct err *e)
{
	return err_set(
		e, ERR_REMOTE, 0, "%s: the answer's %s is not what it should be", operation, what);
}

static json_t *object(const char *text, size_t len)
{
	json_t *root = json_loadb(text, len, 0, NULL);
	if (root != NULL && !json_is_object(root)) {
		json_decref(root);
		return NULL;
	}
	return root;
}

static const char *copy(const json_t *root, const char *key, struct arena *a, struct err *e)
{
	const char *value = json_string_value(json_object_get(root, key));
	return arena_strdup(a, value != NULL ? value : "", e);
}

static int start_answer(const json_t *root, const struct ebs_start *s, struct arena *a,
	struct ebs_snapshot *ret, struct err *e)
{
	const json_t *size = json_object_get(root, "VolumeSize");
	const json_t *block = json_object_get(root, "BlockSize");
	if (!ebs_snapshot_id(json_string_value(json_object_get(root, "SnapshotId"))))
		return strange("StartSnapshot", "SnapshotId", e);
	if (size != NULL && (uint64_t)json_integer_value(size) != s->gib)
		return strange("StartSnapshot", "VolumeSize", e);
	if (block != NULL && json_integer_value(block) != EBS_BLOCK)
		return strange("StartSnapshot", "BlockSize", e);
	struct ebs_snapshot made = {
		.id = copy(root, "SnapshotId", a, e),
		.status = copy(root, "Status", a, e),
		.parent = copy(root, "ParentSnapshotId", a, e),
		.kms_key = copy(root, "KmsKeyArn", a, e),
	};
	if (made.id == NULL || made.status == NULL || made.parent == NULL || made.kms_key == NULL)
		return -1;
	*ret = made;
	return 0;
}

int ebs_start_answer(const char *text, size_t len, const struct ebs_start *s, struct arena *a,
	struct ebs_snapshot *ret, struct err *e)
{
	json_t *root = object(text, len);
	if (root == NULL)
		return strange("StartSnapshot", "JSON", e);
	int rc = start_answer(root, s, a, ret, e);
	json_decref(root);
	return rc;
}

static bool token_ok(const char *text)
{
	static const char allowed[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=";
	size_t len = text != NULL ? strspn(text, allowed) : 0;
	return len > 0 && len <= EBS_TOKEN_MAX && text[len] == '\0';
}

static int list_block(const json_t *o, struct arena *a, struct ebs_blocks *ret,
	struct ebs_page *page, struct err *e)
{
	const json_t *index = json_object_get(o, "BlockIndex");
	const char *token = json_string_value(json_object_get(o, "BlockToken"));
	json_int_t i = json_integer_value(index);
	if (!json_is_integer(index) || i < 0 || (uint64_t)i >= ret->gib * 2048 || i > UINT32_MAX ||
		(ret->count > 0 && i <= (json_int_t)ret->list[ret->count - 1].index))
		return strange("ListSnapshotBlocks", "BlockIndex", e);
	if (!token_ok(token))
		return strange("ListSnapshotBlocks", "BlockToken", e);
	struct ebs_block b = { .index = (uint32_t)i, .token = arena_strdup(a, token, e) };
	if (b.token == NULL)
		return -1;
	struct ebs_block *to =
		arena_push(a, &ret->list, &ret->count, &page->cap, sizeof(*ret->list), e);
	if (to == NULL)
		return -1;
	*to = b;
	return 0;
}

static int list_answer(const json_t *root, struct arena *a, struct ebs_blocks *ret,
	struct ebs_page *page, struct err *e)
{
	const json_t *gib = json_object_get(root, "VolumeSize");
	const json_t *blocks = json_object_get(root, "Blocks");
	const json_t *next = json_object_get(root, "NextToken");
	if (!json_is_integer(gib) || json_integer_value(gib) < 1 ||
		json_integer_value(gib) > 1 << 20 ||
		(ret->gib != 0 && ret->gib != (uint64_t)json_integer_value(gib)))
		return strange("ListSnapshotBlocks", "VolumeSize", e);
	if (json_integer_value(json_object_get(root, "BlockSize")) != EBS_BLOCK)
		return strange("ListSnapshotBlocks", "BlockSize", e);
	if (blocks != NULL && !json_is_array(blocks))
		return strange("ListSnapshotBlocks", "Blocks", e);
	ret->gib = (uint64_t)json_integer_value(gib);
	for (size_t i = 0; i < json_array_size(blocks); i++)
		if (list_block(json_array_get(blocks, i), a, ret, page, e) < 0)
			return -1;
	page->next = NULL;
	if (next == NULL || json_is_null(next))
		return 0;
	if (!token_ok(json_string_value(next)))
		return strange("ListSnapshotBlocks", "NextToken", e);
	page->next = arena_strdup(a, json_string_value(next), e);
	return page->next != NULL ? 0 : -1;
}

int ebs_list_answer(const char *text, size_t len, struct arena *a, struct ebs_blocks *ret,
	struct ebs_page *page, struct err *e)
{
	json_t *root = object(text, len);
	if (root == NULL)
		return strange("ListSnapshotBlocks", "JSON", e);
	int rc = list_answer(root, a, ret, page, e);
	json_decref(root);
	return rc;
}
