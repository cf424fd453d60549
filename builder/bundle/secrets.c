#include "bundle/secrets.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"

#define KEY_FILE_MAX 4096

static bool is_inline(const struct psk_ref *ref)
{
	return ref->kind == PSK_ENV || ref->kind == PSK_FILE;
}

/* The file of a file: reference, relative to the folder of the file `from` that says so. */
static const char *key_path(
	const struct psk_ref *ref, const char *from, struct arena *a, struct err *e)
{
	const char *slash = from != NULL ? strrchr(from, '/') : NULL;
	if (ref->arg[0] == '/' || slash == NULL)
		return arena_strdup(a, ref->arg, e);
	return arena_printf(a, e, "%.*s/%s", (int)(slash - from), from, ref->arg);
}

/* What is wrong with a key, as the tail of a message; NULL when nothing is. */
static const char *fault(const char *key, size_t len)
{
	if (len == 0)
		return "is empty";
	if (len < KEY_MIN)
		return "is shorter than 8 characters";
	if (len > KEY_MAX)
		return "is longer than 128 characters";
	for (size_t i = 0; i < len; i++)
		if (key[i] <= ' ' || key[i] > '~' || key[i] == '"' || key[i] == '\\')
			return "has a character that a key may not have: printable ASCII without "
			       "blanks, double quotes and backslashes is allowed";
	return NULL;
}

/* Append the key to *out, wiped by the caller. 1: a problem was noted. */
static int read_key(const struct psk_ref *ref, const char *from, struct arena *a, struct diag *d,
	struct buf *out, struct err *e)
{
	const char *what = "environment variable", *name = ref->arg;
	if (ref->kind == PSK_ENV) {
		const char *value = getenv(ref->arg);
		if (value == NULL) {
			diag_add(d, ref->pos, "environment variable %s is not set", ref->arg);
			return 1;
		}
		if (buf_puts(out, value, e) < 0)
			return -1;
	} else {
		what = "key file";
		name = key_path(ref, from, a, e);
		if (name == NULL)
			return -1;
		if (file_read(AT_FDCWD, name, KEY_FILE_MAX, out, e) < 0) {
			if (e->kind != ERR_INPUT)
				return -1;
			diag_add(d, ref->pos, "key file: %s", e->msg);
			return 1;
		}
		if (out->len > 0 && out->data[out->len - 1] == '\n')
			out->len--;
		if (out->len > 0 && out->data[out->len - 1] == '\r')
			out->len--;
	}
	const char *wrong = fault(out->data, out->len);
	if (wrong != NULL)
		diag_add(d, ref->pos, "the key in %s %s %s", what, name, wrong);
	return wrong != NULL;
}

/* A set of references by their texts: open addressing. */
struct seen {
	const struct psk_ref **slot; /* NULL: free */
	size_t size;                 /* a power of two */
};

static size_t hash(const char *text)
{
	size_t h = 1469598103934665603u; /* FNV-1a */
	for (; *text != '\0'; text++)
		h = (h ^ (unsigned char)*text) * 1099511628211u;
	return h;
}

/* Add a reference unless its text is there. 1: added, 0: there already. */
static int add(struct secrets *s, struct seen *seen, const struct psk_ref *ref, struct arena *a,
	struct err *e)
{
	size_t i = hash(ref->text) & (seen->size - 1);
	for (; seen->slot[i] != NULL; i = (i + 1) & (seen->size - 1))
		if (strcmp(seen->slot[i]->text, ref->text) == 0)
			return 0;
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	const struct psk_ref **slot = arena_push(a, &s->refs, &s->count, &s->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = ref;
	seen->slot[i] = ref;
	return 1;
}

static int collect(const struct sites *sites, struct secrets *s, struct arena *a, struct err *e)
{
	struct seen seen = { .size = 16 };
	while (seen.size < 2 * (sites->count + 1))
		seen.size *= 2;
	seen.slot = arena_array(a, seen.size, sizeof(const struct psk_ref *), e);
	if (seen.slot == NULL)
		return -1;
	if (is_inline(&sites->psk) && add(s, &seen, &sites->psk, a, e) < 0)
		return -1;
	for (size_t i = 0; i < sites->count; i++) {
		const struct psk_ref *ref = site_psk(sites, &sites->list[i]);
		if (ref == NULL || !is_inline(ref))
			continue;
		s->sites++;
		if (add(s, &seen, ref, a, e) < 0)
			return -1;
	}
	return 0;
}

static int read_all(
	struct secrets *s, const char *from, struct arena *a, struct diag *d, struct err *e)
{
	/* Room for all at once: a buffer that moved would leave keys behind. */
	size_t names = 64;
	for (size_t i = 0; i < s->count; i++)
		names += 2 * strlen(s->refs[i]->text);
	if (buf_reserve(&s->json, s->count * (KEY_MAX + 16) + names, e) < 0)
		return -1;
	struct buf key = { .max = KEY_FILE_MAX + 64 };
	struct json j = json_to(&s->json, 1);
	int rc = buf_reserve(&key, KEY_FILE_MAX + 32, e);
	json_open(&j, NULL, '{');
	for (size_t i = 0; rc >= 0 && i < s->count; i++) {
		explicit_bzero(key.data, key.cap);
		buf_clear(&key);
		rc = read_key(s->refs[i], from, a, d, &key, e);
		if (rc == 0)
			json_strn(&j, s->refs[i]->text, key.data, key.len);
	}
	buf_wipe(&key);
	json_close(&j, '}');
	if (rc < 0)
		return -1;
	return json_end(&j, e);
}

int secrets_read(const struct sites *sites, const char *sites_path, bool inline_secrets,
	struct arena *a, struct diag *d, struct secrets *ret, struct err *e)
{
	struct secrets s = { 0 };
	if (collect(sites, &s, a, e) < 0)
		return -1;
	if (s.count > 0 && inline_secrets && read_all(&s, sites_path, a, d, e) < 0) {
		secrets_wipe(&s);
		return -1;
	}
	for (size_t i = 0; !inline_secrets && i < s.count; i++)
		diag_add(d, s.refs[i]->pos,
			"key reference %s: read only with --inline-secrets, which puts the key "
			"into "
			"the user-data to be pasted: give the switch, or keep the key in ssm:, "
			"secretsmanager: or s3",
			s.refs[i]->text);
	*ret = s;
	return 0;
}

void secrets_wipe(struct secrets *s)
{
	buf_wipe(&s->json);
	*s = (struct secrets){ 0 };
}
