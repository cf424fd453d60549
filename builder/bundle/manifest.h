/*
 * manifest.json: what went in and what came out, with SHA-256. An input or product that holds a key
 * is listed as such, without digest and size: from those a key could be guessed.
 *
 * {"format": 1, "tool": {"name", "version"}, "recipe": NAME, "chain": [NAME...],
 *  "vars": {NAME: VALUE}, "daemon": NAME, "packages": [...], "services": [...], "sites": COUNT,
 *  "user_data": FORM,
 *  "inputs": [{"path", "sha256"} | {"reference", "secret": true}],
 *  "files": [{"path", "layer", "mode", "owner", "sha256", "size", "replaces": [LAYER...]}
 *            | {..., "link": TARGET} | {..., "folder": true}],
 *  "products": [{"path", "size", "sha256"} | {"path", "secret": true}]}
 */
#ifndef IMGBUILD_BUNDLE_MANIFEST_H
#define IMGBUILD_BUNDLE_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"

#define MANIFEST_NAME "manifest.json"

struct bundle;

/* Append the manifest of a bundle whose other products are made. ERR_MACHINE. */
must_check int manifest_write(const struct bundle *b, struct buf *out, struct err *e);

enum manifest_section {
	MANIFEST_TOOL,
	MANIFEST_VARS,
	MANIFEST_PACKAGES,
	MANIFEST_SERVICES,
	MANIFEST_INPUTS,
	MANIFEST_FILES,
	MANIFEST_PRODUCTS,
};
/* "tool", "var", "package", "service", "input", "file", "product" */
const char *manifest_section_name(enum manifest_section s);

/* One thing of a manifest, as it is compared. */
struct manifest_item {
	enum manifest_section section;
	const char *name;
	const char *value; /* equal text: unchanged */
	bool secret;       /* whether it changed cannot be told */
};

struct manifest {
	struct manifest_item *list; /* sorted by section and name */
	size_t count;
	size_t cap;
};

/*
 * Read a manifest: `path` is one, or a folder that holds one. ERR_INPUT: there is none, it is no
 * JSON, or of another format. ERR_MACHINE.
 */
must_check int manifest_read(
	const char *path, struct arena *a, struct manifest *ret, struct err *e);

/* The same from memory; `path` is for messages. */
must_check int manifest_parse(const char *path, const char *data, size_t len, struct arena *a,
	struct manifest *ret, struct err *e);

#endif
