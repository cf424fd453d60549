/*
 * QEMU's command line for a guest that takes itself for an EC2 instance: UEFI, NVMe, EC2's DMI
 * strings, a network with the metadata service in it.
 */
#ifndef IMGBUILD_BOOT_QEMU_H
#define IMGBUILD_BOOT_QEMU_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct qemu_options {
	const char *program;
	bool kvm;        /* else emulation */
	unsigned memory; /* MiB */
	unsigned processors;
	const char *disk;  /* qcow2 */
	const char *code;  /* UEFI firmware */
	const char *vars;  /* its variables; written to */
	const char *relay; /* command to which connections to the metadata service go */
	unsigned ssh_port; /* of this machine's loopback, to the guest's 22; 0: none */
	bool may_restart;  /* else QEMU ends where the guest would start again */
};

/* The command line, NULL-terminated, in the arena. The console is on standard output. ERR_MACHINE:
 * no memory, or a path that QEMU cannot be given. */
must_check const char *const *qemu_argv(
	const struct qemu_options *o, struct arena *a, struct err *e);

/* Append a value of one of its options: commas are doubled. ERR_MACHINE. */
must_check int qemu_value(struct buf *out, const char *value, struct err *e);

#endif
