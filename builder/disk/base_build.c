#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/child.h"
#include "base/text.h"
#include "disk/base_part.h"

/*
 * Run in mmdebstrap's shell with the root folder as $1, after all packages are installed: what it
 * copied from this machine, what must not be the same on two hubs, and the mirror's name go. The
 * packages' logs and caches are mmdebstrap's to remove.
 */
static const char HOOK[] = "set -e; cd \"$1\"; "
			   "rm -f etc/ssh/ssh_host_*_key etc/ssh/ssh_host_*_key.pub etc/hostname "
			   "etc/.resolv.conf.systemd-resolved.bak etc/apt/sources.list "
			   "etc/apt/sources.list.d/*; "
			   "[ -L etc/resolv.conf ] || rm -f etc/resolv.conf; "
			   "printf %s \"$IMGBUILD_SOURCES\" >etc/apt/sources.list.d/debian.sources";

#define FILE_MIRROR_HOOK "/usr/share/mmdebstrap/hooks/file-mirror-automount"

static int add(struct base_command *c, struct arena *a, const char *word, struct err *e)
{
	if (word == NULL)
		return -1;
	const char **slot = arena_push(a, &c->words, &c->count, &c->cap, sizeof(*slot), e);
	if (slot == NULL)
		return -1;
	*slot = word;
	return 0;
}

