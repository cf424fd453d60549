/*
 * The root file system of an image as a tree of nodes in memory: everything but the bytes of its
 * files, which stay in the base's archive, or in memory where the builder made them.
 *
 * The base's archive is read twice: once for the tree (intake.h), so that the writer can place
 * everything before it writes a byte, and once for the bytes, in the archive's order.
 *
 * A base node that an overlay replaced, or that lost its place to another kind of file, stays in
 * the list as `gone`: the writer leaves its place free, so that the base lies in the image the same
 * way whatever the overlay.
 */
#ifndef IMGBUILD_DISK_ROOTFS_H
#define IMGBUILD_DISK_ROOTFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"

#define ROOTFS_NAME_MAX   255                 /* bytes of a name, as ext4 has it */
#define ROOTFS_PATH_MAX   4095                /* bytes of a path or of a link's target */
#define ROOTFS_DEPTH_MAX  256                 /* folders in one another */
#define ROOTFS_NODES_MAX  ((size_t)4 << 20)   /* nodes */
#define ROOTFS_LINKS_MAX  65000               /* hard links of a file, as ext4 has it */
#define ROOTFS_FILE_MAX   ((uint64_t)1 << 43) /* bytes of a file (8 TiB) */
#define ROOTFS_XATTRS_MAX ((size_t)3968)      /* bytes of all of a node's xattrs with names */

struct rootfs_xattr {
	const char
		*name; /* security.capability, system.posix_acl_access in the kernel's form, ... */
	const void *value;
	size_t len; /* bytes */
	struct rootfs_xattr *next;
};

/* Bytes of a sparse file that are there; all else reads as zero. */
struct rootfs_span {
	uint64_t offset; /* bytes */
	uint64_t length;
};

/* Content that is known only when everything before it is written. */
struct rootfs_late {
	/* Append exactly the node's `size` bytes. */
	int (*fill)(void *ctx, struct buf *out, struct err *e);
	void *ctx;
};

struct rootfs_node {
	const char *name;           /* one component, without slashes, any bytes; "" for the root */
	struct rootfs_node *parent; /* NULL for the root */
	struct rootfs_node *children; /* of a folder, in the order met, `gone` ones too */
	struct rootfs_node *last;     /* of children */
	struct rootfs_node *next;     /* sibling */
	struct rootfs_node *prev;
	uint32_t hash;

	uint32_t mode; /* S_IFMT and permission bits */
	uint32_t uid;
	uint32_t gid;
	int64_t mtime; /* seconds since 1970 */
	uint32_t mtime_nsec;
	uint32_t major; /* of a device */
	uint32_t minor;
	uint64_t size;      /* bytes of a file */
	const char *target; /* of a symbolic link */
	/* This name is a further one of that file: all else but name and parent is there. Never a
	 * link to a link. */
	struct rootfs_node *same_as;
	/* A further name of the same file, of the file itself the first: the names in the order
	 * met, `gone` ones perhaps too. */
	struct rootfs_node *further;
	uint32_t links; /* names of a file, >= 1 (folders, further names: not used) */
	struct rootfs_xattr *xattrs;
	struct rootfs_span *spans; /* of a sparse file, in order, apart; NULL: all of it is there */
	size_t span_count;

	bool gone;     /* a base node that is not in the image */
	bool overlay;  /* not the base's: made by an overlay or by the builder */
	bool implicit; /* a folder that nobody described: 0755 root, the base's time */
	/* The content: one of the three, for a file of size > 0. */
	const void *data;         /* in memory */
	struct rootfs_late *late; /* made at the end */
	size_t entry;             /* else: number of the archive's entry that carries it, from 1 */
	uint64_t at; /* byte of the archive where it lies as it is, in one piece; 0: nowhere */

	struct sha256 digest; /* of a file's content; set while it is written, when asked for */
	bool digested;

	/* The writer's own. */
	uint32_t ino;
	void *place;
};

struct rootfs_place {
	struct rootfs_node *node; /* NULL: free */
	uint32_t hash;            /* here as well: most nodes need not be looked at */
};

