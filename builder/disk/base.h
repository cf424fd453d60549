/*
 * The base of an image: a root file system as one archive, made of Debian's packages by mmdebstrap
 * or brought along by the user.
 *
 * Debian's are kept in a cache, so that a build asks no mirror and runs no mmdebstrap unless the
 * base is missing or an update is wanted. Below the cache folder:
 *
 *   bases/SUITE-ARCH-REQUEST.request  which base answers a request (suite, packages, patterns,
 *                                     keyring, sources): the mirror's state of the last update
 *   bases/SUITE-ARCH-KEY.tar          a base; KEY: request without its sources, epoch, digests of
 *                                     the suites' InRelease files
 *   bases/SUITE-ARCH-KEY.json         its digest, size and epoch; written behind it, renamed into
 *                                     place: what has none is not whole
 *   bases/SUITE-ARCH.lock             held while one is looked for or made (flock(2))
 *   bases/.SUITE-ARCH.building.*      what a killed run left is removed by the next
 *   tars/PATHHASH                     digest of a user's archive, for as long as the file is the
 *                                     same (device, inode, size, mtime, ctime)
 *
 * Of each suite and architecture the BASE_KEEP bases that were used last stay.
 *
 * No name of a mirror, user or machine is in a base: its apt sources are Debian's public ones, and
 * the files that mmdebstrap copies from the machine (hostname, resolv.conf) and the SSH host keys
 * are gone. Bases of one key have the same bytes wherever they are made, by root or by a plain user
 * with a subuid range: times are at most the newest Date of the suites' Release files.
 */
#ifndef IMGBUILD_DISK_BASE_H
#define IMGBUILD_DISK_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/log.h"

#define BASE_KEEP 4

enum base_kind {
	BASE_DEBIAN,
	BASE_TAR,
};

struct base_request {
	enum base_kind kind;
	const char *tar; /* BASE_TAR: path of the archive */

	/* All else: BASE_DEBIAN. */
	const char *suite;           /* codename: bookworm, trixie */
	const char *arch;            /* Debian's name: amd64, arm64 */
	const char *mirror;          /* http:, https: or file: URL that has dists/SUITE; -updates is
				      * looked for there, -security in the same with "-security"
				      * behind it. NULL: this machine's own Debian sources with the
				      * suite exchanged, else Debian's public ones */
	const char *const *packages; /* NAME or NAME=VERSION, beside the essential ones */
	size_t package_count;
	const char *const *excludes; /* patterns of paths that dpkg leaves out (fnmatch(3), *
				      * matches slashes), a leading ! puts back; also obeyed by the
				      * image's own dpkg: /etc/dpkg/dpkg.cfg.d/99mmdebstrap */
	size_t exclude_count;
	bool update;       /* ask the mirror for a newer state */
	bool look;         /* make nothing and ask nobody: what the cache has, or nothing */
	const char *cache; /* folder; NULL: imgbuild in XDG_CACHE_HOME or ~/.cache */
	bool has_epoch;    /* else: the newest Date of the suites' Release files */
	int64_t epoch;     /* SOURCE_DATE_EPOCH */
	const struct log *log;
};

struct base {
	const char *path; /* of the archive; uncompressed pax when BASE_DEBIAN; NULL: `look`, and
			   * there is none yet */
	struct sha256 digest; /* of its bytes: the identity of the base */
	uint64_t size;        /* bytes */
	const char *label;    /* "debian:bookworm", "tar:NAME" */
	bool cached;          /* nothing was made */
	bool has_epoch;       /* BASE_TAR: only when the request has one */
	int64_t epoch;        /* time of what has none of its own */
};

/*
 * Get a base; strings in the arena. ERR_INPUT: a name, pattern or URL that cannot be one, a suite
 * that the mirror does not have, no such archive. ERR_MACHINE: mmdebstrap is missing, may not run
 * here, or failed; the message says what to do. ERR_REMOTE: the mirror cannot be reached and a
 * newer state was wanted, or there is no base for the request yet.
 */
must_check int base_get(
	const struct base_request *r, struct arena *a, struct base *ret, struct err *e);

/*
 * Where the packages of a Debian base come from, in the one-line form of sources.list(5), for a
 * guest on this machine. *ret NULL: of another kind of base. ERR_INPUT, ERR_MACHINE.
 */
must_check int base_apt_sources(
	const struct base_request *r, struct arena *a, const char **ret, struct err *e);

#endif