static bool all_of(const char *text, const char *more)
{
	for (; *text != '\0'; text++) {
		bool plain = (*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9');
		if (!plain && strchr(more, *text) == NULL)
			return false;
	}
	return true;
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* NAME or NAME=VERSION (deb-control(7), deb-version(7)); nothing that apt takes as an order. */
static bool is_package(const char *text)
{
	char name[128];
	size_t len = strcspn(text, "=");
	if (len < 2 || len >= sizeof(name) || !is_plain(text[0]) || !is_plain(text[len - 1]))
		return false;
	memcpy(name, text, len);
	name[len] = '\0';
	const char *version = text[len] == '=' ? text + len + 1 : "1";
	return all_of(name, "+-.") && version[0] >= '0' && version[0] <= '9' &&
	       all_of(version, "ABCDEFGHIJKLMNOPQRSTUVWXYZ.+~:-");
}

static bool is_pattern(const char *text)
{
	text += *text == '!';
	if (*text != '/' && *text != '*')
		return false;
	for (; *text != '\0'; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7F)
			return false;
	}
	return true;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* --include of the packages: sorted, so that their order in a recipe changes nothing. */
static int add_packages(
	const struct base_request *r, struct base_command *c, struct arena *a, struct err *e)
{
	if (r->package_count == 0)
		return 0;
	const char **names = arena_array(a, r->package_count, sizeof(*names), e);
	if (names == NULL)
		return -1;
	for (size_t i = 0; i < r->package_count; i++) {
		if (!is_package(r->packages[i]))
			return err_set(
				e, ERR_INPUT, 0, "\"%s\" is no name of a package", r->packages[i]);
		names[i] = r->packages[i];
	}
	qsort(names, r->package_count, sizeof(*names), by_name);
	cleanup_buf struct buf include = { 0 };
	if (buf_puts(&include, "--include=", e) < 0)
		return -1;
	for (size_t i = 0; i < r->package_count; i++) {
		if (i > 0 && strcmp(names[i], names[i - 1]) == 0)
			continue;
		if (buf_printf(&include, e, "%s%s", i > 0 ? "," : "", names[i]) < 0)
			return -1;
	}
	return add(c, a, arena_strdup(a, include.data, e), e);
}

static int add_excludes(
	const struct base_request *r, struct base_command *c, struct arena *a, struct err *e)
{
	for (size_t i = 0; i < r->exclude_count; i++) {
		const char *pattern = r->excludes[i];
		bool back = pattern[0] == '!';
		if (!is_pattern(pattern))
			return err_set(e, ERR_INPUT, 0,
				"pattern \"%s\": starts with neither a slash nor a star", pattern);
		if (add(c, a,
			    arena_printf(a, e, "--dpkgopt=path-%s=%s", back ? "include" : "exclude",
				    pattern + back),
			    e) < 0)
			return -1;
	}
	return 0;
}

/* deb822 of Debian's own servers; unstable has neither updates nor security. */
static const char *own_sources(const char *suite, struct arena *a, struct err *e)
{
	static const char keyring[] = "Signed-By: " BASE_KEYRING "\n";
	if (strcmp(suite, "sid") == 0 || strcmp(suite, "unstable") == 0)
		return arena_printf(a, e,
			"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: %s\n"
			"Components: main\n%s",
			suite, keyring);
	return arena_printf(a, e,
		"Types: deb\nURIs: http://deb.debian.org/debian\nSuites: %s %s-updates\n"
		"Components: main\n%s\n"
		"Types: deb\nURIs: http://deb.debian.org/debian-security\nSuites: %s-security\n"
		"Components: main\n%s",
		suite, suite, keyring, suite, keyring);
}

int base_command(
	const struct base_request *r, struct arena *a, struct base_command *ret, struct err *e)
{
	struct base_command c = { 0 };
	if (!is_plain(r->suite[0]) || !all_of(r->suite, "-"))
		return err_set(e, ERR_INPUT, 0, "\"%s\" is no codename of a suite", r->suite);
	if (!is_plain(r->arch[0]) || !all_of(r->arch, "-"))
		return err_set(e, ERR_INPUT, 0, "\"%s\" is no architecture of Debian's", r->arch);
	c.own_sources = own_sources(r->suite, a, e);
	if (c.own_sources == NULL || add(&c, a, "mmdebstrap", e) < 0 ||
		add(&c, a, "--variant=minbase", e) < 0 || add(&c, a, "--format=tar", e) < 0 ||
		add(&c, a, "--keyring=" BASE_KEYRING, e) < 0 ||
		add(&c, a, arena_printf(a, e, "--architectures=%s", r->arch), e) < 0 ||
		add_packages(r, &c, a, e) < 0 || add_excludes(r, &c, a, e) < 0 ||
		add(&c, a, arena_printf(a, e, "--customize-hook=%s", HOOK), e) < 0)
		return -1;
	*ret = c;
	return 0;
}

static void say_line(void *ctx, const char *line)
{
	log_detail(ctx, "%s", line);
}

/* What apt needs of this program's environment; maintainer scripts should see no more. */
static const char *const KEPT[] = { "HOME", "TMPDIR", "APT_CONFIG", "http_proxy", "https_proxy",
	"ftp_proxy", "no_proxy", "all_proxy" };
#define KEPT_COUNT (sizeof(KEPT) / sizeof(KEPT[0]))

static int make_env(const struct base_command *c, int64_t epoch, struct arena *a,
	const char *env[KEPT_COUNT + 5], struct err *e)
{
	size_t count = 0;
	const char *path = getenv("PATH");
	env[count++] = "LC_ALL=C.UTF-8";
	env[count++] = arena_printf(a, e, "PATH=%s:/usr/local/sbin:/usr/sbin:/sbin",
		path != NULL && path[0] != '\0' ? path : "/usr/local/bin:/usr/bin:/bin");
	env[count++] = arena_printf(a, e, "SOURCE_DATE_EPOCH=%lld", (long long)epoch);
	env[count++] = arena_printf(a, e, "IMGBUILD_SOURCES=%s", c->own_sources);
	if (env[1] == NULL || env[2] == NULL || env[3] == NULL)
		return -1;
	for (size_t i = 0; i < KEPT_COUNT; i++) {
		const char *value = getenv(KEPT[i]);
		if (value == NULL)
			continue;
		env[count] = arena_printf(a, e, "%s=%s", KEPT[i], value);
		if (env[count++] == NULL)
			return -1;
	}
	env[count] = NULL;
	return 0;
}

int base_build(const struct base_request *r, const struct base_command *c,
	const struct base_sources *s, int64_t epoch, const char *path, struct arena *a,
	struct err *e)
{
	struct base_command run = { 0 };
	const char *env[KEPT_COUNT + 5];
	if (make_env(c, epoch, a, env, e) < 0)
		return -1;
	for (size_t i = 0; i < c->count; i++) {
		if (add(&run, a, c->words[i], e) < 0)
			return -1;
	}
	if (add(&run, a, geteuid() == 0 ? "--mode=root" : "--mode=unshare", e) < 0)
		return -1;
	if (text_starts(s->list[0].uri, "file:") &&
		add(&run, a, "--hook-dir=" FILE_MIRROR_HOOK, e) < 0)
		return -1;
	if (add(&run, a, r->suite, e) < 0 || add(&run, a, path, e) < 0)
		return -1;
	for (size_t i = 0; i < s->count; i++) {
		const struct base_source *source = &s->list[i];
		if (!source->absent &&
			add(&run, a,
				arena_printf(a, e, "deb [signed-by=%s] %s %s%s main", BASE_KEYRING,
					source->uri, r->suite, source->suffix),
				e) < 0)
			return -1;
	}
	if (add(&run, a, "", e) < 0)
		return -1;
	run.words[run.count - 1] = NULL;
	const struct child_options o = { .env = env,
		.bare = true,
		.package = "mmdebstrap",
		.line = say_line,
		.ctx = (void *)r->log };
	return child_run(run.words, &o, NULL, e);
}
