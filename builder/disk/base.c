#include "disk/base.h"

#include <errno.h>
#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/base_part.h"

#define READ_BYTES      ((size_t)256 << 10)
/* A file that changed this recently may change again within the same tick of its times. */
#define SETTLED_SECONDS 2

int base_digest(const char *path, struct sha256 *ret_digest, uint64_t *ret_size, struct err *e)
{
	cleanup_fd int fd = -1;
	struct stat st;
	if (file_open(AT_FDCWD, path, &fd, &st, e) < 0)
		return -1;
	unsigned char *data = malloc(READ_BYTES);
	if (data == NULL)
		return err_nomem(e);
	struct sha256_ctx ctx;
	sha256_init(&ctx);
	uint64_t size = 0;
	ssize_t n;
	while ((n = read(fd, data, READ_BYTES)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		sha256_update(&ctx, (size_t)n, data);
		size += (uint64_t)n;
	}
	int errnum = errno;
	free(data);
	if (n < 0)
		return err_set(e, ERR_MACHINE, errnum, "read %s", path);
	sha256_digest(&ctx, sizeof(ret_digest->bytes), ret_digest->bytes);
	*ret_size = size;
	return 0;
}

static int write_and_sync(int fd, const void *data, size_t len, struct err *e)
{
	if (file_write_all(fd, data, len, e) < 0)
		return -1;
	if (fsync(fd) < 0)
		return err_set(e, ERR_MACHINE, errno, "fsync");
	return 0;
}

int base_write_file(const char *path, const void *data, size_t len, struct arena *a, struct err *e)
{
	char *part = arena_printf(a, e, "%s.%d.part", path, (int)getpid());
	if (part == NULL)
		return -1;
	int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "create %s", part);
	int rc = write_and_sync(fd, data, len, e);
	if (close(fd) < 0 && rc == 0)
		rc = err_set(e, ERR_MACHINE, errno, "close");
	if (rc < 0)
		err_wrap(e, "%s", part);
	else if (renameat(AT_FDCWD, part, AT_FDCWD, path) < 0)
		rc = err_set(e, ERR_MACHINE, errno, "rename %s", part);
	if (rc < 0)
		unlink(part);
	return rc;
}

/* mkdir -p; each part is tried. */
static int make_folders(char *path, struct err *e)
{
	for (char *at = path + 1;; at++) {
		char c = *at;
		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		int rc = mkdir(path, 0755);
		*at = c;
		if (rc < 0 && errno != EEXIST)
			return err_set(
				e, ERR_MACHINE, errno, "make folder %.*s", (int)(at - path), path);
		if (c == '\0')
			return 0;
	}
}

/* The cache's folder of that name, made where missing; NULL: ERR_MACHINE. */
static const char *cache_folder(
	const struct base_request *r, const char *name, struct arena *a, struct err *e)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	if (r->cache != NULL && r->cache[0] != '\0') {
		path = arena_printf(a, e, "%s/%s", r->cache, name);
	} else if (xdg != NULL && xdg[0] == '/') { /* others are to be ignored, says the standard */
		path = arena_printf(a, e, "%s/imgbuild/%s", xdg, name);
	} else if (home != NULL && home[0] == '/') {
		path = arena_printf(a, e, "%s/.cache/imgbuild/%s", home, name);
	} else {
		err_set(e, ERR_MACHINE, 0,
			"no folder for the cache of bases: set HOME or XDG_CACHE_HOME");
	}
	return path != NULL && make_folders(path, e) == 0 ? path : NULL;
}

