#include "ami/parent.h"

#include <errno.h>
#include <string.h>

#include "ami/fetch.h"
#include "base/text.h"

/* Where the list's blocks go. */
struct region {
	unsigned char *data;
	uint32_t first;
	size_t count;
};

static int keep(void *ctx, uint32_t index, const unsigned char *data, const struct sha256 *digest,
	struct err *e)
{
	struct region *r = ctx;
	(void)digest;
	if (index < r->first || index - r->first >= r->count)
		return err_set(e, ERR_BUG, 0, "block %lu was not asked for", (unsigned long)index);
	memcpy(r->data + (size_t)(index - r->first) * EBS_BLOCK, data, EBS_BLOCK);
	return 0;
}

static int fetch(struct aws *aws, const char *region, const char *snapshot, struct region *r,
	struct arena *a, struct err *e)
{
	struct ebs_blocks blocks;
	if (ebs_list(aws, region, snapshot, r->first, r->count, a, &blocks, e) < 0)
		return -1;
	if (blocks.count != r->count || blocks.list[0].index != r->first ||
		blocks.list[blocks.count - 1].index != r->first + r->count - 1)
		return err_set(e, ERR_INPUT, 0, "it has no list of block digests where it says");
	r->data = arena_array(a, r->count, EBS_BLOCK, e);
	if (r->data == NULL)
		return -1;
	return fetch_blocks(aws, region, snapshot, blocks.list, blocks.count, keep, r, e);
}

static int read_list(struct aws *aws, const char *region, const char *snapshot, uint32_t first,
	struct arena *a, struct blocks *ret, struct err *e)
{
	struct region r = { .first = first, .count = 1 };
	struct blocks b;
	if (fetch(aws, region, snapshot, &r, a, e) < 0 || blocks_parse_header(r.data, &b, e) < 0)
		return -1;
	if (b.own_first != first)
		return err_set(e, ERR_INPUT, 0, "its list of block digests is of another place");
	r.count = b.own_count;
	if (r.count > 1 && fetch(aws, region, snapshot, &r, a, e) < 0)
		return -1;
	return blocks_parse(r.data, r.count * EBS_BLOCK, a, ret, e);
}

int parent_read(struct aws *aws, const char *region, const char *snapshot, const char *first,
	struct arena *a, struct blocks *ret, struct err *e)
{
	unsigned long long block;
	if (!text_number(first, 0, BLOCKS_IMAGE_MAX / RAW_BLOCK - 1, &block))
		err_set(e, ERR_INPUT, 0, "its tag %s is no number of a block", PARENT_TAG);
	else if (read_list(aws, region, snapshot, (uint32_t)block, a, ret, e) == 0)
		return 0;
	return err_wrap(e, "snapshot %s", snapshot);
}

int parent_find(struct aws *aws, const struct log *log, const char *region, const char *snapshot,
	const char *first, struct arena *a, struct blocks *ret, bool *ret_usable, struct err *e)
{
	*ret_usable = parent_read(aws, region, snapshot, first, a, ret, e) == 0;
	if (*ret_usable)
		return 0;
	/* A passing failure says nothing of the snapshot, and what was sent on top of it stays. */
	if (e->errnum == EINTR || e->again)
		return -1;
	log_say(log, "no difference to an earlier snapshot can be sent: %s", e->msg);
	return 0;
}
