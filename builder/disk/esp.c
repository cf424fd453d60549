#include "disk/esp.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/child.h"
#include "base/file.h"

enum {
	CLUSTERS_MIN = 65525 + 16, /* fewer would be FAT16 (Microsoft's FAT specification) */
	RESERVED = 32,             /* sectors in front of the FATs, mkfs.vfat's default */
	NUMBER = 32,               /* characters of a number */
};

/* FAT's times go from 1980 to 2107. */
static const int64_t TIME_FIRST = 315532800, TIME_LAST = 4354819198;

/* What a run of mtools and mkfs.vfat depends on, beside its arguments. */
struct tools {
	struct arena arena;
	char folder[4096]; /* with the files to be copied; "" while there is none */
	char image[64];    /* path of the image for other programs */
	const char *drive; /* -i of mtools */
	const char *env[12];
};

static void tools_free(struct tools *t)
{
	struct err ignored;
	if (t->folder[0] != '\0')
		(void)!file_remove_tree(AT_FDCWD, t->folder, &ignored);
	arena_free(&t->arena);
}

static int tools_init(struct tools *t, const struct raw *raw, const struct gpt_part *part,
	int64_t when, struct err *e)
{
	const char *tmp = getenv("TMPDIR");
	if (tmp == NULL || tmp[0] != '/')
		tmp = "/tmp";
	char folder[sizeof(t->folder)];
	int len = snprintf(folder, sizeof(folder), "%s/imgbuild-esp-XXXXXX", tmp);
	if (len < 0 || (size_t)len >= sizeof(folder))
		return err_set(e, ERR_MACHINE, ENAMETOOLONG, "TMPDIR");
	if (mkdtemp(folder) == NULL)
		return err_set(e, ERR_MACHINE, errno, "make a folder in %s", tmp);
	memcpy(t->folder, folder, sizeof(folder));
	snprintf(t->image, sizeof(t->image), "/proc/%ld/fd/%d", (long)getpid(), raw->fd);
	t->drive =
		arena_printf(&t->arena, e, "%s@@%llu", t->image, (unsigned long long)part->start);
	when = when < TIME_FIRST ? TIME_FIRST : when > TIME_LAST ? TIME_LAST : when;
	const char *epoch = arena_printf(&t->arena, e, "SOURCE_DATE_EPOCH=%lld", (long long)when);
	const char *home = arena_printf(&t->arena, e, "HOME=%s", t->folder);
	if (t->drive == NULL || epoch == NULL || home == NULL)
		return -1;
	const char *const env[] = { epoch, home, "TZ=UTC0", "LC_ALL=C", "MTOOLSRC=/dev/null",
		"MTOOLS_SKIP_CHECK=1", "MTOOLS_FAT_COMPATIBILITY=0", "MTOOLS_LOWER_CASE=0",
		"MTOOLS_NO_VFAT=0", "MTOOLS_NAME_NUMERIC_TAIL=1", "MTOOLS_DOTTED_DIR=0", NULL };
	memcpy(t->env, env, sizeof(env));
	return 0;
}

/* The largest clusters, up to a page, that are still enough in number for FAT32. */
static unsigned cluster_sectors(const struct gpt_part *part)
{
	uint64_t sectors = part->size / GPT_SECTOR;
	for (unsigned n = 8; n > 1; n /= 2) {
		uint64_t fats = 2 * (sectors / n * 4 / GPT_SECTOR + 1);
		if (sectors > RESERVED + fats + n &&
			(sectors - RESERVED - fats - n) / n > CLUSTERS_MIN)
			return n;
	}
	return 1;
}

static int make_fat(const struct tools *t, const struct gpt_part *part, const struct esp_options *o,
	struct err *e)
{
	char serial[NUMBER], offset[NUMBER], hidden[NUMBER], cluster[NUMBER], kib[NUMBER];
	snprintf(serial, sizeof(serial), "%08lx", (unsigned long)o->serial);
	snprintf(offset, sizeof(offset), "--offset=%llu",
		(unsigned long long)(part->start / GPT_SECTOR));
	snprintf(hidden, sizeof(hidden), "%llu", (unsigned long long)(part->start / GPT_SECTOR));
	snprintf(cluster, sizeof(cluster), "%u", cluster_sectors(part));
	snprintf(kib, sizeof(kib), "%llu", (unsigned long long)(part->size >> 10));
	const char *const argv[] = { "mkfs.vfat", "--invariant", "--mbr=no", "-F", "32", "-S",
		"512", "-s", cluster, "-h", hidden, "-i", serial, "-n", o->label, offset, t->image,
		kib, NULL };
	struct child_options child = { .env = t->env, .package = "dosfstools" };
	return child_run(argv, &child, NULL, e);
}

/* A folder of the partition with its files. */
struct folder {
	const char *path;
	const struct esp_file **files;
	size_t count;
};

static int by_path(const void *a, const void *b)
{
	return strcmp((*(const struct esp_file *const *)a)->path,
		(*(const struct esp_file *const *)b)->path);
}

