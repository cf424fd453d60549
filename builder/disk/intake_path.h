/*
 * The inside of intake: where in the tree an entry's path leads.
 */
#ifndef IMGBUILD_DISK_INTAKE_PATH_H
#define IMGBUILD_DISK_INTAKE_PATH_H

#include "disk/intake_meta.h"

/* A path without the slashes and dots that say nothing. */
struct place {
	const char *prefix; /* of the folders */
	size_t prefix_len;
	const char *name; /* the last component; empty: the root */
	size_t len;
};

struct place entry_place(const char *path);
bool path_has_dotdot(const char *path, size_t len);

/* Finds folders; remembers that of the entry before, which most entries share. */
struct finder {
	struct intake *in;
	struct rootfs *r;
	struct buf prefix;          /* as the archive writes it */
	struct buf folder_path;     /* in the tree, with a slash at its end */
	struct rootfs_node *folder; /* NULL: its content is dropped */
	bool known;                 /* false: a link was replaced, look again */
};

/*
 * The folder that an entry lies in, made with its parents where missing, through links to folders.
 * *ret NULL: its content is dropped. ERR_INPUT.
 */
must_check int finder_folder(
	struct finder *s, const struct place *p, struct rootfs_node **ret, struct err *e);

/* The same for any path; without `make`, *ret NULL: it is missing. */
must_check int finder_walk(struct finder *s, const char *prefix, size_t len, bool make,
	struct rootfs_node **ret, struct err *e);

/* rootfs_add, with the entry's name in front of what is wrong. */
must_check struct rootfs_node *finder_add(struct finder *s, struct rootfs_node *folder,
	const char *name, size_t len, uint32_t mode, struct err *e);

void finder_free(struct finder *s);

#endif
