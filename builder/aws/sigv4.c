#include "aws/sigv4.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/library.h"

#define CALLS(X) X(EVP_sha256) X(EVP_Digest) X(HMAC)

struct calls {
	CALLS(LIBRARY_POINTER)
};

/* Cheap once it was loaded, as the dynamic linker keeps it. */
static int load(struct calls *c, struct err *e)
{
	static const char *const NAMES[] = { CALLS(LIBRARY_NAME) };
	return library_load(
		"libcrypto.so.3", "libssl3", NAMES, sizeof(NAMES) / sizeof(NAMES[0]), c, e);
}

static int digest(
	const struct calls *c, const char *text, size_t len, struct sha256 *ret, struct err *e)
{
	if (c->EVP_Digest(text, len, ret->bytes, NULL, c->EVP_sha256(), NULL) != 1)
		return err_set(e, ERR_MACHINE, 0, "libcrypto: SHA-256 failed");
	return 0;
}

/* `key` may lie in *ret. */
static int hmac(const struct calls *c, const void *key, size_t len, const char *text,
	unsigned char ret[32], struct err *e)
{
	unsigned char out[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	if (c->HMAC(c->EVP_sha256(), key, (int)len, (const unsigned char *)text, strlen(text), out,
		    &size) == NULL ||
		size != 32)
		return err_set(e, ERR_MACHINE, 0, "libcrypto: HMAC failed");
	memcpy(ret, out, 32);
	explicit_bzero(out, sizeof(out));
	return 0;
}

struct sigv4_date sigv4_date(time_t when)
{
	struct sigv4_date d = { "" };
	struct tm tm;
	if (gmtime_r(&when, &tm) != NULL)
		strftime(d.text, sizeof(d.text), "%Y%m%dT%H%M%SZ", &tm);
	return d;
}

static bool is_key_of(const struct sigv4_key *k, const struct sha256 *secret, const char *date,
	const struct sigv4_scope *s)
{
	return k->made && memcmp(&k->secret, secret, sizeof(*secret)) == 0 &&
	       strncmp(k->date, date, 8) == 0 && strcmp(k->region, s->region) == 0 &&
	       strcmp(k->service, s->service) == 0;
}

static int derive(const struct calls *c, struct sigv4_key *k, const char *secret, struct err *e)
{
	const char *const steps[] = { k->date, k->region, k->service, "aws4_request" };
	struct buf first = { 0 };
	int rc = buf_printf(&first, e, "AWS4%s", secret);
	if (rc == 0)
		rc = hmac(c, first.data, first.len, steps[0], k->bytes, e);
	buf_wipe(&first);
	for (size_t i = 1; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = hmac(c, k->bytes, sizeof(k->bytes), steps[i], k->bytes, e);
	return rc;
}

int sigv4_key(struct sigv4_key *k, const char *secret, const struct sigv4_scope *s, struct err *e)
{
	struct calls c;
	struct sigv4_date date = sigv4_date(s->when);
	struct sigv4_key made = { .made = true };
	if (load(&c, e) < 0 || digest(&c, secret, strlen(secret), &made.secret, e) < 0)
		return -1;
	if (is_key_of(k, &made.secret, date.text, s))
		return 0;
	if (strlen(s->region) >= sizeof(made.region) || strlen(s->service) >= sizeof(made.service))
		return err_set(e, ERR_USAGE, 0, "region \"%.80s\" is too long", s->region);
	memcpy(made.date, date.text, 8);
	memcpy(made.region, s->region, strlen(s->region));
	memcpy(made.service, s->service, strlen(s->service));
	int rc = derive(&c, &made, secret, e);
	if (rc == 0)
		*k = made;
	explicit_bzero(&made, sizeof(made));
	return rc;
}

static bool is_plain(unsigned char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

int sigv4_encode(struct buf *out, const char *text, size_t len, bool path, struct err *e)
{
	static const char digits[] = "0123456789ABCDEF";
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];
		char coded[3] = { '%', digits[c >> 4], digits[c & 15] };
		bool plain = is_plain(c) || (path && c == '/');
		if (plain ? buf_putc(out, text[i], e) < 0 : buf_add(out, coded, 3, e) < 0)
			return -1;
	}
	return 0;
}

/* Encoded, whatever of it was so already, as the service reads it: decoded and encoded again. */
static int add_parameter_part(struct buf *out, const char *text, size_t len, struct err *e)
{
	for (size_t i = 0; i < len; i++) {
		char hex[3] = { 0 };
		char *end = hex;
		char c = text[i];
		if (c == '%' && len - i > 2) {
			memcpy(hex, text + i + 1, 2);
			unsigned long code = strtoul(hex, &end, 16);
			if (end == hex + 2 && hex[0] != '+' && hex[0] != '-' && hex[0] != ' ') {
				c = (char)code;
				i += 2;
			}
		}
		if (sigv4_encode(out, &c, 1, false, e) < 0)
			return -1;
	}
	return 0;
}

/* By name, then by value; each is "name=value". */
static int by_parameter(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t m = strcspn(x, "="), n = strcspn(y, "=");
	int c = memcmp(x, y, m < n ? m : n);
	if (c == 0 && m != n)
		return m < n ? -1 : 1;
	return c != 0 ? c : strcmp(x + m, y + n);
}

/* One parameter in its canonical form, with an equals sign whether it had one or not. */
static const char *parameter(const char *text, size_t len, struct arena *a, struct err *e)
{
	cleanup_buf struct buf b = { 0 };
	const char *equals = memchr(text, '=', len);
	size_t name = equals != NULL ? (size_t)(equals - text) : len;
	if (add_parameter_part(&b, text, name, e) < 0 || buf_putc(&b, '=', e) < 0)
		return NULL;
	if (equals != NULL && add_parameter_part(&b, equals + 1, len - name - 1, e) < 0)
		return NULL;
	return arena_strndup(a, b.data, b.len, e);
}

static int add_query(const char *query, struct buf *out, struct err *e)
{
	cleanup_arena struct arena a = { 0 };
	const char **list = NULL;
	size_t count = 0, cap = 0;
	while (*query != '\0') {
		size_t len = strcspn(query, "&");
		if (len > 0) {
			const char **slot = arena_push(&a, &list, &count, &cap, sizeof(*list), e);
			if (slot == NULL || (*slot = parameter(query, len, &a, e)) == NULL)
				return -1;
		}
		query += len + (query[len] == '&');
	}
	if (count > 0)
		qsort(list, count, sizeof(*list), by_parameter);
	for (size_t i = 0; i < count; i++)
		if ((i > 0 && buf_putc(out, '&', e) < 0) || buf_puts(out, list[i], e) < 0)
			return -1;
	return 0;
}

/* A path without dot segments and empty ones. */
static int normalize(const char *path, struct buf *out, struct err *e)
{
	const char *p = path;
	while (*p != '\0') {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");
		if (len == 2 && memcmp(p, "..", 2) == 0) {
			const char *slash = out->len > 0 ? strrchr(out->data, '/') : NULL;
			out->len = slash != NULL ? (size_t)(slash - out->data) : 0;
			if (out->data != NULL)
				out->data[out->len] = '\0';
		} else if (len > 0 && !(len == 1 && *p == '.')) {
			if (buf_putc(out, '/', e) < 0 || buf_add(out, p, len, e) < 0)
				return -1;
		}
		p += len;
	}
	return out->len == 0 || p[-1] == '/' ? buf_putc(out, '/', e) : 0;
}

static int add_path(const struct sigv4_request *r, struct buf *out, struct err *e)
{
	cleanup_buf struct buf path = { 0 };
	const char *text = r->path != NULL && r->path[0] != '\0' ? r->path : "/";
	if (r->path_as_is)
		return buf_puts(out, text, e);
	if (normalize(text, &path, e) < 0)
		return -1;
	return sigv4_encode(out, path.data, path.len, true, e);
}

/* Without blanks at its ends and with single ones inside. */
static int add_value(const char *value, struct buf *out, struct err *e)
{
	static const char blank[] = " \t\r\n";
	const char *p = value + strspn(value, blank);
	while (*p != '\0') {
		size_t word = strcspn(p, blank);
		size_t blanks = strspn(p + word, blank);
		if (buf_add(out, p, word, e) < 0 ||
			(p[word + blanks] != '\0' && blanks > 0 && buf_putc(out, ' ', e) < 0))
			return -1;
		p += word + blanks;
	}
	return 0;
}

static int add_lower(const char *name, struct buf *out, struct err *e)
{
	for (; *name != '\0'; name++) {
		char c = *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;
		if (buf_putc(out, c, e) < 0)
			return -1;
	}
	return 0;
}

/* By name in any case; those of one name stay in the order given. A handful: insertion. */
static struct sigv4_header *sorted(const struct sigv4_request *r, struct arena *a, struct err *e)
{
	struct sigv4_header *list = arena_array(a, r->header_count + 1, sizeof(*list), e);
	for (size_t i = 0; list != NULL && i < r->header_count; i++) {
		size_t at = i;
		for (; at > 0 && strcasecmp(list[at - 1].name, r->headers[i].name) > 0; at--)
			list[at] = list[at - 1];
		list[at] = r->headers[i];
	}
	return list;
}

static bool is_repeated(const struct sigv4_header *list, size_t i)
{
	return i > 0 && strcasecmp(list[i].name, list[i - 1].name) == 0;
}

/* "host;x-amz-date" */
static int add_names(const struct sigv4_header *list, size_t count, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < count; i++)
		if (!is_repeated(list, i) && ((i > 0 && buf_putc(out, ';', e) < 0) ||
						     add_lower(list[i].name, out, e) < 0))
			return -1;
	return 0;
}

