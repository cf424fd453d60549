/*
 * What is read of an image and of what stands beside it. The first byte chooses: the partition
 * table, the region of block digests, disk.json, dpkg's status, a guest's console.
 */
#include <ctype.h>
#include <string.h>

#include "boot/console.h"
#include "disk/blocks.h"
#include "disk/dpkg.h"
#include "disk/gpt.h"
#include "disk/record.h"
#include "fuzz.h"

static void partitions(const uint8_t *data, size_t size, struct err *e)
{
	static const char *const types[] = { GPT_TYPE_BLOCKS, GPT_TYPE_ESP };
	for (size_t i = 0; i < 2; i++)
		for (uint64_t disk = 0; disk <= (uint64_t)1 << 40; disk += (uint64_t)1 << 39) {
			struct gpt_part part;
			if (gpt_find(data, size, disk, types[i], &part, e) < 0)
				continue;
			must(part.size > 0 && part.start > 0);
			must(disk == 0 || (part.start < disk && part.size <= disk - part.start));
		}
}

static void digests(const uint8_t *data, size_t size, struct arena *a, struct err *e)
{
	struct blocks b;
	if (blocks_parse(data, size, a, &b, e) < 0)
		return;
	must(b.count == (b.size + RAW_BLOCK - 1) / RAW_BLOCK);
	must(b.own_count > 0 && b.own_first + b.own_count <= b.count);
	must(blocks_present_count(&b) <= b.count - b.own_count);
	for (size_t i = 0; i < b.own_count; i++)
		must(!blocks_present(&b, b.own_first + i));
}

static void record(const uint8_t *data, size_t size, struct arena *a, struct err *e)
{
	struct record r;
	if (record_parse("disk.json", (const char *)data, size, a, &r, e) < 0)
		return;
	must(r.recipe != NULL && r.inputs != NULL && r.blocks_digest != NULL);
	for (size_t i = 0; i < r.file_count; i++)
		must(r.files[i].path[0] == '/' && r.files[i].type != NULL);
	for (size_t i = 0; i < r.package_count; i++)
		must(r.packages[i].name != NULL && r.packages[i].version != NULL);
}

static void packages(const uint8_t *data, size_t size, struct arena *a, struct err *e)
{
	struct dpkg_packages p = { 0 };
	if (dpkg_parse("status", (const char *)data, size, a, &p, e) < 0)
		return;
	for (size_t i = 0; i < p.count; i++) {
		must(p.list[i].name[0] != '\0' && p.list[i].version[0] != '\0');
		must(dpkg_version_compare(p.list[i].version, p.list[i].version) == 0);
		const char *other = p.list[(i + 1) % p.count].version;
		int one = dpkg_version_compare(p.list[i].version, other);
		int two = dpkg_version_compare(other, p.list[i].version);
		must((one < 0) == (two > 0) && (one == 0) == (two == 0));
	}
}

static int line(void *ctx, const char *text, struct err *e)
{
	(void)ctx;
	(void)e;
	size_t len = strlen(text);
	must(len > 0 && len <= CONSOLE_LINE_MAX);
	for (size_t i = 0; i < len; i++)
		must(!iscntrl((unsigned char)text[i]));
	struct console_event event = console_classify(text);
	must(event.kind <= CONSOLE_DOWN);
	return 0;
}

static void console(const uint8_t *data, size_t size, struct err *e)
{
	/* In pieces, as it comes. */
	struct console c = { .on_line = line };
	for (size_t at = 0, n; at < size; at += n) {
		n = 1 + data[at] % 61;
		n = n < size - at ? n : size - at;
		must(console_feed(&c, (const char *)data + at, n, e) == 0);
	}
	must(console_end(&c, e) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { .max = (size_t)64 << 20 };
	struct err e = { 0 };
	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'p':
		partitions(data + 1, size - 1, &e);
		break;
	case 'b':
		digests(data + 1, size - 1, &a, &e);
		break;
	case 'r':
		record(data + 1, size - 1, &a, &e);
		break;
	case 's':
		packages(data + 1, size - 1, &a, &e);
		break;
	default:
		console(data + 1, size - 1, &e);
	}
	arena_free(&a);
	return 0;
}
