/*
 * The file integrity baseline: a list of SHA-256 digests of the image's files, in the form that
 * `sha256sum --check` reads (GNU coreutils manual, "cksum output modes"), as a file of the image.
 *
 * In it are all regular files of the image but those that are written on the instance itself: an
 * overlay says which, in INTEGRITY_MUTABLE, one pattern of fnmatch(3) a line, in which * stands for
 * slashes as well; lines that do not start with a slash are comments. Without that file there is no
 * list.
 */
#ifndef IMGBUILD_DISK_INTEGRITY_H
#define IMGBUILD_DISK_INTEGRITY_H

#include "disk/rootfs.h"

#define INTEGRITY_PATH    "/usr/lib/hub/integrity.sha256"
#define INTEGRITY_MUTABLE "/usr/lib/hub/integrity.mutable"

/*
 * Put the list into the tree, as the last node: its content is made when all others are written and
 * digested. Call it when the tree is complete. ERR_MACHINE.
 */
must_check int integrity_add(struct rootfs *r, struct err *e);

#endif
