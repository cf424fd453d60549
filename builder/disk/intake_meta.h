/*
 * The inside of intake: what an entry says about its node beside path and content.
 */
#ifndef IMGBUILD_DISK_INTAKE_META_H
#define IMGBUILD_DISK_INTAKE_META_H

#include "disk/intake_read.h"
#include "disk/owner.h"

/* One line of an ACL, in the kernel's terms (posix_acl.h). */
struct acl_line {
	uint16_t tag;
	uint16_t perm;
	uint32_t id;
	const char *name; /* to be looked up, where the archive has no number; NULL: none */
};

/* An ACL with names in it, which waits for the base's /etc/passwd and /etc/group. */
struct acl_later {
	struct acl_later *next;
	struct rootfs_node *node;
	const char *xattr;
	struct acl_line *lines;
	size_t count;
};

struct meta {
	struct intake *in;
	struct rootfs *r;
	struct acl_later *later;
};

/* Mode, owner, time, device numbers, xattrs and ACLs, in place of what the node has. ERR_INPUT. */
must_check int meta_fill(
	struct meta *m, struct rootfs_node *n, const struct entry *entry, struct err *e);

/* The spans of a sparse file, and its size. ERR_INPUT. */
must_check int meta_spans(
	struct meta *m, struct rootfs_node *n, const struct entry *entry, struct err *e);

/* When the tree is whole: ACLs with names. ERR_INPUT. */
must_check int meta_finish(struct meta *m, struct err *e);

/* "ARCHIVE: ENTRY: text" as ERR_INPUT. */
int refuse(const struct intake *in, struct err *e, const char *fmt, ...) printf_fn(3);

#endif
