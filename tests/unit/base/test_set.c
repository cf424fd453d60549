/*
 * Sets: whatever call fails and wherever the process is killed, the place holds the old set whole
 * or the new set whole, and the next run goes through.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/set.h"
#include "check.h"
#include "fail.h"

static char folder[64];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/imgbuild-set-XXXXXX");
	return mkdtemp(folder) != NULL ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	struct err e;
	return file_remove_tree(AT_FDCWD, folder, &e);
}

static bool product(const char *name)
{
	return strcmp(name, "one") == 0 || strcmp(name, "gone") == 0 ||
	       strcmp(name, "manifest.json") == 0;
}

static int build(const char *content, bool keep_previous, struct err *e)
{
	cleanup_set struct set s = SET_NONE;
	char out[96];
	snprintf(out, sizeof(out), "%s/out", folder);
	if (set_begin(&s, out, "hub", e) < 0 ||
		set_write(&s, "one", content, strlen(content), 0644, e) < 0 ||
		set_write(&s, "peers/a.txt", content, strlen(content), 0600, e) < 0 ||
		set_write(&s, "manifest.json", content, strlen(content), 0644, e) < 0)
		return -1;
	return set_commit(&s, product, keep_previous, e);
}

/* The content of a file below out/, or "" when it is not there. */
static const char *content_of(const char *path)
{
	static char text[128];
	char full[256];
	snprintf(full, sizeof(full), "%s/out/%s", folder, path);
	text[0] = '\0';
	int fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return text;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

/* All of a set says the same. */
static bool whole(const char *set, const char *content)
{
	char path[64];
	static const char *const files[] = { "one", "peers/a.txt", "manifest.json" };
	for (size_t i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", set, files[i]);
		if (strcmp(content_of(path), content) != 0)
			return false;
	}
	return true;
}

static void set_commit_first_and_second(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(build("first", true, &e), 0);
	assert_true(whole("hub", "first"));
	assert_string_equal(content_of(".hub.previous/one"), "");
	assert_int_equal(build("second", true, &e), 0);
	assert_true(whole("hub", "second"));
	assert_true(whole(".hub.previous", "first"));
	assert_int_equal(build("third", true, &e), 0);
	assert_true(whole(".hub.previous", "second"));
	assert_int_equal(build("third", false, &e), 0);
	assert_true(whole("hub", "third"));
	assert_true(whole(".hub.previous", "second"));
}

static void set_write_modes_ignore_umask(void **state)
{
	(void)state;
	struct err e;
	mode_t old = umask(0077);
	int rc = build("x", true, &e);
	umask(old);
	assert_int_equal(rc, 0);
	struct stat st;
	char path[96];
	snprintf(path, sizeof(path), "%s/out/hub/one", folder);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
}

static void set_commit_carries_strangers_over(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(build("first", true, &e), 0);
	char path[96];
	static const char *const files[] = { "disk.raw", "gone" };
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/out/hub/%s", folder, files[i]);
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, "kept", 4), 4);
		close(fd);
	}
	assert_int_equal(build("second", true, &e), 0);
	assert_string_equal(content_of("hub/disk.raw"), "kept");
	assert_string_equal(content_of("hub/gone"), "");
}

static void set_begin_refuses_second_run(void **state)
{
	(void)state;
	struct err e;
	cleanup_set struct set s = SET_NONE;
	char out[96];
	snprintf(out, sizeof(out), "%s/out", folder);
	assert_int_equal(set_begin(&s, out, "hub", &e), 0);
	assert_int_equal(build("other", true, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_true(e.again);
	/* The refused run has not touched the set of the first. */
	assert_int_equal(set_write(&s, "one", "x", 1, 0644, &e), 0);
	assert_int_equal(set_commit(&s, product, true, &e), 0);
}

static void set_every_failed_call_leaves_a_whole_set(void **state)
{
	(void)state;
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_WRITE, FAIL_SYNC, FAIL_RENAME };
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		struct err e;
		assert_int_equal(build("old", true, &e), 0);
		for (unsigned n = 1;; n++) {
			fail_arm(kinds[k], n);
			int rc = build("new", true, &e);
			bool hit = fail_disarm();
			if (!hit) {
				assert_int_equal(rc, 0);
				break;
			}
			if (rc < 0)
				assert_int_equal(e.kind, ERR_MACHINE);
			assert_true(whole("hub", "old") || whole("hub", "new"));
			/* The files are synced before they take the old set's place. */
			if (kinds[k] == FAIL_SYNC && n == 1)
				assert_true(whole("hub", "old"));
			assert_int_equal(build("old", true, &e), 0);
			assert_true(whole("hub", "old"));
		}
	}
}

static void set_short_writes_are_completed(void **state)
{
	(void)state;
	struct err e;
	fail_arm(FAIL_SHORT, 1);
	int rc = build("written byte by byte", true, &e);
	assert_true(fail_disarm());
	assert_int_equal(rc, 0);
	assert_true(whole("hub", "written byte by byte"));
}

static void set_kill_at_every_call_leaves_a_whole_set(void **state)
{
	(void)state;
	struct err e;
	unsigned killed = 0;
	for (unsigned n = 1;; n++) {
		assert_int_equal(build("older", true, &e), 0);
		assert_int_equal(build("old", true, &e), 0);
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			fail_arm(FAIL_KILL, n);
			_exit(build("new", true, &e) == 0 ? 0 : 1);
		}
		int status;
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_true(whole("hub", "old") || whole("hub", "new"));
		if (WEXITSTATUS(status) == 0)
			break;
		assert_int_equal(WEXITSTATUS(status), 99);
		killed++;
		bool arrived = whole("hub", "new");
		/* The next run tidies before it builds, and keeps the set before. */
		struct set tidying;
		char out[96];
		snprintf(out, sizeof(out), "%s/out", folder);
		assert_int_equal(set_begin(&tidying, out, "hub", &e), 0);
		set_end(&tidying);
		assert_true(whole("hub", arrived ? "new" : "old"));
		assert_false(whole(".hub.previous", "new"));
		assert_true(whole(".hub.previous", arrived ? "old" : "older"));
		assert_int_equal(build("next", true, &e), 0);
		assert_true(whole("hub", "next"));
		assert_true(whole(".hub.previous", arrived ? "new" : "old"));
	}
	assert_true(killed > 8);
}

static void file_read_refuses_what_is_no_file(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf b = { 0 };
	assert_int_equal(file_read(AT_FDCWD, folder, 100, &b, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 100, &b, &e), -1);
	assert_int_equal(build("0123456789", true, &e), 0);
	char path[96];
	snprintf(path, sizeof(path), "%s/out/hub/one", folder);
	assert_int_equal(file_read(AT_FDCWD, path, 9, &b, &e), -1);
	assert_int_equal(e.kind, ERR_INPUT);
	assert_int_equal(file_read(AT_FDCWD, path, 10, &b, &e), 0);
	assert_string_equal(b.data, "0123456789");
	fail_arm(FAIL_READ, 1);
	int rc = file_read(AT_FDCWD, path, 10, &b, &e);
	assert_true(fail_disarm());
	assert_int_equal(rc, -1);
	assert_int_equal(e.errnum, EIO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(set_commit_first_and_second),
		TEST(set_write_modes_ignore_umask),
		TEST(set_commit_carries_strangers_over),
		TEST(set_begin_refuses_second_run),
		TEST(set_every_failed_call_leaves_a_whole_set),
		TEST(set_short_writes_are_completed),
		TEST(set_kill_at_every_call_leaves_a_whole_set),
		TEST(file_read_refuses_what_is_no_file),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
