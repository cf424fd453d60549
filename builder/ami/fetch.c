#include "ami/fetch.h"

#include <stdlib.h>
#include <string.h>

#include "aws/ebs_wire.h"

enum { CONNECTIONS = 64 };

struct fetcher;

struct slot {
	struct fetcher *f;
	const struct ebs_block *block;
	struct slot *next; /* free */
	char path[512];
};

struct fetcher {
	struct aws *aws;
	const char *region;
	const char *snapshot;
	fetch_block *each;
	void *ctx;
	struct slot *free;
	size_t under;
	bool failed;
	struct err err;
};

static int check(struct slot *slot, const struct aws_reply *reply, struct err *e)
{
	const struct fetcher *f = slot->f;
	uint32_t index = slot->block->index;
	if (reply->status >= 400) {
		struct aws_request q = { .operation = "GetSnapshotBlock", .region = f->region };
		aws_refused(&q, f->aws, reply, e);
		return err_wrap(e, "block %lu of %s", (unsigned long)index, f->snapshot);
	}
	/* ebs_get held the content to it. */
	struct sha256 digest;
	if (!ebs_digest(reply->checksum, &digest))
		return err_set(e, ERR_BUG, 0, "block %lu of %s: no checksum", (unsigned long)index,
			f->snapshot);
	return f->each(f->ctx, index, (const unsigned char *)reply->body.data, &digest, e);
}

static void get_done(void *ctx, struct aws_reply *reply, const struct err *why)
{
	struct slot *slot = ctx;
	struct fetcher *f = slot->f;
	struct err e = { 0 };
	f->under--;
	if (reply == NULL)
		e = *why;
	if (reply == NULL || (!f->failed && check(slot, reply, &e) < 0)) {
		if (!f->failed)
			f->err = e;
		f->failed = true;
	}
	slot->next = f->free;
	f->free = slot;
}

static int run(struct fetcher *f, const struct ebs_block *list, size_t count, struct err *e)
{
	size_t at = 0;
	while (f->under > 0 || (at < count && !f->failed)) {
		while (at < count && f->free != NULL && !f->failed) {
			struct slot *slot = f->free;
			slot->block = &list[at++];
			if (ebs_get(f->aws, f->region, f->snapshot, slot->block, slot->path,
				    get_done, slot, e) < 0)
				return -1;
			f->free = slot->next;
			f->under++;
		}
		if (aws_run(f->aws, -1, e) < 0)
			return -1;
	}
	if (!f->failed)
		return 0;
	*e = f->err;
	return -1;
}

int fetch_blocks(struct aws *aws, const char *region, const char *snapshot,
	const struct ebs_block *list, size_t count, fetch_block *each, void *ctx, struct err *e)
{
	struct fetcher f = { .aws = aws, .region = region, .snapshot = snapshot, .each = each };
	f.ctx = ctx;
	size_t slots = count < CONNECTIONS ? count : CONNECTIONS;
	struct slot *memory = calloc(slots + 1, sizeof(*memory));
	if (memory == NULL)
		return err_nomem(e);
	for (size_t i = 0; i < slots; i++) {
		memory[i].f = &f;
		memory[i].next = f.free;
		f.free = &memory[i];
	}
	aws_limit(aws, CONNECTIONS);
	int rc = run(&f, list, count, e);
	if (rc < 0)
		aws_drop(aws);
	free(memory);
	return rc;
}
