/*
 * What changed between two manifests.
 */
#ifndef IMGBUILD_BUNDLE_DIFF_H
#define IMGBUILD_BUNDLE_DIFF_H

#include "bundle/manifest.h"

enum change_kind {
	CHANGE_ADDED,
	CHANGE_REMOVED,
	CHANGE_CHANGED,
	CHANGE_UNKNOWN, /* holds a key on both sides: cannot be told, and counts as no change */
};
/* "added", "removed", "changed", "unknown" */
const char *change_kind_name(enum change_kind k);

struct change {
	enum change_kind kind;
	enum manifest_section section;
	const char *name;
	const char *before; /* NULL: added */
	const char *after;  /* NULL: removed */
};

struct changes {
	struct change *list; /* by section, then name */
	size_t count;
	size_t cap;
	size_t real; /* without CHANGE_UNKNOWN */
};

/* ERR_MACHINE. */
must_check int manifest_diff(const struct manifest *before, const struct manifest *after,
	struct arena *a, struct changes *ret, struct err *e);

#endif
