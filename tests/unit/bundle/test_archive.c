#include "bundle/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include "scratch.h"

static struct entry entry(const char *path, const char *data)
{
	return (struct entry){ .path = path,
		.kind = ENTRY_FILE,
		.mode = 0644,
		.owner = "root",
		.group = "root",
		.data = data,
		.size = strlen(data) };
}

static void archive(struct buf *out, struct entry *list, size_t count, unsigned long long mtime)
{
	struct err e;
	struct tree t = { .list = list, .count = count };
	assert_int_equal(archive_tar(&t, mtime, out, &e), 0);
	assert_int_equal(out->len % 512, 0);
	for (size_t i = out->len - 1024; i < out->len; i++)
		assert_int_equal(out->data[i], 0);
}

static unsigned long long number(const char *field)
{
	return strtoull(field, NULL, 8);
}

static void assert_checksum(const char *header)
{
	unsigned sum = 0;
	for (size_t i = 0; i < 512; i++)
		sum += i >= 148 && i < 156 ? ' ' : (unsigned char)header[i];
	assert_int_equal(number(header + 148), sum);
}

static void archive_tar_header_says_all(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct entry one = entry("/etc/x", "hello\n");
	one.mode = 04751;
	archive(&b, &one, 1, 1234567890);
	assert_int_equal(b.len, 512 + 512 + 1024);
	assert_string_equal(b.data, "etc/x");
	assert_int_equal(number(b.data + 100), 04751);
	assert_int_equal(number(b.data + 108), 0);
	assert_int_equal(number(b.data + 116), 0);
	assert_int_equal(number(b.data + 124), 6);
	assert_int_equal(number(b.data + 136), 1234567890);
	assert_int_equal(b.data[156], '0');
	assert_memory_equal(b.data + 257, "ustar\00000", 8);
	assert_string_equal(b.data + 265, "root");
	assert_string_equal(b.data + 297, "root");
	assert_checksum(b.data);
	assert_string_equal(b.data + 512, "hello\n");
}

static void archive_tar_kinds_and_owners(void **state)
{
	(void)state;
	cleanup_buf struct buf b = { 0 };
	struct entry list[] = { entry("/a", ""), entry("/b", "target"), entry("/c", "") };
	list[0].kind = ENTRY_FOLDER;
	list[0].owner = "ipsec";
	list[1].kind = ENTRY_LINK;
	list[2].owner = "1000";
	list[2].group = "07";
	archive(&b, list, 3, 0);
	assert_int_equal(b.len, 3 * 512 + 1024);
	assert_int_equal(b.data[156], '5');
	assert_int_equal(number(b.data + 108), 65534);
	assert_string_equal(b.data + 265, "ipsec");
	assert_int_equal(b.data[512 + 156], '2');
	assert_int_equal(number(b.data + 512 + 124), 0);
	assert_string_equal(b.data + 512 + 157, "target");
	assert_int_equal(number(b.data + 1024 + 108), 1000);
	assert_int_equal(number(b.data + 1024 + 116), 7);
}

static void archive_tar_splits_long_paths(void **state)
{
	(void)state;
	char path[220] = "/";
	memset(path + 1, 'p', 120);
	strcpy(path + 121, "/");
	memset(path + 122, 'n', 90);
	path[212] = '\0';
	cleanup_buf struct buf b = { 0 };
	struct entry one = entry(path, "");
	archive(&b, &one, 1, 0);
	assert_int_equal(b.len, 512 + 1024);
	assert_int_equal(strlen(b.data), 90);
	assert_int_equal(strlen(b.data + 345), 120);
	assert_checksum(b.data);
}

