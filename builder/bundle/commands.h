/*
 * What cloud-init is to run around the files that it writes: shell text, quoted for any path.
 */
#ifndef IMGBUILD_BUNDLE_COMMANDS_H
#define IMGBUILD_BUNDLE_COMMANDS_H

#include "base/arena.h"
#include "bundle/cloudconfig.h"
#include "bundle/tree.h"

/* Behind the path of a file that waits for the vendor's to be there. */
#define WAITING_SUFFIX ".hub"
/* The overlay's own script that makes a running instance a hub. */
#define ACTIVATE_PATH  "/usr/lib/hub/activate"
/* Where the fetch form puts its script. */
#define FETCH_PATH     "/run/imgbuild-fetch"

struct commands {
	struct arena *arena;
	struct cloud_command *list;
	size_t count;
	size_t cap;
};

/* bootcmd: files that others may not read are made, empty, with their mode. `keys`: also KEYS_PATH.
 */
must_check int commands_private(struct commands *c, const struct tree *t, bool keys, struct err *e);

/* runcmd: folders, links, owners, vendors' files kept and ours put in their place. */
must_check int commands_place(struct commands *c, const struct tree *t, struct err *e);

/* runcmd: fetch the archive, unpack it, activate. Nothing is activated when that fails. */
must_check int commands_fetch(struct commands *c, const struct recipe *r, const struct tree *t,
	size_t size, const struct sha256 *digest, struct err *e);

/* runcmd: activate, enable those of the recipe's units that ACTIVATE_PATH does not name. */
must_check int commands_activate(
	struct commands *c, const struct recipe *r, const struct tree *t, struct err *e);

#endif
