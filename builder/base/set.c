#include "base/set.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

struct place {
	char text[272];
};

static struct place beside(const struct set *s, const char *suffix)
{
	struct place p;
	snprintf(p.text, sizeof(p.text), ".%s.%s", s->name, suffix);
	return p;
}

/* mkdir -p. Each part is tried: an existing one is no error. */
static int make_folders(const char *path, struct err *e)
{
	char part[4096];
	size_t len = strlen(path);
	if (len >= sizeof(part))
		return err_set(e, ERR_MACHINE, ENAMETOOLONG, "%s", path);
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0777) < 0 && errno != EEXIST)
			return err_set(e, ERR_MACHINE, errno, "make folder %s", part);
	}
	return 0;
}

/*
 * The lock file holds the inode number of the set that was last about to be exchanged, so that a
 * run after a kill knows whether .NAME.swap holds that one or the set before it.
 */
static int note_exchange(struct set *s, struct err *e)
{
	struct stat st;
	char text[32];
	if (fstat(s->dir, &st) < 0)
		return err_set(e, ERR_MACHINE, errno, "stat the set being built");
	int len = snprintf(text, sizeof(text), "%020llu\n", (unsigned long long)st.st_ino);
	if (lseek(s->lock, 0, SEEK_SET) < 0)
		return err_set(e, ERR_MACHINE, errno, "write the lock file of %s", s->name);
	return file_write_all(s->lock, text, (size_t)len, e);
}

static bool was_to_be_exchanged(struct set *s, const struct stat *st)
{
	char text[32] = "", *end;
	if (pread(s->lock, text, sizeof(text) - 1, 0) <= 0)
		return false;
	unsigned long long ino = strtoull(text, &end, 10);
	return *end == '\n' && ino == st->st_ino;
}

/*
 * A run killed around the exchange leaves a whole set in .NAME.swap: the new one (which is dropped:
 * the set in place counts), or the old one, which becomes the previous.
 */