/* Names that ustar cannot hold go into pax records, whose lengths count themselves. */
static void archive_tar_pax_records_for_odd_names(void **state)
{
	(void)state;
	for (size_t n = 101; n < 1000; n += n < 110 ? 1 : 37) {
		char path[1200] = "/", want[1300];
		memset(path + 1, 'x', n);
		path[n + 1] = '\0';
		cleanup_buf struct buf b = { 0 };
		struct entry one = entry(path, "");
		archive(&b, &one, 1, 0);
		assert_int_equal(b.data[156], 'x');
		assert_checksum(b.data);
		size_t size = number(b.data + 124);
		snprintf(want, sizeof(want), "%zu path=%s\n", size, path + 1);
		assert_int_equal(strlen(want), size);
		assert_memory_equal(b.data + 512, want, size);
	}
	char target[300];
	memset(target, 't', 250);
	target[250] = '\0';
	cleanup_buf struct buf b = { 0 };
	struct entry odd = entry("/\xc3\xa9", target);
	odd.kind = ENTRY_LINK;
	archive(&b, &odd, 1, 0);
	assert_non_null(strstr(b.data + 512, "path=\xc3\xa9\n"));
	assert_non_null(strstr(b.data + 512, " linkpath=ttt"));
}

static void archive_tar_refuses_long_owner(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	struct entry one = entry("/x", "");
	one.group = "a-group-name-of-more-than-thirty-one";
	struct tree t = { .list = &one, .count = 1 };
	assert_int_equal(archive_tar(&t, 0, &b, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_non_null(strstr(e.msg, "/x: owner"));
}

static void archive_tar_every_failed_allocation_is_reported(void **state)
{
	(void)state;
	char path[400] = "/";
	memset(path + 1, 'x', 300);
	struct entry list[] = { entry(path, "a"), entry("/b", "b") };
	struct tree t = { .list = list, .count = 2 };
	for (unsigned n = 1;; n++) {
		struct err e = { 0 };
		struct buf b = { 0 };
		fail_arm(FAIL_ALLOC, n);
		int rc = archive_tar(&t, 0, &b, &e);
		bool hit = fail_disarm();
		buf_free(&b);
		if (!hit) {
			assert_int_equal(rc, 0);
			assert_true(n > 2);
			break;
		}
		assert_int_equal(rc, -1);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

/* libarchive, which wrote none of it, reads back what went in. */
static void archive_tar_is_read_by_libarchive(void **state)
{
	(void)state;
	char long_name[300] = "/etc/";
	for (size_t i = 5; i < 290; i++)
		long_name[i] = i % 40 == 0 ? '/' : 'n';
	struct entry list[] = { entry("/etc/ipsec.conf", "config setup\n"),
		entry("/etc/link", "/usr/bin/hub"), entry(long_name, "far away\n"),
		entry("/etc/大阪", "") };
	list[0].mode = 0640;
	list[0].group = "adm";
	list[1].kind = ENTRY_LINK;
	size_t count = sizeof(list) / sizeof(list[0]);
	cleanup_buf struct buf b = { 0 };
	archive(&b, list, count, 1700000000);

	struct archive *a = archive_read_new();
	assert_int_equal(archive_read_support_format_tar(a), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(a, b.data, b.len), ARCHIVE_OK);
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *read;
		assert_true(archive_read_next_header(a, &read) >= ARCHIVE_WARN);
		assert_string_equal(archive_entry_pathname(read), list[i].path + 1);
		assert_string_equal(archive_entry_uname(read), list[i].owner);
		assert_string_equal(archive_entry_gname(read), list[i].group);
		assert_int_equal(archive_entry_mtime(read), 1700000000);
		if (list[i].kind == ENTRY_LINK) {
			assert_string_equal(archive_entry_symlink(read), list[i].data);
			continue;
		}
		assert_int_equal(archive_entry_perm(read), list[i].mode);
		assert_int_equal(archive_entry_size(read), list[i].size);
		char data[64] = "";
		assert_int_equal(archive_read_data(a, data, sizeof(data)), list[i].size);
		assert_memory_equal(data, list[i].data, list[i].size);
	}
	struct archive_entry *none;
	assert_int_equal(archive_read_next_header(a, &none), ARCHIVE_EOF);
	archive_read_free(a);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(archive_tar_header_says_all),
		cmocka_unit_test(archive_tar_kinds_and_owners),
		cmocka_unit_test(archive_tar_splits_long_paths),
		cmocka_unit_test(archive_tar_pax_records_for_odd_names),
		cmocka_unit_test(archive_tar_refuses_long_owner),
		cmocka_unit_test(archive_tar_every_failed_allocation_is_reported),
		cmocka_unit_test(archive_tar_is_read_by_libarchive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
