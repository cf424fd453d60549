/*
 * The list of block digests that a snapshot made of one of our images carries, read back: what an
 * upload of the next image can build upon.
 */
#ifndef IMGBUILD_AMI_PARENT_H
#define IMGBUILD_AMI_PARENT_H

#include "aws/client.h"
#include "base/arena.h"
#include "base/log.h"
#include "disk/blocks.h"

#define PARENT_TAG "imgbuild:blocks" /* first block of the list, in decimal */

/*
 * Read the list of a snapshot whose tag PARENT_TAG says `first`. Every block's checksum is
 * verified, and the list's own. ERR_INPUT: it is no valid list; ERR_REMOTE, ERR_MACHINE.
 */
must_check int parent_read(struct aws *aws, const char *region, const char *snapshot,
	const char *first, struct arena *a, struct blocks *ret, struct err *e);

/*
 * The same for an upload: whatever is odd about it is told, and there is no parent then:
 * *ret_usable is false. -1 when interrupted, and for failures that pass (`again`).
 */
must_check int parent_find(struct aws *aws, const struct log *log, const char *region,
	const char *snapshot, const char *first, struct arena *a, struct blocks *ret,
	bool *ret_usable, struct err *e);

#endif
