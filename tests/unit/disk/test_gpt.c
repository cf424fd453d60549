/*
 * The partition table: placed exactly, the same bytes every time, and read the same by libfdisk, by
 * sfdisk and by our own reader, which checks every sum.
 */
#include <stdbool.h>
#include <string.h>

#include <jansson.h>
#include <libfdisk/libfdisk.h>

#include "base/child.h"
#include "check.h"
#include "disk/gpt.h"
#include "disk_temp.h"
#include "fail.h"

#define MIB ((uint64_t)1 << 20)

static const struct ident ID = { .recipe = "hub", .base = { .text = "0123456789abcdef" } };

static void gpt_place_puts_everything_on_whole_mib(void **state)
{
	(void)state;
	struct err e;
	struct gpt_layout l;
	assert_int_equal(gpt_place(2048 * MIB, 256 * MIB, MIB / 2, 0, &l, &e), 0);
	assert_int_equal(l.esp.start, MIB);
	assert_int_equal(l.esp.size, 256 * MIB);
	assert_int_equal(l.blocks.start, 257 * MIB);
	assert_int_equal(l.blocks.size, MIB / 2);
	assert_int_equal(l.root.start, 258 * MIB);
	/* the backup takes the last MiB */
	assert_int_equal(l.root.start + l.root.size, 2047 * MIB);
	assert_int_equal(gpt_place(2048 * MIB + 33 * 512, 256 * MIB, MIB / 2, 0, &l, &e), 0);
	assert_int_equal(l.root.start + l.root.size, 2048 * MIB);
	assert_int_equal(gpt_place(2048 * MIB + 32 * 512, 256 * MIB, MIB / 2, 0, &l, &e), 0);
	assert_int_equal(l.root.start + l.root.size, 2047 * MIB);
}

