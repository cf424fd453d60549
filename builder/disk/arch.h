/*
 * The architectures that images are built for, and what each calls its parts.
 */
#ifndef IMGBUILD_DISK_ARCH_H
#define IMGBUILD_DISK_ARCH_H

#include <stddef.h>

struct arch {
	const char *name;      /* in recipes and for EC2: x86_64, arm64 */
	const char *debian;    /* amd64, arm64 */
	const char *efi;       /* in EFI file names, lower case: x64, aa64 */
	const char *removable; /* file name that firmware starts without being told: BOOTX64.EFI */
	/* Partition type of a root file system (Discoverable Partitions Specification, UAPI.2). */
	const char *root_type;
	const char *console; /* the serial console as EC2's and QEMU's: ttyS0, ttyAMA0 */
};

/* NULL: none of that name. */
const struct arch *arch_find(const char *name);
/* Architecture `i`, for lists of what is allowed; NULL behind the last. */
const struct arch *arch_at(size_t i);

#endif
