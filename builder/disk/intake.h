/*
 * Taking in a base: the archive of a root file system, read into a tree, and a second time for the
 * bytes of its files.
 *
 * Any tar (v7, ustar, GNU, pax), cpio or zip that libarchive reads, plain or compressed by gzip,
 * bzip2, xz, lzma, lzip, zstd, lz4 or compress; a plain tar of plain entries is read without it
 * (tar.h), to the same result. Formats that name files of this machine (mtree) and
 * filters that run programs are not read.
 *
 * What arrives is exact: numeric owners (names are not looked at), modes, device nodes, hard links,
 * symbolic links, times with nanoseconds, sparse files, names of any bytes, xattrs, and ACLs, which
 * become the xattrs system.posix_acl_access and _default in the kernel's form (posix_acl_xattr.h).
 * Not taken: BSD file flags, atime and ctime; sockets, which tar does not store either; an xattr
 * that ext4 has no place for is an error.
 *
 * Paths: absolute ones and a leading "./" are below the root. An entry below a link to a folder of
 * the tree lies in that folder (lib/x where lib -> usr/lib). Of entries of the same path the later
 * one wins, as with tar; a folder keeps what is in it, and a folder entry where there is a link to
 * a folder is passed over, as dpkg does. What is below /dev, /proc, /sys, /run and /tmp is dropped:
 * they are mounts when the image runs; the folders themselves stay.
 *
 * ERR_INPUT, naming archive and entry: the archive is truncated or damaged; a path with ".."; an
 * entry below a file, or below a link that leads to nothing or out of the tree; a hard link to what
 * is not there or is a folder; a file where a folder is, or the other way round; an unknown kind of
 * file; numbers out of range; whatever goes over the limits of rootfs.h.
 */
#ifndef IMGBUILD_DISK_INTAKE_H
#define IMGBUILD_DISK_INTAKE_H

#include <stdbool.h>

#include "disk/rootfs.h"
#include "disk/source.h"

#define INTAKE_KEEP_MAX ((uint64_t)128 << 20) /* bytes of a file whose content is kept */

struct intake;

/*
 * Which regular files' content is kept in memory (node->data, NUL-terminated behind its size; a
 * file of no bytes has "" then): asked with the absolute path that the file has in the tree.
 * /etc/passwd and /etc/group are always kept. Of a file with several names, the first is asked for.
 */
struct intake_keep {
	bool (*want)(void *ctx, const char *path);
	void *ctx;
};

/*
 * Open an archive, to be read with `jobs` cores (0: all; more than one: a second thread parses the
 * headers of a plain tar ahead). ERR_INPUT: cannot be opened, is no regular file.
 */
must_check int intake_open(
	const char *path, unsigned jobs, struct arena *a, struct intake **ret, struct err *e);

/*
 * Read the whole archive into a tree fresh from rootfs_init. `keep` may be NULL. ERR_MACHINE: no
 * libarchive, if it is not just a plain tar.
 */
must_check int intake_scan(
	struct intake *in, struct rootfs *r, const struct intake_keep *keep, struct err *e);

/*
 * Start the second reading, after the scan; it may be started over. Lives until intake_close.
 * Entries whose content was kept, and those that were replaced, are met as well.
 */
must_check int intake_source(struct intake *in, struct rootfs_source **ret, struct err *e);

/* Takes NULL. */
void intake_close(struct intake *in);
void intake_close_at(struct intake **in);

#define cleanup_intake __attribute__((cleanup(intake_close_at)))

#endif
