/*
 * The EFI system partition: a clean FAT32 in its place in the image that gives every file back, the
 * same bytes whatever the time zone, the locale, the clock and the user's settings.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/child.h"
#include "base/file.h"
#include "check.h"
#include "disk/esp.h"
#include "disk_temp.h"
#include "fail.h"

#define MIB ((uint64_t)1 << 20)

static const struct gpt_part PART = { MIB, 64 * MIB };
static const struct esp_options OPTIONS = {
	.label = "ESP", .serial = 0xfeed1234, .time = 1700000000
};

static char large[3 << 20];
static const struct esp_file FILES[] = {
	{ "loader/loader.conf", "timeout 0\n", 10 },
	{ "EFI/systemd/systemd-bootx64.efi", large, 140000 },
	{ "EFI/BOOT/BOOTX64.EFI", large, 140000 },
	{ "hub/6.1.0-56-cloud-amd64/linux", large, sizeof(large) },
	{ "hub/6.1.0-56-cloud-amd64/initrd.img-6.1.0-56-cloud-amd64", large + 7, 1 << 20 },
	{ "loader/entries/hub-6.12.107+deb12-cloud-amd64.conf", "title x\n", 8 },
	{ "loader/entries.srel", "type1\n", 6 },
	{ "empty", "", 0 },
};
enum { COUNT = sizeof(FILES) / sizeof(FILES[0]) };

struct image {
	int fd;
	char path[64];
	struct arena arena;
	struct raw raw;
};

static int setup(void **state)
{
	(void)state;
	uint32_t x = 1;
	for (size_t i = 0; i < sizeof(large); i++) {
		x = x * 1664525 + 1013904223;
		large[i] = (char)(x >> 24);
	}
	return 0;
}

static void image_make(struct image *i)
{
	struct err e = { 0 };
	*i = (struct image){ .fd = temp_image(NULL) };
	snprintf(i->path, sizeof(i->path), "/proc/%d/fd/%d", (int)getpid(), i->fd);
	assert_int_equal(raw_init(&i->raw, i->fd, 70 * MIB, &i->arena, &e), 0);
}

static void image_free(struct image *i)
{
	close(i->fd);
	arena_free(&i->arena);
}

static void image_write(struct image *i)
{
	struct err e = { 0 };
	image_make(i);
	if (esp_write(&i->raw, &PART, FILES, COUNT, &OPTIONS, &e) < 0)
		fail_msg("%s", e.msg);
}

static char *read_all(const struct image *i)
{
	char *data = malloc(70 * MIB);
	assert_int_equal(pread(i->fd, data, 70 * MIB, 0), 70 * MIB);
	return data;
}

/* The folders that a run made for what it copies are gone after it. */
static void assert_nothing_left(const char *folder)
{
	char cmd[128];
	snprintf(cmd, sizeof(cmd), "test -z \"$(ls %s)\"", folder);
	const char *const argv[] = { "sh", "-c", cmd, NULL };
	struct err e;
	assert_int_equal(child_run(argv, NULL, NULL, &e), 0);
}

static void esp_write_gives_every_file_back(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	image_write(&i);
	char drive[96];
	snprintf(drive, sizeof(drive), "%s@@%llu", i.path, (unsigned long long)MIB);
	for (size_t n = 0; n < COUNT; n++) {
		cleanup_buf struct buf out = { 0 };
		char from[128];
		snprintf(from, sizeof(from), "::/%s", FILES[n].path);
		const char *const argv[] = { "mtype", "-i", drive, from, NULL };
		static const char *const env[] = { "MTOOLSRC=/dev/null", "MTOOLS_SKIP_CHECK=1",
			NULL };
		struct child_options o = { .env = env };
		if (child_run(argv, &o, &out, &e) < 0)
			fail_msg("%s", e.msg);
		assert_int_equal(out.len, FILES[n].len);
		if (out.len > 0)
			assert_memory_equal(out.data, FILES[n].data, out.len);
	}
	image_free(&i);
}

