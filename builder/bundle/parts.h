/*
 * The recipe's further user-data parts: cloud-config documents and scripts that travel beside the
 * builder's own.
 */
#ifndef IMGBUILD_BUNDLE_PARTS_H
#define IMGBUILD_BUNDLE_PARTS_H

#include <stddef.h>

#include "base/digest.h"
#include "bundle/mime.h"
#include "bundle/tree.h"

#define PART_BYTES_MAX ((size_t)256 << 10)

struct part {
	struct mime_part mime;
	const char *source;          /* as shown */
	struct sha256 source_digest; /* of the file as read */
};

struct parts {
	struct part *list;
	size_t count;
};

/*
 * Read and fill the recipe's parts. What a part is, its first line says, as for cloud-init:
 * `#cloud-config`, `#!`, `#cloud-boothook`. Problems: any other first line; top-level keys that
 * cloud-init does not know (with the nearest known one; cloud-init itself passes them over in
 * silence); a value that another part or the builder sets differently, or a file of write_files
 * that is in the tree (`append: true` is fine), because one of the two would be lost in silence; a
 * merge rule of its own; two parts of one file name. -1: ERR_MACHINE.
 */
must_check int parts_read(struct recipe *r, const struct tree *t, struct arena *a, struct diag *d,
	struct parts *ret, struct err *e);

/* cloud-init's top-level keys, sorted, and their count. */
extern const char *const CLOUD_KEYS[];
extern const size_t CLOUD_KEY_COUNT;

#endif
