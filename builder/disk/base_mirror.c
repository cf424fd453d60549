#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/child.h"
#include "base/file.h"
#include "base/text.h"
#include "disk/base_part.h"

#define APT_HELPER    "/usr/lib/apt/apt-helper"
#define RELEASE_BYTES ((size_t)4 << 20)

static const char *const SUFFIXES[] = { "", "-updates", "-security" };

static int add(struct base_sources *s, const char *uri, size_t len, const char *suffix,
	struct arena *a, struct err *e)
{
	while (len > 0 && uri[len - 1] == '/')
		len--;
	for (size_t i = 0; i < s->count; i++) {
		if (strncmp(s->list[i].uri, uri, len) == 0 && s->list[i].uri[len] == '\0' &&
			strcmp(s->list[i].suffix, suffix) == 0)
			return 0;
	}
	if (s->count == BASE_SOURCES_MAX)
		return err_set(e, ERR_MACHINE, 0, "more than %d sources of Debian in apt's lists",
			BASE_SOURCES_MAX);
	const char *copy = arena_strndup(a, uri, len, e);
	if (copy == NULL)
		return -1;
	s->list[s->count++] = (struct base_source){ .uri = copy, .suffix = suffix };
	return 0;
}

/* A mirror and, as Debian's own are named, its neighbour for security. */
static int add_mirror(struct base_sources *s, const char *uri, struct arena *a, struct err *e)
{
	size_t len = strlen(uri);
	while (len > 0 && uri[len - 1] == '/')
		len--;
	const char *security = arena_printf(a, e, "%.*s-security", (int)len, uri);
	if (security == NULL || add(s, uri, len, "", a, e) < 0 ||
		add(s, uri, len, "-updates", a, e) < 0)
		return -1;
	return add(s, security, strlen(security), "-security", a, e);
}

/* Goes into apt's one-line format and into arguments, which anyone can read: no password. */
static bool is_url(const char *uri)
{
	for (const char *p = uri; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"'\\[]#<>`@", *p) != NULL)
			return false;
	}
	return (text_starts(uri, "http://") && uri[7] != '\0') ||
	       (text_starts(uri, "https://") && uri[8] != '\0') || text_starts(uri, "file:/");
}

/* VERSION_CODENAME of os-release(5); "" where there is none. */
static int codename(struct buf *out, struct err *e)
{
	cleanup_buf struct buf data = { 0 };
	struct err missing;
	if (buf_puts(out, "", e) < 0)
		return -1;
	if (file_read(AT_FDCWD, "/etc/os-release", 1 << 16, &data, &missing) < 0)
		return 0;
	static const char key[] = "VERSION_CODENAME=";
	for (const char *line = data.data; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!text_starts(line, key))
			continue;
		const char *value = line + sizeof(key) - 1;
		value += *value == '"';
		return buf_add(out, value, strcspn(value, "\"\n"), e);
	}
	return 0;
}

/* The suffix of a suite's name behind this machine's own codename; NULL: not one that we take. */
static const char *suffix_of(const char *suite, size_t len, const char *own)
{
	size_t skip = strlen(own);
	if (skip == 0 || len < skip || strncmp(suite, own, skip) != 0)
		return NULL;
	for (size_t i = 0; i < sizeof(SUFFIXES) / sizeof(SUFFIXES[0]); i++) {
		if (strlen(SUFFIXES[i]) == len - skip &&
			strncmp(SUFFIXES[i], suite + skip, len - skip) == 0)
			return SUFFIXES[i];
	}
	return NULL;
}

/* One line of apt-get's: origin, release, URI, component. */
static int add_target(struct base_sources *s, const char *line, size_t len, const char *own,
	struct arena *a, struct err *e)
{
	const char *part[4];
	size_t size[4], parts = 0;
	for (const char *at = line, *end = line + len; parts < 4; parts++) {
		const char *bar = memchr(at, '|', (size_t)(end - at));
		part[parts] = at;
		size[parts] = (size_t)((bar != NULL ? bar : end) - at);
		if (bar == NULL && parts < 3)
			return 0;
		at = bar != NULL ? bar + 1 : end;
	}
	bool debian = size[0] == 0 || (size[0] == 6 && strncmp(part[0], "Debian", 6) == 0);
	bool main = size[3] == 4 && strncmp(part[3], "main", 4) == 0;
	const char *suffix = suffix_of(part[1], size[1], own);
	if (!debian || !main || suffix == NULL)
		return 0;
	const char *uri = arena_strndup(a, part[2], size[2], e);
	if (uri == NULL)
		return -1;
	return is_url(uri) ? add(s, uri, size[2], suffix, a, e) : 0;
}

/* This machine's sources of its own Debian; none is no error. */
static int add_own(struct base_sources *s, struct arena *a, struct err *e)
{
	static const char *const argv[] = { "apt-get", "indextargets", "--format",
		"$(ORIGIN)|$(RELEASE)|$(REPO_URI)|$(COMPONENT)", "Identifier: Packages", NULL };
	cleanup_buf struct buf own = { 0 };
	cleanup_buf struct buf out = { .max = 1 << 20 };
	struct err missing;
	if (codename(&own, e) < 0)
		return -1;
	if (child_run(argv, NULL, &out, &missing) < 0 || out.len == 0)
		return 0;
	for (const char *line = out.data; *line != '\0';) {
		size_t len = strcspn(line, "\n");
		if (add_target(s, line, len, own.data, a, e) < 0)
			return -1;
		line += len + (line[len] == '\n');
	}
	return 0;
}

