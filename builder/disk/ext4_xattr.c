#include <string.h>

#include "disk/ext4_internal.h"

#define ATTRS_MAX   64 /* of one node */
#define ENTRY_HEAD  16u
#define BLOCK_HEAD  32u
#define ACL_HEAD    4u /* in both forms */
#define ACL_KERNEL  2u /* versions */
#define ACL_DISK    1u
#define ACL_USER    0x02u
#define ACL_GROUP   0x08u
#define ACL_SPECIAL 0x35u /* owner 1, group 4, mask 16, others 32: without an id */

struct prefix {
	const char *text;
	uint8_t index;
	bool whole; /* the name ends here */
};

/* Longest first where one starts like another. */
static const struct prefix PREFIXES[] = {
	{ "system.posix_acl_access", 2, true },
	{ "system.posix_acl_default", 3, true },
	{ "user.", 1, false },
	{ "trusted.", 4, false },
	{ "security.", 6, false },
};

struct attr {
	const struct rootfs_xattr *x;
	const char *name; /* behind the prefix */
	uint8_t name_len;
	uint8_t index;
	uint16_t len; /* of the value on disk */
};

static uint32_t get32(const unsigned char *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/*
 * An ACL has entries of 8 bytes in the kernel's form (tag, permissions, id; acl(5)), and of 4 on
 * disk where the tag has no id (fs/ext4/acl.h). Returns the bytes on disk; 0: it is none.
 */
static size_t acl_convert(const struct rootfs_xattr *x, unsigned char *out)
{
	const unsigned char *in = x->value;
	if (x->len < ACL_HEAD || x->len % 8 != ACL_HEAD || get32(in) != ACL_KERNEL)
		return 0;
	size_t len = ACL_HEAD;
	for (size_t at = ACL_HEAD; at < x->len; at += 8) {
		unsigned tag = (unsigned)in[at] | (unsigned)in[at + 1] << 8;
		bool id = tag == ACL_USER || tag == ACL_GROUP;
		if (!id && (tag == 0 || (tag & ~ACL_SPECIAL) != 0 || (tag & (tag - 1)) != 0))
			return 0;
		if (out != NULL)
			memcpy(out + len, in + at, id ? 8 : 4);
		len += id ? 8 : 4;
	}
	if (out != NULL) {
		uint32_t version = ACL_DISK;
		memcpy(out, &version, sizeof(version));
	}
	return len;
}

static bool is_acl(const struct attr *a)
{
	return a->index == 2 || a->index == 3;
}

static int identify(const struct rootfs_xattr *x, struct attr *ret, struct err *e)
{
	for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++) {
		const struct prefix *p = &PREFIXES[i];
		size_t len = strlen(p->text), rest = strlen(x->name);
		if (strncmp(x->name, p->text, len) != 0 || (rest == len) != p->whole)
			continue;
		if (rest - len > 255 || x->len > EXT4_BLOCK)
			break;
		*ret = (struct attr){ .x = x,
			.name = x->name + len,
			.name_len = (uint8_t)(rest - len),
			.index = p->index,
			.len = (uint16_t)x->len };
		if (!is_acl(ret))
			return 0;
		ret->len = (uint16_t)acl_convert(x, NULL);
		if (ret->len == 0)
			return err_set(e, ERR_INPUT, 0, "xattr %s: no ACL", x->name);
		return 0;
	}
	return err_set(e, ERR_INPUT, 0,
		"xattr %s of %zu bytes: ext4 keeps user., trusted., security. and POSIX ACLs, each with a name of at most 255 bytes and within a block",
		x->name, x->len);
}

/* The order in which a block must have them. */
static bool comes_before(const struct attr *a, const struct attr *b)
{
	if (a->index != b->index)
		return a->index < b->index;
	if (a->name_len != b->name_len)
		return a->name_len < b->name_len;
	return memcmp(a->name, b->name, a->name_len) < 0;
}

static size_t padded(size_t len)
{
	return (len + 3) & ~(size_t)3;
}

static size_t space(const struct attr *a)
{
	return padded(ENTRY_HEAD + a->name_len) + padded(a->len);
}

