/*
 * disk.json, the image's manifest: what went into an image and all that is in it. JSON, the same
 * bytes for the same image, one file of the root file system a line:
 *
 *   format      1
 *   recipe      its name
 *   tool        {name, version}
 *   image       {size, arch, base: {name, sha256}}    bytes
 *   inputs      SHA-256 of all that was given to the build
 *   disk        {sha256}                              of disk.raw; absent where nobody asked
 *   partitions  [{name, type, uuid, start, size}]     GUIDs, bytes
 *   blocks      {size, count, present, sha256}        blocks.h: bytes of one, how many, how many
 *                                                     were written, SHA-256 over their digests
 *   packages    [{name, version, architecture, source}]
 *   files       [{path, type, mode, uid, gid, ...}]   sorted by the bytes of the path
 *
 * `type` is file (size, sha256), link (target), folder, char or block (device: MAJOR:MINOR), fifo,
 * socket. `same` is the path of the file that this is a further name of. `xattrs` is the SHA-256
 * over NAME NUL LENGTH NUL VALUE of all extended attributes in the order of their names. Names that
 * are no UTF-8 stand in `path_bytes` (`target_bytes`) as hexadecimal digits, beside a form that can
 * be read. A file without `sha256` has content that was not digested.
 */
#ifndef IMGBUILD_DISK_RECORD_H
#define IMGBUILD_DISK_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "disk/dpkg.h"
#include "disk/rootfs.h"

#define RECORD_NAME "disk.json"

struct record_partition {
	const char *name;
	const char *type; /* GUIDs as text */
	const char *uuid;
	uint64_t start; /* bytes */
	uint64_t size;  /* bytes */
};

/* What the writer is told. */
struct record_facts {
	const char *recipe;
	const char *tool; /* version */
	const char *arch; /* x86_64, arm64 */
	uint64_t size;    /* bytes of the image */
	const char *base; /* its label */
	struct sha256 base_digest;
	struct sha256 inputs;
	const struct sha256 *disk; /* of disk.raw; NULL: not known */
	const struct record_partition *partitions;
	size_t partition_count;
	uint64_t block_size;
	size_t blocks;
	size_t blocks_present;
	struct sha256 blocks_digest;
	const struct dpkg_packages *packages;
	const struct rootfs *tree; /* after it was written: files have digests */
};

/* Append the document. ERR_MACHINE. */
must_check int record_write(const struct record_facts *f, struct buf *out, struct err *e);

/* What the reader gives. */
struct record_file {
	const char *path;
	const char *type;
	uint32_t mode; /* permission bits */
	uint32_t uid;
	uint32_t gid;
	uint64_t size;       /* bytes; 0 for all but files */
	const char *content; /* sha256, target or device; NULL: none, or not known */
	const char *xattrs;  /* NULL: none */
	bool further;        /* a further name of another file */
};

struct record_package {
	const char *name;
	const char *version;
	const char *architecture;
};

struct record {
	const char *recipe;
	const char *tool;
	const char *arch;
	const char *base;
	const char *base_digest;
	const char *inputs;
	const char *blocks_digest;
	uint64_t size; /* bytes */
	struct record_partition *partitions;
	size_t partition_count;
	struct record_package *packages; /* by name, then architecture */
	size_t package_count;
	struct record_file *files; /* by path */
	size_t file_count;
};

/* `path` is for messages. ERR_INPUT: not such a document. */
must_check int record_parse(const char *path, const char *data, size_t len, struct arena *a,
	struct record *ret, struct err *e);
/* Of a file, or of a folder that holds disk.json. ERR_INPUT, ERR_MACHINE. */
must_check int record_read(const char *path, struct arena *a, struct record *ret, struct err *e);

#endif
