/*
 * An entry of an archive, whoever read it.
 */
#ifndef IMGBUILD_DISK_ENTRY_H
#define IMGBUILD_DISK_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct entry_xattr {
	const char *name;
	const void *value;
	size_t len; /* bytes */
};

struct archive_entry;

/* Its texts and lists are the reader's, until the next entry. */
struct entry {
	const char *name;
	const char *hardlink; /* the path of the file that it is another name of, or NULL */
	const char *symlink;  /* the target, or NULL */
	uint32_t mode;        /* S_IFMT and permissions; of a hard link the kind may be 0 */
	int64_t uid, gid;
	int64_t size; /* bytes of content; -1: not told */
	bool timed;   /* it has a time: */
	int64_t mtime;
	long mtime_nsec;
	uint64_t major, minor;
	bool encrypted;
	uint64_t at; /* byte of the archive where the content lies as it is; 0: not known */
	const struct entry_xattr *xattrs;
	size_t xattr_count;
	/* libarchive's, which may have an ACL and pieces of a sparse file besides; NULL: neither.
	 */
	struct archive_entry *archive;
};

#endif
