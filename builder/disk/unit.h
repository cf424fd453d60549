/*
 * Names and files of systemd's units: what enable.c needs to know of them.
 */
#ifndef IMGBUILD_DISK_UNIT_H
#define IMGBUILD_DISK_UNIT_H

#include <stdbool.h>

#include "disk/rootfs.h"

#define UNIT_NAME_MAX 255 /* bytes */

enum unit_kind { UNIT_INVALID, UNIT_PLAIN, UNIT_TEMPLATE, UNIT_INSTANCE };

/* What a name is: foo.service, foo@.service, foo@bar.service (unit_name_is_valid()). */
enum unit_kind unit_kind(const char *name);

/* foo@bar.service of foo@.service and "bar". NULL: ERR_MACHINE. */
must_check const char *unit_instance(
	struct arena *a, const char *template, const char *instance, struct err *e);
/* foo@.service of foo@bar.service. */
must_check const char *unit_template(struct arena *a, const char *instance, struct err *e);
/* "bar" of foo@bar.service; "" of others. */
must_check const char *unit_instance_of(struct arena *a, const char *name, struct err *e);

struct unit_list {
	const char **list;
	size_t count;
	size_t cap;
};

/* An [Install] section. */
struct unit_install {
	bool present;
	struct unit_list wanted_by;
	struct unit_list required_by;
	struct unit_list upheld_by;
	struct unit_list alias;
	struct unit_list also;
	const char *default_instance; /* NULL: none */
};

/* Add what a unit file or a drop-in of it says. ERR_MACHINE. */
must_check int unit_parse(
	struct arena *a, const char *text, size_t len, struct unit_install *into, struct err *e);

/* Fill the specifiers of a value for a unit of that name. ERR_INPUT: one that is not known here. */
must_check const char *unit_expand(
	struct arena *a, const char *value, const char *name, struct err *e);

#endif
