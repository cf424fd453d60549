#include "disk/intake_foreign.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEP      ((size_t)2 << 10) /* bytes read at first, and where a header is looked for */
#define TAR_BLOCK 512u

static la_ssize_t on_read(struct archive *a, void *ctx, const void **ret)
{
	struct intake *in = ctx;
	ssize_t n;
	(void)a;
	do
		n = pread(in->fd, in->window, in->step, (off_t)in->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		in->errnum = errno;
		return ARCHIVE_FATAL;
	}
	in->offset += (uint64_t)n;
	in->step = in->step < WINDOW / 2 ? in->step * 2 : WINDOW;
	*ret = in->window;
	return n;
}

/* Behind a jump lies a header, and behind that perhaps the next jump. */
static void jump(struct intake *in, uint64_t offset)
{
	if (offset != in->offset)
		in->step = STEP;
	in->offset = offset;
}

static la_int64_t on_skip(struct archive *a, void *ctx, la_int64_t request)
{
	struct intake *in = ctx;
	uint64_t size = (uint64_t)in->st.st_size;
	uint64_t left = size > in->offset ? size - in->offset : 0;
	/* Never past the end: what is missing there is found by reading. */
	uint64_t skip = (uint64_t)request < left ? (uint64_t)request : left;
	(void)a;
	jump(in, in->offset + skip);
	return (la_int64_t)skip;
}

static la_int64_t on_seek(struct archive *a, void *ctx, la_int64_t offset, int whence)
{
	struct intake *in = ctx;
	la_int64_t from = whence == SEEK_SET   ? 0
			  : whence == SEEK_CUR ? (la_int64_t)in->offset
					       : in->st.st_size;
	(void)a;
	if (__builtin_add_overflow(from, offset, &from) || from < 0 || from > in->st.st_size)
		return ARCHIVE_FATAL;
	jump(in, (uint64_t)from);
	return from;
}

/* What libarchive says went wrong. */
static int failed(struct intake *in, struct err *e)
{
	const char *text = in->lib.archive_error_string(in->archive);
	const char *name = in->name;
	if (in->errnum != 0)
		return err_set(e, ERR_MACHINE, in->errnum, "read %s", in->path);
	if (in->lib.archive_errno(in->archive) == ENOMEM)
		return err_set(e, ERR_MACHINE, ENOMEM, "read %s", in->path);
	if (text == NULL)
		text = "truncated or damaged";
	if (in->entry <= 1 && name == NULL && strstr(text, "Unrecognized archive format") != NULL)
		return err_set(e, ERR_INPUT, 0,
			"%s: no tar, cpio or zip archive, compressed or not", in->path);
	if (in->entry == 0)
		return err_set(e, ERR_INPUT, 0, "%s: %s: " REMEDY, in->path, text);
	if (name == NULL)
		return err_set(
			e, ERR_INPUT, 0, "%s: entry %zu: %s: " REMEDY, in->path, in->entry, text);
	return err_set(e, ERR_INPUT, 0, "%s: %s: %s: " REMEDY, in->path, shown(name).text, text);
}

static int set_up(struct intake *in, struct err *e)
{
	struct libarchive *lib = &in->lib;
	int (*const supports[])(struct archive *) = {
		lib->archive_read_support_filter_bzip2,
		lib->archive_read_support_filter_compress,
		lib->archive_read_support_filter_gzip,
		lib->archive_read_support_filter_lz4,
		lib->archive_read_support_filter_lzip,
		lib->archive_read_support_filter_lzma,
		lib->archive_read_support_filter_xz,
		lib->archive_read_support_filter_zstd,
		lib->archive_read_support_format_tar,
		lib->archive_read_support_format_cpio,
		lib->archive_read_support_format_zip_seekable,
	};
	/* ARCHIVE_WARN: only by another program, which this machine may not have. */
	for (size_t i = 0; i < sizeof(supports) / sizeof(supports[0]); i++)
		if (supports[i](in->archive) < ARCHIVE_WARN)
			return failed(in, e);
	if (lib->archive_read_set_callback_data(in->archive, in) != ARCHIVE_OK ||
		lib->archive_read_set_read_callback(in->archive, on_read) != ARCHIVE_OK ||
		lib->archive_read_set_skip_callback(in->archive, on_skip) != ARCHIVE_OK ||
		lib->archive_read_set_seek_callback(in->archive, on_seek) != ARCHIVE_OK)
		return failed(in, e);
	locale_t before = uselocale(in->locale);
	int rc = lib->archive_read_open1(in->archive);
	uselocale(before);
	return rc != ARCHIVE_OK ? failed(in, e) : 0;
}

static int load(struct intake *in, struct err *e)
{
	if (!in->loaded && libarchive_load(&in->lib, e) < 0)
		return -1;
	in->loaded = true;
	return 0;
}

int foreign_begin(struct intake *in, struct err *e)
{
	if (load(in, e) < 0)
		return -1;
	in->errnum = 0;
	in->offset = 0;
	in->step = STEP;
	/* In a locale of UTF-8, libarchive makes other names of pax's: it normalises them to NFC.
	 * In this one it cannot convert what is not ASCII, says so, and leaves it as it is. */
	if (in->locale == (locale_t)0)
		in->locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	if (in->locale == (locale_t)0)
		return err_nomem(e);
	in->archive = in->lib.archive_read_new();
	if (in->archive == NULL)
		return err_nomem(e);
	return set_up(in, e);
}

