/*
 * The inside of enable.c: a unit's file among the folders that systemd looks into.
 */
#ifndef IMGBUILD_DISK_ENABLE_FIND_H
#define IMGBUILD_DISK_ENABLE_FIND_H

#include "disk/unit.h"

#define CONFIG "/etc/systemd/system"

struct unit {
	const char *name; /* the instance where there is one */
	const char *path; /* of the file that describes it, as systemctl would say it */
	struct unit_install install;
};

/*
 * A unit by its name, through links to other units, with what file and drop-ins say. 1: found, 0:
 * there is none, or not `by_name` (only Also= says it) and masked; -1: ERR_INPUT it is masked, or a
 * link that leads to no unit; ERR_MACHINE.
 */
must_check int unit_find(
	struct rootfs *r, const char *name, bool by_name, struct unit *ret, struct err *e);

/* ERR_INPUT: there is no such unit; the message has the nearest. */
int unit_unknown(struct rootfs *r, const char *name, struct err *e);

#endif