/* A line a name; a header that comes twice is one list (RFC 9110, 5.3). */
static int add_headers(
	const struct sigv4_header *list, size_t count, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		if (is_repeated(list, i)) {
			if (buf_putc(out, ',', e) < 0)
				return -1;
		} else if ((i > 0 && buf_putc(out, '\n', e) < 0) ||
			   add_lower(list[i].name, out, e) < 0 || buf_putc(out, ':', e) < 0) {
			return -1;
		}
		if (add_value(list[i].value, out, e) < 0)
			return -1;
	}
	return buf_puts(out, count > 0 ? "\n\n" : "\n", e);
}

int sigv4_canonical(const struct sigv4_request *r, struct buf *out, struct err *e)
{
	cleanup_arena struct arena a = { 0 };
	const struct sigv4_header *list = sorted(r, &a, e);
	if (list == NULL || buf_printf(out, e, "%s\n", r->method) < 0 || add_path(r, out, e) < 0 ||
		buf_putc(out, '\n', e) < 0 ||
		(r->query != NULL && add_query(r->query, out, e) < 0) ||
		buf_putc(out, '\n', e) < 0 || add_headers(list, r->header_count, out, e) < 0 ||
		add_names(list, r->header_count, out, e) < 0)
		return -1;
	return buf_printf(out, e, "\n%s", r->payload);
}