static int by_folder(const void *a, const void *b)
{
	return strcmp(((const struct folder *)a)->path, ((const struct folder *)b)->path);
}

struct folders {
	struct folder *list;
	size_t count;
	size_t cap;
};

static struct folder *folder_get(struct folders *all, struct arena *a, const char *path, size_t len,
	size_t files, struct err *e)
{
	for (size_t i = 0; i < all->count; i++)
		if (strncmp(all->list[i].path, path, len) == 0 && all->list[i].path[len] == '\0')
			return &all->list[i];
	struct folder *f = arena_push(a, &all->list, &all->count, &all->cap, sizeof(*f), e);
	if (f == NULL)
		return NULL;
	f->path = arena_strndup(a, path, len, e);
	f->files = arena_array(a, files + 1, sizeof(*f->files), e);
	return f->path != NULL && f->files != NULL ? f : NULL;
}

static int path_check(const char *path, struct err *e)
{
	size_t part = 0;
	for (const char *p = path;; p++) {
		if (*p == '/' || *p == '\0') {
			if (part == 0)
				break;
			part = 0;
			if (*p == '\0')
				return 0;
		} else if (*p < 0x20 || *p > 0x7e || strchr("\\:*?\"<>|", *p) != NULL ||
			   ((*p == '.' || *p == ' ') && (p[1] == '/' || p[1] == '\0'))) {
			break;
		} else {
			part++;
		}
	}
	return err_set(
		e, ERR_INPUT, 0, "EFI system partition: no file can be called '%s' there", path);
}

/* All folders, parents first, each with its files in order. */
static int sort_files(struct tools *t, const struct esp_file *files, size_t count,
	struct folders *ret, struct err *e)
{
	const struct esp_file **sorted = arena_array(&t->arena, count + 1, sizeof(*sorted), e);
	if (sorted == NULL)
		return -1;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &files[i];
	qsort(sorted, count, sizeof(*sorted), by_path);
	for (size_t i = 0; i < count; i++) {
		const char *path = sorted[i]->path, *slash = strchr(path, '/');
		if (path_check(path, e) < 0)
			return -1;
		struct folder *f = folder_get(ret, &t->arena, "", 0, count, e);
		for (; f != NULL && slash != NULL; slash = strchr(slash + 1, '/'))
			f = folder_get(ret, &t->arena, path, (size_t)(slash - path), count, e);
		if (f == NULL)
			return -1;
		f->files[f->count++] = sorted[i];
	}
	if (ret->count > 1)
		qsort(ret->list, ret->count, sizeof(*ret->list), by_folder);
	return 0;
}

static const char *base_name(const struct esp_file *f)
{
	const char *slash = strrchr(f->path, '/');
	return slash != NULL ? slash + 1 : f->path;
}

static int make_folders(struct tools *t, const struct folders *all, struct err *e)
{
	const char **argv = arena_array(&t->arena, all->count + 5, sizeof(*argv), e);
	if (argv == NULL)
		return -1;
	size_t n = 0;
	argv[n++] = "mmd";
	argv[n++] = "-i";
	argv[n++] = t->drive;
	size_t options = n;
	for (size_t i = 0; i < all->count; i++) {
		if (all->list[i].path[0] == '\0')
			continue;
		argv[n] = arena_printf(&t->arena, e, "::/%s", all->list[i].path);
		if (argv[n++] == NULL)
			return -1;
	}
	struct child_options child = { .env = t->env, .package = "mtools" };
	return n == options ? 0 : child_run(argv, &child, NULL, e);
}

/* The files lie in the staging folder under their own names, which mcopy takes over. */
static int stage(struct tools *t, int dir, const char *sub, const struct esp_file *f,
	const char **ret, struct err *e)
{
	const char *path = arena_printf(&t->arena, e, "%s/%s", sub, base_name(f));
	if (path == NULL)
		return -1;
	cleanup_fd int fd = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "make %s/%s", t->folder, path);
	if (file_write_all(fd, f->data, f->len, e) < 0)
		return err_wrap(e, "%s/%s", t->folder, path);
	*ret = path;
	return 0;
}

static int copy_files(
	struct tools *t, int dir, size_t number, const struct folder *f, struct err *e)
{
	if (f->count == 0)
		return 0;
	char sub[NUMBER];
	snprintf(sub, sizeof(sub), "%zu", number);
	if (mkdirat(dir, sub, 0700) < 0)
		return err_set(e, ERR_MACHINE, errno, "make %s/%s", t->folder, sub);
	const char **argv = arena_array(&t->arena, f->count + 8, sizeof(*argv), e);
	if (argv == NULL)
		return -1;
	size_t n = 0;
	argv[n++] = "mcopy";
	argv[n++] = "-Q";
	argv[n++] = "-i";
	argv[n++] = t->drive;
	for (size_t i = 0; i < f->count; i++)
		if (stage(t, dir, sub, f->files[i], &argv[n++], e) < 0)
			return -1;
	argv[n] = arena_printf(&t->arena, e, "::/%s", f->path);
	if (argv[n] == NULL)
		return -1;
	struct child_options child = { .env = t->env, .folder = t->folder, .package = "mtools" };
	if (child_run(argv, &child, NULL, e) < 0)
		return -1;
	return file_remove_tree(dir, sub, e);
}

