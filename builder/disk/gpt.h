/*
 * The partition table (GPT, UEFI specification 5.3), written by libfdisk:
 *
 *   1  EFI system partition
 *   2  the image's block digests (blocks.h), for whoever reads a snapshot made of it
 *   3  root file system, last so that it can grow when the disk is larger
 *
 * Everything starts on a whole MiB. The same arguments give the same bytes.
 */
#ifndef IMGBUILD_DISK_GPT_H
#define IMGBUILD_DISK_GPT_H

#include <stdint.h>

#include "base/err.h"
#include "disk/arch.h"
#include "disk/ident.h"
#include "disk/raw.h"

#define GPT_ALIGN  ((uint64_t)1 << 20) /* bytes */
#define GPT_SECTOR ((uint64_t)512)     /* bytes */
/* Bytes at the end that the backup of the table takes: 32 sectors of entries and the header. */
#define GPT_BACKUP (33 * GPT_SECTOR)

#define GPT_TYPE_ESP    "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"
/* Ours: partitions that hold a list of block digests as blocks.h describes it. */
#define GPT_TYPE_BLOCKS "7F2B93D5-6C1E-8A4D-9B07-3D52E8A4C610"

struct gpt_part {
	uint64_t start; /* bytes */
	uint64_t size;  /* bytes */
};

struct gpt_layout {
	uint64_t size; /* bytes of the disk */
	struct gpt_part esp;
	struct gpt_part blocks;
	struct gpt_part root; /* a whole number of MiB */
};

/*
 * Place the partitions on a disk of `size` bytes. ERR_INPUT: `size` is no whole number of sectors,
 * or less than `root_min` bytes are left for the root file system.
 */
must_check int gpt_place(uint64_t size, uint64_t esp_size, uint64_t blocks_size, uint64_t root_min,
	struct gpt_layout *ret, struct err *e);

/*
 * Write the table and its backup, with the protective MBR, onto the image. ERR_MACHINE.
 * The bytes are noted in `raw` as written.
 */
must_check int gpt_write(struct raw *raw, const struct gpt_layout *layout, const struct arch *arch,
	const struct ident *id, struct err *e);

/*
 * Find the partition of a type (text form) in the first `len` bytes of a disk, whose size in bytes
 * is `disk_size` (0: not known). Checksums and bounds are checked. ERR_INPUT: no valid table there,
 * or no such partition.
 */
must_check int gpt_find(const void *first, size_t len, uint64_t disk_size, const char *type,
	struct gpt_part *ret, struct err *e);

#endif