/* The string to sign. */
static int add_summary(const struct calls *c, const struct sigv4_request *r,
	const struct sigv4_scope *s, const struct sigv4_key *k, struct buf *out, struct err *e)
{
	cleanup_buf struct buf canonical = { 0 };
	struct sha256 d;
	if (sigv4_canonical(r, &canonical, e) < 0 ||
		digest(c, canonical.data, canonical.len, &d, e) < 0)
		return -1;
	return buf_printf(out, e, "AWS4-HMAC-SHA256\n%s\n%s/%s/%s/aws4_request\n%s",
		sigv4_date(s->when).text, k->date, k->region, k->service, sha256_text(&d).text);
}

int sigv4_authorization(const struct sigv4_request *r, const struct sigv4_scope *s,
	const struct sigv4_key *k, const char *id, struct buf *out, struct err *e)
{
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf text = { 0 };
	struct calls c;
	struct sha256 signature;
	if (load(&c, e) < 0 || add_summary(&c, r, s, k, &text, e) < 0 ||
		hmac(&c, k->bytes, sizeof(k->bytes), text.data, signature.bytes, e) < 0)
		return -1;
	const struct sigv4_header *list = sorted(r, &a, e);
	if (list == NULL ||
		buf_printf(out, e,
			"AWS4-HMAC-SHA256 Credential=%s/%s/%s/%s/aws4_request, SignedHeaders=", id,
			k->date, k->region, k->service) < 0 ||
		add_names(list, r->header_count, out, e) < 0)
		return -1;
	return buf_printf(out, e, ", Signature=%s", sha256_text(&signature).text);
}