/* The last byte of the partition that is not zero, counted from its start; 0: none. */
static int last_byte(
	const struct raw *raw, const struct gpt_part *part, uint64_t *ret, struct err *e)
{
	enum { CHUNK = 64 << 10 };
	static const char zero[CHUNK];
	char data[CHUNK];
	uint64_t end = part->size;
	while (end > 0) {
		uint64_t len = end < CHUNK ? end : CHUNK;
		uint64_t at = part->start + end - len;
		off_t next = lseek(raw->fd, (off_t)at, SEEK_DATA);
		if ((next < 0 && errno == ENXIO) || (next >= 0 && (uint64_t)next >= at + len)) {
			end -= len;
			continue;
		}
		ssize_t n = pread(raw->fd, data, len, (off_t)at);
		if (n < 0 || (uint64_t)n != len)
			return err_set(e, ERR_MACHINE, n < 0 ? errno : 0, "read the image back");
		if (memcmp(data, zero, len) != 0) {
			while (len > 0 && data[len - 1] == 0)
				len--;
			*ret = end - (end < CHUNK ? end : CHUNK) + len;
			return 0;
		}
		end -= len;
	}
	*ret = 0;
	return 0;
}

/*
 * Where the last cluster in use ends, by the first FAT (FAT32 file system specification): a file
 * may end in zeroes. Bytes from the partition's start.
 */
static int used_bytes(
	const struct raw *raw, const struct gpt_part *part, uint64_t *ret, struct err *e)
{
	unsigned char boot[GPT_SECTOR];
	ssize_t n = pread(raw->fd, boot, sizeof(boot), (off_t)part->start);
	if (n != (ssize_t)sizeof(boot))
		return err_set(e, ERR_MACHINE, n < 0 ? errno : 0, "read the image back");
	uint64_t reserved = boot[14] | (uint64_t)boot[15] << 8;
	uint64_t fat = boot[36] | (uint64_t)boot[37] << 8 | (uint64_t)boot[38] << 16 |
		       (uint64_t)boot[39] << 24;
	uint64_t sectors = part->size / GPT_SECTOR, end, byte;
	if (reserved + boot[16] * fat >= sectors)
		return err_set(e, ERR_MACHINE, 0, "mkfs.vfat made no FAT32");
	struct gpt_part first = { part->start + reserved * GPT_SECTOR, fat * GPT_SECTOR };
	if (last_byte(raw, &first, &end, e) < 0 || last_byte(raw, part, &byte, e) < 0)
		return -1;
	/* Four bytes an entry; entry 2 is the first cluster. */
	uint64_t clusters = end / 4 + (end % 4 != 0);
	clusters = clusters > 2 ? clusters - 2 : 0;
	end = (reserved + boot[16] * fat + clusters * boot[13]) * GPT_SECTOR;
	*ret = end > byte ? end : byte;
	return 0;
}

static int fits(const struct gpt_part *part, const struct folders *all, struct err *e)
{
	uint64_t cluster = cluster_sectors(part) * GPT_SECTOR;
	uint64_t sectors = part->size / GPT_SECTOR;
	uint64_t need = RESERVED * GPT_SECTOR + 8 * (sectors * GPT_SECTOR / cluster + 128);
	for (size_t i = 0; i < all->count; i++) {
		need += 2 * cluster; /* the folder; long names of tens of files */
		for (size_t j = 0; j < all->list[i].count; j++)
			need += (all->list[i].files[j]->len + cluster - 1) / cluster * cluster;
	}
	if (need <= part->size)
		return 0;
	return err_set(e, ERR_INPUT, 0,
		"the files of the EFI system partition take %llu MiB, it has %llu MiB",
		(unsigned long long)((need + (1 << 20) - 1) >> 20),
		(unsigned long long)(part->size >> 20));
}

int esp_write(struct raw *raw, const struct gpt_part *part, const struct esp_file *files,
	size_t count, const struct esp_options *o, struct err *e)
{
	__attribute__((cleanup(tools_free))) struct tools t = { 0 };
	struct folders all = { 0 };
	if (tools_init(&t, raw, part, o->time, e) < 0 ||
		sort_files(&t, files, count, &all, e) < 0 || fits(part, &all, e) < 0)
		return -1;
	if (make_fat(&t, part, o, e) < 0 || make_folders(&t, &all, e) < 0)
		return err_wrap(e, "EFI system partition");
	cleanup_fd int dir = open(t.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_set(e, ERR_MACHINE, errno, "open %s", t.folder);
	for (size_t i = 0; i < all.count; i++)
		if (copy_files(&t, dir, i, &all.list[i], e) < 0)
			return err_wrap(e, "EFI system partition");
	uint64_t used = 0;
	if (used_bytes(raw, part, &used, e) < 0)
		return -1;
	raw_mark(raw, part->start, used);
	return 0;
}
