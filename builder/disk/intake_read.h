/*
 * The inside of intake: the archive's entries, of a plain tar by tar.h, of all others by
 * libarchive. For intake*.c.
 */
#ifndef IMGBUILD_DISK_INTAKE_READ_H
#define IMGBUILD_DISK_INTAKE_READ_H

#include <locale.h>
#include <stdint.h>
#include <sys/stat.h>

#include "disk/intake.h"
#include "disk/libarchive.h"
#include "disk/tar_ahead.h"

#define WINDOW ((size_t)256 << 10) /* bytes read at once, of what is read on and on */
#define REMEDY "make or fetch the archive anew"

/* An entry that carries content, as met by the scan. */
struct content {
	size_t entry;   /* number, from 1 */
	uint64_t size;  /* of the file */
	uint64_t bytes; /* of it that are there */
};

/* Many of them: in blocks, since a list that grows leaves its former self behind. */
#define CONTENTS_EACH 2048
struct contents {
	struct contents *next;
	struct content list[CONTENTS_EACH];
};

struct intake {
	struct arena *arena;
	const char *path; /* as opened */
	struct stat st;   /* when opened */
	int fd;
	bool threaded; /* a plain tar's entries are parsed ahead */
	bool foreign;  /* it is no plain tar, or not to its end */
	bool loaded;   /* `lib` is */
	bool scanned;
	bool whole;               /* all bytes of the entry were read */
	const unsigned char *map; /* for the source; NULL: not, or it cannot be */
	/* One reading. */
	size_t entry;          /* number of the entry that is being read, from 1 */
	const char *name;      /* its name; NULL: not known yet */
	uint64_t bytes;        /* read of its content */
	uint64_t reached;      /* offset in its file */
	uint64_t offset;       /* in the archive, of what is read next */
	char *window;          /* what was read last */
	struct tar_ahead *tar; /* NULL: libarchive reads */
	/* By libarchive. */
	struct libarchive lib;
	struct archive *archive;
	struct entry now;
	struct entry_xattr *xattrs; /* of it */
	size_t xattr_cap;
	size_t step; /* bytes to read next */
	locale_t locale;
	int errnum; /* of a read that failed */
	/* Of the scan. */
	struct contents *contents; /* the first block */
	struct contents *last;
	size_t content_count;
	/* Of the source. */
	struct rootfs_source source;
	size_t at; /* contents met */
	const struct contents *block_at;
	const struct content *content; /* being read */
};

/*
 * Start a reading at the archive's beginning: of entries alone, or of their bytes too, which
 * libarchive does.
 */
must_check int reading_begin(struct intake *in, bool bytes, struct err *e);
void reading_end(struct intake *in);

/* The next entry. 1, 0: end of the archive, -1. */
must_check int reading_next(struct intake *in, const struct entry **ret, struct err *e);

/* ERR_INPUT: the archive is not what it was when it was opened. */
int reading_changed(const struct intake *in, struct err *e);
must_check int reading_unchanged(const struct intake *in, struct err *e);

/*
 * The next bytes of the entry: in order, within the file, and as many as `c` says. 1, 0: no more,
 * -1. Never 0 bytes.
 */
must_check int reading_content(struct intake *in, const struct content *c, const void **ret_data,
	size_t *ret_len, uint64_t *ret_offset, struct err *e);

/* Pass over the entry's bytes, of which none were read. */
must_check int reading_skip(struct intake *in, struct err *e);

/* A path for a message: short, without control characters. */
struct shown {
	char text[256];
};
struct shown shown(const char *path);

#endif