static void esp_write_is_clean_fat32(void **state)
{
	(void)state;
	struct image i, only;
	struct err e = { 0 };
	image_write(&i);
	char *data = read_all(&i);
	unsigned char *boot = (unsigned char *)data + MIB;
	assert_memory_equal(boot + 82, "FAT32   ", 8);
	assert_memory_equal(boot + 71, "ESP        ", 11);
	assert_memory_equal(boot + 67, "\x34\x12\xed\xfe", 4); /* serial */
	assert_memory_equal(boot + 28, "\0\x08\0\0", 4);       /* hidden: sector 2048 */
	assert_memory_equal(boot + 32, "\0\0\x02\0", 4);       /* sectors: 64 MiB */
	/* Nothing outside of the partition, and nothing behind what is noted as written. */
	for (size_t n = 0; n < 70 * MIB; n++)
		if (data[n] != 0)
			assert_true(
				n >= MIB && n < 65 * MIB && raw_is_dirty(&i.raw, n / RAW_BLOCK));
	size_t dirty = 0;
	for (size_t n = 0; n < i.raw.blocks; n++)
		dirty += raw_is_dirty(&i.raw, n);
	assert_in_range(dirty, 9, 15);
	image_make(&only);
	assert_int_equal(ftruncate(only.fd, 0), 0);
	assert_int_equal(pwrite(only.fd, data + MIB, 64 * MIB, 0), 64 * MIB);
	const char *const argv[] = { "fsck.vfat", "-n", only.path, NULL };
	if (child_run(argv, NULL, NULL, &e) < 0)
		fail_msg("%s", e.msg);
	free(data);
	image_free(&only);
	image_free(&i);
}

static void esp_write_marks_zeroes_at_the_end_of_a_file(void **state)
{
	(void)state;
	static char zeroes[4 << 20];
	const struct esp_file file = { "zeroes", zeroes, sizeof(zeroes) };
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	memset(zeroes, 'x', 1000);
	assert_int_equal(esp_write(&i.raw, &PART, &file, 1, &OPTIONS, &e), 0);
	size_t dirty = 0;
	for (size_t n = 0; n < i.raw.blocks; n++)
		dirty += raw_is_dirty(&i.raw, n);
	/* With the FATs in front of it. */
	assert_in_range(dirty, sizeof(zeroes) / RAW_BLOCK, sizeof(zeroes) / RAW_BLOCK + 3);
	image_free(&i);
}

static void esp_write_is_the_same_anywhere(void **state)
{
	(void)state;
	struct image i;
	image_write(&i);
	char *before = read_all(&i);
	image_free(&i);
	static const char *const settings[] = { "TZ=Asia/Tokyo", "LC_ALL=C.UTF-8",
		"MTOOLS_LOWER_CASE=1", "MTOOLS_NO_VFAT=1", "MTOOLS_FAT_COMPATIBILITY=1",
		"MTOOLSRC=/nowhere", "SOURCE_DATE_EPOCH=1", "HOME=/nowhere", "TMPDIR=." };
	for (size_t n = 0; n < sizeof(settings) / sizeof(settings[0]); n++)
		putenv((char *)(uintptr_t)settings[n]);
	mode_t mask = umask(0777 & ~0700);
	/* Other order given, the same files. */
	struct esp_file turned[COUNT];
	for (size_t n = 0; n < COUNT; n++)
		turned[n] = FILES[COUNT - 1 - n];
	struct err e = { 0 };
	sleep(2); /* FAT counts time in steps of 2 s: a clock that leaks in would show */
	image_make(&i);
	if (esp_write(&i.raw, &PART, turned, COUNT, &OPTIONS, &e) < 0)
		fail_msg("%s", e.msg);
	char *after = read_all(&i);
	assert_memory_equal(before, after, 70 * MIB);
	free(before);
	free(after);
	image_free(&i);
	umask(mask);
	for (size_t n = 0; n < sizeof(settings) / sizeof(settings[0]); n++) {
		char name[32];
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(settings[n], "="), settings[n]);
		unsetenv(name);
	}
}

