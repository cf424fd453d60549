/*
 * The EFI system partition: FAT32 by mkfs.vfat, filled by mtools, in its place within the image
 * file; no mount and no root. The same arguments give the same bytes, whatever the user, the
 * locale, the time zone and the date.
 */
#ifndef IMGBUILD_DISK_ESP_H
#define IMGBUILD_DISK_ESP_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "disk/gpt.h"
#include "disk/raw.h"

/* Bytes: five kernels with their initrds, two of which are there at once during an upgrade. */
#define ESP_SIZE  ((uint64_t)256 << 20)
#define ESP_LABEL "ESP"

struct esp_file {
	const char *path; /* relative, parts with '/' between: EFI/BOOT/BOOTX64.EFI; ASCII */
	const void *data;
	size_t len; /* bytes */
};

struct esp_options {
	const char *label; /* at most 11 bytes, upper case */
	uint32_t serial;
	int64_t time; /* seconds since 1970, of all files and folders; moved into what FAT holds */
};

/*
 * Make the file system in a partition that was not written before, with these files in it. The
 * image's descriptor must be of a file on this machine (the programs open it again). What was
 * written is noted in `raw`. ERR_INPUT: the files do not fit. ERR_MACHINE: a program is missing or
 * failed.
 */
must_check int esp_write(struct raw *raw, const struct gpt_part *part, const struct esp_file *files,
	size_t count, const struct esp_options *o, struct err *e);

#endif
