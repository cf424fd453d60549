/*
 * Identifiers of an image: derived from the recipe's name and the base's digest alone, so that two
 * builds agree and a changed overlay changes none of them.
 *
 * All come from SHA-256("imgbuild" NUL purpose NUL recipe NUL base), where base is the base's
 * digest in hexadecimal.
 */
#ifndef IMGBUILD_DISK_IDENT_H
#define IMGBUILD_DISK_IDENT_H

#include <stdint.h>

#include "base/digest.h"

struct ident {
	const char *recipe;
	struct sha256_hex base;
};

/* What an image has identifiers for. */
#define IDENT_DISK      "disk"      /* the partition table */
#define IDENT_ESP       "esp"       /* partition; and serial of its file system */
#define IDENT_BLOCKS    "blocks"    /* partition */
#define IDENT_ROOT      "root"      /* partition: the kernel's root=PARTUUID= */
#define IDENT_FS        "ext4"      /* the root file system's UUID */
#define IDENT_HASH_SEED "hash-seed" /* of its directories */
#define IDENT_JOURNAL   "journal"   /* of its journal's superblock */

struct uuid {
	unsigned char bytes[16]; /* in the order of the text (RFC 9562, network order) */
};

struct uuid_text {
	char text[37]; /* lower case, NUL-terminated */
};

/* The first 16 bytes, as a version 8 UUID (RFC 9562, 5.8). */
struct uuid ident_uuid(const struct ident *id, const char *purpose);
struct uuid_text ident_uuid_text(const struct ident *id, const char *purpose);
struct uuid_text uuid_text(const struct uuid *u);

/* The first 4 bytes, big-endian, and never 0: the serial number of a FAT. */
uint32_t ident_serial(const struct ident *id, const char *purpose);

#endif
