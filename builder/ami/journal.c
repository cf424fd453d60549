#include "ami/journal_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"

#define FILE_MAX ((size_t)256 << 20)

static int fail(const struct journal *j, int errnum, const char *what, struct err *e)
{
	return err_set(e, ERR_MACHINE, errnum, "%s the upload's journal %s", what, j->name);
}

/* Open and lock. The file may be removed between the two by the run that had it: then again. */
static int open_locked(struct journal *j, struct err *e)
{
	for (;;) {
		struct stat st;
		j->fd = openat(j->dir, j->name, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
		if (j->fd < 0)
			return fail(j, errno, "open", e);
		if (flock(j->fd, LOCK_EX | LOCK_NB) < 0) {
			int errnum = errno;
			fail(j, errnum, "lock", e);
			e->again = errnum == EWOULDBLOCK;
			return e->again ? err_wrap(e, "another run uploads to this region") : -1;
		}
		if (fstat(j->fd, &st) < 0)
			return fail(j, errno, "stat", e);
		if (st.st_nlink > 0)
			return 0;
		fd_close(&j->fd);
	}
}

static int read_whole(struct journal *j, struct buf *text, struct err *e)
{
	text->max = FILE_MAX;
	for (;;) {
		if (buf_reserve(text, 64 << 10, e) < 0)
			return -1;
		ssize_t n = read(j->fd, text->data + text->len, text->cap - text->len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(j, errno, "read", e);
		if (n == 0)
			return 0;
		text->len += (size_t)n;
		text->data[text->len] = '\0';
	}
}

static int open_folder(struct journal *j, const char *out, const char *recipe, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	if (buf_printf(&path, e, "%s/.%s.upload", out, recipe) < 0)
		return -1;
	if (mkdir(path.data, 0700) < 0 && errno != EEXIST)
		return err_set(e, ERR_MACHINE, errno, "make folder %s", path.data);
	j->dir = open(path.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir < 0)
		return err_set(e, ERR_MACHINE, errno, "open folder %s", path.data);
	return 0;
}

int journal_open(struct journal *j, const char *out, const char *recipe, const char *region,
	struct arena *a, struct err *e)
{
	*j = (struct journal)JOURNAL_NONE;
	j->arena = a;
	j->snapshot = j->snapshot_kms = "";
	cleanup_buf struct buf text = { 0 };
	if (region[0] == '.' || strchr(region, '/') != NULL || strlen(region) > 64)
		return err_set(e, ERR_USAGE, 0, "%s is no region", region);
	snprintf(j->name, sizeof(j->name), "%s.journal", region);
	size_t whole = 0;
	if (open_folder(j, out, recipe, e) < 0 || open_locked(j, e) < 0 ||
		read_whole(j, &text, e) < 0 ||
		(text.len > 0 && journal_read(j, text.data, text.len, &whole, e) < 0)) {
		journal_close(j);
		return -1;
	}
	/* Nothing may be added behind a line that is not whole. */
	if (whole < text.len && ftruncate(j->fd, (off_t)whole) < 0) {
		fail(j, errno, "mend", e);
		journal_close(j);
		return -1;
	}
	return 0;
}

void journal_close(struct journal *j)
{
	fd_close(&j->fd);
	fd_close(&j->dir);
	free(j->batch);
	free(j->acked);
	buf_free(&j->text);
	j->batch = NULL;
	j->acked = NULL;
	j->state = JOURNAL_EMPTY;
}

/* One line; a failed or short write leaves one that is not whole, so it is taken off again. */
static int append(struct journal *j, bool sync, struct err *e)
{
	struct sha256 digest = sha256_of(j->text.data, j->text.len);
	struct sha256_hex hex = sha256_text(&digest);
	cleanup_buf struct buf line = { 0 };
	if (buf_printf(&line, e, "%.16s ", hex.text) < 0 ||
		buf_add(&line, j->text.data, j->text.len, e) < 0 || buf_putc(&line, '\n', e) < 0)
		return -1;
	off_t end = lseek(j->fd, 0, SEEK_END);
	if (end < 0)
		return fail(j, errno, "find the end of", e);
	if (file_write_all(j->fd, line.data, line.len, e) < 0) {
		(void)!ftruncate(j->fd, end);
		return err_wrap(e, "write the upload's journal %s", j->name);
	}
	if (sync && fsync(j->fd) < 0)
		return fail(j, errno, "sync", e);
	return 0;
}

static struct json record(struct journal *j)
{
	buf_clear(&j->text);
	struct json w = json_to(&j->text, 0);
	json_open(&w, NULL, '{');
	return w;
}

static int record_end(struct journal *j, struct json *w, bool sync, struct err *e)
{
	json_close(w, '}');
	if (json_end(w, e) < 0)
		return -1;
	return append(j, sync, e);
}

int journal_clear(struct journal *j, struct err *e)
{
	if (ftruncate(j->fd, 0) < 0)
		return fail(j, errno, "empty", e);
	j->state = JOURNAL_EMPTY;
	j->batch_count = j->acked_count = 0;
	if (j->acked != NULL)
		memset(j->acked, 0, j->acked_cap);
	j->snapshot = j->snapshot_kms = "";
	return 0;
}

int journal_begin(struct journal *j, const struct journal_start *s, struct err *e)
{
	struct journal_start copy = *s; /* it may be j->start */
	if (journal_clear(j, e) < 0)
		return -1;
	struct json w = record(j);
	json_open(&w, "start", '{');
	json_str(&w, "region", copy.region);
	json_str(&w, "endpoint", copy.endpoint);
	json_str(&w, "image", copy.image);
	json_str(&w, "run", copy.run);
	json_str(&w, "token", copy.token);
	json_str(&w, "parent", copy.parent);
	json_str(&w, "wanted", copy.wanted);
	json_str(&w, "kms_key", copy.kms_key);
	json_str(&w, "wish", copy.wish);
	json_str(&w, "description", copy.description);
	json_int(&w, "gib", (long long)copy.gib);
	json_int(&w, "timeout", copy.timeout);
	json_bool(&w, "encrypted", copy.encrypted);
	json_open(&w, "tags", '[');
	for (size_t i = 0; i < copy.tag_count; i++) {
		json_open(&w, NULL, '[');
		json_str(&w, NULL, copy.tags[i].key);
		json_str(&w, NULL, copy.tags[i].value);
		json_close(&w, ']');
	}
	json_close(&w, ']');
	json_close(&w, '}');
	if (record_end(j, &w, true, e) < 0)
		return -1;
	if (fsync(j->dir) < 0)
		return fail(j, errno, "sync", e);
	j->start = copy;
	j->state = JOURNAL_STARTING;
	return 0;
}

int journal_snapshot(struct journal *j, const char *id, const char *kms_key, struct err *e)
{
	const char *kept = arena_strdup(j->arena, id, e);
	const char *key = arena_strdup(j->arena, kms_key, e);
	if (kept == NULL || key == NULL)
		return -1;
	struct json w = record(j);
	json_str(&w, "snapshot", kept);
	json_str(&w, "kms_key", key);
	if (record_end(j, &w, true, e) < 0)
		return -1;
	j->snapshot = kept;
	j->snapshot_kms = key;
	j->state = JOURNAL_STARTED;
	return 0;
}

static int grow(void *array_ptr, size_t *cap, size_t need, size_t size, struct err *e)
{
	void **array = array_ptr;
	if (need <= *cap)
		return 0;
	size_t more = need < 64 ? 64 : need + need / 2;
	void *p = reallocarray(*array, more, size);
	if (p == NULL)
		return err_nomem(e);
	memset((char *)p + *cap * size, 0, (more - *cap) * size);
	*array = p;
	*cap = more;
	return 0;
}

/* Also of a record that was read (journal_read.c). */
int journal_note(struct journal *j, size_t block, struct err *e)
{
	if (grow(&j->acked, &j->acked_cap, block / 8 + 1, 1, e) < 0)
		return -1;
	uint8_t bit = (uint8_t)(1u << (block % 8));
	j->acked_count += (j->acked[block / 8] & bit) == 0;
	j->acked[block / 8] |= bit;
	return 0;
}

int journal_ack(struct journal *j, size_t block, struct err *e)
{
	if (grow(&j->batch, &j->batch_cap, j->batch_count + 1, sizeof(*j->batch), e) < 0 ||
		journal_note(j, block, e) < 0)
		return -1;
	j->batch[j->batch_count++] = block;
	return 0;
}

static int by_index(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

int journal_flush(struct journal *j, struct err *e)
{
	if (j->batch_count == 0)
		return 0;
	qsort(j->batch, j->batch_count, sizeof(*j->batch), by_index);
	struct json w = record(j);
	json_open(&w, "blocks", '[');
	for (size_t i = 0, k; i < j->batch_count; i = k) {
		for (k = i + 1; k < j->batch_count && j->batch[k] <= j->batch[k - 1] + 1; k++)
			;
		size_t first = j->batch[i], last = j->batch[k - 1];
		if (first == last) {
			json_int(&w, NULL, (long long)first);
			continue;
		}
		json_open(&w, NULL, '[');
		json_int(&w, NULL, (long long)first);
		json_int(&w, NULL, (long long)last);
		json_close(&w, ']');
	}
	json_close(&w, ']');
	if (record_end(j, &w, false, e) < 0)
		return -1;
	j->batch_count = 0;
	return 0;
}

bool journal_acked(const struct journal *j, size_t block)
{
	return block / 8 < j->acked_cap && (j->acked[block / 8] >> (block % 8) & 1) != 0;
}

int journal_completing(struct journal *j, size_t blocks, struct err *e)
{
	struct json w = record(j);
	json_int(&w, "complete", (long long)blocks);
	if (record_end(j, &w, true, e) < 0)
		return -1;
	j->state = JOURNAL_COMPLETING;
	return 0;
}

int journal_completed(struct journal *j, struct err *e)
{
	struct json w = record(j);
	json_bool(&w, "completed", true);
	if (record_end(j, &w, true, e) < 0)
		return -1;
	j->state = JOURNAL_COMPLETED;
	return 0;
}

int journal_remove(struct journal *j, struct err *e)
{
	if (unlinkat(j->dir, j->name, 0) < 0 && errno != ENOENT)
		return fail(j, errno, "remove", e);
	journal_close(j);
	return 0;
}
