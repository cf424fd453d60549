#include "disk/intake_meta.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

/* What 34 bits of seconds from 1901 hold: ext4's inodes of 256 bytes. */
#define TIME_MIN (-((int64_t)1 << 31))
#define TIME_MAX (((int64_t)1 << 34) + TIME_MIN - 1)

#define MAJOR_MAX 0xfff /* bits of a device number in Linux: 12 and 20 */
#define MINOR_MAX 0xfffff

#define SPANS_MAX ((size_t)1 << 22)
#define ACL_MAX   500 /* lines: more do not fit into ROOTFS_XATTRS_MAX */

/* posix_acl.h, posix_acl_xattr.h */
#define ACL_VERSION   2
#define ACL_USER_OBJ  0x01
#define ACL_USER      0x02
#define ACL_GROUP_OBJ 0x04
#define ACL_GROUP     0x08
#define ACL_MASK      0x10
#define ACL_OTHER     0x20
#define ACL_NO_ID     UINT32_MAX

#define ACCESS  "system.posix_acl_access"
#define DEFAULT "system.posix_acl_default"

int refuse(const struct intake *in, struct err *e, const char *fmt, ...)
{
	char text[600];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_set(e, ERR_INPUT, 0, "%s: %s: %s", in->path, shown(in->name).text, text);
}

static bool xattr_allowed(const char *name)
{
	static const char *const PREFIXES[] = { "user.", "trusted.", "security." };
	for (size_t i = 0; i < sizeof(PREFIXES) / sizeof(PREFIXES[0]); i++) {
		size_t len = strlen(PREFIXES[i]);
		if (strncmp(name, PREFIXES[i], len) == 0 && name[len] != '\0')
			return true;
	}
	return strcmp(name, ACCESS) == 0 || strcmp(name, DEFAULT) == 0;
}

static int xattr_set(struct meta *m, struct rootfs_node *n, const char *name, const void *value,
	size_t len, struct err *e)
{
	size_t total = len + strlen(name);
	struct rootfs_xattr **at = &n->xattrs;
	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	for (struct rootfs_xattr *x = n->xattrs; x != NULL; x = x->next)
		if (x != *at)
			total += x->len + strlen(x->name);
	if (strlen(name) > ROOTFS_NAME_MAX || len > ROOTFS_XATTRS_MAX || total > ROOTFS_XATTRS_MAX)
		return refuse(m->in, e, "more than %zu bytes of extended attributes (with %s)",
			ROOTFS_XATTRS_MAX, shown(name).text);
	struct rootfs_xattr *x = *at;
	if (x == NULL) {
		x = arena_alloc(m->r->arena, sizeof(*x), e);
		if (x == NULL || (x->name = arena_strdup(m->r->arena, name, e)) == NULL)
			return -1;
		*at = x;
	}
	char *copy = arena_strndup(m->r->arena, value, len, e);
	if (copy == NULL)
		return -1;
	x->value = copy;
	x->len = len;
	return 0;
}

/* Whether the kernel would take the lines: posix_acl_valid() in fs/posix_acl.c. */
static bool acl_valid(const struct acl_line *lines, size_t count)
{
	bool mask = false;
	unsigned once = 0;
	uint16_t before = 0;
	for (size_t i = 0; i < count; i++) {
		uint16_t tag = lines[i].tag;
		bool named = tag == ACL_USER || tag == ACL_GROUP;
		if (tag < before || (tag == before && !named) || (lines[i].perm & ~7u) != 0 ||
			(tag & (tag - 1u)) != 0 || tag == 0 || tag > ACL_OTHER)
			return false;
		once |= named ? 0u : tag;
		mask = mask || named;
		before = tag;
	}
	return (once & (ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER)) ==
		       (ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER) &&
	       (!mask || (once & ACL_MASK) != 0);
}

static int acl_store(struct meta *m, struct rootfs_node *n, const char *xattr,
	const struct acl_line *lines, size_t count, struct err *e)
{
	char value[4 + 8 * ACL_MAX];
	uint32_t version = htole32(ACL_VERSION);
	memcpy(value, &version, 4);
	for (size_t i = 0; i < count; i++) {
		uint16_t tag = htole16(lines[i].tag), perm = htole16(lines[i].perm);
		uint32_t id = htole32(lines[i].id);
		memcpy(value + 4 + 8 * i, &tag, 2);
		memcpy(value + 6 + 8 * i, &perm, 2);
		memcpy(value + 8 + 8 * i, &id, 4);
	}
	return xattr_set(m, n, xattr, value, 4 + 8 * count, e);
}

/* The kernel's form as an archive brought it. */
static int acl_check_raw(struct meta *m, const void *value, size_t len, struct err *e)
{
	struct acl_line lines[ACL_MAX];
	uint32_t version = 0;
	size_t count = len >= 4 ? (len - 4) / 8 : 0;
	if (len >= 4)
		memcpy(&version, value, 4);
	if (len < 4 || (len - 4) % 8 != 0 || count > ACL_MAX || le32toh(version) != ACL_VERSION)
		return refuse(m->in, e, "an ACL in a form that Linux does not have");
	for (size_t i = 0; i < count; i++) {
		const char *line = (const char *)value + 4 + 8 * i;
		memcpy(&lines[i].tag, line, 2);
		memcpy(&lines[i].perm, line + 2, 2);
		lines[i].tag = le16toh(lines[i].tag);
		lines[i].perm = le16toh(lines[i].perm);
	}
	return acl_valid(lines, count) ? 0 : refuse(m->in, e, "an ACL that Linux would not take");
}

