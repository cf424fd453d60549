/*
 * Keys that the build itself reads: `env:NAME` and `file:PATH` references, and only with
 * --inline-secrets. They become /etc/hub/keys.json (0600) in the pasteable user-data and go nowhere
 * else: not into the tree, and so not into the overlay, the image or user-data.ami.
 *
 * Without --inline-secrets such a reference is a problem, not a warning: nothing else could bring
 * the key to the hub, so the site would never come up.
 */
#ifndef IMGBUILD_BUNDLE_SECRETS_H
#define IMGBUILD_BUNDLE_SECRETS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/buf.h"
#include "recipe/diag.h"
#include "recipe/site.h"

#define KEYS_PATH "/etc/hub/keys.json"
#define KEYS_MODE 0600

/* What a pre-shared key may be: printable ASCII without blank, quote and backslash. */
#define KEY_MIN 8
#define KEY_MAX 128

struct secrets {
	struct buf json;             /* {"env:NAME": "key", ...}; empty: none */
	const struct psk_ref **refs; /* the references read, each once, in the order of the sites */
	size_t count;
	size_t cap;
	size_t sites; /* sites whose key is among them */
};

/*
 * Read every key in force that is an env: or file: reference; files are relative to the folder of
 * `sites_path`, the file that holds the sites. Problems, never with a part of a
 * key in them: the switch not given, a variable unset or empty, a file that cannot be read, a key
 * that is too short, too long or has a character it may not have. One line end at the end of a
 * file is not part of the key. -1: ERR_MACHINE.
 */
must_check int secrets_read(const struct sites *s, const char *sites_path, bool inline_secrets,
	struct arena *a, struct diag *d, struct secrets *ret, struct err *e);

/* Overwrite and release. Takes an empty one. */
void secrets_wipe(struct secrets *s);

#endif
