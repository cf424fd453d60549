#include <string.h>
#include <sys/stat.h>

#include "disk/ext4_internal.h"

/* A region being filled: the base's or the overlay's. */
struct region {
	struct ext4_plan *p;
	struct ext4_cursor *c;
	struct buf *scratch;
	bool overlay;
	uint64_t kept; /* blocks that a node has, not those left free */
};

/* Blocks for a node that is there, or that stay free for one that is gone. */
static uint64_t take(struct region *g, uint64_t blocks, bool keep)
{
	g->kept += keep ? blocks : 0;
	return ext4_cursor_take(g->c, blocks);
}

/* The tree of extents, where a folder or file lies in too many pieces for its inode. */
static void place_tree(
	struct region *g, const struct rootfs_node *n, struct ext4_place *place, bool keep)
{
	struct ext4_extents x = ext4_extents_of(
		S_ISREG(n->mode) ? n : NULL, place->blocks, &g->p->g.map, place->start);
	struct ext4_extent piece;
	size_t count = 0;
	if (g->c->missing > 0)
		return;
	while (ext4_extent_next(&x, &piece))
		count++;
	place->tree = ext4_tree_blocks(count) & INT32_MAX;
	place->tree_start = take(g, place->tree, keep);
}

static int place_folder(struct region *g, const struct rootfs_node *n, struct err *e)
{
	struct ext4_place base = { 0 };
	bool same = n->overlay || ext4_dir_same(n);
	if (!g->overlay && (n->gone || !same)) {
		if (ext4_dir_blocks(g->p, n, EXT4_NAMES_BASE, g->scratch, &base, e) < 0)
			return -1;
		(void)take(g, base.blocks, false);
		return 0;
	}
	/* Here only what is there: the overlay's, or the base's that moved. */
	struct ext4_place *place = n->place;
	if (place == NULL || (g->overlay ? same && !n->overlay : n->overlay))
		return 0;
	if (ext4_dir_blocks(g->p, n, EXT4_NAMES_NOW, g->scratch, place, e) < 0)
		return -1;
	place->start = take(g, place->blocks, true);
	place_tree(g, n, place, true);
	return 0;
}

/* What is not streamed: a folder, a long link, a block of xattrs. */
static int place_own(struct region *g, struct rootfs_node *n, struct err *e)
{
	struct ext4_place unused = { 0 }, *place = n->place != NULL ? n->place : &unused;
	bool block = false;
	if (S_ISDIR(n->mode) && place_folder(g, n, e) < 0)
		return -1;
	if (n->overlay != g->overlay)
		return 0;
	if (S_ISLNK(n->mode) && strlen(n->target) > EXT4_FAST_LINK) {
		place->blocks = 1;
		place->start = take(g, 1, !n->gone);
	}
	if (n->xattrs != NULL && ext4_xattr_plan(n, &block, e) < 0)
		return n->gone ? 0 : -1;
	if (block)
		place->xattrs = take(g, 1, !n->gone);
	return 0;
}

static void place_file(struct region *g, struct rootfs_node *n)
{
	struct ext4_place unused = { 0 }, *place = n->place != NULL ? n->place : &unused;
	place->blocks = ext4_file_blocks(n);
	place->start = take(g, place->blocks, !n->gone);
	place_tree(g, n, place, !n->gone);
}

static bool takes_part(const struct rootfs_node *n)
{
	return n->same_as == NULL && !(n->gone && n->overlay);
}

static int place_region(struct region *g, uint32_t unit, struct err *e)
{
	const struct rootfs *r = g->p->r;
	if (!g->overlay && g->p->lost_added && place_own(g, g->p->lost, e) < 0)
		return -1;
	ext4_cursor_align(g->c, unit);
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		if (takes_part(n) && place_own(g, n, e) < 0)
			return ext4_wrap_path(n, e);
	}
	ext4_cursor_align(g->c, unit);
	for (size_t i = 0; i < r->count; i++) {
		struct rootfs_node *n = r->list[i];
		if (takes_part(n) && n->overlay == g->overlay && S_ISREG(n->mode) && n->size > 0)
			place_file(g, n);
	}
	return 0;
}

/* Returns how many blocks are missing, in *ret. */
static int place_all(
	struct ext4_plan *p, uint32_t unit, struct buf *scratch, uint64_t *ret, struct err *e)
{
	struct ext4_cursor c = ext4_cursor_at_start(&p->g.map);
	struct region base = { .p = p, .c = &c, .scratch = scratch };
	struct region overlay = { .p = p, .c = &c, .scratch = scratch, .overlay = true };
	for (size_t i = 0; i < p->r->count; i++)
		if (p->r->list[i]->place != NULL)
			memset(p->r->list[i]->place, 0, sizeof(struct ext4_place));
	if (place_region(&base, 1, e) < 0)
		return -1;
	p->base_end = c.at;
	/* Nothing is lost by aligning what is empty: the cursor's place counts only when taken. */
	if (place_region(&overlay, unit, e) < 0)
		return -1;
	p->end = c.at;
	p->usage.content = (base.kept + overlay.kept) * EXT4_BLOCK;
	p->usage.overlay = overlay.kept * EXT4_BLOCK;
	*ret = c.missing;
	return 0;
}

int ext4_layout(struct ext4_plan *p, struct err *e)
{
	cleanup_buf struct buf scratch = { 0 };
	uint64_t missing = 0;
	if (place_all(p, EXT4_ALIGN_BLOCKS, &scratch, &missing, e) < 0)
		return -1;
	/* Rather a full disk whose overlay is not aligned than none. */
	if (missing > 0 && place_all(p, 1, &scratch, &missing, e) < 0)
		return -1;
	if (missing > 0)
		return err_set(e, ERR_INPUT, 0,
			"a file system of %llu bytes is too small: %llu bytes are missing",
			(unsigned long long)p->o.size, (unsigned long long)missing * EXT4_BLOCK);
	return 0;
}
