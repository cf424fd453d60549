/*
 * What dpkg knows of a root file system: var/lib/dpkg/status (deb-control(7) stanzas), and how
 * Debian orders versions (deb-version(7)).
 */
#ifndef IMGBUILD_DISK_DPKG_H
#define IMGBUILD_DISK_DPKG_H

#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

struct dpkg_package {
	const char *name;
	const char *version;
	const char *architecture;
	const char *source;         /* name of the source package */
	const char *source_version; /* its version: not always the package's */
	const char *maintainer;     /* "" when the stanza has none */
};

struct dpkg_packages {
	struct dpkg_package *list; /* by name, then architecture */
	size_t count;
	size_t cap;
};

/*
 * The packages whose state is "installed"; strings in the arena. `path` is for messages. ERR_INPUT
 * with path:line: not of the format, or an installed package without a name, version or
 * architecture.
 */
must_check int dpkg_parse(const char *path, const char *data, size_t len, struct arena *a,
	struct dpkg_packages *ret, struct err *e);

/* < 0, 0, > 0: as dpkg --compare-versions. Any text is taken. */
int dpkg_version_compare(const char *x, const char *y);

#endif
