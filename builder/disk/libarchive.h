/*
 * libarchive, loaded when an archive is to be read: what of it is used.
 */
#ifndef IMGBUILD_DISK_LIBARCHIVE_H
#define IMGBUILD_DISK_LIBARCHIVE_H

#include <archive.h>
#include <archive_entry.h>

#include "base/err.h"
#include "base/library.h"

#define LIBARCHIVE_CALLS(X)                                                                        \
	X(archive_read_new)                                                                        \
	X(archive_read_free)                                                                       \
	X(archive_read_support_filter_bzip2)                                                       \
	X(archive_read_support_filter_compress)                                                    \
	X(archive_read_support_filter_gzip)                                                        \
	X(archive_read_support_filter_lz4)                                                         \
	X(archive_read_support_filter_lzip)                                                        \
	X(archive_read_support_filter_lzma)                                                        \
	X(archive_read_support_filter_xz)                                                          \
	X(archive_read_support_filter_zstd)                                                        \
	X(archive_read_support_format_tar)                                                         \
	X(archive_read_support_format_cpio)                                                        \
	X(archive_read_support_format_zip_seekable)                                                \
	X(archive_read_set_callback_data)                                                          \
	X(archive_read_set_read_callback)                                                          \
	X(archive_read_set_skip_callback)                                                          \
	X(archive_read_set_seek_callback)                                                          \
	X(archive_read_open1)                                                                      \
	X(archive_read_next_header)                                                                \
	X(archive_read_data_block)                                                                 \
	X(archive_read_data_skip)                                                                  \
	X(archive_errno)                                                                           \
	X(archive_error_string)                                                                    \
	X(archive_filter_bytes)                                                                    \
	X(archive_filter_count)                                                                    \
	X(archive_read_header_position)                                                            \
	X(archive_format)                                                                          \
	X(archive_entry_pathname)                                                                  \
	X(archive_entry_hardlink)                                                                  \
	X(archive_entry_symlink)                                                                   \
	X(archive_entry_filetype)                                                                  \
	X(archive_entry_mode)                                                                      \
	X(archive_entry_uid)                                                                       \
	X(archive_entry_gid)                                                                       \
	X(archive_entry_mtime)                                                                     \
	X(archive_entry_mtime_nsec)                                                                \
	X(archive_entry_mtime_is_set)                                                              \
	X(archive_entry_size)                                                                      \
	X(archive_entry_size_is_set)                                                               \
	X(archive_entry_rdevmajor)                                                                 \
	X(archive_entry_rdevminor)                                                                 \
	X(archive_entry_is_encrypted)                                                              \
	X(archive_entry_xattr_reset)                                                               \
	X(archive_entry_xattr_next)                                                                \
	X(archive_entry_acl_types)                                                                 \
	X(archive_entry_acl_reset)                                                                 \
	X(archive_entry_acl_next)                                                                  \
	X(archive_entry_sparse_reset)                                                              \
	X(archive_entry_sparse_next)

struct libarchive {
	LIBARCHIVE_CALLS(LIBRARY_POINTER)
};

/* ERR_MACHINE: not installed, or too old. */
must_check int libarchive_load(struct libarchive *ret, struct err *e);

#endif
