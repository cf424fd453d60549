#include "boot/sigv4_check.h"

#include <nettle/memops.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "aws/sigv4.h"
#include "base/arena.h"
#include "base/digest.h"
#include "base/text.h"

#define SIGNED_MAX  32
#define CLOCK_SLACK 300 /* seconds */

/* An Authorization header, taken apart. */
struct authorization {
	char key[32];
	char day[9];
	char region[32];
	char service[32];
	char headers[512];
	char signature[65];
};

static bool take_apart(const char *text, struct authorization *a)
{
	int end = 0;
	/* The widths are those of the fields above. */
	int n = sscanf(text,
		"AWS4-HMAC-SHA256 Credential=%31[A-Z0-9]/%8[0-9]/%31[a-z0-9-]/%31[a-z0-9-]/"
		"aws4_request, SignedHeaders=%511[a-z0-9;-], Signature=%64[0-9a-f]%n",
		a->key, a->day, a->region, a->service, a->headers, a->signature, &end);
	return n == 6 && text[end] == '\0' && strlen(a->signature) == 64;
}

const char *sigv4_fault_text(enum sigv4_fault f)
{
	static const char *const texts[] = {
		[SIGV4_OK] = "",
		[SIGV4_MISSING] = "Missing Authentication Token",
		[SIGV4_MALFORMED] = "Authorization header is malformed, or its credential scope is "
				    "not of this service, region and day",
		[SIGV4_UNKNOWN] = "The security token included in the request is invalid.",
		[SIGV4_CLOCK] = "Signature expired: more than 5 min. from the time here",
		[SIGV4_WRONG] =
			"The request signature we calculated does not match the signature you "
			"provided.",
	};
	return texts[f];
}

static bool is_listed(const char *names, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = names; *p != '\0';) {
		size_t len = strcspn(p, ";");
		if (len == n && strncasecmp(p, name, n) == 0)
			return true;
		p += len + (p[len] == ';');
	}
	return false;
}

/* What AWS wants signed: the host, all x-amz- headers and the content's type. */
static bool signs_enough(const struct http_request *r, const char *names)
{
	if (!is_listed(names, "host") || !is_listed(names, "x-amz-date"))
		return false;
	for (size_t i = 0; i < r->header_count; i++) {
		const char *name = r->headers[i].name;
		if ((strncasecmp(name, "x-amz-", 6) == 0 ||
			    strcasecmp(name, "content-type") == 0) &&
			!is_listed(names, name))
			return false;
	}
	return true;
}

/* The headers named, which are cut apart. -1: one is not there, or the names are not sorted. */
static int take_headers(
	const struct http_request *r, char *names, struct sigv4_header list[SIGNED_MAX])
{
	int count = 0;
	for (char *save = NULL, *name = strtok_r(names, ";", &save); name != NULL;
		name = strtok_r(NULL, ";", &save)) {
		const char *value = http_header(r, name);
		if (value == NULL || count == SIGNED_MAX ||
			(count > 0 && strcmp(list[count - 1].name, name) >= 0))
			return -1;
		list[count++] = (struct sigv4_header){ name, value };
	}
	return count;
}

/* Whether what stands for the body is the body's digest; S3 wants it said. */
static bool says_body(const struct http_request *r, const char *service, const char *digest)
{
	const char *said = http_header(r, "x-amz-content-sha256");
	return said != NULL ? strcmp(said, digest) == 0 : strcmp(service, "s3") != 0;
}

/* The Authorization that such a request has when it is signed right. */
static int sign(const struct sigv4_request *q, const struct authorization *a,
	const struct credentials *c, time_t when, struct buf *out, struct err *e)
{
	struct sigv4_scope scope = { a->region, a->service, when };
	struct sigv4_key key = { .made = false };
	int rc = sigv4_key(&key, c->secret, &scope, e);
	if (rc == 0)
		rc = sigv4_authorization(q, &scope, &key, c->key, out, e);
	explicit_bzero(&key, sizeof(key));
	return rc;
}

/* 1: right, 0: wrong. */
static int is_right(const struct http_request *r, const struct authorization *a,
	const struct credentials *c, time_t when, struct err *e)
{
	cleanup_arena struct arena arena = { 0 };
	cleanup_buf struct buf wanted = { 0 };
	struct sigv4_header headers[SIGNED_MAX];
	char names[sizeof(a->headers)];
	size_t path = http_path_len(r);
	struct sha256 digest = sha256_of(r->body.data, r->body.len);
	struct sha256_hex body = sha256_text(&digest);
	memcpy(names, a->headers, sizeof(names));
	int count = take_headers(r, names, headers);
	if (count < 0 || !says_body(r, a->service, body.text))
		return 0;
	struct sigv4_request q = { .method = r->method,
		.path = arena_strndup(&arena, r->target, path, e),
		.query = r->target[path] == '?' ? r->target + path + 1 : NULL,
		.headers = headers,
		.header_count = (size_t)count,
		.payload = body.text,
		.path_as_is = strcmp(a->service, "s3") == 0 };
	if (q.path == NULL || sign(&q, a, c, when, &wanted, e) < 0)
		return -1;
	const char *got = http_header(r, "Authorization");
	return strlen(got) == wanted.len && memeql_sec(wanted.data, got, wanted.len);
}

static bool is_near(const char *stamp, time_t now, time_t *ret_when)
{
	struct tm tm = { 0 };
	const char *end = strptime(stamp, "%Y%m%dT%H%M%SZ", &tm);
	if (end == NULL || *end != '\0')
		return false;
	*ret_when = timegm(&tm);
	time_t off = *ret_when - now;
	return off >= -CLOCK_SLACK && off <= CLOCK_SLACK;
}

static enum sigv4_fault judge(const struct http_request *r, const struct credentials *c,
	const char *service, const char *region, time_t now, struct authorization *a,
	time_t *ret_when)
{
	const char *text = http_header(r, "Authorization");
	const char *stamp = http_header(r, "X-Amz-Date");
	const char *token = http_header(r, "X-Amz-Security-Token");
	if (text == NULL)
		return SIGV4_MISSING;
	if (!take_apart(text, a) || strcmp(a->service, service) != 0 ||
		strcmp(a->region, region) != 0 || stamp == NULL || !text_starts(stamp, a->day))
		return SIGV4_MALFORMED;
	/* Credentials of no role have no token. */
	if (strcmp(a->key, c->key) != 0 || strcmp(token != NULL ? token : "", c->token) != 0)
		return SIGV4_UNKNOWN;
	if (!is_near(stamp, now, ret_when))
		return SIGV4_CLOCK;
	return signs_enough(r, a->headers) ? SIGV4_OK : SIGV4_WRONG;
}

int sigv4_check(const struct http_request *r, const struct credentials *c, const char *service,
	const char *region, time_t now, enum sigv4_fault *ret, struct err *e)
{
	struct authorization a = { 0 };
	time_t when = 0;
	enum sigv4_fault fault = judge(r, c, service, region, now, &a, &when);
	if (fault == SIGV4_OK) {
		int right = is_right(r, &a, c, when, e);
		if (right < 0)
			return -1;
		fault = right ? SIGV4_OK : SIGV4_WRONG;
	}
	*ret = fault;
	return 0;
}
