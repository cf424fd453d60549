/*
 * What changed between two images, by their manifests (record.h).
 */
#ifndef IMGBUILD_DISK_COMPARE_H
#define IMGBUILD_DISK_COMPARE_H

#include "disk/record.h"

enum compare_kind {
	COMPARE_ADDED,
	COMPARE_REMOVED,
	COMPARE_CHANGED,
	COMPARE_UP,   /* a package, to a newer version (deb-version(7)) */
	COMPARE_DOWN, /* to an older one */
};
/* "added", "removed", "changed", "up", "down" */
const char *compare_kind_name(enum compare_kind k);

enum compare_section {
	COMPARE_IMAGE,   /* size (bytes), arch, base, tool, partitions, digest of all blocks */
	COMPARE_PACKAGE, /* NAME, or NAME:ARCHITECTURE where there are several */
	COMPARE_FILE,    /* absolute path */
};
/* "image", "package", "file" */
const char *compare_section_name(enum compare_section s);

/* What is different about a file that is on both sides. */
#define COMPARE_TYPE    1u
#define COMPARE_CONTENT 2u /* bytes, target, device */
#define COMPARE_MODE    4u
#define COMPARE_OWNER   8u
#define COMPARE_XATTRS  16u
/* "content, mode"; in the caller's memory */
struct compare_text {
	char text[64];
};
struct compare_text compare_what(unsigned what);

struct compare_change {
	enum compare_kind kind;
	enum compare_section section;
	const char *name;
	const char *before; /* NULL: added. A file: "MODE UID:GID SHA256", "MODE UID:GID -> TARGET",
			     * with the type in front when it is neither */
	const char *after;  /* NULL: removed */
	unsigned what;      /* COMPARE_TYPE... of a file that changed */
	int64_t delta;      /* bytes that a file grew by */
};

struct comparison {
	struct compare_change *list; /* by section, then name */
	size_t count;
	size_t cap;
	size_t files;    /* changes of files */
	size_t packages; /* changes of packages */
	int64_t delta;   /* bytes that all files together grew by */
};

/* Names point into the records, other texts are in the arena. ERR_MACHINE. */
must_check int compare_records(const struct record *before, const struct record *after,
	struct arena *a, struct comparison *ret, struct err *e);

#endif
