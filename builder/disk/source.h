/*
 * The bytes of a base's files: the writer's second reading of it. Those that lie in the archive as
 * they are may be taken from there; the others come in the archive's order.
 */
#ifndef IMGBUILD_DISK_SOURCE_H
#define IMGBUILD_DISK_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct rootfs_source {
	/*
	 * Go to the next entry that carries content; its number (see rootfs_node.entry) rises.
	 * 1: there is one, 0: no more, -1: ERR_INPUT the archive is broken or changed since it was
	 * first read, ERR_MACHINE.
	 */
	int (*next)(struct rootfs_source *s, size_t *ret_entry, struct err *e);
	/*
	 * The next bytes of that entry: a pointer that holds until the next call of either
	 * function, with the offset in the file that they belong to. 1, 0: no more, -1.
	 */
	int (*read)(struct rootfs_source *s, const void **ret_data, size_t *ret_len,
		uint64_t *ret_offset, struct err *e);
	/*
	 * The archive, mapped, for any thread (see mapped.h): the nodes whose `at` is not 0 have
	 * their bytes there. NULL: none has. Who took bytes from it asks then whether it is still
	 * what it was.
	 */
	const unsigned char *map;
	uint64_t map_len;
	int (*unchanged)(struct rootfs_source *s, struct err *e);
};

#endif
