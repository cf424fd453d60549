/*
 * All that one boot holds: its folder, the services, the guest. boot.c's and watch.c's own.
 */
#ifndef IMGBUILD_BOOT_WORLD_H
#define IMGBUILD_BOOT_WORLD_H

#include "boot/boot.h"
#include "boot/console.h"
#include "boot/guest.h"
#include "boot/process.h"
#include "boot/service.h"
#include "boot/ssh.h"

struct world {
	const struct boot_options *o;
	struct arena *arena;
	const char *folder; /* OUT/.RECIPE.boot */
	int lock;           /* the folder, locked */
	bool kvm;
	bool reached; /* this machine may log in */

	struct credentials credentials;
	struct metadata tree;
	struct imds imds;
	struct aws_local aws;
	struct asked asked;
	struct tls_identity tls;
	struct service *service;
	struct ssh ssh;

	struct process qemu;
	int console; /* what it prints, not blocking */
	int log;     /* console.log, being written */
};

#define WORLD_NONE ((struct world){ .lock = -1, .qemu = PROCESS_NONE, .console = -1, .log = -1 })

/* Everything but the guest. ERR_MACHINE, ERR_INPUT. Close it also after a failure. */
must_check int world_open(
	struct world *w, const struct boot_options *o, struct arena *a, struct err *e);

/* Start the guest, from the disk as it was built. ERR_MACHINE. */
must_check int world_start(struct world *w, struct err *e);

/* End the guest alone. */
void world_stop(struct world *w);

/* End guest and services and remove the folder; `keep_logs`: all but the logs in it. */
void world_close(struct world *w, bool keep_logs);

/* What QEMU said last, for a message; empty when nothing. */
must_check int world_complaint(const struct world *w, struct buf *out, struct err *e);

#endif