static int acl_line(struct meta *m, int tag, int permset, int qual, const char *name,
	struct acl_line *ret, struct err *e)
{
	uint16_t perm = (uint16_t)((permset & ARCHIVE_ENTRY_ACL_READ ? 4 : 0) |
				   (permset & ARCHIVE_ENTRY_ACL_WRITE ? 2 : 0) |
				   (permset & ARCHIVE_ENTRY_ACL_EXECUTE ? 1 : 0));
	uint16_t kind = tag == ARCHIVE_ENTRY_ACL_USER_OBJ    ? ACL_USER_OBJ
			: tag == ARCHIVE_ENTRY_ACL_USER      ? ACL_USER
			: tag == ARCHIVE_ENTRY_ACL_GROUP_OBJ ? ACL_GROUP_OBJ
			: tag == ARCHIVE_ENTRY_ACL_GROUP     ? ACL_GROUP
			: tag == ARCHIVE_ENTRY_ACL_MASK      ? ACL_MASK
			: tag == ARCHIVE_ENTRY_ACL_OTHER     ? ACL_OTHER
							     : 0;
	*ret = (struct acl_line){ .tag = kind, .perm = perm, .id = ACL_NO_ID };
	if (kind != ACL_USER && kind != ACL_GROUP)
		return 0;
	if (qual >= 0)
		ret->id = (uint32_t)qual;
	else if (name == NULL || name[0] == '\0')
		return refuse(m->in, e, "an ACL names nobody");
	else if ((ret->name = arena_strdup(m->r->arena, name, e)) == NULL)
		return -1;
	return 0;
}

static int by_tag_and_id(const struct acl_line *a, const struct acl_line *b)
{
	return a->tag != b->tag ? (a->tag > b->tag) - (a->tag < b->tag)
				: (a->id > b->id) - (a->id < b->id);
}

/* Insertion sort: short, and in order already but for the odd one. */
static void acl_sort(struct acl_line *lines, size_t count)
{
	for (size_t i = 1; i < count; i++) {
		struct acl_line line = lines[i];
		size_t at = i;
		for (; at > 0 && by_tag_and_id(&line, &lines[at - 1]) < 0; at--)
			lines[at] = lines[at - 1];
		lines[at] = line;
	}
}

static int acl_take(struct meta *m, struct rootfs_node *n, struct archive_entry *entry, int type,
	const char *xattr, struct err *e)
{
	const struct libarchive *lib = &m->in->lib;
	struct acl_line lines[ACL_MAX];
	size_t count = 0;
	bool named = false;
	int got_type, permset, tag, qual;
	const char *name;
	if (lib->archive_entry_acl_reset(entry, type) == 0)
		return 0;
	while (lib->archive_entry_acl_next(entry, type, &got_type, &permset, &tag, &qual, &name) ==
		ARCHIVE_OK) {
		if (count == ACL_MAX)
			return refuse(m->in, e, "an ACL of more than %d lines", ACL_MAX);
		if (acl_line(m, tag, permset, qual, name, &lines[count], e) < 0)
			return -1;
		named = named || lines[count].name != NULL;
		count++;
	}
	acl_sort(lines, count);
	if (!acl_valid(lines, count))
		return refuse(m->in, e, "an ACL that Linux would not take");
	/* A mode's group bits are the mask where there is one: acl(5). */
	for (size_t i = 0; i < count && type == ARCHIVE_ENTRY_ACL_TYPE_ACCESS; i++)
		if (lines[i].tag == ACL_MASK)
			n->mode = (n->mode & ~070u) | (uint32_t)lines[i].perm << 3;
	if (!named)
		return acl_store(m, n, xattr, lines, count, e);
	struct acl_later *later = arena_alloc(m->r->arena, sizeof(*later), e);
	if (later == NULL)
		return -1;
	later->lines = arena_array(m->r->arena, count, sizeof(*lines), e);
	if (later->lines == NULL)
		return -1;
	memcpy(later->lines, lines, count * sizeof(*lines));
	later->node = n;
	later->xattr = xattr;
	later->count = count;
	later->next = m->later;
	m->later = later;
	return 0;
}

