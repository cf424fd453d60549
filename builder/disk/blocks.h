/*
 * The digests of an image's blocks of 512 KiB, and the region of the image that holds them, so that
 * a snapshot made of it describes itself.
 *
 * The region is the partition of type GPT_TYPE_BLOCKS (gpt.h). All numbers are little-endian:
 *
 *   offset  bytes
 *        0     16  "imgbuild blocks" NUL
 *       16      4  version: 1
 *       20      4  bytes of a block: 524288
 *       24      8  bytes of the image
 *       32      8  blocks of the image, the last one filled up with zeroes
 *       40      8  first block of this region
 *       48      8  blocks of this region
 *       56     32  SHA-256 of the bytes 0 to 55 and of the list
 *      512  32 * n  the list: SHA-256 of each block, in order
 *
 * A digest of zeroes: the block was never written (its content means nothing; a snapshot leaves it
 * out), or it belongs to this region.
 */
#ifndef IMGBUILD_DISK_BLOCKS_H
#define IMGBUILD_DISK_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/digest.h"
#include "base/err.h"
#include "disk/raw.h"

#define BLOCKS_HEADER    512                  /* bytes in front of the list */
#define BLOCKS_IMAGE_MAX ((uint64_t)16 << 40) /* bytes of an image: 16 TiB */

struct blocks {
	uint64_t size;         /* bytes of the image */
	size_t count;          /* blocks of the image */
	size_t own_first;      /* first block of the region */
	size_t own_count;      /* blocks of the region */
	struct sha256 *digest; /* `count` of them, in the arena; zeroes: not present */
};

/* Bytes of the region of an image of `size` bytes: whole blocks. */
uint64_t blocks_region(uint64_t size);

bool blocks_present(const struct blocks *b, size_t i);
size_t blocks_present_count(const struct blocks *b);

/*
 * SHA-256 over the digests of all present blocks in their order: the checksum that EBS wants of a
 * snapshot (LINEAR). The region's own blocks are not among them.
 */
struct sha256 blocks_aggregate(const struct blocks *b);

/*
 * Read the image back and digest what was written to it, with `jobs` threads (0: one a core).
 * `own` is where the region starts, in bytes, a whole block. Everything else must have been
 * written before. ERR_MACHINE.
 */
must_check int blocks_digest(const struct raw *raw, uint64_t own, unsigned jobs, struct arena *a,
	struct blocks *ret, struct err *e);

/* Write the region. ERR_MACHINE. */
must_check int blocks_write(struct raw *raw, const struct blocks *b, struct err *e);

/* The bytes of the region's block number `i` (from 0), as blocks_write leaves them. */
void blocks_own(const struct blocks *b, size_t i, unsigned char block[static RAW_BLOCK]);
/* SHA-256 of that. */
struct sha256 blocks_own_digest(const struct blocks *b, size_t i);

/*
 * The region's header alone, from its first BLOCKS_HEADER bytes: all but digest. ERR_INPUT: it is
 * none, or of a size or place that cannot be.
 */
must_check int blocks_parse_header(const void *data, struct blocks *ret, struct err *e);
/* A whole region in memory. ERR_INPUT: it is none, cut off, or damaged. */
must_check int blocks_parse(
	const void *data, size_t len, struct arena *a, struct blocks *ret, struct err *e);
/* The region of a file, at an offset in bytes. ERR_INPUT as above, ERR_MACHINE. */
must_check int blocks_read(
	int fd, uint64_t offset, struct arena *a, struct blocks *ret, struct err *e);

/*
 * Compare a file with the digests: `differs` becomes one byte a block, 1 where a present block is
 * not what it was; *ret_count is how many are. ERR_MACHINE, ERR_INPUT: the file is of another size.
 */
must_check int blocks_verify(int fd, const struct blocks *b, unsigned jobs, uint8_t *differs,
	size_t *ret_count, struct err *e);

#endif
