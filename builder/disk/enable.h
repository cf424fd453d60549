/*
 * `systemctl enable` and `mask` for a root file system that is a tree in memory: the same links in
 * /etc/systemd/system (systemd.unit(5), [Install] section; systemctl(1)).
 *
 * Understood: WantedBy=, RequiredBy=, UpheldBy=, Alias=, Also=, DefaultInstance=, drop-ins, unit
 * files that are links to others, templates and instances, the specifiers %i %j %n %N %p %%.
 * A link's target is the path by which this base's systemd finds the unit: /lib/systemd/system in
 * Debian 12, /usr/lib/systemd/system in later ones, told by the links that are there already.
 */
#ifndef IMGBUILD_DISK_ENABLE_H
#define IMGBUILD_DISK_ENABLE_H

#include <stdbool.h>

#include "disk/rootfs.h"

/* Unit files and drop-ins, whose content enable_unit looks at: for intake_keep. */
bool enable_wants(const char *path);

/*
 * Make the links of a unit, and of those that its Also= names as far as they are there. Those that
 * are there already stay. ERR_INPUT: no such unit (the message has the nearest), a masked one, one
 * without an [Install] section, a template without an instance, a link's place that is taken.
 */
must_check int enable_unit(struct rootfs *r, const char *name, struct err *e);

/*
 * Link a unit to /dev/null, whether it is there or not, and drop the links that enable it.
 * ERR_INPUT: no unit name; an overlay has a file of its own there. Before enable_unit, so that
 * this finds what the recipe says against itself.
 */
must_check int mask_unit(struct rootfs *r, const char *name, struct err *e);

#endif