int meta_finish(struct meta *m, struct err *e)
{
	struct owners owners;
	if (m->later == NULL)
		return 0;
	if (owners_read(m->r, &owners, e) < 0)
		return -1;
	for (struct acl_later *l = m->later; l != NULL; l = l->next) {
		if (l->node->gone)
			continue;
		cleanup_buf struct buf path = { 0 };
		if (rootfs_path(l->node, &path, e) < 0)
			return -1;
		m->in->name = path.data;
		for (size_t i = 0; i < l->count; i++) {
			struct acl_line *line = &l->lines[i];
			if (line->name == NULL)
				continue;
			int rc = line->tag == ACL_USER
					 ? owners_user(&owners, line->name, &line->id, e)
					 : owners_group(&owners, line->name, &line->id, e);
			if (rc < 0)
				return err_wrap(
					e, "%s: %s: ACL", m->in->path, shown(path.data).text);
		}
		acl_sort(l->lines, l->count);
		if (acl_store(m, l->node, l->xattr, l->lines, l->count, e) < 0)
			return -1;
	}
	return 0;
}

static int take_xattrs(
	struct meta *m, struct rootfs_node *n, const struct entry *entry, struct err *e)
{
	n->xattrs = NULL;
	for (size_t i = 0; i < entry->xattr_count; i++) {
		const struct entry_xattr *x = &entry->xattrs[i];
		if (!xattr_allowed(x->name))
			return refuse(m->in, e,
				"the extended attribute %s has no place in ext4: leave it out of the archive",
				shown(x->name).text);
		if (strncmp(x->name, "system.", 7) == 0 &&
			acl_check_raw(m, x->value, x->len, e) < 0)
			return -1;
		if (xattr_set(m, n, x->name, x->value, x->len, e) < 0)
			return -1;
	}
	int types = entry->archive != NULL ? m->in->lib.archive_entry_acl_types(entry->archive) : 0;
	if (types == 0)
		return 0;
	if ((types & ARCHIVE_ENTRY_ACL_TYPE_NFS4) != 0)
		return refuse(m->in, e, "an NFSv4 ACL has no place in ext4");
	if (acl_take(m, n, entry->archive, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, ACCESS, e) < 0)
		return -1;
	return acl_take(m, n, entry->archive, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, DEFAULT, e);
}

int meta_fill(struct meta *m, struct rootfs_node *n, const struct entry *entry, struct err *e)
{
	int64_t uid = entry->uid, gid = entry->gid;
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return refuse(m->in, e, "owner %lld:%lld is out of range", (long long)uid,
			(long long)gid);
	n->mode = (n->mode & S_IFMT) | (entry->mode & 07777);
	n->uid = (uint32_t)uid;
	n->gid = (uint32_t)gid;
	if (entry->timed) {
		int64_t mtime = entry->mtime;
		long nsec = entry->mtime_nsec;
		/* libarchive reads pax's -5.25 as -5 s and 0.25 s after it. */
		if (mtime < 0 && nsec > 0 && nsec <= 999999999) {
			mtime--;
			nsec = 1000000000 - nsec;
		}
		if (mtime < TIME_MIN || mtime > TIME_MAX || nsec < 0 || nsec > 999999999)
			return refuse(m->in, e,
				"its time, %lld s since 1970, is out of ext4's range (1901 to 2446)",
				(long long)mtime);
		n->mtime = mtime;
		n->mtime_nsec = (uint32_t)nsec;
	}
	if (S_ISCHR(n->mode) || S_ISBLK(n->mode)) {
		uint64_t major = entry->major, minor = entry->minor;
		if (major > MAJOR_MAX || minor > MINOR_MAX)
			return refuse(m->in, e, "device %llu:%llu is out of range (4095:1048575)",
				(unsigned long long)major, (unsigned long long)minor);
		n->major = (uint32_t)major;
		n->minor = (uint32_t)minor;
	}
	return take_xattrs(m, n, entry, e);
}

int meta_spans(struct meta *m, struct rootfs_node *n, const struct entry *entry, struct err *e)
{
	const struct libarchive *lib = &m->in->lib;
	struct archive_entry *archive = entry->archive;
	la_int64_t offset, length;
	size_t cap = 0;
	int count = archive != NULL ? lib->archive_entry_sparse_reset(archive) : 0;
	if (count <= 0)
		return 0;
	if ((size_t)count > SPANS_MAX)
		return refuse(m->in, e, "a sparse file of more than %zu pieces", SPANS_MAX);
	struct rootfs_span *spans =
		arena_array(m->r->arena, cap = (size_t)count, sizeof(*spans), e);
	if (spans == NULL)
		return -1;
	size_t used = 0;
	uint64_t end = 0;
	while (lib->archive_entry_sparse_next(archive, &offset, &length) == ARCHIVE_OK &&
		used < cap) {
		if (offset < 0 || length < 0 || (uint64_t)offset < end ||
			(uint64_t)offset > n->size || (uint64_t)length > n->size - (uint64_t)offset)
			return refuse(m->in, e,
				"the pieces of the sparse file do not fit: make the archive anew");
		if (length == 0)
			continue;
		end = (uint64_t)offset + (uint64_t)length;
		if (used > 0 && spans[used - 1].offset + spans[used - 1].length == (uint64_t)offset)
			spans[used - 1].length += (uint64_t)length;
		else
			spans[used++] = (struct rootfs_span){ (uint64_t)offset, (uint64_t)length };
	}
	if (used == 1 && spans[0].offset == 0 && spans[0].length == n->size)
		return 0;
	n->spans = spans;
	n->span_count = used;
	return 0;
}
