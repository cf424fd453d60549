/*
 * What the files of base.h share.
 */
#ifndef IMGBUILD_DISK_BASE_PART_H
#define IMGBUILD_DISK_BASE_PART_H

#include "disk/base.h"

#define BASE_KEYRING "/usr/share/keyrings/debian-archive-keyring.gpg"

/* A suite on a mirror. */
struct base_source {
	const char *uri;       /* without a slash at the end */
	const char *suffix;    /* of the suite's name: "", "-updates", "-security" */
	struct sha256 release; /* of its InRelease file */
	bool absent;           /* the mirror has no such suite */
};

#define BASE_SOURCES_MAX 16

struct base_sources {
	struct base_source list[BASE_SOURCES_MAX]; /* sorted; the suite itself is among them */
	size_t count;
	int64_t epoch; /* newest Date of their Release files; after base_sources_ask */
};

/* base_mirror.c */

/* Which suites to build from: `r`'s mirror, this machine's own, or Debian's. */
must_check int base_sources_find(
	const struct base_request *r, struct arena *a, struct base_sources *ret, struct err *e);
/* Download their InRelease files; `scratch` is a path in a folder of ours that may be overwritten.
 */
must_check int base_sources_ask(
	const struct base_request *r, const char *scratch, struct base_sources *s, struct err *e);

/* base_machine.c */

/* ERR_MACHINE: mmdebstrap cannot work here, and what to do. */
must_check int base_machine_check(const struct base_request *r, struct arena *a, struct err *e);

/* base_debian.c */

must_check int base_debian(const struct base_request *r, const char *folder, struct arena *a,
	struct base *ret, struct err *e);

/* base_build.c */

struct base_command {
	const char **words; /* what decides the result: neither mode, target nor mirror */
	size_t count;
	size_t cap;
	const char *own_sources; /* of the image: /etc/apt/sources.list.d/debian.sources */
};

/* The command for a request. ERR_INPUT: something in it cannot be what it should be. */
must_check int base_command(
	const struct base_request *r, struct arena *a, struct base_command *ret, struct err *e);
/* Run it: the archive is at `path` afterwards. */
must_check int base_build(const struct base_request *r, const struct base_command *c,
	const struct base_sources *s, int64_t epoch, const char *path, struct arena *a,
	struct err *e);

/* base.c */

/* SHA-256 and size of a file's bytes. */
must_check int base_digest(
	const char *path, struct sha256 *ret_digest, uint64_t *ret_size, struct err *e);
/* Write a small file whole: a temporary name, fsync, rename. */
must_check int base_write_file(
	const char *path, const void *data, size_t len, struct arena *a, struct err *e);

#endif
