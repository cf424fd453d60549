#include "disk/intake_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/intake_foreign.h"

struct shown shown(const char *path)
{
	struct shown s;
	size_t len = strlen(path), room = sizeof(s.text) - 1, head = room / 2 - 2;
	if (len <= room)
		memcpy(s.text, path, len + 1);
	else {
		memcpy(s.text, path, head);
		memcpy(s.text + head, "...", 3);
		memcpy(s.text + head + 3, path + len - head, head + 1);
	}
	for (char *p = s.text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	return s;
}

int reading_changed(const struct intake *in, struct err *e)
{
	return err_set(e, ERR_INPUT, 0, "%s: changed while it was read", in->path);
}

int reading_unchanged(const struct intake *in, struct err *e)
{
	struct stat st;
	if (fstat(in->fd, &st) < 0)
		return err_set(e, ERR_MACHINE, errno, "read %s", in->path);
	if (st.st_size != in->st.st_size || st.st_mtim.tv_sec != in->st.st_mtim.tv_sec ||
		st.st_mtim.tv_nsec != in->st.st_mtim.tv_nsec)
		return reading_changed(in, e);
	return 0;
}

int reading_begin(struct intake *in, bool bytes, struct err *e)
{
	reading_end(in);
	if (reading_unchanged(in, e) < 0)
		return -1;
	in->entry = 0;
	in->name = NULL;
	if (in->window == NULL && (in->window = malloc(WINDOW)) == NULL)
		return err_nomem(e);
	if (bytes || in->foreign)
		return foreign_begin(in, e);
	return tar_ahead_begin(in->fd, (uint64_t)in->st.st_size, in->threaded, &in->tar, e);
}

void reading_end(struct intake *in)
{
	tar_ahead_end(in->tar);
	in->tar = NULL;
	foreign_end(in);
	free(in->window);
	in->window = NULL;
}

/* libarchive goes on behind the entry that was the last one of a plain tar. */
static int change_reader(struct intake *in, struct err *e)
{
	const struct entry *entry;
	size_t last = in->entry - 1;
	int rc = 1;
	tar_ahead_end(in->tar);
	in->tar = NULL;
	in->foreign = true;
	in->entry = 0;
	if (foreign_begin(in, e) < 0)
		return -1;
	for (in->entry = 1; in->entry <= last && rc > 0; in->entry++)
		rc = foreign_next(in, &entry, e);
	return rc < 0 ? -1 : rc == 0 ? reading_changed(in, e) : 0;
}

int reading_next(struct intake *in, const struct entry **ret, struct err *e)
{
	in->entry++;
	in->name = NULL;
	in->bytes = in->reached = 0;
	in->whole = false;
	if (in->tar == NULL)
		return foreign_next(in, ret, e);
	switch (tar_ahead_next(in->tar, ret)) {
	case TAR_ENTRY:
		in->name = (*ret)->name;
		in->offset = (*ret)->at;
		return 1;
	case TAR_END:
		return 0;
	case TAR_NO_MEMORY:
		return err_nomem(e);
	case TAR_FOREIGN:
		break;
	}
	return change_reader(in, e) < 0 ? -1 : foreign_next(in, ret, e);
}

static int plain_data(struct intake *in, const struct content *c, const void **ret_data,
	size_t *ret_len, uint64_t *ret_offset, struct err *e)
{
	uint64_t left = c->bytes - in->bytes;
	size_t step = left < WINDOW ? (size_t)left : WINDOW;
	ssize_t n;
	if (left == 0)
		return 0;
	do
		n = pread(in->fd, in->window, step, (off_t)in->offset);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_set(e, ERR_MACHINE, errno, "read %s", in->path);
	if (n == 0)
		return reading_changed(in, e);
	in->offset += (uint64_t)n;
	*ret_data = in->window;
	*ret_len = (size_t)n;
	*ret_offset = in->bytes;
	return 1;
}

int reading_content(struct intake *in, const struct content *c, const void **ret_data,
	size_t *ret_len, uint64_t *ret_offset, struct err *e)
{
	if (in->whole)
		return 0;
	int rc = in->tar != NULL ? plain_data(in, c, ret_data, ret_len, ret_offset, e)
				 : foreign_data(in, ret_data, ret_len, ret_offset, e);
	if (rc < 0)
		return -1;
	if (rc == 0 && in->bytes == c->bytes) {
		in->whole = true;
		return 0;
	}
	if (rc == 0 || *ret_offset < in->reached || *ret_offset > c->size ||
		*ret_len > c->size - *ret_offset || *ret_len > c->bytes - in->bytes)
		return err_set(e, ERR_INPUT, 0,
			"%s: %s: its bytes are not those that its header says: " REMEDY, in->path,
			shown(in->name).text);
	in->bytes += *ret_len;
	in->reached = *ret_offset + *ret_len;
	return 1;
}

int reading_skip(struct intake *in, struct err *e)
{
	return in->tar != NULL ? 0 : foreign_skip(in, e);
}
