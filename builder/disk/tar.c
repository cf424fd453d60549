#include "disk/tar.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOCK        512u
#define EXTENDED_MAX 999999 /* bytes of a long name, or of all pax records */
#define DIGITS_MAX   18     /* of a decimal number */

/* tar(5) */
struct header {
	unsigned char name[100];
	unsigned char mode[8];
	unsigned char uid[8];
	unsigned char gid[8];
	unsigned char size[12];
	unsigned char mtime[12];
	unsigned char sum[8];
	unsigned char type;
	unsigned char target[100];
	unsigned char magic[8]; /* with the version */
	unsigned char user[32];
	unsigned char group[32];
	unsigned char major[8];
	unsigned char minor[8];
	union {
		unsigned char prefix[155]; /* ustar */
		struct {
			unsigned char unused[41];
			unsigned char sparse[97]; /* and what belongs to it */
			unsigned char size[12];
		} gnu;
	} u;
	unsigned char rest[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "a header is a block");

/* What extended headers say about the entry behind them. */
struct extended {
	const char *name; /* NULL: nothing */
	const char *target;
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid, mtime;
	long mtime_nsec;
	size_t xattr_count;
};

/*
 * `len` bytes from `offset` on; NULL: they are not there. Hold until the next call. Far from what
 * was looked at before, as behind a large file, what comes next will be far as well: no more than
 * that.
 */
static const unsigned char *look(struct tar *t, uint64_t offset, size_t len)
{
	if (offset >= t->window_at && offset - t->window_at <= t->window_len &&
		len <= t->window_len - (size_t)(offset - t->window_at))
		return t->window + (offset - t->window_at);
	bool near = offset - t->window_at <= 2 * sizeof(t->window);
	size_t step = near || t->dense ? sizeof(t->window) : len;
	ssize_t n;
	do
		n = pread(t->fd, t->window, step, (off_t)offset);
	while (n < 0 && errno == EINTR);
	t->window_at = offset;
	t->window_len = n < 0 ? 0 : (size_t)n;
	return len <= t->window_len ? t->window : NULL;
}

static bool octal(const unsigned char *field, size_t len, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;
	for (; i < len && field[i] >= '0' && field[i] <= '7'; i++)
		value = value * 8 + (field[i] - '0');
	*ret = value;
	size_t digits = i;
	while (i < len && (field[i] == ' ' || field[i] == '\0'))
		i++;
	return digits > 0 && i == len;
}
#define OCTAL(field, ret) octal(field, sizeof(field), ret)

static bool is_zero(const unsigned char *block)
{
	return block[0] == 0 && memcmp(block, block + 1, BLOCK - 1) == 0;
}

static bool sum_fits(const struct header *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned sum = sizeof(h->sum) * ' ';
	uint64_t says;
	for (size_t i = 0; i < BLOCK; i++)
		sum += bytes[i];
	for (size_t i = 0; i < sizeof(h->sum); i++)
		sum -= h->sum[i];
	return OCTAL(h->sum, &says) && says == sum;
}

static bool is_gnu(const struct header *h)
{
	return memcmp(h->magic, "ustar  ", sizeof(h->magic)) == 0;
}

static bool is_ustar(const struct header *h)
{
	return memcmp(h->magic, "ustar\00000", sizeof(h->magic)) == 0;
}

static bool is_empty_or_octal(const unsigned char *field, size_t len)
{
	uint64_t ignored;
	return field[0] == '\0' || octal(field, len, &ignored);
}

/* Whether it is a header of the kinds that are read here. */
static bool is_plain(const struct header *h)
{
	if (!sum_fits(h) || !is_empty_or_octal(h->major, sizeof(h->major)) ||
		!is_empty_or_octal(h->minor, sizeof(h->minor)))
		return false;
	if (is_gnu(h))
		return h->u.gnu.sparse[0] == '\0' && h->u.gnu.size[0] == '\0' &&
		       h->u.gnu.sparse[sizeof(h->u.gnu.sparse) - 1] == '\0';
	return is_ustar(h);
}

static size_t copy_field(char *out, const unsigned char *field, size_t len)
{
	size_t n = strnlen((const char *)field, len);
	memcpy(out, field, n);
	out[n] = '\0';
	return n;
}

static void copy_name(const struct header *h, char *out)
{
	if (!is_gnu(h) && h->u.prefix[0] != '\0') {
		out += copy_field(out, h->u.prefix, sizeof(h->u.prefix));
		if (out[-1] != '/')
			*out++ = '/';
	}
	copy_field(out, h->name, sizeof(h->name));
}

/* Bytes with their padding. */
static uint64_t padded(uint64_t size)
{
	return (size + BLOCK - 1) / BLOCK * BLOCK;
}

/* The content of an extended header, with a NUL behind it; the reading goes on behind it. */
static bool read_extended(struct tar *t, const struct header *h, struct buf *out)
{
	uint64_t size;
	struct err e;
	if (!OCTAL(h->size, &size) || size == 0 || size > EXTENDED_MAX)
		return false;
	uint64_t at = t->offset + BLOCK, end = at + size;
	buf_clear(out);
	while (at < end) {
		size_t step = end - at < TAR_WINDOW ? (size_t)(end - at) : TAR_WINDOW;
		const unsigned char *bytes = look(t, at, step);
		if (bytes == NULL)
			return false;
		if (buf_add(out, bytes, step, &e) < 0) {
			t->no_memory = true;
			return false;
		}
		at += step;
	}
	t->offset += BLOCK + padded(size);
	return true;
}

/* GNU tar writes the NUL as well. */
static bool read_long(struct tar *t, const struct header *h, struct buf *out, const char **ret)
{
	if (*ret != NULL || !read_extended(t, h, out))
		return false;
	size_t len = strlen(out->data);
	*ret = out->data;
	return len > 0 && len + 1 >= out->len;
}

static bool decimal(const char **at, uint64_t *ret)
{
	const char *p = *at;
	uint64_t value = 0;
	for (; *p >= '0' && *p <= '9'; p++)
		value = value * 10 + (unsigned char)(*p - '0');
	*ret = value;
	bool fits = p > *at && p - *at <= DIGITS_MAX;
	*at = p;
	return fits;
}

static bool number(const char *text, size_t len, uint64_t *ret, bool *set)
{
	const char *end = text;
	*set = true;
	return decimal(&end, ret) && end == text + len;
}

/* Seconds with a fraction, of which nine digits count. */
static bool pax_time(const char *text, size_t len, struct extended *x)
{
	const char *p = text;
	x->has_mtime = true;
	x->mtime_nsec = 0;
	if (!decimal(&p, &x->mtime))
		return false;
	if (*p == '.')
		for (long unit = 100000000; *++p >= '0' && *p <= '9'; unit /= 10)
			x->mtime_nsec += unit * (*p - '0');
	return p == text + len;
}

static bool pax_text(const char *value, size_t len, const char **ret)
{
	*ret = value;
	return len > 0 && strlen(value) == len;
}

/* In front of those that came before: the last one is the first, as with libarchive. */
static bool pax_xattr(
	struct tar_member *m, struct extended *x, const char *name, const char *value, size_t len)
{
	if (name[0] == '\0' || x->xattr_count == TAR_XATTRS_MAX)
		return false;
	m->xattrs[TAR_XATTRS_MAX - ++x->xattr_count] =
		(struct entry_xattr){ .name = name, .value = value, .len = len };
	return true;
}

static bool says_nothing(const char *key)
{
	static const char *const KEYS[] = { "atime", "ctime", "uname", "gname", "comment",
		"SCHILY.dev", "SCHILY.ino", "SCHILY.nlink", "LIBARCHIVE.creationtime" };
	for (size_t i = 0; i < sizeof(KEYS) / sizeof(KEYS[0]); i++)
		if (strcmp(key, KEYS[i]) == 0)
			return true;
	return false;
}

static bool pax_record(
	struct tar_member *m, struct extended *x, const char *key, const char *value, size_t len)
{
	static const char XATTR[] = "SCHILY.xattr.";
	if (strcmp(key, "path") == 0)
		return pax_text(value, len, &x->name);
	if (strcmp(key, "linkpath") == 0)
		return pax_text(value, len, &x->target);
	if (strcmp(key, "size") == 0)
		return number(value, len, &x->size, &x->has_size);
	if (strcmp(key, "uid") == 0)
		return number(value, len, &x->uid, &x->has_uid);
	if (strcmp(key, "gid") == 0)
		return number(value, len, &x->gid, &x->has_gid);
	if (strcmp(key, "mtime") == 0)
		return pax_time(value, len, x);
	if (strncmp(key, XATTR, sizeof(XATTR) - 1) == 0)
		return pax_xattr(m, x, key + sizeof(XATTR) - 1, value, len);
	if (strcmp(key, "RHT.security.selinux") == 0)
		return pax_xattr(m, x, "security.selinux", value, len);
	return says_nothing(key);
}

/* "LENGTH KEY=VALUE\n", of which LENGTH counts all bytes. */
static bool pax_records(struct tar_member *m, struct extended *x)
{
	char *at = m->long_name.data, *end = at + m->long_name.len;
	while (at < end) {
		uint64_t len;
		const char *p = at;
		if (!decimal(&p, &len) || *p != ' ' || len > (uint64_t)(end - at))
			return false;
		char *next = at + len, *key = at + (p + 1 - at);
		if (next <= key || next[-1] != '\n')
			return false;
		char *equals = memchr(key, '=', (size_t)(next - key));
		if (equals == NULL || equals == key ||
			memchr(key, '\0', (size_t)(equals - key)) != NULL)
			return false;
		*equals = next[-1] = '\0';
		if (!pax_record(m, x, key, equals + 1, (size_t)(next - 1 - (equals + 1))))
			return false;
		at = next;
	}
	return true;
}

/* false: foreign. A hard link has none, unless its mode tells one, which is foreign. */
static bool kind_of(const struct header *h, uint64_t mode, uint32_t *ret)
{
	*ret = 0;
	switch (h->type) {
	case '\0':
	case '0':
		*ret = S_IFREG;
		return true;
	case '1':
		return mode <= 07777;
	case '2':
		*ret = S_IFLNK;
		return true;
	case '3':
		*ret = S_IFCHR;
		return true;
	case '4':
		*ret = S_IFBLK;
		return true;
	case '5':
		*ret = S_IFDIR;
		return true;
	case '6':
		*ret = S_IFIFO;
		return true;
	default:
		return false;
	}
}

static bool take_numbers(const struct header *h, const struct extended *x, struct entry *n)
{
	uint64_t mode, uid, gid, mtime, size;
	uint32_t kind;
	if (!OCTAL(h->mode, &mode) || !OCTAL(h->uid, &uid) || !OCTAL(h->gid, &gid) ||
		!OCTAL(h->mtime, &mtime) || !OCTAL(h->size, &size) || !kind_of(h, mode, &kind))
		return false;
	if (x->has_size)
		size = x->size;
	if (kind != S_IFREG && (size != 0 || x->has_size))
		return false;
	n->mode = kind | (mode & 07777);
	n->uid = (int64_t)(x->has_uid ? x->uid : uid);
	n->gid = (int64_t)(x->has_gid ? x->gid : gid);
	n->size = (int64_t)size;
	n->timed = true;
	n->mtime = (int64_t)(x->has_mtime ? x->mtime : mtime);
	n->mtime_nsec = x->mtime_nsec;
	if (kind != S_IFCHR && kind != S_IFBLK)
		return true;
	return OCTAL(h->major, &n->major) && OCTAL(h->minor, &n->minor);
}

static bool take_texts(const struct header *h, const struct extended *x, struct tar_member *m)
{
	struct entry *n = &m->entry;
	bool links = h->type == '1' || h->type == '2';
	n->name = x->name;
	if (n->name == NULL) {
		copy_name(h, m->name);
		n->name = m->name;
	}
	size_t len = strlen(n->name);
	/* Of old, a file with a slash behind its name was a folder. */
	if (len == 0 || (S_ISREG(n->mode) && n->name[len - 1] == '/'))
		return false;
	if (!links)
		return x->target == NULL;
	const char *target = x->target;
	if (target == NULL) {
		copy_field(m->target, h->target, sizeof(h->target));
		target = m->target;
	}
	*(h->type == '1' ? &n->hardlink : &n->symlink) = target;
	return target[0] != '\0';
}

/* The entry itself; its content is passed over. */
static bool take_entry(
	struct tar *t, const struct header *h, const struct extended *x, struct tar_member *m)
{
	struct entry *n = &m->entry;
	*n = (struct entry){ .xattrs = m->xattrs + TAR_XATTRS_MAX - x->xattr_count,
		.xattr_count = x->xattr_count };
	if (!take_numbers(h, x, n) || !take_texts(h, x, m))
		return false;
	uint64_t at = t->offset + BLOCK, size = (uint64_t)n->size;
	if (at > t->size || size > t->size - at || padded(size) > t->size - at)
		return false;
	n->at = size > 0 ? at : 0;
	t->offset = at + padded(size);
	return true;
}

enum tar_found tar_next(struct tar *t, struct tar_member *m)
{
	struct extended x = { 0 };
	bool pax = false;
	for (;;) {
		const struct header *h = (const void *)look(t, t->offset, BLOCK);
		if (h == NULL)
			return TAR_FOREIGN;
		bool bare = !pax && x.name == NULL && x.target == NULL;
		if (is_zero((const unsigned char *)h))
			return bare && t->offset > 0 ? TAR_END : TAR_FOREIGN;
		if (!is_plain(h))
			return TAR_FOREIGN;
		bool good;
		if (h->type == 'x') {
			good = bare && read_extended(t, h, &m->long_name) && pax_records(m, &x);
			pax = true;
		} else if (h->type == 'L')
			good = !pax && read_long(t, h, &m->long_name, &x.name);
		else if (h->type == 'K')
			good = !pax && read_long(t, h, &m->long_target, &x.target);
		else {
			t->dense = !bare;
			return take_entry(t, h, &x, m) ? TAR_ENTRY : TAR_FOREIGN;
		}
		if (!good)
			return t->no_memory ? TAR_NO_MEMORY : TAR_FOREIGN;
	}
}

void tar_member_free(struct tar_member *m)
{
	buf_free(&m->long_name);
	buf_free(&m->long_target);
}