static void esp_write_at_the_ends_of_fat_time(void **state)
{
	(void)state;
	static const int64_t times[] = { INT64_MIN, -1, 0, 315532800, 4354819199, INT64_MAX };
	for (size_t n = 0; n < sizeof(times) / sizeof(times[0]); n++) {
		struct image i;
		struct err e = { 0 };
		struct esp_options o = OPTIONS;
		o.time = times[n];
		image_make(&i);
		if (esp_write(&i.raw, &PART, FILES, 1, &o, &e) < 0)
			fail_msg("%s", e.msg);
		image_free(&i);
	}
}

static void esp_write_refuses_what_does_not_fit(void **state)
{
	(void)state;
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	struct esp_file files[] = { { "a/large", large, 63 * MIB } };
	assert_int_equal(esp_write(&i.raw, &PART, files, 1, &OPTIONS, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_string_equal(
		e.msg, "the files of the EFI system partition take 65 MiB, it has 64 MiB");
	assert_false(raw_is_dirty(&i.raw, 2));
	image_free(&i);
}

static void esp_write_refuses_names(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "/a", "a/", "a//b", ".", "a/../b", "a./b", "a b /c",
		"a:b", "a\\b", "a*", "a?", "a\"", "<", ">", "|", "t\303\244st", "a\nb", "a\177" };
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	for (size_t n = 0; n < sizeof(bad) / sizeof(bad[0]); n++) {
		struct esp_file f = { bad[n], "x", 1 };
		assert_int_equal(esp_write(&i.raw, &PART, &f, 1, &OPTIONS, &e), -1);
		assert_int_equal(e.kind, ERR_INPUT);
	}
	image_free(&i);
}

static void esp_write_failures_leave_no_folder(void **state)
{
	(void)state;
	char folder[] = "/tmp/imgbuild-esptest-XXXXXX";
	assert_non_null(mkdtemp(folder));
	setenv("TMPDIR", folder, 1);
	static const enum fail_kind kinds[] = { FAIL_WRITE, FAIL_ALLOC };
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
		for (unsigned n = 1;; n++) {
			struct image i;
			struct err e = { 0 };
			image_make(&i);
			fail_arm(kinds[k], n);
			int rc = esp_write(&i.raw, &PART, FILES, 3, &OPTIONS, &e);
			bool hit = fail_disarm();
			assert_nothing_left(folder);
			image_free(&i);
			if (!hit) {
				assert_int_equal(rc, 0);
				break;
			}
			/* Growing a buffer for a program's messages may do without. */
			if (kinds[k] == FAIL_WRITE)
				assert_int_equal(rc, -1);
			if (rc < 0)
				assert_int_equal(e.kind, ERR_MACHINE);
		}
	/* Programs that are not there. */
	struct image i;
	struct err e = { 0 };
	image_make(&i);
	close(i.raw.fd);
	assert_int_equal(esp_write(&i.raw, &PART, FILES, 3, &OPTIONS, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_nothing_left(folder);
	i.fd = temp_image(NULL);
	image_free(&i);
	setenv("TMPDIR", "/nowhere/at/all", 1);
	image_make(&i);
	assert_int_equal(esp_write(&i.raw, &PART, FILES, 3, &OPTIONS, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	unsetenv("TMPDIR");
	image_free(&i);
	rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(esp_write_gives_every_file_back),
		cmocka_unit_test(esp_write_is_clean_fat32),
		cmocka_unit_test(esp_write_marks_zeroes_at_the_end_of_a_file),
		cmocka_unit_test(esp_write_is_the_same_anywhere),
		cmocka_unit_test(esp_write_at_the_ends_of_fat_time),
		cmocka_unit_test(esp_write_refuses_what_does_not_fit),
		cmocka_unit_test(esp_write_refuses_names),
		cmocka_unit_test(esp_write_failures_leave_no_folder),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
