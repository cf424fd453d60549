/*
 * What boots an image: the distribution's own kernel, initrd and systemd-boot, laid out as the
 * packages' hooks would have done it on a running system (`bootctl install`, `kernel-install add`;
 * Debian 12 and 13), so that the same hooks carry on when a kernel or the boot loader is upgraded.
 *
 * On the EFI system partition, which is mounted at /efi (UAPI.1, Boot Loader Specification, type
 * 1):
 *
 *   EFI/BOOT/BOOTX64.EFI                   systemd-boot, where firmware looks without being told
 *   EFI/systemd/systemd-bootx64.efi        the same, where `bootctl is-installed` looks
 *   loader/loader.conf, loader/entries.srel
 *   loader/entries/TOKEN-VERSION.conf
 *   TOKEN/VERSION/linux, TOKEN/VERSION/initrd.img-VERSION
 *
 * On the root file system: /etc/fstab, /etc/kernel/entry-token, /etc/kernel/cmdline,
 * /etc/kernel/install.conf, the folder /efi.
 */
#ifndef IMGBUILD_DISK_BOOTCHAIN_H
#define IMGBUILD_DISK_BOOTCHAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "disk/arch.h"
#include "disk/esp.h"
#include "disk/ident.h"
#include "disk/rootfs.h"

struct bootchain_options {
	const struct arch *arch;
	const struct ident *id;
	const char *token;            /* /etc/kernel/entry-token: the recipe's name */
	const char *const *arguments; /* of the kernel, behind root=, ro and rootfstype= */
	size_t argument_count;
};

struct bootchain {
	const char *version; /* of the kernel */
	const char *cmdline;
	const struct esp_file *files; /* on the EFI system partition */
	size_t count;
};

/*
 * Does bootchain_make need the content of this file of the root file system? `path` is absolute, or
 * relative to the root.
 */
bool bootchain_wants(const char *path);

/*
 * Find the newest kernel of the tree, put what it needs to boot into the tree, and give the files
 * of the EFI system partition. Their bytes are the tree's or in the arena. ERR_INPUT: the tree
 * lacks a part (the message names the Debian package that has it), or the token cannot be a folder
 * there.
 */
must_check int bootchain_make(struct rootfs *r, const struct bootchain_options *o, struct arena *a,
	struct bootchain *ret, struct err *e);

/*
 * Compare versions as boot loaders do (UAPI.10, Version Format Specification): < 0, 0, > 0.
 */
int bootchain_compare(const char *a, const char *b);

/*
 * The value of a variable in a file of shell assignments, os-release(5): NULL when it is not there
 * or cannot be read.
 */
must_check int bootchain_release(const char *text, size_t len, const char *name, struct arena *a,
	const char **ret, struct err *e);

#endif
