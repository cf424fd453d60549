/*
 * The overlay as an archive: tar in POSIX.1-1988 ustar form, with POSIX.1-2001 pax records only
 * for names that ustar cannot hold, so that every tar, Python's tarfile and libarchive read it.
 *
 * Written here and not by libarchive because the bytes must be the same for every locale and every
 * version of a library, and because loading libarchive with what it needs takes longer than the
 * whole bundle.
 */
#ifndef IMGBUILD_BUNDLE_ARCHIVE_H
#define IMGBUILD_BUNDLE_ARCHIVE_H

#include "base/buf.h"
#include "bundle/tree.h"

/*
 * Append the tree as an archive, in the tree's order, every entry with its owner's names, mode and
 * the time `mtime` (seconds since 1970). Owners other than root have the numeric id 65534, for
 * readers that do not know the name; numeric names are kept. Names have no leading slash.
 * ERR_MACHINE; ERR_INPUT for owner names over 31 bytes.
 */
must_check int archive_tar(
	const struct tree *t, unsigned long long mtime, struct buf *out, struct err *e);

#endif
