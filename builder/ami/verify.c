#include "ami/verify.h"

#include <string.h>

#include "ami/fetch.h"
#include "base/progress.h"

enum { UNSEEN, EQUAL, DIFFERENT, EXTRA, BLANK };

struct check {
	const struct blocks *b;
	uint8_t *seen; /* one of the above a block of the volume */
	struct sha256 zero;
	struct progress progress;
};

static bool same(const struct sha256 *x, const struct sha256 *y)
{
	return memcmp(x->bytes, y->bytes, sizeof(x->bytes)) == 0;
}

static bool own(const struct blocks *b, size_t i)
{
	return i >= b->own_first && i - b->own_first < b->own_count;
}

/* What block `i` must be; false: it may be anything that means nothing. */
static bool expected(const struct blocks *b, size_t i, struct sha256 *ret)
{
	if (own(b, i)) {
		*ret = blocks_own_digest(b, i - b->own_first);
		return true;
	}
	if (!blocks_present(b, i))
		return false;
	*ret = b->digest[i];
	return true;
}

static int compare(void *ctx, uint32_t index, const unsigned char *data,
	const struct sha256 *digest, struct err *e)
{
	struct check *c = ctx;
	struct sha256 want;
	(void)data;
	(void)e;
	if (expected(c->b, index, &want))
		c->seen[index] = same(&want, digest) ? EQUAL : DIFFERENT;
	else
		c->seen[index] = same(&c->zero, digest) ? BLANK : EXTRA;
	progress_step(&c->progress, RAW_BLOCK, progress_clock());
	return 0;
}

static void count(struct verify_kind *k, size_t i)
{
	if (k->count < VERIFY_TOLD)
		k->first[k->count] = i;
	k->count++;
}

static struct verify_result result(const struct check *c, size_t volume, bool encrypted)
{
	struct verify_result r = { 0 };
	size_t all = volume > c->b->count ? volume : c->b->count;
	for (size_t i = 0; i < all; i++) {
		struct sha256 want;
		switch (c->seen[i]) {
		case EQUAL:
			r.equal++;
			break;
		case DIFFERENT:
			count(&r.different, i);
			break;
		case EXTRA:
			count(&r.extra, i);
			break;
		case BLANK:
			r.blank++;
			break;
		default:
			if (expected(c->b, i, &want) && (encrypted || !same(&want, &c->zero)))
				count(&r.missing, i);
		}
	}
	r.good = r.missing.count == 0 && r.different.count == 0 && r.extra.count == 0;
	return r;
}

int verify_snapshot(struct aws *aws, const struct log *log, const char *region,
	const char *snapshot, bool encrypted, const struct blocks *b, struct arena *a,
	struct verify_result *ret, struct err *e)
{
	struct check c = { .b = b };
	struct ebs_blocks blocks;
	static const unsigned char zero[RAW_BLOCK];
	c.zero = sha256_of(zero, sizeof(zero));
	if (ebs_list(aws, region, snapshot, 0, 0, a, &blocks, e) < 0)
		return -1;
	size_t volume = (size_t)blocks.gib << 11;
	c.seen = arena_alloc(a, volume + b->count + 1, e);
	if (c.seen == NULL)
		return -1;
	progress_begin(&c.progress, log, "verify", blocks.count * RAW_BLOCK, progress_clock());
	int rc = fetch_blocks(aws, region, snapshot, blocks.list, blocks.count, compare, &c, e);
	progress_end(&c.progress, progress_clock());
	if (rc < 0)
		return -1;
	*ret = result(&c, volume, encrypted);
	return 0;
}

static int put_kind(const struct verify_kind *k, const char *one, const char *many, struct buf *out,
	struct err *e)
{
	if (k->count == 0)
		return 0;
	if (buf_printf(out, e, "%s%zu %s (", out->len > 0 ? ", " : "", k->count,
		    k->count == 1 ? one : many) < 0)
		return -1;
	for (size_t i = 0; i < k->count && i < VERIFY_TOLD; i++)
		if (buf_printf(out, e, "%s%zu", i > 0 ? ", " : "", k->first[i]) < 0)
			return -1;
	return buf_puts(out, k->count > VERIFY_TOLD ? ", ...)" : ")", e);
}

int verify_text(const struct verify_result *r, struct buf *out, struct err *e)
{
	if (put_kind(&r->missing, "block is missing", "blocks are missing", out, e) < 0 ||
		put_kind(&r->different, "block differs", "blocks differ", out, e) < 0 ||
		put_kind(&r->extra, "block is not the image's", "blocks are not the image's", out,
			e) < 0)
		return -1;
	return 0;
}