static int tidy(struct set *s, struct err *e)
{
	struct place swap = beside(s, "swap"), previous = beside(s, "previous");
	struct place building = beside(s, "building");
	if (file_remove_tree(s->parent, building.text, e) < 0)
		return -1;
	struct stat st;
	if (fstatat(s->parent, swap.text, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	bool old = !was_to_be_exchanged(s, &st);
	if (file_remove_tree(s->parent, old ? previous.text : swap.text, e) < 0)
		return -1;
	if (old && renameat(s->parent, swap.text, s->parent, previous.text) < 0)
		return err_set(e, ERR_MACHINE, errno, "rename %s", swap.text);
	return 0;
}

int set_begin(struct set *s, const char *parent, const char *name, struct err *e)
{
	*s = (struct set)SET_NONE;
	s->parent_path = parent;
	if ((size_t)snprintf(s->name, sizeof(s->name), "%s", name) >= 200)
		return err_set(e, ERR_USAGE, 0, "%s: name too long", name);
	if (make_folders(parent, e) < 0)
		return -1;
	s->parent = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->parent < 0)
		return err_set(e, ERR_MACHINE, errno, "open %s", parent);
	struct place lock = beside(s, "lock"), building = beside(s, "building");
	s->lock = openat(s->parent, lock.text, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
	if (s->lock < 0)
		return err_set(e, ERR_MACHINE, errno, "open %s/%s", parent, lock.text);
	if (flock(s->lock, LOCK_EX | LOCK_NB) < 0) {
		int errnum = errno;
		fd_close(&s->lock);
		err_set(e, ERR_MACHINE, errnum, "another run is building %s/%s", parent, name);
		e->again = errnum == EWOULDBLOCK;
		return -1;
	}
	if (tidy(s, e) < 0)
		return -1;
	if (mkdirat(s->parent, building.text, 0777) < 0)
		return err_set(e, ERR_MACHINE, errno, "make folder %s/%s", parent, building.text);
	s->dir = openat(s->parent, building.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return err_set(e, ERR_MACHINE, errno, "open %s/%s", parent, building.text);
	return 0;
}

static int open_new(const struct set *s, const char *path)
{
	return openat(s->dir, path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
}

int set_create(struct set *s, const char *path, unsigned mode, int *ret_fd, struct err *e)
{
	cleanup_fd int fd = openat(s->dir, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "create %s", path);
	if (fchmod(fd, mode) < 0)
		return err_set(e, ERR_MACHINE, errno, "set mode of %s", path);
	*ret_fd = fd;
	fd = -1;
	return 0;
}

int set_path(const struct set *s, const char *path, struct buf *ret, struct err *e)
{
	return buf_printf(ret, e, "%s/.%s.building/%s", s->parent_path, s->name, path);
}

int set_write(
	struct set *s, const char *path, const void *data, size_t len, unsigned mode, struct err *e)
{
	cleanup_fd int fd = open_new(s, path);
	const char *slash = strchr(path, '/');
	if (fd < 0 && errno == ENOENT && slash != NULL) {
		char folder[256];
		snprintf(folder, sizeof(folder), "%.*s", (int)(slash - path), path);
		if (mkdirat(s->dir, folder, 0777) < 0 && errno != EEXIST)
			return err_set(e, ERR_MACHINE, errno, "make folder %s", folder);
		fd = open_new(s, path);
	}
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "create %s", path);
	if (file_write_all(fd, data, len, e) < 0)
		return err_wrap(e, "%s", path);
	if (fchmod(fd, mode) < 0)
		return err_set(e, ERR_MACHINE, errno, "set mode of %s", path);
	int closing = fd;
	fd = -1;
	if (close(closing) < 0)
		return err_set(e, ERR_MACHINE, errno, "close %s", path);
	return 0;
}

static int carry_over(struct set *s, bool (*is_product)(const char *name), struct err *e)
{
	int fd = openat(s->parent, s->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(e, ERR_MACHINE, errno, "open %s", s->name);
	DIR *dir = fdopendir(fd);
	if (dir == NULL) {
		close(fd);
		return err_set(e, ERR_MACHINE, errno, "open %s", s->name);
	}
	int rc = 0;
	struct dirent *d;
	while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL) {
		struct stat st;
		if (d->d_type == DT_DIR || is_product(d->d_name) ||
			fstatat(fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
			!S_ISREG(st.st_mode))
			continue;
		if (linkat(fd, d->d_name, s->dir, d->d_name, 0) < 0 && errno != EEXIST)
			rc = err_set(e, ERR_MACHINE, errno, "carry over %s/%s", s->name, d->d_name);
	}
	if (rc == 0 && errno != 0 && errno != EEXIST)
		rc = err_set(e, ERR_MACHINE, errno, "read %s", s->name);
	closedir(dir);
	return rc;
}

int set_commit(
	struct set *s, bool (*is_product)(const char *name), bool keep_previous, struct err *e)
{
	struct place building = beside(s, "building"), swap = beside(s, "swap");
	struct place previous = beside(s, "previous");
	if (carry_over(s, is_product, e) < 0)
		return -1;
	if (syncfs(s->dir) < 0)
		return err_set(e, ERR_MACHINE, errno, "sync %s", building.text);
	if (note_exchange(s, e) < 0)
		return -1;
	if (renameat(s->parent, building.text, s->parent, swap.text) < 0)
		return err_set(e, ERR_MACHINE, errno, "rename %s", building.text);
	fd_close(&s->dir);
	bool replaced = true;
	if (renameat2(s->parent, swap.text, s->parent, s->name, RENAME_EXCHANGE) < 0) {
		if (errno != ENOENT)
			return err_set(e, ERR_MACHINE, errno, "exchange %s", s->name);
		replaced = false;
		if (renameat(s->parent, swap.text, s->parent, s->name) < 0)
			return err_set(e, ERR_MACHINE, errno, "rename %s", swap.text);
	}
	if (fsync(s->parent) < 0)
		return err_set(e, ERR_MACHINE, errno, "sync the folder of %s", s->name);

	/* The new set is in place; what follows only tidies, and the next run tidies as well. */
	struct err ignored;
	if (!replaced)
		return 0;
	if (!keep_previous) {
		if (file_remove_tree(s->parent, swap.text, &ignored) < 0)
			return 0;
		return 0;
	}
	if (file_remove_tree(s->parent, previous.text, &ignored) == 0 &&
		renameat(s->parent, swap.text, s->parent, previous.text) < 0)
		return 0;
	return 0;
}

void set_end(struct set *s)
{
	struct err ignored;
	if (s->parent >= 0 && s->lock >= 0 && s->name[0] != '\0') {
		struct place building = beside(s, "building");
		if (file_remove_tree(s->parent, building.text, &ignored) < 0)
			errno = 0; /* the next run removes it */
	}
	fd_close(&s->dir);
	fd_close(&s->lock);
	fd_close(&s->parent);
}
