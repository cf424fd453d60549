#include "disk/intake.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/crew.h"
#include "base/file.h"
#include "base/mapped.h"
#include "disk/intake_read.h"

int intake_open(
	const char *path, unsigned jobs, struct arena *a, struct intake **ret, struct err *e)
{
	struct intake *in = calloc(1, sizeof(*in));
	if (in == NULL)
		return err_nomem(e);
	in->arena = a;
	in->fd = -1;
	/* A second thread on the only core would make it all slower. */
	in->threaded = jobs != 1 && crew_cores() > 1;
	in->path = arena_strdup(a, path, e);
	if (in->path == NULL)
		goto fail;
	/* Not blocking: a FIFO is to be refused, not waited for. */
	in->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (in->fd < 0) {
		err_set(e, ERR_INPUT, errno, "open %s", path);
		goto fail;
	}
	if (fstat(in->fd, &in->st) < 0) {
		err_set(e, ERR_MACHINE, errno, "read %s", path);
		goto fail;
	}
	if (!S_ISREG(in->st.st_mode)) {
		err_set(e, ERR_INPUT, 0, "%s: no regular file", path);
		goto fail;
	}
	*ret = in;
	return 0;
fail:
	intake_close(in);
	return -1;
}

static struct intake *of_source(struct rootfs_source *s)
{
	return (struct intake *)((char *)s - offsetof(struct intake, source));
}

static int source_next(struct rootfs_source *s, size_t *ret_entry, struct err *e)
{
	struct intake *in = of_source(s);
	const struct entry *entry;
	if (in->at == in->content_count)
		return 0;
	if (in->archive == NULL && reading_begin(in, true, e) < 0)
		return -1;
	if (in->at > 0 && in->at % CONTENTS_EACH == 0)
		in->block_at = in->block_at->next;
	const struct content *c = &in->block_at->list[in->at % CONTENTS_EACH];
	do {
		int rc = reading_next(in, &entry, e);
		if (rc < 0)
			return -1;
		if (rc == 0 || in->entry > c->entry)
			return reading_changed(in, e);
	} while (in->entry < c->entry);
	if ((uint64_t)entry->size != c->size)
		return reading_changed(in, e);
	in->at++;
	in->content = c;
	*ret_entry = c->entry;
	return 1;
}

static int source_read(struct rootfs_source *s, const void **ret_data, size_t *ret_len,
	uint64_t *ret_offset, struct err *e)
{
	struct intake *in = of_source(s);
	if (in->content == NULL)
		return err_set(e, ERR_BUG, 0, "%s: no entry to read", in->path);
	return reading_content(in, in->content, ret_data, ret_len, ret_offset, e);
}

static int source_unchanged(struct rootfs_source *s, struct err *e)
{
	return reading_unchanged(of_source(s), e);
}

int intake_source(struct intake *in, struct rootfs_source **ret, struct err *e)
{
	if (!in->scanned)
		return err_set(e, ERR_BUG, 0, "%s: read before it was scanned", in->path);
	/* libarchive begins when it is needed. */
	reading_end(in);
	if (reading_unchanged(in, e) < 0)
		return -1;
	if (in->map == NULL)
		in->map = mapped_file(in->fd, (uint64_t)in->st.st_size);
	in->at = 0;
	in->block_at = in->contents;
	in->content = NULL;
	in->source = (struct rootfs_source){ .next = source_next,
		.read = source_read,
		.map = in->map,
		.map_len = (uint64_t)in->st.st_size,
		.unchanged = source_unchanged };
	*ret = &in->source;
	return 0;
}

void intake_close(struct intake *in)
{
	if (in == NULL)
		return;
	reading_end(in);
	mapped_end(in->map, (uint64_t)in->st.st_size);
	fd_close(&in->fd);
	if (in->locale != (locale_t)0)
		freelocale(in->locale);
	free(in->xattrs);
	free(in);
}

void intake_close_at(struct intake **in)
{
	intake_close(*in);
	*in = NULL;
}
