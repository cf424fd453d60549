#include "bundle/archive.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define BLOCK 512

/* POSIX.1-1988 ustar. Numbers are octal digits with a NUL behind them. */
struct header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char linkname[100];
	char magic[6];
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a tar header is one block");

static void octal(char *field, size_t size, unsigned long long value)
{
	char text[32];
	snprintf(text, sizeof(text), "%0*llo", (int)size - 1, value);
	memcpy(field, text, size);
}

static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* Name and prefix; false when the path cannot be split into them. */
static bool set_name(struct header *h, const char *path)
{
	size_t len = strlen(path);
	if (len <= sizeof(h->name)) {
		memcpy(h->name, path, len);
		return true;
	}
	for (size_t i = 1; i < len && i <= sizeof(h->prefix); i++) {
		if (path[i] == '/' && i + 1 < len && len - i - 1 <= sizeof(h->name)) {
			memcpy(h->prefix, path, i);
			memcpy(h->name, path + i + 1, len - i - 1);
			return true;
		}
	}
	return false;
}

static int set_owner(char *id, char *name, size_t name_size, const char *text, struct err *e)
{
	unsigned long long number;
	size_t len = strlen(text);
	if (len >= name_size || !is_ascii(text))
		return err_set(e, ERR_INPUT, 0, "owner \"%s\": at most %zu ASCII characters", text,
			name_size - 1);
	if (strcmp(text, "root") == 0)
		number = 0;
	else if (!text_number(text, 0, 07777777, &number))
		number = 65534; /* a name */
	octal(id, 8, number);
	memcpy(name, text, len + 1);
	return 0;
}

static int add_header(struct buf *out, struct header *h, struct err *e)
{
	unsigned sum = 0;
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < BLOCK; i++)
		sum += ((const unsigned char *)h)[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
	return buf_add(out, h, BLOCK, e);
}

static int add_padded(struct buf *out, const void *data, size_t len, struct err *e)
{
	static const char zeros[BLOCK];
	if (buf_add(out, data, len, e) < 0)
		return -1;
	return buf_add(out, zeros, (BLOCK - len % BLOCK) % BLOCK, e);
}

/* "LENGTH KEY=VALUE\n", where LENGTH counts itself. */
static int pax_record(struct buf *out, const char *key, const char *value, struct err *e)
{
	size_t rest = strlen(key) + strlen(value) + 3, len = 0, last;
	do {
		last = len;
		len = rest + (size_t)snprintf(NULL, 0, "%zu", last);
	} while (len != last);
	return buf_printf(out, e, "%zu %s=%s\n", len, key, value);
}

static int add_pax(struct buf *out, const struct header *of, const char *path, const char *target,
	struct err *e)
{
	cleanup_buf struct buf records = { .max = 8192 };
	if (path != NULL && pax_record(&records, "path", path, e) < 0)
		return -1;
	if (target != NULL && pax_record(&records, "linkpath", target, e) < 0)
		return -1;
	struct header h = { .type = 'x' };
	memcpy(h.name, "PaxHeader", 9);
	octal(h.mode, sizeof(h.mode), 0644);
	octal(h.uid, sizeof(h.uid), 0);
	octal(h.gid, sizeof(h.gid), 0);
	octal(h.size, sizeof(h.size), records.len);
	memcpy(h.mtime, of->mtime, sizeof(h.mtime));
	if (add_header(out, &h, e) < 0)
		return -1;
	return add_padded(out, records.data, records.len, e);
}

static int add_entry(
	struct buf *out, const struct entry *entry, unsigned long long mtime, struct err *e)
{
	const char *path = entry->path + 1;
	size_t size = entry->kind == ENTRY_FILE ? entry->size : 0;
	struct header h = { .type = entry->kind == ENTRY_FILE   ? '0'
				    : entry->kind == ENTRY_LINK ? '2'
								: '5' };
	octal(h.mode, sizeof(h.mode), entry->mode);
	octal(h.size, sizeof(h.size), size);
	octal(h.mtime, sizeof(h.mtime), mtime);
	if (set_owner(h.uid, h.uname, sizeof(h.uname), entry->owner, e) < 0 ||
		set_owner(h.gid, h.gname, sizeof(h.gname), entry->group, e) < 0)
		return err_wrap(e, "%s", entry->path);

	bool long_path = !is_ascii(path) || !set_name(&h, path);
	bool long_link = entry->kind == ENTRY_LINK &&
			 (!is_ascii(entry->data) || entry->size > sizeof(h.linkname));
	if (long_path)
		memcpy(h.name, "long-name", 9);
	if (entry->kind == ENTRY_LINK && !long_link)
		memcpy(h.linkname, entry->data, entry->size);
	if ((long_path || long_link) &&
		add_pax(out, &h, long_path ? path : NULL, long_link ? entry->data : NULL, e) < 0)
		return -1;
	if (add_header(out, &h, e) < 0)
		return -1;
	return add_padded(out, entry->data, size, e);
}

int archive_tar(const struct tree *t, unsigned long long mtime, struct buf *out, struct err *e)
{
	static const char end[2 * BLOCK];
	size_t total = sizeof(end);
	for (size_t i = 0; i < t->count; i++)
		total += t->list[i].size + 2 * BLOCK;
	if (buf_reserve(out, total, e) < 0)
		return -1;
	for (size_t i = 0; i < t->count; i++)
		if (add_entry(out, &t->list[i], mtime, e) < 0)
			return -1;
	return buf_add(out, end, sizeof(end), e);
}
