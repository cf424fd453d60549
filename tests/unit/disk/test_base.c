/*
 * Bases: with a mirror of a few files and an mmdebstrap that only writes down how it was called.
 * What the real one makes is tested where images are booted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "check.h"
#include "disk/base.h"
#include "fail.h"

static char folder[32];
static char path_before[4096];
static char mirror[64];
static const char *arch;
static struct log silent;

/* Counts its calls, and leaves its arguments, a part of its environment and an archive. */
static const char FAKE[] = "#!/bin/sh\n"
			   "cd %s || exit 1\n"
			   "echo x >>calls\n"
			   "printf '%%s\\n' \"$@\" >arguments\n"
			   "env >environment\n"
			   "for word; do case $word in *.tar) out=$word;; esac; done\n"
			   "printf '%%s %%s' \"$SOURCE_DATE_EPOCH\" \"$*\" >\"$out\"\n"
			   "if [ -x on-call ]; then ./on-call; fi\n";

static char *in(const char *name)
{
	static char text[4][256];
	static unsigned turn;
	char *at = text[turn++ % 4];
	snprintf(at, sizeof(text[0]), "%s/%s", folder, name);
	return at;
}

static void put(const char *name, const char *text, mode_t mode)
{
	char *path = in(name), *copy = strdup(path);
	for (char *at = strchr(copy + strlen(folder) + 1, '/'); at != NULL;
		at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(copy, 0755);
		*at = '/';
	}
	free(copy);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void put_release(const char *place, const char *date)
{
	char name[128], text[128];
	snprintf(name, sizeof(name), "mirror/%s/InRelease", place);
	snprintf(text, sizeof(text), "Origin: Debian\nDate: %s\nSuite: x\n", date);
	put(name, text, 0644);
}

/* A file's text; "" when it is not there. */
static const char *text_of(const char *name)
{
	static struct buf data;
	struct err e;
	buf_free(&data);
	if (file_read(AT_FDCWD, in(name), 1 << 20, &data, &e) < 0 || data.len == 0)
		return "";
	return data.data;
}

static size_t calls(void)
{
	return strlen(text_of("calls")) / 2;
}

static int setup(void **state)
{
	(void)state;
	struct utsname here;
	uname(&here);
	arch = strcmp(here.machine, "aarch64") == 0 ? "arm64" : "amd64";
	silent = (struct log){ .out = stdout, .err = stderr, .quiet = true };
	snprintf(path_before, sizeof(path_before), "%s", getenv("PATH"));
	snprintf(folder, sizeof(folder), "/tmp/imgbuild-base-XXXXXX");
	if (mkdtemp(folder) == NULL || chmod(folder, 0777) < 0)
		return -1;
	char fake[1024], path[4200];
	snprintf(fake, sizeof(fake), FAKE, folder);
	put("bin/mmdebstrap", fake, 0755);
	snprintf(path, sizeof(path), "%s/bin:%s", folder, path_before);
	setenv("PATH", path, 1);
	snprintf(mirror, sizeof(mirror), "file:%s/mirror/debian", folder);
	put_release("debian/dists/bookworm", "Sat, 21 Nov 2026 09:15:44 UTC");
	put_release("debian-security/dists/bookworm-security", "Sun, 22 Nov 2026 19:58:56 UTC");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	struct err e;
	text_of("none");
	setenv("PATH", path_before, 1);
	return file_remove_tree(AT_FDCWD, folder, &e);
}

static const char *const PACKAGES[] = { "zstd", "libstdc++6", "udev=252.39-1~deb12u2", "zstd" };
static const char *const EXCLUDES[] = { "/usr/share/doc/*", "!/usr/share/doc/*/copyright" };

static struct base_request request(void)
{
	static char cache[64];
	snprintf(cache, sizeof(cache), "%s/cache", folder);
	return (struct base_request){ .kind = BASE_DEBIAN,
		.suite = "bookworm",
		.arch = arch,
		.mirror = mirror,
		.packages = PACKAGES,
		.package_count = 4,
		.excludes = EXCLUDES,
		.exclude_count = 2,
		.cache = cache,
		.log = &silent };
}

static int get(const struct base_request *r, struct arena *a, struct base *ret)
{
	struct err e;
	int rc = base_get(r, a, ret, &e);
	if (rc < 0)
		print_error("%s\n", e.msg);
	return rc;
}

static void assert_fails(const struct base_request *r, enum err_kind kind, const char *message)
{
	struct err e;
	struct base b;
	cleanup_arena struct arena a = { 0 };
	assert_int_equal(base_get(r, &a, &b, &e), -1);
	assert_string_equal(e.msg, message);
	assert_int_equal(e.kind, kind);
}

static void need_root(void)
{
	if (geteuid() != 0) {
		print_message("not root: what would need subordinate ids is left out\n");
		skip();
	}
}

static void base_get_makes_one(void **state)
{
	(void)state;
	need_root();
	struct base b;
	struct stat st;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	setenv("IMGBUILD_TEST_STRAY", "1", 1);
	int rc = get(&r, &a, &b);
	unsetenv("IMGBUILD_TEST_STRAY");
	assert_int_equal(rc, 0);
	assert_false(b.cached);
	assert_string_equal(b.label, "debian:bookworm");
	assert_true(b.has_epoch);
	assert_int_equal(b.epoch, 1795377536); /* the newer of the two Dates */
	assert_int_equal(stat(b.path, &st), 0);
	assert_int_equal(st.st_size, b.size);

	cleanup_buf struct buf want = { 0 };
	struct err e;
	static const char keyring[] = "/usr/share/keyrings/debian-archive-keyring.gpg";
	assert_int_equal(
		buf_printf(&want, &e,
			"--variant=minbase\n--format=tar\n--keyring=%s\n--architectures=%s\n"
			"--include=libstdc++6,udev=252.39-1~deb12u2,zstd\n"
			"--dpkgopt=path-exclude=/usr/share/doc/*\n"
			"--dpkgopt=path-include=/usr/share/doc/*/copyright\n"
			"--customize-hook=",
			keyring, arch),
		0);
	const char *said = text_of("arguments");
	assert_memory_equal(said, want.data, want.len);
	const char *rest = strstr(said, "\n--mode=");
	assert_non_null(rest);
	buf_clear(&want);
	assert_int_equal(buf_printf(&want, &e,
				 "\n--mode=root\n"
				 "--hook-dir=/usr/share/mmdebstrap/hooks/file-mirror-automount\n"
				 "bookworm\n%s/cache/bases/.bookworm-%s.building.tar\n"
				 "deb [signed-by=%s] %s bookworm main\n"
				 "deb [signed-by=%s] %s-security bookworm-security main\n",
				 folder, arch, keyring, mirror, keyring, mirror),
		0);
	assert_string_equal(rest, want.data);
	const char *env = text_of("environment");
	assert_non_null(strstr(env, "SOURCE_DATE_EPOCH=1795377536\n"));
	assert_non_null(strstr(env, "LC_ALL=C.UTF-8\n"));
	assert_non_null(strstr(env, "IMGBUILD_SOURCES=Types: deb\n"
				    "URIs: http://deb.debian.org/debian\n"));
	assert_null(strstr(env, "STRAY"));
}

static void base_get_uses_cache(void **state)
{
	(void)state;
	need_root();
	struct base first, second;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	static const char *const same[] = { "udev=252.39-1~deb12u2", "zstd", "libstdc++6" };
	assert_int_equal(get(&r, &a, &first), 0);
	/* No mirror is asked, and the order of packages does not count. */
	assert_int_equal(rename(in("mirror"), in("mirror.away")), 0);
	r.packages = same;
	r.package_count = 3;
	assert_int_equal(get(&r, &a, &second), 0);
	assert_true(second.cached);
	assert_string_equal(second.path, first.path);
	assert_memory_equal(&second.digest, &first.digest, sizeof(first.digest));
	assert_int_equal(second.epoch, first.epoch);
	assert_int_equal(calls(), 1);
	/* An update needs it, and so does another list. */
	char want[256];
	snprintf(want, sizeof(want), "base debian:bookworm: no suite bookworm on %s", mirror);
	r.update = true;
	assert_fails(&r, ERR_INPUT, want);
	r.update = false;
	r.package_count = 2;
	assert_fails(&r, ERR_INPUT, want);
	/* The same state from another place is the same base. */
	char moved[128];
	snprintf(moved, sizeof(moved), "file:%s/mirror.away/debian/", folder);
	r.mirror = moved;
	r.package_count = 3;
	assert_int_equal(get(&r, &a, &second), 0);
	assert_true(second.cached);
	assert_string_equal(second.path, first.path);
	assert_int_equal(calls(), 1);
}

static void base_get_update(void **state)
{
	(void)state;
	need_root();
	struct base first, second, third;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	assert_int_equal(get(&r, &a, &first), 0);
	r.update = true;
	assert_int_equal(get(&r, &a, &second), 0);
	assert_true(second.cached);
	assert_string_equal(second.path, first.path);
	put_release("debian/dists/bookworm-updates", "Mon, 23 Nov 2026 00:00:00 UTC");
	r.update = false;
	assert_int_equal(get(&r, &a, &second), 0);
	assert_string_equal(second.path, first.path);
	r.update = true;
	assert_int_equal(get(&r, &a, &second), 0);
	assert_false(second.cached);
	assert_string_not_equal(second.path, first.path);
	assert_int_equal(second.epoch, 1795392000);
	assert_non_null(strstr(text_of("arguments"), " bookworm-updates main\n"));
	/* Builds stay with it. */
	r.update = false;
	assert_int_equal(get(&r, &a, &third), 0);
	assert_string_equal(third.path, second.path);
	assert_int_equal(calls(), 2);
}

static void base_get_epoch_is_the_callers(void **state)
{
	(void)state;
	need_root();
	struct base b;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	r.has_epoch = true;
	r.epoch = 1700000000;
	assert_int_equal(get(&r, &a, &b), 0);
	assert_int_equal(b.epoch, 1700000000);
	assert_non_null(strstr(text_of("environment"), "SOURCE_DATE_EPOCH=1700000000\n"));
	r.has_epoch = false;
	assert_int_equal(get(&r, &a, &b), 0);
	assert_false(b.cached);
}

static void base_get_mirror_moves(void **state)
{
	(void)state;
	need_root();
	struct base b;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	/* Changed once, while the first is made. */
	put("on-call",
		"#!/bin/sh\n[ -e moved ] && exit\ntouch moved\n"
		"echo 'Date: Tue, 24 Nov 2026 00:00:00 UTC' "
		">mirror/debian/dists/bookworm/InRelease\n",
		0755);
	assert_int_equal(get(&r, &a, &b), 0);
	assert_int_equal(b.epoch, 1795478400);
	assert_int_equal(calls(), 2);
	assert_non_null(strstr(text_of("environment"), "SOURCE_DATE_EPOCH=1795478400\n"));
	/* Changed every time. */
	put("on-call", "#!/bin/sh\necho >>mirror/debian/dists/bookworm/InRelease\n", 0755);
	r.update = true;
	put_release("debian/dists/bookworm", "Wed, 25 Nov 2026 00:00:00 UTC");
	assert_fails(&r, ERR_REMOTE,
		"base debian:bookworm: the mirror changed again and again while the base was made");
}

static void base_get_mmdebstrap_fails(void **state)
{
	(void)state;
	need_root();
	struct base b;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	put("on-call", "#!/bin/sh\necho 'E: no space' >&2\nexit 25\n", 0755);
	assert_fails(&r, ERR_MACHINE,
		"base debian:bookworm: mmdebstrap ended with status 25:\nE: no space");
	put("on-call", "#!/bin/sh\nrm cache/bases/.*.tar\n", 0755);
	assert_int_equal(base_get(&r, &a, &b, &(struct err){ 0 }), -1);
	unlink(in("on-call"));
	assert_int_equal(get(&r, &a, &b), 0);
	assert_false(b.cached);
}

static size_t count_files(const char *ending)
{
	size_t count = 0, tail = strlen(ending);
	DIR *dir = opendir(in("cache/bases"));
	struct dirent *d;
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		size_t len = strlen(d->d_name);
		count += len >= tail && strcmp(d->d_name + len - tail, ending) == 0;
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

static void base_get_after_a_kill(void **state)
{
	(void)state;
	need_root();
	struct base b;
	char note[256];
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	assert_int_equal(get(&r, &a, &b), 0);
	/* Cut off: the note beside it has another size. */
	assert_int_equal(truncate(b.path, 3), 0);
	assert_int_equal(get(&r, &a, &b), 0);
	assert_false(b.cached);
	/* Without its note, and with what a run leaves in the middle. */
	snprintf(note, sizeof(note), "%.*s.json", (int)strlen(b.path) - 4, b.path);
	assert_int_equal(unlink(note), 0);
	char name[128];
	snprintf(name, sizeof(name), "cache/bases/.bookworm-%s.building.tar", arch);
	put(name, "half", 0600);
	put("cache/bases/x.json.123.part", "half", 0600);
	assert_int_equal(get(&r, &a, &b), 0);
	assert_false(b.cached);
	assert_int_equal(count_files(".building.tar"), 0);
	assert_int_equal(count_files(".part"), 0);
	/* A note that is none. */
	int fd = open(note, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "{}", 2), 2);
	close(fd);
	assert_int_equal(get(&r, &a, &b), 0);
	assert_false(b.cached);
	assert_int_equal(get(&r, &a, &b), 0);
	assert_true(b.cached);
}

static void base_get_keeps_few(void **state)
{
	(void)state;
	need_root();
	struct base b;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	for (int i = 0; i < BASE_KEEP + 3; i++) {
		char date[64];
		snprintf(date, sizeof(date), "Sat, %02d Aug 2026 00:00:00 UTC", i + 1);
		put_release("debian-security/dists/bookworm-security", date);
		r.update = true;
		assert_int_equal(get(&r, &a, &b), 0);
		assert_false(b.cached);
		struct stat st;
		assert_int_equal(stat(b.path, &st), 0);
	}
	r.update = false;
	assert_int_equal(get(&r, &a, &b), 0);
	assert_true(b.cached);
	assert_int_equal(count_files(".tar"), BASE_KEEP);
	assert_int_equal(count_files(".json"), BASE_KEEP);
}

static void base_get_two_at_once(void **state)
{
	(void)state;
	need_root();
	pid_t pids[2];
	put("on-call", "#!/bin/sh\nsleep 0.3\n", 0755);
	for (int i = 0; i < 2; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct base b;
			struct arena a = { 0 };
			struct base_request r = request();
			int rc = get(&r, &a, &b);
			arena_free(&a);
			_exit(rc == 0 ? 0 : 1);
		}
	}
	for (int i = 0; i < 2; i++) {
		int status;
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(calls(), 1);
}

static void base_get_bad_requests(void **state)
{
	(void)state;
	static const char *const packages[] = { "a;b", "UPPER", "x", "-a", "aa-", "aa=", "aa=x y",
		"aa,bb", "./aa.deb", "?essential", "" };
	struct base_request r = request();
	char want[256];
	r.package_count = 1;
	for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
		r.packages = &packages[i];
		snprintf(want, sizeof(want), "base debian:bookworm: \"%s\" is no name of a package",
			packages[i]);
		assert_fails(&r, ERR_INPUT, want);
	}
	r = request();
	static const char *const patterns[] = { "usr/share", "!", "", "/a\nb" };
	r.exclude_count = 1;
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		r.excludes = &patterns[i];
		snprintf(want, sizeof(want),
			"base debian:bookworm: pattern \"%s\": starts with neither a slash nor a star",
			patterns[i]);
		assert_fails(&r, ERR_INPUT, want);
	}
	r = request();
	static const char *const mirrors[] = { "ftp://x/debian", "http://", "https://a b/",
		"http://me:secret@x/debian", "http://x/[trusted=yes]", "", "/srv/debian" };
	for (size_t i = 0; i < sizeof(mirrors) / sizeof(mirrors[0]); i++) {
		r.mirror = mirrors[i];
		snprintf(want, sizeof(want),
			"base debian:bookworm: mirror %s: not a http:, https: or file: URL without "
			"a user's name",
			mirrors[i]);
		assert_fails(&r, ERR_INPUT, want);
	}
	r = request();
	r.suite = "book worm";
	assert_fails(
		&r, ERR_INPUT, "base debian:book worm: \"book worm\" is no codename of a suite");
	r.suite = "bookworm";
	r.arch = "../x";
	assert_fails(
		&r, ERR_INPUT, "base debian:bookworm: \"../x\" is no architecture of Debian's");
}

