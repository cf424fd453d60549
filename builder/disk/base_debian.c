#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/json.h"
#include "base/text.h"
#include "disk/base_part.h"

#define SMALL_FILE   4096
#define MOVING_TRIES 3 /* the mirror may be updated while a base is made */

/* One request at work. */
struct work {
	const struct base_request *r;
	struct arena *arena;
	const char *folder;
	const char *name; /* SUITE-ARCH */
	struct base_command command;
	struct sha256 keyring;
	struct base_sources sources;
	struct err *e;
};

static const char *path_of(struct work *w, const char *key, const char *ending)
{
	return arena_printf(w->arena, w->e, "%s/%s-%s%s", w->folder, w->name, key, ending);
}

static const char *scratch(struct work *w, const char *what)
{
	return arena_printf(w->arena, w->e, "%s/.%s.building.%s", w->folder, w->name, what);
}

static int read_keyring(struct sha256 *ret, struct err *e)
{
	struct err missing;
	cleanup_buf struct buf data = { 0 };
	*ret = (struct sha256){ { 0 } };
	if (file_read(AT_FDCWD, BASE_KEYRING, 4 << 20, &data, &missing) == 0)
		*ret = sha256_of(data.data, data.len);
	else if (missing.kind != ERR_INPUT)
		return *e = missing, -1;
	return 0;
}

/* Everything that a base is made from, but the mirror. NULs divide. */
static int add_request(const struct work *w, struct buf *b, struct err *e)
{
	const struct base_request *r = w->r;
	for (size_t i = 0; i < w->command.count; i++) {
		const char *word = w->command.words[i];
		if (buf_add(b, word, strlen(word) + 1, e) < 0)
			return -1;
	}
	const char *own = w->command.own_sources;
	if (buf_add(b, r->suite, strlen(r->suite) + 1, e) < 0 ||
		buf_add(b, own, strlen(own) + 1, e) < 0 ||
		buf_add(b, &w->keyring, sizeof(w->keyring), e) < 0)
		return -1;
	return buf_printf(b, e, "%lld", r->has_epoch ? (long long)r->epoch : -1LL);
}

/* The first half of a digest is name enough. NULL: no memory. */
static const char *key_text(struct work *w, const struct buf *b)
{
	struct sha256 digest = sha256_of(b->data, b->len);
	return arena_strndup(w->arena, sha256_text(&digest).text, 32, w->e);
}

static const char *request_key(struct work *w)
{
	cleanup_buf struct buf b = { 0 };
	if (add_request(w, &b, w->e) < 0)
		return NULL;
	for (size_t i = 0; i < w->sources.count; i++) {
		const struct base_source *s = &w->sources.list[i];
		if (buf_printf(&b, w->e, "%c%s %s", 0, s->uri, s->suffix) < 0)
			return NULL;
	}
	return key_text(w, &b);
}

static const char *base_key(struct work *w)
{
	cleanup_buf struct buf b = { 0 };
	if (add_request(w, &b, w->e) < 0)
		return NULL;
	for (size_t i = 0; i < w->sources.count; i++) {
		const struct base_source *s = &w->sources.list[i];
		if (!s->absent && (buf_printf(&b, w->e, "%c%s ", 0, s->suffix) < 0 ||
					  buf_add(&b, &s->release, sizeof(s->release), w->e) < 0))
			return NULL;
	}
	return key_text(w, &b);
}

static bool parse_digest(const char *text, struct sha256 *ret)
{
	unsigned byte;
	if (text == NULL || strlen(text) != 64 || strspn(text, "0123456789abcdef") != 64)
		return false;
	for (size_t i = 0; i < sizeof(ret->bytes); i++) {
		char pair[3] = { text[2 * i], text[2 * i + 1], '\0' };
		byte = (unsigned)strtoul(pair, NULL, 16);
		ret->bytes[i] = (unsigned char)byte;
	}
	return true;
}

