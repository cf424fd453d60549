#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "disk/ext4_internal.h"

#define TAIL      12u /* the checksum's entry at the end of a block of names */
#define LEAF      (EXT4_BLOCK - TAIL)
#define DOTS      24u  /* "." and ".." */
#define ROOT_HEAD 32u  /* bytes before the index in the root */
#define NODE_HEAD 8u   /* ... and in other blocks of the index */
#define ROOT_MAX  507u /* entries in the root, the checksum's 8 bytes kept */
#define NODE_MAX  510u
/* A hash that the kernel keeps for the end of a folder, and what it takes instead. */
#define HASH_END  0xfffffffeu
#define HASH_LAST 0xfffffffcu

struct name {
	const struct rootfs_node *node;
	uint32_t hash;
	uint32_t minor;
};

static bool is_in(const struct rootfs_node *n, enum ext4_names names)
{
	return names == EXT4_NAMES_BASE ? !n->overlay : !n->gone;
}

bool ext4_dir_same(const struct rootfs_node *folder)
{
	for (const struct rootfs_node *n = folder->children; n != NULL; n = n->next)
		if (is_in(n, EXT4_NAMES_BASE) != is_in(n, EXT4_NAMES_NOW))
			return false;
	return true;
}

/* The first of a folder's names, and the next: lost+found comes first where the tree has none. */
static const struct rootfs_node *skip(const struct rootfs_node *n, enum ext4_names names)
{
	while (n != NULL && !is_in(n, names))
		n = n->next;
	return n;
}

static const struct rootfs_node *first_name(
	const struct ext4_plan *p, const struct rootfs_node *folder, enum ext4_names names)
{
	if (folder == p->r->root && p->lost_added)
		return p->lost;
	return skip(folder->children, names);
}

static const struct rootfs_node *next_name(
	const struct ext4_plan *p, const struct rootfs_node *n, enum ext4_names names)
{
	if (n == p->lost && p->lost_added)
		return skip(p->r->root->children, names);
	return skip(n->next, names);
}

static unsigned entry_size(size_t name_len)
{
	return ((unsigned)name_len + 8 + 3) & ~3u;
}

static int by_hash(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	if (x->hash != y->hash)
		return x->hash < y->hash ? -1 : 1;
	if (x->minor != y->minor)
		return x->minor < y->minor ? -1 : 1;
	return strcmp(x->node->name, y->node->name);
}

static int collect(const struct ext4_plan *p, const struct rootfs_node *folder,
	enum ext4_names names, struct buf *out, struct err *e)
{
	uint32_t seed[4];
	memcpy(seed, p->o.hash_seed, sizeof(seed));
	buf_clear(out);
	for (const struct rootfs_node *n = first_name(p, folder, names); n != NULL;
		n = next_name(p, n, names)) {
		struct name name = { .node = n };
		errcode_t rc = ext2fs_dirhash2(EXT2_HASH_HALF_MD4, n->name, (int)strlen(n->name),
			NULL, 0, seed, &name.hash, &name.minor);
		if (rc != 0)
			return ext4_fail(e, rc, "hash a name");
		if (name.hash == HASH_END)
			name.hash = HASH_LAST;
		if (buf_add(out, &name, sizeof(name), e) < 0)
			return -1;
	}
	if (out->len > 0)
		qsort(out->data, out->len / sizeof(struct name), sizeof(struct name), by_hash);
	return 0;
}

/* How many of the names from `at` on fill a block. */
static size_t leaf_count(const struct name *names, size_t at, size_t count)
{
	size_t used = 0, n = 0;
	for (; at + n < count; n++) {
		used += entry_size(strlen(names[at + n].node->name));
		if (used > LEAF)
			break;
	}
	return n;
}

static size_t count_leaves(const struct buf *names)
{
	const struct name *all = (const void *)names->data;
	size_t count = names->len / sizeof(*all), leaves = 0;
	for (size_t at = 0; at < count; leaves++)
		at += leaf_count(all, at, count);
	return leaves;
}

/* Blocks of the index between its root and `leaves`. */
static size_t index_nodes(size_t leaves)
{
	return leaves <= ROOT_MAX ? 0 : (leaves + NODE_MAX - 1) / NODE_MAX;
}