static void base_get_mirror_is_away(void **state)
{
	(void)state;
	need_root();
	struct err e;
	struct base b;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	r.mirror = "http://127.0.0.1:1/debian";
	assert_int_equal(base_get(&r, &a, &b, &e), -1);
	assert_int_equal(e.kind, ERR_REMOTE);
	assert_true(e.again);
	static const char start[] = "base debian:bookworm: fetch "
				    "http://127.0.0.1:1/debian/dists/bookworm/InRelease: "
				    "Could not connect to 127.0.0.1:1";
	assert_memory_equal(e.msg, start, sizeof(start) - 1);
	put("mirror/debian/dists/bookworm/InRelease", "<html>\nDate: yesterday\n", 0644);
	r = request();
	char want[256];
	snprintf(want, sizeof(want),
		"base debian:bookworm: %s/dists/bookworm/InRelease: no Release file: it has no Date",
		mirror);
	assert_fails(&r, ERR_REMOTE, want);
}

static void base_get_machine_lacks(void **state)
{
	(void)state;
	struct base_request r = request();
	char other[8];
	snprintf(other, sizeof(other), "%s", strcmp(arch, "amd64") == 0 ? "arm64" : "amd64");
	if (access(strcmp(other, "arm64") == 0 ? "/proc/sys/fs/binfmt_misc/qemu-aarch64"
					       : "/proc/sys/fs/binfmt_misc/qemu-x86_64",
		    F_OK) < 0) {
		struct err e;
		struct base b;
		cleanup_arena struct arena a = { 0 };
		r.arch = other;
		assert_int_equal(base_get(&r, &a, &b, &e), -1);
		assert_int_equal(e.kind, ERR_MACHINE);
		assert_non_null(strstr(e.msg, "apt-get install qemu-user-static"));
	}
	/* A plain user without subordinate ids. */
	if (geteuid() != 0 || access("/usr/bin/newuidmap", X_OK) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		struct err e;
		struct base b;
		struct arena a = { 0 };
		r = request();
		r.cache = in("nobody");
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		int rc = base_get(&r, &a, &b, &e);
		arena_free(&a);
		bool right =
			rc < 0 && e.kind == ERR_MACHINE &&
			strstr(e.msg, "usermod --add-subuids 200000-265535 --add-subgids "
				      "200000-265535 nobody`, or use a base of the kind `tar:`");
		if (!right)
			print_error("%d %s\n", rc, e.msg);
		_exit(right ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void base_get_mmdebstrap_missing(void **state)
{
	(void)state;
	struct base_request r = request();
	unlink(in("bin/mmdebstrap"));
	/* The folders of sbin are looked into as well, and /usr/bin is not: it has the real one. */
	setenv("PATH", in("bin"), 1);
	assert_fails(&r, ERR_MACHINE,
		"base debian:bookworm: mmdebstrap is not installed: `apt-get install mmdebstrap "
		"uidmap debian-archive-keyring`, or use a base of the kind `tar:`");
}

static void base_get_tar(void **state)
{
	(void)state;
	struct err e;
	struct base b;
	struct timespec now;
	struct stat st;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	r.kind = BASE_TAR;
	put("root.tar", "abc", 0644);
	r.tar = in("root.tar");
	for (int i = 0; i < 2; i++) {
		/* Just written: it might change within the same tick, so that nothing is kept. */
		assert_int_equal(get(&r, &a, &b), 0);
		assert_false(b.cached);
		assert_string_equal(b.label, "tar:root.tar");
		assert_string_equal(sha256_text(&b.digest).text,
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
		assert_int_equal(b.size, 3);
		assert_false(b.has_epoch);
	}
	/* An old file: the second time it is not read. */
	r.tar = "/etc/os-release";
	clock_gettime(CLOCK_REALTIME, &now);
	assert_int_equal(stat(r.tar, &st), 0);
	assert_true(now.tv_sec - st.st_ctim.tv_sec > 10);
	struct base again;
	assert_int_equal(get(&r, &a, &b), 0);
	assert_false(b.cached);
	r.has_epoch = true;
	r.epoch = 5;
	assert_int_equal(get(&r, &a, &again), 0);
	assert_true(again.cached);
	assert_memory_equal(&again.digest, &b.digest, sizeof(b.digest));
	assert_int_equal(again.size, b.size);
	assert_int_equal(again.epoch, 5);

	char want[256];
	r.tar = "/no/such.tar";
	assert_fails(&r, ERR_INPUT, "base: open /no/such.tar: No such file or directory");
	r.tar = folder;
	snprintf(want, sizeof(want), "base: %s: not a regular file", folder);
	assert_fails(&r, ERR_INPUT, want);
	/* Where no cache can be. */
	put("file", "", 0644);
	char cache[64];
	snprintf(cache, sizeof(cache), "%s/file", folder);
	r.tar = "/etc/os-release";
	r.cache = cache;
	assert_int_equal(base_get(&r, &a, &b, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
}

static int get_both(struct err *e)
{
	struct base b;
	cleanup_arena struct arena a = { 0 };
	struct base_request r = request();
	if (base_get(&r, &a, &b, e) < 0)
		return -1;
	r.kind = BASE_TAR;
	r.tar = "/etc/os-release";
	return base_get(&r, &a, &b, e);
}

static void base_get_allocations_fail(void **state)
{
	(void)state;
	need_root();
	struct err e;
	assert_int_equal(get_both(&e), 0);
	for (unsigned n = 1;; n++) {
		fail_arm(FAIL_ALLOC, n);
		int rc = get_both(&e);
		if (!fail_disarm()) {
			assert_int_equal(rc, 0);
			assert_true(n > 5);
			break;
		}
		assert_true(rc == 0 || e.kind == ERR_MACHINE);
	}
	assert_int_equal(calls(), 1);
}

static void base_get_files_fail(void **state)
{
	(void)state;
	need_root();
	static const enum fail_kind kinds[] = { FAIL_WRITE, FAIL_SYNC, FAIL_RENAME };
	struct base_request r = request();
	for (size_t k = 0; k < 3; k++) {
		for (unsigned n = 1;; n++) {
			struct err e;
			struct base b;
			cleanup_arena struct arena a = { 0 };
			assert_int_equal(file_remove_tree(AT_FDCWD, in("cache"), &e), 0);
			fail_arm(kinds[k], n);
			int rc = base_get(&r, &a, &b, &e);
			if (!fail_disarm()) {
				assert_int_equal(rc, 0);
				assert_true(n > 2);
				break;
			}
			assert_int_equal(rc, -1);
			assert_int_equal(e.kind, ERR_MACHINE);
			assert_int_equal(count_files(".part"), 0);
			assert_int_equal(get(&r, &a, &b), 0);
		}
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(base_get_makes_one),
		TEST(base_get_uses_cache),
		TEST(base_get_update),
		TEST(base_get_epoch_is_the_callers),
		TEST(base_get_mirror_moves),
		TEST(base_get_mmdebstrap_fails),
		TEST(base_get_after_a_kill),
		TEST(base_get_keeps_few),
		TEST(base_get_two_at_once),
		TEST(base_get_bad_requests),
		TEST(base_get_mirror_is_away),
		TEST(base_get_machine_lacks),
		TEST(base_get_mmdebstrap_missing),
		TEST(base_get_tar),
		TEST(base_get_allocations_fail),
		TEST(base_get_files_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
