/*
 * Names of users and groups as numbers, by the image's own /etc/passwd and /etc/group (passwd(5),
 * group(5)): those of this machine have nothing to say.
 */
#ifndef IMGBUILD_DISK_OWNER_H
#define IMGBUILD_DISK_OWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "disk/rootfs.h"

struct owner {
	const char *name;
	uint32_t id;
};

struct owners {
	struct owner *users; /* in the order of the file: the first of a name counts */
	size_t user_count;
	size_t user_cap;
	struct owner *groups;
	size_t group_count;
	size_t group_cap;
};

/*
 * Read both files of the tree, whose content must be in memory (intake.h sees to it). A file that
 * is missing knows no names but root; lines that are none are passed over, as the C library does.
 * ERR_MACHINE.
 */
must_check int owners_read(const struct rootfs *r, struct owners *ret, struct err *e);

/*
 * The number of a name, or the number that it is itself. ERR_INPUT: unknown; the message names it
 * and the nearest that there is.
 */
must_check int owners_user(const struct owners *o, const char *name, uint32_t *ret, struct err *e);
must_check int owners_group(const struct owners *o, const char *name, uint32_t *ret, struct err *e);

#endif