int ext4_dir_blocks(const struct ext4_plan *p, const struct rootfs_node *folder,
	enum ext4_names names, struct buf *scratch, struct ext4_place *ret, struct err *e)
{
	size_t used = DOTS;
	for (const struct rootfs_node *n = first_name(p, folder, names); n != NULL && used <= LEAF;
		n = next_name(p, n, names))
		used += entry_size(strlen(n->name));
	if (used <= LEAF) {
		ret->blocks = folder == p->lost ? EXT4_LOST_BLOCKS : 1;
		ret->indexed = false;
		return 0;
	}
	if (collect(p, folder, names, scratch, e) < 0)
		return -1;
	size_t leaves = count_leaves(scratch), nodes = index_nodes(leaves);
	if (nodes > ROOT_MAX)
		return err_set(e, ERR_INPUT, 0, "%zu names: too many for one folder",
			scratch->len / sizeof(struct name));
	ret->blocks = (uint32_t)(1 + nodes + leaves);
	ret->indexed = true;
	return 0;
}

static void put16(unsigned char *at, unsigned value)
{
	at[0] = (unsigned char)value;
	at[1] = (unsigned char)(value >> 8);
}

static void put32(unsigned char *at, uint32_t value)
{
	memcpy(at, &value, sizeof(value));
}

static uint8_t file_type(uint32_t mode)
{
	static const uint8_t types[16] = {
		[S_IFREG >> 12] = EXT2_FT_REG_FILE,
		[S_IFDIR >> 12] = EXT2_FT_DIR,
		[S_IFCHR >> 12] = EXT2_FT_CHRDEV,
		[S_IFBLK >> 12] = EXT2_FT_BLKDEV,
		[S_IFIFO >> 12] = EXT2_FT_FIFO,
		[S_IFSOCK >> 12] = EXT2_FT_SOCK,
		[S_IFLNK >> 12] = EXT2_FT_SYMLINK,
	};
	return types[(mode & S_IFMT) >> 12];
}

static void put_entry(
	unsigned char *at, uint32_t ino, unsigned size, const char *name, size_t len, uint8_t type)
{
	put32(at, ino);
	put16(at + 4, size);
	at[6] = (unsigned char)len;
	at[7] = type;
	memcpy(at + 8, name, len);
}

static void put_node(unsigned char *at, const struct rootfs_node *n, unsigned size)
{
	uint32_t mode = n->same_as != NULL ? n->same_as->mode : n->mode;
	put_entry(at, ext4_ino(n), size, n->name, strlen(n->name), file_type(mode));
}

static void put_dots(unsigned char *block, const struct rootfs_node *folder, unsigned rest)
{
	const struct rootfs_node *up = folder->parent != NULL ? folder->parent : folder;
	put_entry(block, folder->ino, 12, ".", 1, EXT2_FT_DIR);
	put_entry(block + 12, up->ino, rest, "..", 2, EXT2_FT_DIR);
}

/* One folder being written. */
struct writing {
	struct ext4_writer *w;
	struct ext4_walk walk;
	uint32_t seed;
	unsigned char block[EXT4_BLOCK];
};

static int put_block(struct writing *d, struct err *e)
{
	uint64_t at = 0;
	if (ext4_walk_next(&d->walk, 1, &at) != 1)
		return err_set(e, ERR_BUG, 0, "no block for a folder");
	int rc = ext4_stream_put(d->w->s, at * EXT4_BLOCK, d->block, EXT4_BLOCK, e);
	memset(d->block, 0, EXT4_BLOCK);
	return rc;
}

/* A block of names: an entry that looks unused holds its checksum. */
static int put_leaf(struct writing *d, struct err *e)
{
	unsigned char *tail = d->block + LEAF;
	put32(tail, 0);
	put16(tail + 4, TAIL);
	put16(tail + 6, EXT2_DIR_NAME_LEN_CSUM);
	put32(tail + 8, ext2fs_crc32c_le(d->seed, d->block, LEAF));
	return put_block(d, e);
}

/* A block without names. */
static int put_empty(struct writing *d, struct err *e)
{
	put16(d->block + 4, LEAF);
	return put_leaf(d, e);
}

static int write_linear(struct writing *d, const struct rootfs_node *folder, struct err *e)
{
	const struct ext4_plan *p = d->w->p;
	unsigned at = 12, size = 12;
	put_dots(d->block, folder, size);
	for (const struct rootfs_node *n = first_name(p, folder, EXT4_NAMES_NOW); n != NULL;
		n = next_name(p, n, EXT4_NAMES_NOW)) {
		at += size;
		size = entry_size(strlen(n->name));
		put_node(d->block + at, n, size);
	}
	put16(d->block + at + 4, LEAF - at);
	if (put_leaf(d, e) < 0)
		return -1;
	for (uint32_t i = 1; i < ext4_place(folder)->blocks; i++)
		if (put_empty(d, e) < 0)
			return -1;
	return 0;
}

