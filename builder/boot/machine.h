/*
 * What this machine has to run a guest with.
 */
#ifndef IMGBUILD_BOOT_MACHINE_H
#define IMGBUILD_BOOT_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define MACHINE_QEMU "qemu-system-x86_64"

struct firmware {
	const char *code;
	const char *vars; /* as delivered; to be copied */
};

/* UEFI firmware where distributions put it. ERR_MACHINE: none, with the package's name. */
must_check int machine_firmware(struct firmware *ret, struct err *e);

/*
 * Whether guests run with KVM, judged by running one: a program of some twenty instructions that
 * ends QEMU with a status of its own. /dev/kvm may exist and still not run a guest. `folder` is for
 * a file in between. ERR_MACHINE: no QEMU.
 */
must_check int machine_kvm(const char *folder, bool *ret, struct err *e);
/* The trial with an accelerator of QEMU's, whatever /dev says. 1: the guest ran. */
must_check int machine_trial(const char *folder, const char *accelerator, struct err *e);

/* A copy-on-write view of a raw disk, `more` bytes larger. ERR_MACHINE. */
must_check int machine_view(
	const char *disk, uint64_t more, const char *view, struct arena *a, struct err *e);

/* A copy of a file. ERR_MACHINE. */
must_check int machine_copy(const char *from, const char *to, struct err *e);

/* A port of 127.0.0.1 that nobody listens on right now; 0: ERR_MACHINE. */
must_check unsigned machine_free_port(struct err *e);

#endif
