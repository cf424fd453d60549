/*
 * One boot of a recipe's image here, from an empty folder to a verdict.
 *
 * QEMU gets a copy-on-write view of the disk, larger than the disk so that the root grows, and a
 * network in which the services of service.h answer. The guest is watched on its serial console
 * until the hub says that it is ready and has put its record into the zone.
 */
#ifndef IMGBUILD_BOOT_BOOT_H
#define IMGBUILD_BOOT_BOOT_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "bundle/bundle.h"
#include "recipe/recipe.h"

/* Seconds for which a guest may take its time where nobody says another. */
#define BOOT_SECONDS_KVM   180
#define BOOT_SECONDS_TCG   600
#define BOOT_SECONDS_ADHOC 1200 /* packages are fetched and installed */
#define BOOT_SECONDS_MAX   86400
#define BOOT_ROOM          ((unsigned long long)2 << 30) /* bytes that the disk is larger */

struct boot_options {
	const struct log *log;
	const char *out;                  /* folder that holds the sets: out */
	const char *disk;                 /* raw image */
	const struct recipe_query *query; /* of the recipe */
	const struct bundle *bundle;      /* prepared from it */
	bool adhoc; /* the disk is a plain base, which gets the pasteable user-data */
	bool ssh;   /* when ready, a shell on this terminal; the guest ends with it */
	bool keep;  /* when ready, leave it running until a signal */
	const char
		*apt_sources; /* adhoc: where the guest gets packages; NULL: where it says itself */
	unsigned timeout;     /* seconds until it must be ready; 0: as above */
	unsigned ssh_port;    /* of 127.0.0.1; 0: a free one. Used with ssh, keep and adhoc */
};

/*
 * Boot and watch; says on the log what goes on, why it is not ready, and what the guest asked for.
 * What is in between lies in OUT/.RECIPE.boot/, of which after a failure console.log and qemu.log
 * stay. 0: it was ready; 1: it was not, or a signal came before; -1: ERR_MACHINE: QEMU or another
 * program is missing (with the package's name) or does not start, another boot of this recipe runs.
 */
must_check int boot_run(const struct boot_options *o, struct arena *a, struct err *e);

#endif