static void gpt_place_refuses_what_does_not_fit(void **state)
{
	(void)state;
	struct err e = { 0 };
	struct gpt_layout l;
	assert_int_equal(gpt_place(100 * MIB, 64 * MIB, MIB, 33 * MIB, &l, &e), 0);
	assert_int_equal(gpt_place(100 * MIB, 64 * MIB, MIB, 33 * MIB + 1, &l, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(e.msg, "a disk of 100 MiB is too small: at least 101 MiB are needed");
	assert_int_equal(gpt_place(101 * MIB, 64 * MIB, MIB, 33 * MIB + 1, &l, &e), 0);
	const uint64_t bad[] = { 0, 512, 33 * 512, MIB, 68 * MIB - 1, 67 * MIB, 100 * MIB + 1,
		UINT64_MAX, UINT64_MAX / 512 * 512 };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(gpt_place(bad[i], 64 * MIB, MIB, 0, &l, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	assert_int_equal(gpt_place(100 * MIB, UINT64_MAX, MIB, 0, &l, &e), -1);
	assert_int_equal(gpt_place(100 * MIB, MIB, MIB, UINT64_MAX, &l, &e), -1);
}

struct image {
	int fd;
	char path[64];
	struct arena arena;
	struct raw raw;
	struct gpt_layout layout;
};

static void image_make(struct image *i, uint64_t size, const char *arch)
{
	struct err e = { 0 };
	*i = (struct image){ .fd = temp_image(i->path) };
	snprintf(i->path, sizeof(i->path), "/proc/%d/fd/%d", (int)getpid(), i->fd);
	assert_int_equal(raw_init(&i->raw, i->fd, size, &i->arena, &e), 0);
	assert_int_equal(gpt_place(size, 64 * MIB, MIB / 2, 0, &i->layout, &e), 0);
	if (gpt_write(&i->raw, &i->layout, arch_find(arch), &ID, &e) < 0)
		fail_msg("%s", e.msg);
}

static void image_free(struct image *i)
{
	close(i->fd);
	arena_free(&i->arena);
}

static void gpt_write_is_the_same_twice(void **state)
{
	(void)state;
	struct image a, b;
	image_make(&a, 100 * MIB, "x86_64");
	image_make(&b, 100 * MIB, "x86_64");
	unsigned char x[2][34 * 512], y[2][34 * 512];
	assert_int_equal(pread(a.fd, x[0], sizeof(x[0]), 0), sizeof(x[0]));
	assert_int_equal(pread(b.fd, x[1], sizeof(x[1]), 0), sizeof(x[1]));
	assert_memory_equal(x[0], x[1], sizeof(x[0]));
	off_t end = (off_t)(100 * MIB - 34 * 512);
	assert_int_equal(pread(a.fd, y[0], sizeof(y[0]), end), sizeof(y[0]));
	assert_int_equal(pread(b.fd, y[1], sizeof(y[1]), end), sizeof(y[1]));
	assert_memory_equal(y[0], y[1], sizeof(y[0]));
	/* the backup's header in the very last sector, its entries before it; nothing before those
	 */
	assert_memory_equal(y[0] + 33 * 512, "EFI PART", 8);
	assert_memory_equal(y[0] + 512, x[0] + 1024, 32 * 512);
	for (size_t i = 0; i < 512; i++)
		assert_int_equal(y[0][i], 0);
	/* protective MBR: one partition of type EE over all of it */
	assert_int_equal(x[0][450], 0xee);
	assert_int_equal(x[0][510], 0x55);
	assert_int_equal(x[0][511], 0xaa);
	/* noted as written: the first and the last block, nothing else */
	for (size_t i = 0; i < a.raw.blocks; i++)
		assert_int_equal(raw_is_dirty(&a.raw, i), i == 0 || i == a.raw.blocks - 1);
	image_free(&a);
	image_free(&b);
}

static void gpt_find_gives_back_what_was_placed(void **state)
{
	(void)state;
	static unsigned char first[RAW_BLOCK];
	struct err e;
	struct gpt_part p;
	for (size_t n = 0; arch_at(n) != NULL; n++) {
		struct image i;
		image_make(&i, 200 * MIB, arch_at(n)->name);
		assert_int_equal(pread(i.fd, first, sizeof(first), 0), sizeof(first));
		assert_int_equal(
			gpt_find(first, sizeof(first), i.raw.size, GPT_TYPE_ESP, &p, &e), 0);
		assert_memory_equal(&p, &i.layout.esp, sizeof(p));
		assert_int_equal(
			gpt_find(first, sizeof(first), i.raw.size, GPT_TYPE_BLOCKS, &p, &e), 0);
		assert_memory_equal(&p, &i.layout.blocks, sizeof(p));
		assert_int_equal(gpt_find(first, 34 * 512, 0, arch_at(n)->root_type, &p, &e), 0);
		assert_memory_equal(&p, &i.layout.root, sizeof(p));
		assert_int_equal(
			gpt_find(first, sizeof(first), 0, arch_at(1 - n)->root_type, &p, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
		image_free(&i);
	}
}

static void gpt_find_refuses_what_is_damaged(void **state)
{
	(void)state;
	static unsigned char first[RAW_BLOCK], changed[RAW_BLOCK];
	struct image i;
	struct err e;
	struct gpt_part p;
	image_make(&i, 100 * MIB, "x86_64");
	assert_int_equal(pread(i.fd, first, sizeof(first), 0), sizeof(first));
	/* Any byte of the header and the entries; the rest of its sector is reserved. */
	for (size_t at = 512; at < 34 * 512; at++) {
		if (at >= 512 + 92 && at < 1024)
			continue;
		memcpy(changed, first, 34 * 512);
		changed[at] ^= 1;
		assert_int_equal(
			gpt_find(changed, sizeof(changed), i.raw.size, GPT_TYPE_ESP, &p, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	for (size_t len = 0; len < 34 * 512; len += 37) {
		unsigned char *cut = malloc(len + 1);
		memcpy(cut, first, len);
		assert_int_equal(gpt_find(cut, len, 0, GPT_TYPE_ESP, &p, &e), -1);
		free(cut);
	}
	assert_int_equal(gpt_find(first, sizeof(first), 90 * MIB, GPT_TYPE_ESP, &p, &e), -1);
	image_free(&i);
}

/* A sum that fits is no proof of anything: numbers out of bounds with right sums. */
static uint32_t crc(const unsigned char *p, size_t len)
{
	uint32_t c = 0xffffffff;
	while (len-- > 0) {
		c ^= *p++;
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static void gpt_find_refuses_hostile_numbers(void **state)
{
	(void)state;
	static unsigned char first[RAW_BLOCK], changed[RAW_BLOCK];
	struct image i;
	struct err e;
	struct gpt_part p;
	image_make(&i, 100 * MIB, "x86_64");
	assert_int_equal(pread(i.fd, first, sizeof(first), 0), sizeof(first));
	static const struct {
		size_t at, bytes;
		uint64_t value;
	} bad[] = {
		{ 12, 4, 91 },
		{ 12, 4, 513 },
		{ 12, 4, UINT32_MAX },
		{ 24, 8, 7 },
		{ 40, 8, UINT64_MAX },
		{ 48, 8, UINT64_MAX },
		{ 48, 8, 0 },
		{ 72, 8, 0 },
		{ 72, 8, 1 },
		{ 72, 8, 1024 },
		{ 72, 8, UINT64_MAX },
		{ 72, 8, (uint64_t)1 << 55 },
		{ 80, 4, UINT32_MAX },
		{ 80, 4, 1025 },
		{ 84, 4, 0 },
		{ 84, 4, 127 },
		{ 84, 4, UINT32_MAX },
		{ 512 + 32, 8, 1 },
		{ 512 + 32, 8, UINT64_MAX },
		{ 512 + 40, 8, 0 },
		{ 512 + 40, 8, UINT64_MAX },
		{ 512 + 40, 8, 100 * 2048 - 33 },
	};
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		memcpy(changed, first, sizeof(first));
		unsigned char *h = changed + 512;
		for (size_t b = 0; b < bad[n].bytes; b++)
			h[bad[n].at + b] = (unsigned char)(bad[n].value >> 8 * b);
		uint32_t sum = crc(changed + 1024, 128 * 128);
		memcpy(h + 88, &sum, 4);
		memset(h + 16, 0, 4);
		uint32_t len;
		memcpy(&len, h + 12, 4);
		sum = crc(h, len <= 512 ? len : 512);
		memcpy(h + 16, &sum, 4);
		assert_int_equal(
			gpt_find(changed, sizeof(changed), i.raw.size, GPT_TYPE_ESP, &p, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	image_free(&i);
}

static void gpt_write_is_read_by_libfdisk(void **state)
{
	(void)state;
	struct image i;
	image_make(&i, 300 * MIB, "x86_64");
	struct fdisk_context *c = fdisk_new_context();
	assert_int_equal(fdisk_assign_device(c, i.path, 1), 0);
	assert_true(fdisk_is_label(c, GPT));
	assert_int_equal(fdisk_verify_disklabel(c), 0);
	struct fdisk_table *t = NULL;
	assert_int_equal(fdisk_get_partitions(c, &t), 0);
	assert_int_equal(fdisk_table_get_nents(t), 3);
	struct fdisk_partition *p = fdisk_table_get_partition(t, 2);
	assert_int_equal(fdisk_partition_get_start(p) * 512, i.layout.root.start);
	assert_int_equal(fdisk_partition_get_size(p) * 512, i.layout.root.size);
	struct uuid_text uuid = ident_uuid_text(&ID, IDENT_ROOT);
	assert_int_equal(strcasecmp(fdisk_partition_get_uuid(p), uuid.text), 0);
	fdisk_unref_table(t);
	fdisk_deassign_device(c, 1);
	fdisk_unref_context(c);
	image_free(&i);
}

static void gpt_write_is_read_by_sfdisk(void **state)
{
	(void)state;
	cleanup_buf struct buf out = { 0 };
	struct err e = { 0 };
	if (child_find("sfdisk", &out, &e) != 1)
		skip();
	buf_clear(&out);
	struct image i;
	image_make(&i, 2048 * MIB, "arm64");
	const char *const argv[] = { "sfdisk", "--json", i.path, NULL };
	if (child_run(argv, NULL, &out, &e) < 0)
		fail_msg("%s", e.msg);
	json_t *doc = json_loads(out.data, 0, NULL);
	json_t *table = json_object_get(doc, "partitiontable");
	json_t *parts = json_object_get(table, "partitions");
	struct uuid_text disk = ident_uuid_text(&ID, IDENT_DISK);
	assert_int_equal(strcasecmp(json_string_value(json_object_get(table, "id")), disk.text), 0);
	static const char *const types[] = { GPT_TYPE_ESP, GPT_TYPE_BLOCKS,
		"B921B045-1DF0-41C3-AF44-4C6F280D3FAE" };
	static const char *const names[] = { "EFI system partition", "imgbuild block digests",
		"root" };
	const struct gpt_part *places[] = { &i.layout.esp, &i.layout.blocks, &i.layout.root };
	assert_int_equal(json_array_size(parts), 3);
	for (size_t n = 0; n < 3; n++) {
		json_t *p = json_array_get(parts, n);
		assert_string_equal(json_string_value(json_object_get(p, "type")), types[n]);
		assert_string_equal(json_string_value(json_object_get(p, "name")), names[n]);
		assert_int_equal(
			json_integer_value(json_object_get(p, "start")), places[n]->start / 512);
		assert_int_equal(
			json_integer_value(json_object_get(p, "size")), places[n]->size / 512);
		assert_null(json_object_get(p, "attrs"));
	}
	json_decref(doc);
	const char *const verify[] = { "sfdisk", "--verify", i.path, NULL };
	assert_int_equal(child_run(verify, NULL, NULL, &e), 0);
	buf_clear(&out);
	if (child_find("sgdisk", &out, &e) == 1) {
		buf_clear(&out);
		const char *const sgdisk[] = { "sgdisk", "--verify", i.path, NULL };
		assert_int_equal(child_run(sgdisk, NULL, &out, &e), 0);
		assert_non_null(strstr(out.data, "No problems found."));
	}
	image_free(&i);
}

static void gpt_write_tells_what_failed(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	image_make(&i, 100 * MIB, "x86_64");
	/* No memory, at each of our own allocations. */
	for (unsigned n = 1; n < 100; n++) {
		fail_arm(FAIL_ALLOC, n);
		int rc = gpt_write(&i.raw, &i.layout, arch_find("x86_64"), &ID, &e);
		if (!fail_disarm()) {
			assert_int_equal(rc, 0);
			break;
		}
		assert_int_equal(rc, -1);
	}
	/* A descriptor that cannot be written. */
	struct raw readonly = i.raw;
	char path[64];
	snprintf(path, sizeof(path), "%s", i.path);
	FILE *f = fopen(path, "r");
	readonly.fd = fileno(f);
	assert_int_equal(gpt_write(&readonly, &i.layout, arch_find("x86_64"), &ID, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	fclose(f);
	i.layout.size += MIB;
	assert_int_equal(gpt_write(&i.raw, &i.layout, arch_find("x86_64"), &ID, &e), -1);
	assert_int_equal(e.kind, ERR_BUG);
	image_free(&i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gpt_place_puts_everything_on_whole_mib),
		cmocka_unit_test(gpt_place_refuses_what_does_not_fit),
		cmocka_unit_test(gpt_write_is_the_same_twice),
		cmocka_unit_test(gpt_find_gives_back_what_was_placed),
		cmocka_unit_test(gpt_find_refuses_what_is_damaged),
		cmocka_unit_test(gpt_find_refuses_hostile_numbers),
		cmocka_unit_test(gpt_write_is_read_by_libfdisk),
		cmocka_unit_test(gpt_write_is_read_by_sfdisk),
		cmocka_unit_test(gpt_write_tells_what_failed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
