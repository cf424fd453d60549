/*
 * The headers of a plain tar, without libarchive: what systems are packed into, and nothing else.
 *
 * Read are ustar and GNU headers (POSIX.1-2017 pax(1), "ustar Interchange Format"; GNU tar manual,
 * "Basic Tar Format"), the long names of GNU tar (types L and K), and pax's extended headers (type
 * x) with path, linkpath, size, uid, gid, mtime, SCHILY.xattr.* (star(1)) and RHT.security.selinux
 * (GNU tar).
 * Whatever else there is, however small, makes the archive "foreign" from there on: sparse files,
 * ACLs, numbers that are not octal, sums that do not fit, contents that are not all there. What it
 * is then, or what is wrong with it, libarchive finds. What is read here, libarchive reads alike.
 */
#ifndef IMGBUILD_DISK_TAR_H
#define IMGBUILD_DISK_TAR_H

#include "base/buf.h"
#include "disk/entry.h"

#define TAR_XATTRS_MAX 8    /* of an entry; more are foreign */
#define TAR_WINDOW     2048 /* bytes read at most: a header, and the next ones */

enum tar_found {
	TAR_ENTRY,
	TAR_END,     /* its mark: a block of zeroes */
	TAR_FOREIGN, /* or a file that cannot be read */
	TAR_NO_MEMORY,
};

/* A reading. Begin with the file, its size, and zeroes. */
struct tar {
	int fd;
	uint64_t size;   /* of the file */
	uint64_t offset; /* of the next header */
	uint64_t window_at;
	size_t window_len;
	bool dense; /* the entry before had extended headers: so may this one */
	bool no_memory;
	unsigned char window[TAR_WINDOW];
};

/* An entry with the room for what it points to. Begin with zeroes; tar_member_free. */
struct tar_member {
	struct entry entry;
	struct entry_xattr xattrs[TAR_XATTRS_MAX];
	char name[257]; /* prefix, slash, name */
	char target[101];
	struct buf long_name; /* type L; of type x all records */
	struct buf long_target;
};

/*
 * The next entry. Reads with pread(2). Behind anything but TAR_ENTRY there is no more to ask for.
 */
enum tar_found tar_next(struct tar *t, struct tar_member *ret);

void tar_member_free(struct tar_member *m);

#endif
