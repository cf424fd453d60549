/*
 * Archives by hand, well-formed or not: headers of tar(5) and cpio(5) in a buffer.
 */
#ifndef IMGBUILD_TESTS_TAR_MAKE_H
#define IMGBUILD_TESTS_TAR_MAKE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "check.h"

struct tar_entry {
	const char *name;
	char type; /* 0: '0' */
	const char *target;
	const char *data;
	size_t len; /* 0 with data: strlen */
	unsigned mode;
	unsigned long long uid;
	unsigned long long gid;
	long long mtime;
	unsigned major;
	unsigned minor;
	unsigned long long says; /* size in the header, where it is not len */
};

static inline void tar_number(char *field, size_t len, unsigned long long value)
{
	if (value < 1ull << (3 * (len - 1))) {
		char text[32];
		snprintf(text, sizeof(text), "%0*llo", (int)(len - 1), value);
		memcpy(field, text, len);
		return;
	}
	for (size_t i = len; i-- > 0; value >>= 8)
		field[i] = (char)(value & 0xff);
	field[0] = (char)(field[0] | 0x80);
}

static inline void tar_pad(struct buf *b)
{
	struct err e;
	static const char zero[512];
	assert_int_equal(buf_add(b, zero, -b->len & 511, &e), 0);
}

static inline void tar_add(struct buf *b, struct tar_entry t)
{
	struct err e;
	char h[512] = { 0 };
	size_t len = t.len != 0 || t.data == NULL ? t.len : strlen(t.data);
	char type = t.type != 0 ? t.type : '0';
	memcpy(h, t.name, strnlen(t.name, 100));
	tar_number(h + 100, 8, t.mode != 0 ? t.mode : type == '5' ? 0755 : 0644);
	tar_number(h + 108, 8, t.uid);
	tar_number(h + 116, 8, t.gid);
	tar_number(h + 124, 12, t.says != 0 ? t.says : len);
	tar_number(h + 136, 12, (unsigned long long)t.mtime);
	h[156] = type;
	if (t.target != NULL)
		memcpy(h + 157, t.target, strnlen(t.target, 100));
	memcpy(h + 257, "ustar\00000", 8);
	tar_number(h + 329, 8, t.major);
	tar_number(h + 337, 8, t.minor);
	unsigned sum = 8 * ' ';
	for (size_t i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	assert_int_equal(buf_add(b, h, 512, &e), 0);
	assert_int_equal(buf_add(b, t.data, len, &e), 0);
	tar_pad(b);
}

/* One record for the pax header of the entry that comes next. */
static inline void tar_record(struct buf *records, const char *key, const void *value, size_t len)
{
	struct err e;
	size_t rest = strlen(key) + len + 3, total = rest + 1;
	char digits[32];
	while (total != rest + (size_t)snprintf(digits, sizeof(digits), "%zu", total))
		total = rest + strlen(digits);
	assert_int_equal(buf_printf(records, &e, "%zu %s=", total, key), 0);
	assert_int_equal(buf_add(records, value, len, &e), 0);
	assert_int_equal(buf_putc(records, '\n', &e), 0);
}

/* A pax header of these records, which are used up. */
static inline void tar_pax(struct buf *b, struct buf *records)
{
	tar_add(b,
		(struct tar_entry){
			.name = "pax", .type = 'x', .data = records->data, .len = records->len });
	buf_free(records);
}

static inline void tar_end(struct buf *b)
{
	struct err e;
	static const char zero[1024];
	assert_int_equal(buf_add(b, zero, sizeof(zero), &e), 0);
}

/* cpio's newc form. */
static inline void cpio_add(struct buf *b, const char *name, unsigned mode, unsigned ino,
	unsigned links, const char *data)
{
	struct err e;
	size_t len = data != NULL ? strlen(data) : 0;
	assert_int_equal(
		buf_printf(b, &e, "070701%08x%08x%08x%08x%08x%08x%08zx%08x%08x%08x%08x%08zx%08x",
			ino, mode, 0, 0, links, 1700000001, len, 0, 1, 0, 0, strlen(name) + 1, 0),
		0);
	assert_int_equal(buf_add(b, name, strlen(name) + 1, &e), 0);
	assert_int_equal(buf_add(b, "\0\0\0", -b->len & 3, &e), 0);
	assert_int_equal(buf_add(b, data, len, &e), 0);
	assert_int_equal(buf_add(b, "\0\0\0", -b->len & 3, &e), 0);
}

static inline void cpio_end(struct buf *b)
{
	cpio_add(b, "TRAILER!!!", 0, 0, 1, NULL);
}

/* A file of these bytes that is gone when its path is closed with file_drop(). */
static inline void file_make(char path[64], const void *data, size_t len)
{
	strcpy(path, "/tmp/imgbuild-archive-XXXXXX");
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, 0), len);
	close(fd);
}

#endif