/* What the note beside an archive says. */
static bool parse_note(const struct buf *data, struct base *b)
{
	json_t *root = json_loadb(data->data, data->len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *size = json_object_get(root, "size"), *epoch = json_object_get(root, "epoch");
	bool good = json_is_integer(size) && json_is_integer(epoch) &&
		    parse_digest(json_string_value(json_object_get(root, "sha256")), &b->digest);
	b->size = (uint64_t)json_integer_value(size);
	b->epoch = json_integer_value(epoch);
	json_decref(root);
	return good;
}

/* A base of the cache, if it is whole: 1, 0: it is not there, -1. */
static int load(struct work *w, const char *key, struct base *ret)
{
	struct err ignored;
	struct stat st;
	struct base b = { .cached = true, .has_epoch = true };
	cleanup_buf struct buf data = { 0 };
	const char *note = path_of(w, key, ".json");
	b.path = path_of(w, key, ".tar");
	b.label = arena_printf(w->arena, w->e, "debian:%s", w->r->suite);
	if (note == NULL || b.path == NULL || b.label == NULL)
		return -1;
	if (file_read(AT_FDCWD, note, SMALL_FILE, &data, &ignored) < 0)
		return ignored.kind == ERR_MACHINE && ignored.errnum == ENOMEM ? err_nomem(w->e)
									       : 0;
	if (data.len == 0 || !parse_note(&data, &b) || stat(b.path, &st) < 0 ||
		!S_ISREG(st.st_mode) || (uint64_t)st.st_size != b.size)
		return 0;
	/* The time of the last use: see prune. A cache that cannot be written is no error here. */
	if (utimensat(AT_FDCWD, note, NULL, 0) < 0)
		errno = 0;
	*ret = b;
	return 1;
}

static int save(struct work *w, const char *key, const struct base *b)
{
	cleanup_buf struct buf data = { 0 };
	struct json j = json_to(&data, 0);
	json_open(&j, NULL, '{');
	json_str(&j, "sha256", sha256_text(&b->digest).text);
	json_int(&j, "size", (long long)b->size);
	json_int(&j, "epoch", b->epoch);
	json_close(&j, '}');
	const char *note = path_of(w, key, ".json");
	if (json_end(&j, w->e) < 0 || note == NULL)
		return -1;
	return base_write_file(note, data.data, data.len, w->arena, w->e);
}

/* The key that a request was answered with last: 1, 0: never, -1. */
static int remembered(struct work *w, const char *request, const char **ret_key)
{
	struct err ignored;
	cleanup_buf struct buf data = { 0 };
	const char *path = path_of(w, request, ".request");
	if (path == NULL)
		return -1;
	if (file_read(AT_FDCWD, path, SMALL_FILE, &data, &ignored) < 0)
		return ignored.errnum == ENOMEM ? err_nomem(w->e) : 0;
	if (data.len != 33 || strspn(data.data, "0123456789abcdef") != 32 || data.data[32] != '\n')
		return 0;
	*ret_key = arena_strndup(w->arena, data.data, 32, w->e);
	return *ret_key != NULL ? 1 : -1;
}

static int remember(struct work *w, const char *request, const char *key)
{
	const char *path = path_of(w, request, ".request");
	const char *line = arena_printf(w->arena, w->e, "%s\n", key);
	if (path == NULL || line == NULL)
		return -1;
	return base_write_file(path, line, strlen(line), w->arena, w->e);
}

static int sync_and_rename(const char *from, const char *to, struct err *e)
{
	cleanup_fd int fd = open(from, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, ERR_MACHINE, errno, "mmdebstrap left no archive: open %s", from);
	if (fsync(fd) < 0)
		return err_set(e, ERR_MACHINE, errno, "fsync %s", from);
	if (renameat(AT_FDCWD, from, AT_FDCWD, to) < 0)
		return err_set(e, ERR_MACHINE, errno, "rename %s", from);
	return 0;
}

/* Make the base for the mirror's state; ret_key changes with it when the mirror moved meanwhile. */
static int make(struct work *w, const char **key, struct base *ret)
{
	const char *part = scratch(w, "tar"), *release = scratch(w, "release");
	if (part == NULL || release == NULL)
		return -1;
	for (int i = 0; i < MOVING_TRIES; i++) {
		int64_t epoch = w->r->has_epoch ? w->r->epoch : w->sources.epoch;
		struct base b = { .has_epoch = true, .epoch = epoch };
		log_say(w->r->log, "Making a base of %s's packages: this takes minutes, once",
			w->r->suite);
		if (base_build(w->r, &w->command, &w->sources, epoch, part, w->arena, w->e) < 0 ||
			base_sources_ask(w->r, release, &w->sources, w->e) < 0)
			return -1;
		const char *after = base_key(w);
		if (after == NULL)
			return -1;
		if (strcmp(after, *key) != 0) {
			*key = after;
			continue;
		}
		b.path = path_of(w, *key, ".tar");
		b.label = arena_printf(w->arena, w->e, "debian:%s", w->r->suite);
		if (b.path == NULL || b.label == NULL ||
			base_digest(part, &b.digest, &b.size, w->e) < 0 ||
			sync_and_rename(part, b.path, w->e) < 0 || save(w, *key, &b) < 0)
			return -1;
		*ret = b;
		return 0;
	}
	err_set(w->e, ERR_REMOTE, 0, "the mirror changed again and again while the base was made");
	w->e->again = true;
	return -1;
}

/* Waits for another run that holds the lock. */
static int lock(struct work *w, int *ret_fd)
{
	const char *path = arena_printf(w->arena, w->e, "%s/%s.lock", w->folder, w->name);
	if (path == NULL)
		return -1;
	cleanup_fd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_set(w->e, ERR_MACHINE, errno, "open %s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		log_say(w->r->log, "Waiting for another run that makes a base of %s", w->r->suite);
		while (flock(fd, LOCK_EX) < 0) {
			if (errno != EINTR)
				return err_set(w->e, ERR_MACHINE, errno, "lock %s", path);
		}
	}
	*ret_fd = fd;
	fd = -1;
	return 0;
}

struct old {
	char *name;
	struct timespec used;
};

static int newest_first(const void *a, const void *b)
{
	const struct old *x = a, *y = b;
	if (x->used.tv_sec != y->used.tv_sec)
		return x->used.tv_sec < y->used.tv_sec ? 1 : -1;
	return (x->used.tv_nsec < y->used.tv_nsec) - (x->used.tv_nsec > y->used.tv_nsec);
}

static bool ends_in(const char *text, const char *ending)
{
	size_t len = strlen(text), tail = strlen(ending);
	return len >= tail && strcmp(text + len - tail, ending) == 0;
}

/* SUITE-ARCH-KEY.json of these and no longer names. */
static bool is_note(const struct work *w, const char *name)
{
	size_t len = strlen(w->name);
	return text_starts(name, w->name) && name[len] == '-' && strlen(name) == len + 1 + 32 + 5 &&
	       ends_in(name, ".json");
}

/* Remove what killed runs left, and all but the bases used last. */
static int prune(struct work *w)
{
	DIR *dir = opendir(w->folder);
	if (dir == NULL)
		return err_set(w->e, ERR_MACHINE, errno, "open %s", w->folder);
	const char *left = arena_printf(w->arena, w->e, ".%s.building.", w->name);
	struct old *list = NULL;
	size_t count = 0, cap = 0;
	int rc = left != NULL ? 0 : -1;
	struct dirent *d;
	while (rc == 0 && (d = readdir(dir)) != NULL) {
		struct stat st;
		if (text_starts(d->d_name, left) || ends_in(d->d_name, ".part"))
			rc = file_remove_tree(dirfd(dir), d->d_name, w->e);
		else if (is_note(w, d->d_name) && fstatat(dirfd(dir), d->d_name, &st, 0) == 0) {
			struct old *o = arena_push(w->arena, &list, &count, &cap, sizeof(*o), w->e);
			if (o == NULL ||
				(o->name = arena_strdup(w->arena, d->d_name, w->e)) == NULL)
				rc = -1;
			else
				o->used = st.st_mtim;
		}
	}
	if (rc == 0 && count > 0)
		qsort(list, count, sizeof(*list), newest_first);
	for (size_t i = BASE_KEEP; rc == 0 && i < count; i++) {
		/* The note first: without it the archive counts as not there. */
		rc = file_remove_tree(dirfd(dir), list[i].name, w->e);
		memcpy(list[i].name + strlen(list[i].name) - 5, ".tar", 5);
		if (rc == 0)
			rc = file_remove_tree(dirfd(dir), list[i].name, w->e);
	}
	closedir(dir);
	return rc;
}

/* With the lock held. */
static int find_or_make(struct work *w, struct base *ret)
{
	const char *request = request_key(w), *key = NULL;
	if (request == NULL)
		return -1;
	int known = remembered(w, request, &key);
	if (known > 0)
		known = load(w, key, ret);
	if (known < 0 || (known > 0 && !w->r->update))
		return known < 0 ? -1 : 0;
	if (base_machine_check(w->r, w->arena, w->e) < 0)
		return -1;
	const char *release = scratch(w, "release");
	if (release == NULL || base_sources_ask(w->r, release, &w->sources, w->e) < 0)
		return -1;
	key = base_key(w);
	if (key == NULL)
		return -1;
	known = load(w, key, ret);
	if (known < 0 || (known == 0 && make(w, &key, ret) < 0))
		return -1;
	return remember(w, request, key);
}

/* Without the lock: it holds off those that make one. */
static int look(struct work *w, struct base *ret)
{
	const char *request = request_key(w), *key = NULL;
	if (request == NULL)
		return -1;
	*ret = (struct base){ 0 };
	int known = remembered(w, request, &key);
	return known > 0 ? load(w, key, ret) : known;
}

int base_debian(const struct base_request *r, const char *folder, struct arena *a, struct base *ret,
	struct err *e)
{
	struct work w = { .r = r, .arena = a, .folder = folder, .e = e };
	cleanup_fd int held = -1;
	struct base b;
	if (base_command(r, a, &w.command, e) < 0 || read_keyring(&w.keyring, e) < 0 ||
		base_sources_find(r, a, &w.sources, e) < 0)
		return -1;
	w.name = arena_printf(a, e, "%s-%s", r->suite, r->arch);
	if (w.name == NULL)
		return -1;
	if (r->look)
		return look(&w, ret) < 0 ? -1 : 0;
	if (lock(&w, &held) < 0 || prune(&w) < 0 || find_or_make(&w, &b) < 0)
		return -1;
	*ret = b;
	return 0;
}
