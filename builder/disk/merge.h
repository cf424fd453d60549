/*
 * Laying a bundle's tree over the root file system of a base.
 *
 * A path of the tree goes through the base's links to folders: /lib/x lies in /usr/lib where the
 * base has lib -> usr/lib. A file or link takes the place of what has its name, unless that is a
 * folder; with `original: keep` what was there is moved to NAME.orig first, unless there is one
 * already. A folder that the tree describes changes the owner and mode of one that is there; one
 * that is only on the way keeps what the base says. Times are the tree's epoch.
 */
#ifndef IMGBUILD_DISK_MERGE_H
#define IMGBUILD_DISK_MERGE_H

#include "bundle/tree.h"
#include "disk/owner.h"
#include "disk/rootfs.h"

/*
 * Lay `t` (after tree_finish) over `r`; what is in `t` must outlive it. May be called again for a
 * further tree on top. ERR_INPUT, naming the file of the overlay: a file where the base has a
 * folder, or the other way round; a path below a file or a link that leads nowhere; an owner that
 * the base does not know; two paths of the tree that are one in this base.
 */
must_check int merge_tree(
	struct rootfs *r, const struct tree *t, const struct owners *o, struct err *e);

#endif