/* What a file is known by, as one line. */
static const char *fingerprint(const struct stat *st, struct arena *a, struct err *e)
{
	return arena_printf(a, e, "%llx %llu %lld %lld.%09ld %lld.%09ld ",
		(unsigned long long)st->st_dev, (unsigned long long)st->st_ino,
		(long long)st->st_size, (long long)st->st_mtim.tv_sec, st->st_mtim.tv_nsec,
		(long long)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
}

static bool read_hex(const char *text, struct sha256 *ret)
{
	for (size_t i = 0; i < sizeof(ret->bytes); i++) {
		unsigned value = 0;
		for (size_t k = 0; k < 2; k++) {
			char c = text[2 * i + k];
			unsigned digit;
			if (c >= '0' && c <= '9')
				digit = (unsigned)(c - '0');
			else if (c >= 'a' && c <= 'f')
				digit = (unsigned)(c - 'a') + 10;
			else
				return false;
			value = value << 4 | digit;
		}
		ret->bytes[i] = (unsigned char)value;
	}
	return text[2 * sizeof(ret->bytes)] == '\n';
}

/* The digest noted for just this file: 1, or 0: none. */
static int noted_digest(const char *note, const char *print, struct sha256 *ret)
{
	struct err ignored;
	cleanup_buf struct buf data = { 0 };
	size_t len = strlen(print);
	return file_read(AT_FDCWD, note, 1024, &data, &ignored) == 0 && data.len > len &&
	       strncmp(data.data, print, len) == 0 && read_hex(data.data + len, ret);
}

static int note_digest(const char *note, const char *print, const struct stat *st,
	const struct sha256 *digest, struct arena *a, struct err *e)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec - st->st_ctim.tv_sec <= SETTLED_SECONDS)
		return 0;
	char *line = arena_printf(a, e, "%s%s\n", print, sha256_text(digest).text);
	if (line == NULL)
		return -1;
	return base_write_file(note, line, strlen(line), a, e);
}

/* The digest of a user's archive, from the cache where the file is the same as then. */
static int tar_digest(const struct base_request *r, struct arena *a, struct base *b, struct err *e)
{
	struct stat before, after;
	if (stat(r->tar, &before) < 0)
		return err_set(e, ERR_INPUT, errno, "open %s", r->tar);
	const char *folder = cache_folder(r, "tars", a, e);
	const char *print = folder != NULL ? fingerprint(&before, a, e) : NULL;
	char *full = print != NULL ? realpath(r->tar, NULL) : NULL;
	if (print == NULL)
		return -1;
	if (full == NULL)
		return err_set(e, ERR_INPUT, errno, "open %s", r->tar);
	struct sha256 name = sha256_of(full, strlen(full));
	free(full);
	const char *note = arena_printf(a, e, "%s/%s", folder, sha256_text(&name).text);
	if (note == NULL)
		return -1;
	b->size = (uint64_t)before.st_size;
	b->cached = S_ISREG(before.st_mode) && noted_digest(note, print, &b->digest);
	if (b->cached)
		return 0;
	if (base_digest(r->tar, &b->digest, &b->size, e) < 0)
		return -1;
	if (stat(r->tar, &after) < 0 || after.st_ctim.tv_sec != before.st_ctim.tv_sec ||
		after.st_ctim.tv_nsec != before.st_ctim.tv_nsec ||
		after.st_size != before.st_size || after.st_ino != before.st_ino)
		return err_set(e, ERR_INPUT, 0, "%s: changed while it was read", r->tar);
	return note_digest(note, print, &before, &b->digest, a, e);
}

static int base_tar(const struct base_request *r, struct arena *a, struct base *ret, struct err *e)
{
	struct base b = { .has_epoch = r->has_epoch, .epoch = r->epoch };
	const char *slash = strrchr(r->tar, '/');
	b.path = arena_strdup(a, r->tar, e);
	b.label = arena_printf(a, e, "tar:%s", slash != NULL ? slash + 1 : r->tar);
	if (b.path == NULL || b.label == NULL)
		return -1;
	if (tar_digest(r, a, &b, e) < 0)
		return err_wrap(e, "base");
	*ret = b;
	return 0;
}

int base_get(const struct base_request *r, struct arena *a, struct base *ret, struct err *e)
{
	if (r->kind == BASE_TAR)
		return base_tar(r, a, ret, e);
	const char *folder = cache_folder(r, "bases", a, e);
	if (folder == NULL || base_debian(r, folder, a, ret, e) < 0)
		return err_wrap(e, "base debian:%s", r->suite);
	return 0;
}

int base_apt_sources(const struct base_request *r, struct arena *a, const char **ret, struct err *e)
{
	struct base_sources sources = { 0 };
	const char *text = "";
	if (r->kind != BASE_DEBIAN) {
		*ret = NULL;
		return 0;
	}
	if (base_sources_find(r, a, &sources, e) < 0)
		return -1;
	for (size_t i = 0; i < sources.count && text != NULL; i++)
		text = arena_printf(a, e, "%sdeb [signed-by=%s] %s %s%s main\n", text, BASE_KEYRING,
			sources.list[i].uri, r->suite, sources.list[i].suffix);
	if (text == NULL)
		return -1;
	*ret = text;
	return 0;
}