static int by_suffix_and_uri(const void *a, const void *b)
{
	const struct base_source *x = a, *y = b;
	int order = strcmp(x->suffix, y->suffix);
	return order != 0 ? order : strcmp(x->uri, y->uri);
}

int base_sources_find(
	const struct base_request *r, struct arena *a, struct base_sources *ret, struct err *e)
{
	struct base_sources s = { 0 };
	if (r->mirror != NULL) {
		if (!is_url(r->mirror))
			return err_set(e, ERR_INPUT, 0,
				"mirror %s: not a http:, https: or file: URL without a user's name",
				r->mirror);
		if (add_mirror(&s, r->mirror, a, e) < 0)
			return -1;
	} else if (add_own(&s, a, e) < 0) {
		return -1;
	}
	if (s.count > 0)
		qsort(s.list, s.count, sizeof(s.list[0]), by_suffix_and_uri);
	if (s.count == 0 || s.list[0].suffix[0] != '\0') {
		s.count = 0;
		if (add_mirror(&s, "https://deb.debian.org/debian", a, e) < 0)
			return -1;
	}
	*ret = s;
	return 0;
}

/* "Date: Sat, 21 Nov 2026 09:15:44 UTC", in a line of its own. */
static bool find_date(const char *release, int64_t *ret)
{
	for (const char *line = release; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		struct tm tm = { 0 };
		if (!text_starts(line, "Date: "))
			continue;
		const char *end = strptime(line + 6, "%a, %d %b %Y %H:%M:%S UTC", &tm);
		if (end == NULL || (*end != '\n' && *end != '\0'))
			return false;
		*ret = (int64_t)timegm(&tm);
		return *ret > 0;
	}
	return false;
}

static bool is_absence(const struct err *e)
{
	return strstr(e->msg, "404  Not Found") != NULL || strstr(e->msg, "File not found") != NULL;
}

/* "E: Failed to fetch URL  REASON" is the line that says most. */
static int unreachable(const char *url, struct err *e)
{
	char reason[sizeof(e->msg)];
	const char *at = strstr(e->msg, "E: Failed to fetch ");
	at = at != NULL ? strstr(at, "  ") : NULL;
	at = at != NULL ? at + 2 : e->msg;
	size_t len = at != e->msg ? strcspn(at, "\n") : strlen(at);
	memcpy(reason, at, len);
	reason[len] = '\0';
	err_set(e, ERR_REMOTE, 0, "fetch %s: %s", url, reason);
	e->again = true;
	return -1;
}

static int ask(struct base_source *source, const char *suite, const char *scratch,
	int64_t *ret_date, struct err *e)
{
	cleanup_buf struct buf url = { 0 };
	cleanup_buf struct buf data = { .max = RELEASE_BYTES + 1024 };
	if (buf_printf(&url, e, "%s/dists/%s%s/InRelease", source->uri, suite, source->suffix) < 0)
		return -1;
	/* apt may leave a link, and would write through it next time. */
	if (unlink(scratch) < 0 && errno != ENOENT)
		return err_set(e, ERR_MACHINE, errno, "remove %s", scratch);
	const char *const argv[] = { APT_HELPER, "-q", "-o", "APT::Sandbox::User=root",
		"download-file", url.data, scratch, NULL };
	const struct child_options o = { .package = "apt" };
	cleanup_buf struct buf progress = { .max = 1 << 20 };
	source->absent = false;
	if (child_run(argv, &o, &progress, e) < 0) {
		if (e->errnum != 0)
			return -1;
		source->absent = is_absence(e);
		return source->absent ? 0 : unreachable(url.data, e);
	}
	if (file_read(AT_FDCWD, scratch, RELEASE_BYTES, &data, e) < 0)
		return -1;
	if (data.len == 0 || !find_date(data.data, ret_date))
		return err_set(e, ERR_REMOTE, 0, "%s: no Release file: it has no Date", url.data);
	source->release = sha256_of(data.data, data.len);
	return 0;
}

int base_sources_ask(
	const struct base_request *r, const char *scratch, struct base_sources *s, struct err *e)
{
	s->epoch = 0;
	for (size_t i = 0; i < s->count; i++) {
		struct base_source *source = &s->list[i];
		int64_t date = 0;
		if (ask(source, r->suite, scratch, &date, e) < 0)
			return -1;
		if (source->absent && source->suffix[0] == '\0')
			return err_set(e, ERR_INPUT, 0, "no suite %s on %s", r->suite, source->uri);
		if (source->absent)
			log_detail(r->log, "no %s%s on %s", r->suite, source->suffix, source->uri);
		if (date > s->epoch)
			s->epoch = date;
	}
	if (unlink(scratch) < 0 && errno != ENOENT)
		return err_set(e, ERR_MACHINE, errno, "remove %s", scratch);
	return 0;
}