/* An entry of the index: its hash is where that block starts; the first block's is 0, unsaid. */
struct branch {
	uint32_t hash;
	uint32_t block;
};

/* `count` of them into a block of the index, behind `head` bytes. */
static int put_index(struct writing *d, unsigned head, unsigned max, const struct branch *from,
	size_t count, struct err *e)
{
	unsigned char *at = d->block + head;
	memcpy(at, from, count * sizeof(*from));
	put16(at, max);
	put16(at + 2, (unsigned)count);
	/* The checksum: over all up to the last entry, then its own 8 bytes with 0 in its place. */
	unsigned char *tail = at + max * sizeof(*from);
	static const unsigned char none[4];
	uint32_t sum = ext2fs_crc32c_le(d->seed, d->block, head + count * sizeof(*from));
	sum = ext2fs_crc32c_le(sum, tail, 4);
	sum = ext2fs_crc32c_le(sum, none, sizeof(none));
	put32(tail + 4, sum);
	return put_block(d, e);
}

static int put_root(struct writing *d, const struct rootfs_node *folder, unsigned levels,
	const struct branch *from, size_t count, struct err *e)
{
	put_dots(d->block, folder, EXT4_BLOCK - 12);
	d->block[DOTS + 4] = EXT2_HASH_HALF_MD4;
	d->block[DOTS + 5] = 8; /* bytes of this information */
	d->block[DOTS + 6] = (unsigned char)levels;
	return put_index(d, ROOT_HEAD, ROOT_MAX, from, count, e);
}

/* Where each leaf starts, in hashes; odd: the one before ends in the same hash. */
static int branches(const struct buf *names, size_t first_block, struct buf *out, struct err *e)
{
	const struct name *all = (const void *)names->data;
	size_t count = names->len / sizeof(*all);
	buf_clear(out);
	for (size_t at = 0; at < count; at += leaf_count(all, at, count)) {
		struct branch b = { all[at].hash, (uint32_t)first_block++ };
		if (at > 0 && all[at - 1].hash == b.hash)
			b.hash |= 1;
		if (buf_add(out, &b, sizeof(b), e) < 0)
			return -1;
	}
	return 0;
}

static int write_leaves(struct writing *d, const struct buf *names, struct err *e)
{
	const struct name *all = (const void *)names->data;
	size_t count = names->len / sizeof(*all);
	for (size_t at = 0; at < count;) {
		size_t n = leaf_count(all, at, count), used = 0;
		for (size_t i = 0; i < n; i++) {
			const struct rootfs_node *node = all[at + i].node;
			unsigned size = entry_size(strlen(node->name));
			put_node(d->block + used, node, i + 1 < n ? size : (unsigned)(LEAF - used));
			used += size;
		}
		if (put_leaf(d, e) < 0)
			return -1;
		at += n;
	}
	return 0;
}

/* The root, the blocks of the index below it where it has any, the leaves. */
static int write_indexed(struct writing *d, const struct rootfs_node *folder, struct err *e)
{
	struct buf *names = &d->w->scratch, *index = &d->w->spare;
	if (collect(d->w->p, folder, EXT4_NAMES_NOW, names, e) < 0)
		return -1;
	size_t leaves = count_leaves(names), nodes = index_nodes(leaves);
	if (branches(names, 1 + nodes, index, e) < 0)
		return -1;
	const struct branch *all = (const void *)index->data;
	if (nodes == 0) {
		if (put_root(d, folder, 0, all, leaves, e) < 0)
			return -1;
	} else {
		struct branch top[ROOT_MAX];
		for (size_t i = 0; i < nodes; i++)
			top[i] = (struct branch){ all[i * NODE_MAX].hash, (uint32_t)(1 + i) };
		if (put_root(d, folder, 1, top, nodes, e) < 0)
			return -1;
		for (size_t i = 0; i < nodes; i++) {
			size_t left = leaves - i * NODE_MAX;
			put16(d->block + 4, EXT4_BLOCK);
			if (put_index(d, NODE_HEAD, NODE_MAX, all + i * NODE_MAX,
				    left < NODE_MAX ? left : NODE_MAX, e) < 0)
				return -1;
		}
	}
	return write_leaves(d, names, e);
}

int ext4_dir_write(struct ext4_writer *w, const struct rootfs_node *folder, struct err *e)
{
	struct writing d = {
		.w = w,
		.walk = ext4_walk_from(&w->p->g.map, ext4_place(folder)->start),
		.seed = ext4_seed(w->fs, folder->ino),
	};
	return ext4_place(folder)->indexed ? write_indexed(&d, folder, e)
					   : write_linear(&d, folder, e);
}