struct rootfs {
	struct arena *arena; /* everything lives there */
	struct rootfs_node *root;
	struct rootfs_node **list; /* base nodes in the order met, then the overlay's */
	size_t count;
	size_t cap;
	struct rootfs_place *table; /* by parent and name: open addressing */
	size_t table_size;
	int64_t epoch;  /* seconds since 1970: of what has no time of its own */
	size_t entries; /* of the archive, as read */
};

/* An empty tree: a root folder 0755 root. The arena becomes a large one (arena.h). */
must_check int rootfs_init(struct rootfs *r, struct arena *a, int64_t epoch, struct err *e);

/* The node of that name in a folder that is not gone; NULL: none. */
struct rootfs_node *rootfs_child(
	const struct rootfs *r, const struct rootfs_node *folder, const char *name, size_t len);

/*
 * The node of an absolute path, following no links; NULL: none. A further name of a file is
 * returned as itself: see rootfs_file.
 */
struct rootfs_node *rootfs_find(const struct rootfs *r, const char *path);

/*
 * The same, but links are followed within the tree, as the booted system would (at most 40,
 * path_resolution(7)). NULL: none, or a circle.
 */
struct rootfs_node *rootfs_resolve(const struct rootfs *r, const char *path);

/* The node that holds the content and owner of a name. */
struct rootfs_node *rootfs_file(struct rootfs_node *n);

/*
 * Add a node to a folder: the caller fills in the rest. It is of the base, root:root, with the
 * tree's epoch as its time. What has that name already must be gone before. NULL: ERR_MACHINE,
 * ERR_INPUT over a limit.
 */
must_check struct rootfs_node *rootfs_add(struct rootfs *r, struct rootfs_node *folder,
	const char *name, size_t len, uint32_t mode, struct err *e);

/* Add a further name of a file that is not a folder. ERR_INPUT: more than ROOTFS_LINKS_MAX. */
must_check struct rootfs_node *rootfs_add_link(struct rootfs *r, struct rootfs_node *folder,
	const char *name, size_t len, struct rootfs_node *file, struct err *e);

/*
 * Take a name out of the tree, with all below it: what loses its last name is `gone`. A file with
 * further names stays what it is, at its place in `list`, and takes over the next of its names:
 * `n` is then no longer where it was, and the node that had that name is gone instead of it.
 */
must_check int rootfs_remove(struct rootfs *r, struct rootfs_node *n, struct err *e);

/* The folder of an absolute path, made with its parents (implicit) where missing; ERR_INPUT: a part
 * of it is no folder. Links to folders on the way are followed. */
must_check struct rootfs_node *rootfs_folder(
	struct rootfs *r, const char *path, bool overlay, struct err *e);

/*
 * Put a file or a link of the builder's at an absolute path, replacing what is there (but for a
 * folder: ERR_INPUT). `data` must outlive the tree. root:root; mtime is the tree's epoch.
 */
must_check struct rootfs_node *rootfs_put(struct rootfs *r, const char *path, uint32_t mode,
	const void *data, size_t len, struct err *e);
must_check struct rootfs_node *rootfs_put_link(
	struct rootfs *r, const char *path, const char *target, struct err *e);

/*
 * What a walk along a path came to. `rest` is where it stopped in the path: the component that is
 * missing or in the way.
 */
enum rootfs_walk {
	WALK_FOUND,
	WALK_MISSING, /* `node` is the folder that lacks `rest` */
	WALK_FILE,    /* `node`, in the middle of the path, is no folder */
	WALK_LINK,    /* `node` is a link that leads to nothing, to no folder, or in a circle */
	WALK_LEAVES,  /* `node` is a link that climbs above the root */
};
struct rootfs_walked {
	enum rootfs_walk state;
	struct rootfs_node *node;
	const char *rest;
};

/*
 * Walk along `len` bytes of a path from the root, through links to folders, the last component
 * included. Empty components and "." are passed over, ".." in the path is taken as in a link.
 */
struct rootfs_walked rootfs_walk(const struct rootfs *r, const char *path, size_t len);

/* Append the absolute path of a node. */
must_check int rootfs_path(const struct rootfs_node *n, struct buf *out, struct err *e);

#endif
