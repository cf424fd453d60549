#include <string.h>

#include "disk/ext4_internal.h"

#define EXTENT_MAX 32768u /* blocks: more would mean that they are not written yet */
#define ROOT_MAX   4u     /* entries in the inode */
#define NODE_MAX   340u   /* entries in a block, before its checksum */

uint32_t ext4_file_blocks(const struct rootfs_node *n)
{
	if (n->spans == NULL)
		return (uint32_t)((n->size + EXT4_BLOCK - 1) / EXT4_BLOCK);
	struct ext4_extents x = ext4_extents_of(n, 0, NULL, 0);
	struct ext4_extent piece;
	uint64_t blocks = 0;
	while (ext4_extent_next(&x, &piece))
		blocks += piece.count;
	return (uint32_t)blocks;
}

struct ext4_extents ext4_extents_of(
	const struct rootfs_node *n, uint32_t blocks, const struct ext4_map *map, uint64_t start)
{
	struct ext4_extents x = { .left = blocks };
	if (n != NULL && n->spans != NULL)
		x = (struct ext4_extents){ .spans = n->spans, .span_count = n->span_count };
	if (map != NULL)
		x.walk = ext4_walk_from(map, start);
	return x;
}

/* The next spans whose blocks follow one another. */
static bool next_piece(struct ext4_extents *x)
{
	uint64_t first = 0, end = 0;
	if (x->spans == NULL)
		return false;
	for (; x->span < x->span_count; x->span++) {
		const struct rootfs_span *s = &x->spans[x->span];
		if (s->length == 0)
			continue;
		uint64_t from = s->offset / EXT4_BLOCK;
		uint64_t to = (s->offset + s->length + EXT4_BLOCK - 1) / EXT4_BLOCK;
		if (end == 0)
			first = from;
		else if (from > end)
			break;
		end = to;
	}
	x->logical = (uint32_t)first;
	x->left = (uint32_t)(end - first);
	return end > first;
}

bool ext4_extent_next(struct ext4_extents *x, struct ext4_extent *ret)
{
	if (x->left == 0 && !next_piece(x))
		return false;
	*ret = (struct ext4_extent){ .logical = x->logical, .count = x->left };
	if (x->walk.map != NULL) {
		uint32_t most = x->left < EXTENT_MAX ? x->left : EXTENT_MAX;
		ret->count = (uint32_t)ext4_walk_next(&x->walk, most, &ret->start);
	}
	x->logical += ret->count;
	x->left -= ret->count;
	return ret->count > 0;
}

uint32_t ext4_tree_blocks(size_t count)
{
	size_t total = 0;
	while (count > ROOT_MAX) {
		count = (count + NODE_MAX - 1) / NODE_MAX;
		total += count;
	}
	return (uint32_t)total;
}

static struct ext3_extent_header header(size_t entries, size_t max, unsigned depth)
{
	return (struct ext3_extent_header){
		.eh_magic = EXT3_EXT_MAGIC,
		.eh_entries = (uint16_t)entries,
		.eh_max = (uint16_t)max,
		.eh_depth = (uint16_t)depth,
	};
}

static struct ext3_extent leaf_entry(const struct ext4_extent *x)
{
	return (struct ext3_extent){
		.ee_block = x->logical,
		.ee_len = (uint16_t)x->count,
		.ee_start_hi = (uint16_t)(x->start >> 32),
		.ee_start = (uint32_t)x->start,
	};
}

static struct ext3_extent_idx index_entry(uint32_t logical, uint64_t block)
{
	return (struct ext3_extent_idx){
		.ei_block = logical,
		.ei_leaf = (uint32_t)block,
		.ei_leaf_hi = (uint16_t)(block >> 32),
	};
}

/*
 * One level of the tree: `in` has its entries of 12 bytes, `out` gets those of the level above.
 * Leaves and indexes are alike, and both start with the first logical block.
 */
static int write_level(struct ext4_writer *w, uint32_t seed, struct ext4_walk *walk, unsigned depth,
	const struct buf *in, struct buf *out, struct err *e)
{
	unsigned char block[EXT4_BLOCK];
	size_t size = sizeof(struct ext3_extent), count = in->len / size;
	for (size_t at = 0; at < count; at += NODE_MAX) {
		size_t n = count - at < NODE_MAX ? count - at : NODE_MAX;
		const char *entries = in->data + at * size;
		struct ext3_extent_header h = header(n, NODE_MAX, depth);
		memset(block, 0, sizeof(block));
		memcpy(block, &h, sizeof(h));
		memcpy(block + sizeof(h), entries, n * size);
		size_t tail = sizeof(h) + NODE_MAX * size;
		uint32_t sum = ext2fs_crc32c_le(seed, block, tail);
		memcpy(block + tail, &sum, sizeof(sum));
		uint64_t place = 0;
		uint32_t logical;
		memcpy(&logical, entries, sizeof(logical));
		if (ext4_walk_next(walk, 1, &place) != 1)
			return err_set(e, ERR_BUG, 0, "no block for extents");
		struct ext3_extent_idx above = index_entry(logical, place);
		if (ext4_stream_put(w->s, place * EXT4_BLOCK, block, sizeof(block), e) < 0 ||
			buf_add(out, &above, sizeof(above), e) < 0)
			return -1;
	}
	return 0;
}

int ext4_extent_root(struct ext4_writer *w, uint32_t ino, struct ext4_extents x,
	const struct ext4_place *place, void *i_block, struct err *e)
{
	struct buf *level = &w->scratch, *above = &w->spare;
	struct ext4_extent piece;
	unsigned char *root = i_block;
	struct ext3_extent_header h;
	size_t size = sizeof(struct ext3_extent), count = 0;
	unsigned depth = 0;
	buf_clear(level);
	while (ext4_extent_next(&x, &piece)) {
		struct ext3_extent entry = leaf_entry(&piece);
		if (count++ < ROOT_MAX)
			memcpy(root + sizeof(h) + (count - 1) * size, &entry, size);
		if (place->tree > 0 && buf_add(level, &entry, size, e) < 0)
			return -1;
	}
	if (place->tree > 0) {
		uint32_t seed = ext4_seed(w->fs, ino);
		struct ext4_walk walk = ext4_walk_from(&w->p->g.map, place->tree_start);
		for (; count > ROOT_MAX; depth++) {
			buf_clear(above);
			if (write_level(w, seed, &walk, depth, level, above, e) < 0)
				return -1;
			struct buf *other = level;
			level = above;
			above = other;
			count = level->len / size;
		}
		memset(root + sizeof(h), 0, ROOT_MAX * size);
		memcpy(root + sizeof(h), level->data, level->len);
	}
	h = header(count, ROOT_MAX, depth);
	memcpy(root, &h, sizeof(h));
	return 0;
}