/* All of a node's, in order, those that fit into the inode first: *inside is how many. */
static int sorted(const struct rootfs_node *n, struct attr all[ATTRS_MAX], size_t *ret,
	size_t *inside, struct err *e)
{
	struct attr list[ATTRS_MAX];
	size_t count = 0;
	for (const struct rootfs_xattr *x = n->xattrs; x != NULL; x = x->next) {
		struct attr a = { .name = "" };
		if (identify(x, &a, e) < 0)
			return -1;
		if (count == ATTRS_MAX)
			return err_set(e, ERR_INPUT, 0, "more than %d xattrs", ATTRS_MAX);
		size_t at = count++;
		for (; at > 0 && comes_before(&a, &list[at - 1]); at--)
			list[at] = list[at - 1];
		list[at] = a;
	}
	/* A magic number before, four bytes of zeroes behind the last entry. */
	size_t room = EXT4_IBODY - 4 - 4, used = 0;
	bool in[ATTRS_MAX];
	for (size_t i = 0; i < count; i++) {
		in[i] = space(&list[i]) <= room;
		room -= in[i] ? space(&list[i]) : 0;
	}
	for (size_t i = 0; i < count; i++)
		if (in[i])
			all[used++] = list[i];
	*inside = used;
	for (size_t i = 0; i < count; i++)
		if (!in[i])
			all[used++] = list[i];
	*ret = count;
	return 0;
}

int ext4_xattr_plan(const struct rootfs_node *n, bool *ret, struct err *e)
{
	struct attr all[ATTRS_MAX];
	size_t count = 0, inside = 0, bytes = BLOCK_HEAD + 4;
	if (n->xattrs != NULL && sorted(n, all, &count, &inside, e) < 0)
		return -1;
	for (size_t i = inside; i < count; i++)
		bytes += space(&all[i]);
	if (bytes > EXT4_BLOCK)
		return err_set(e, ERR_INPUT, 0, "xattrs of %zu bytes: %u fit", bytes, EXT4_BLOCK);
	*ret = inside < count;
	return 0;
}

/* Entries from `at` on, values from the end down; offsets of values count from `origin`. */
static void fill(const struct attr *all, size_t count, unsigned char *at, unsigned char *end,
	const unsigned char *origin, bool hashed)
{
	for (size_t i = 0; i < count; i++) {
		const struct attr *a = &all[i];
		end -= padded(a->len);
		if (is_acl(a))
			(void)acl_convert(a->x, end);
		else if (a->len > 0)
			memcpy(end, a->x->value, a->len);
		struct ext2_ext_attr_entry entry = {
			.e_name_len = a->name_len,
			.e_name_index = a->index,
			.e_value_offs = a->len > 0 ? (uint16_t)(end - origin) : 0,
			.e_value_size = a->len,
		};
		memcpy(at, &entry, sizeof(entry));
		memcpy(at + sizeof(entry), a->name, a->name_len);
		if (hashed) {
			entry.e_hash = ext2fs_ext_attr_hash_entry((void *)at, end);
			memcpy(at, &entry, sizeof(entry));
		}
		at += padded(ENTRY_HEAD + a->name_len);
	}
}

void ext4_xattr_fill(const struct rootfs_node *n, unsigned char ibody[EXT4_IBODY],
	unsigned char block[EXT4_BLOCK])
{
	struct attr all[ATTRS_MAX];
	size_t count, inside;
	struct err never;
	if (n->xattrs == NULL || sorted(n, all, &count, &inside, &never) < 0)
		return;
	uint32_t magic = EXT2_EXT_ATTR_MAGIC;
	if (inside > 0 && ibody != NULL) {
		memcpy(ibody, &magic, sizeof(magic));
		fill(all, inside, ibody + 4, ibody + EXT4_IBODY, ibody + 4, false);
	}
	if (block == NULL || inside == count)
		return;
	struct ext2_ext_attr_header head = { .h_magic = magic, .h_refcount = 1, .h_blocks = 1 };
	memcpy(block, &head, sizeof(head));
	fill(all + inside, count - inside, block + BLOCK_HEAD, block + EXT4_BLOCK, block, true);
	ext2fs_ext_attr_block_rehash((void *)block, (void *)(block + BLOCK_HEAD));
}
