/* Reading a partition table (UEFI specification 5.3.2 and 5.3.3; all numbers are little-endian). */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "disk/gpt.h"

enum {
	HEADER_SIZE = 92,
	ENTRY_SIZE = 128,
	ENTRIES_MAX = 1024,
};

static uint64_t le(const unsigned char *p, size_t bytes)
{
	uint64_t n = 0;
	for (size_t i = bytes; i > 0; i--)
		n = n << 8 | p[i - 1];
	return n;
}

/* CRC-32 of ISO 3309, with `skip` bytes at `hole` taken for zeroes. */
static uint32_t crc32_of(const unsigned char *p, size_t len, size_t hole, size_t skip)
{
	uint32_t crc = 0xffffffff;
	for (size_t i = 0; i < len; i++) {
		crc ^= i >= hole && i - hole < skip ? 0 : p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

/* The first three groups of a GUID are stored little-endian (UEFI specification, appendix A). */
static void guid_text(const unsigned char *g, char text[37])
{
	snprintf(text, 37, "%02X%02X%02X%02X-%02X%02X-%02X%02X-%02X%02X-%02X%02X%02X%02X%02X%02X",
		g[3], g[2], g[1], g[0], g[5], g[4], g[7], g[6], g[8], g[9], g[10], g[11], g[12],
		g[13], g[14], g[15]);
}

static int invalid(const char *why, struct err *e)
{
	return err_set(e, ERR_INPUT, 0, "no valid partition table (GPT): %s", why);
}

int gpt_find(const void *first, size_t len, uint64_t disk_size, const char *type,
	struct gpt_part *ret, struct err *e)
{
	const unsigned char *disk = first;
	if (len < 2 * GPT_SECTOR)
		return invalid("too short", e);
	const unsigned char *h = disk + GPT_SECTOR;
	if (memcmp(h, "EFI PART", 8) != 0)
		return invalid("no header in the second sector", e);
	uint64_t header = le(h + 12, 4);
	if (header < HEADER_SIZE || header > GPT_SECTOR)
		return invalid("size of its header", e);
	if (crc32_of(h, header, 16, 4) != le(h + 16, 4))
		return invalid("checksum of its header", e);
	uint64_t first_lba = le(h + 40, 8), last_lba = le(h + 48, 8), entries_lba = le(h + 72, 8);
	uint64_t count = le(h + 80, 4), size = le(h + 84, 4);
	if (size != ENTRY_SIZE || count > ENTRIES_MAX || le(h + 24, 8) != 1)
		return invalid("size of its entries", e);
	if (first_lba > last_lba || last_lba >= UINT64_MAX / GPT_SECTOR ||
		(disk_size != 0 && last_lba >= disk_size / GPT_SECTOR))
		return invalid("it is for another size of disk", e);
	if (entries_lba < 2 || entries_lba > len / GPT_SECTOR ||
		count * size > len - entries_lba * GPT_SECTOR)
		return invalid("place of its entries", e);
	const unsigned char *entry = disk + entries_lba * GPT_SECTOR;
	if (crc32_of(entry, count * size, 0, 0) != le(h + 88, 4))
		return invalid("checksum of its entries", e);
	for (; count > 0; count--, entry += size) {
		char text[37];
		guid_text(entry, text);
		if (strcasecmp(text, type) != 0)
			continue;
		uint64_t start = le(entry + 32, 8), end = le(entry + 40, 8);
		if (start < first_lba || end < start || end > last_lba)
			return invalid("a partition lies outside of the disk", e);
		*ret = (struct gpt_part){ start * GPT_SECTOR, (end - start + 1) * GPT_SECTOR };
		return 0;
	}
	return err_set(e, ERR_INPUT, 0, "no partition of type %s", type);
}
