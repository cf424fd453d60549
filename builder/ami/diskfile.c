#include "ami/diskfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "disk/gpt.h"

static int read_digests(struct diskfile *d, struct arena *a, struct err *e)
{
	unsigned char first[32 << 10];
	struct stat st;
	struct gpt_part part;
	if (fstat(d->fd, &st) < 0)
		return err_set(e, ERR_MACHINE, errno, "stat");
	if (!S_ISREG(st.st_mode) || st.st_size <= 0)
		return err_set(e, ERR_INPUT, 0, "no disk image");
	ssize_t n = pread(d->fd, first, sizeof(first), 0);
	if (n < 0)
		return err_set(e, ERR_MACHINE, errno, "read");
	if (gpt_find(first, (size_t)n, (uint64_t)st.st_size, GPT_TYPE_BLOCKS, &part, e) < 0 ||
		blocks_read(d->fd, part.start, a, &d->blocks, e) < 0)
		return -1;
	if (d->blocks.size != (uint64_t)st.st_size || d->blocks.own_first * RAW_BLOCK != part.start)
		return err_set(e, ERR_INPUT, 0, "its block digests are of another image");
	return 0;
}

int diskfile_open(struct diskfile *d, const char *path, struct arena *a, struct err *e)
{
	d->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (d->fd < 0)
		return err_set(
			e, errno == ENOENT ? ERR_INPUT : ERR_MACHINE, errno, "open %s", path);
	if (read_digests(d, a, e) < 0) {
		diskfile_close(d);
		return err_wrap(e, "%s", path);
	}
	return 0;
}

void diskfile_close(struct diskfile *d)
{
	fd_close(&d->fd);
}