void foreign_end(struct intake *in)
{
	if (in->archive != NULL)
		in->lib.archive_read_free(in->archive);
	in->archive = NULL;
}

static int take_xattrs(struct intake *in, struct archive_entry *from, struct err *e)
{
	const struct libarchive *lib = &in->lib;
	struct entry_xattr x;
	in->now.xattr_count = 0;
	if (lib->archive_entry_xattr_reset(from) <= 0)
		return 0;
	while (lib->archive_entry_xattr_next(from, &x.name, &x.value, &x.len) == ARCHIVE_OK) {
		if (in->now.xattr_count == in->xattr_cap) {
			size_t cap = in->xattr_cap * 2 + 8;
			struct entry_xattr *more =
				reallocarray(in->xattrs, cap, sizeof(*in->xattrs));
			if (more == NULL)
				return err_nomem(e);
			in->xattrs = more;
			in->xattr_cap = cap;
		}
		in->xattrs[in->now.xattr_count++] = x;
	}
	in->now.xattrs = in->xattrs;
	return 0;
}

static int take_entry(struct intake *in, struct archive_entry *from, struct err *e)
{
	const struct libarchive *lib = &in->lib;
	in->now = (struct entry){ .name = in->name,
		.hardlink = lib->archive_entry_hardlink(from),
		.symlink = lib->archive_entry_symlink(from),
		.mode = lib->archive_entry_filetype(from) | (lib->archive_entry_mode(from) & 07777),
		.uid = lib->archive_entry_uid(from),
		.gid = lib->archive_entry_gid(from),
		.size = lib->archive_entry_size_is_set(from) ? lib->archive_entry_size(from) : -1,
		.timed = lib->archive_entry_mtime_is_set(from),
		.mtime = lib->archive_entry_mtime(from),
		.mtime_nsec = lib->archive_entry_mtime_nsec(from),
		.major = lib->archive_entry_rdevmajor(from),
		.minor = lib->archive_entry_rdevminor(from),
		.encrypted = lib->archive_entry_is_encrypted(from),
		.archive = from };
	return take_xattrs(in, from, e);
}

int foreign_next(struct intake *in, const struct entry **ret, struct err *e)
{
	struct archive_entry *entry = NULL;
	in->name = NULL;
	locale_t locale = uselocale(in->locale);
	int rc = in->lib.archive_read_next_header(in->archive, &entry);
	if (rc == ARCHIVE_OK || rc == ARCHIVE_WARN)
		in->name = in->lib.archive_entry_pathname(entry);
	uselocale(locale);
	if (rc == ARCHIVE_EOF) {
		/* libarchive takes the end of the bytes for the end of a tar; tar(5) has a mark. */
		int family = in->lib.archive_format(in->archive) & ARCHIVE_FORMAT_BASE_MASK;
		if (family == ARCHIVE_FORMAT_TAR &&
			in->lib.archive_filter_bytes(in->archive, 0) ==
				in->lib.archive_read_header_position(in->archive))
			return err_set(e, ERR_INPUT, 0,
				"%s: truncated: it ends behind entry %zu without tar's end mark: " REMEDY,
				in->path, in->entry - 1);
		return 0;
	}
	if (rc == ARCHIVE_WARN) {
		const char *text = in->lib.archive_error_string(in->archive);
		if (text == NULL || strstr(text, "can't be converted") == NULL)
			return failed(in, e);
	} else if (rc != ARCHIVE_OK)
		return failed(in, e);
	if (in->name == NULL)
		return err_set(
			e, ERR_INPUT, 0, "%s: entry %zu has no name: " REMEDY, in->path, in->entry);
	if (take_entry(in, entry, e) < 0)
		return -1;
	*ret = &in->now;
	return 1;
}

/*
 * A tar's content is padded to blocks of 512 bytes, and the header behind it is what libarchive
 * gives the place of: in the bytes behind all filters, the last of which is the reading itself.
 */
uint64_t foreign_began(const struct intake *in, uint64_t bytes)
{
	const struct libarchive *lib = &in->lib;
	int family = lib->archive_format(in->archive) & ARCHIVE_FORMAT_BASE_MASK;
	la_int64_t header = lib->archive_read_header_position(in->archive);
	uint64_t padded = (bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	if (family != ARCHIVE_FORMAT_TAR || lib->archive_filter_count(in->archive) != 1 ||
		header <= 0 || (uint64_t)header <= padded)
		return 0;
	return (uint64_t)header - padded;
}

int foreign_data(struct intake *in, const void **ret_data, size_t *ret_len, uint64_t *ret_offset,
	struct err *e)
{
	const void *data;
	size_t len;
	la_int64_t offset;
	for (;;) {
		int rc = in->lib.archive_read_data_block(in->archive, &data, &len, &offset);
		if (rc == ARCHIVE_EOF)
			return 0;
		if (rc != ARCHIVE_OK)
			return failed(in, e);
		if (len > 0)
			break;
	}
	*ret_data = data;
	*ret_len = len;
	*ret_offset = (uint64_t)offset;
	return 1;
}

int foreign_skip(struct intake *in, struct err *e)
{
	return in->lib.archive_read_data_skip(in->archive) != ARCHIVE_OK ? failed(in, e) : 0;
}
