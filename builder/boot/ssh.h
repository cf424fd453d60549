/*
 * Logging in to the guest: a key of this run, a file of known hosts of its own, ssh by argv.
 */
#ifndef IMGBUILD_BOOT_SSH_H
#define IMGBUILD_BOOT_SSH_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* cloud-init's default user: in the hub's image, as in Debian's own for EC2; on a stock system. */
#define SSH_USER_IMAGE "admin"
#define SSH_USER_STOCK "debian"

struct ssh {
	const char *folder; /* holds key, key.pub and known_hosts */
	unsigned port;      /* of this machine's loopback */
	char user[64];
};

/* Make the key; its public half, one line, into `public`. ERR_MACHINE. */
must_check int ssh_make_key(
	const struct ssh *s, struct arena *a, struct buf *public, struct err *e);

/* ssh to the guest, with a command or (NULL) for a shell. NULL: ERR_MACHINE. */
must_check const char *const *ssh_argv(
	const struct ssh *s, const char *command, struct arena *a, struct err *e);

/* The same as a line to type, without what only scripts need. ERR_MACHINE. */
must_check int ssh_line(const struct ssh *s, struct arena *a, struct buf *out, struct err *e);

#endif
