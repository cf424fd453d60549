/*
 * The journal of an upload: what was written comes back; whatever call fails, wherever the process
 * is killed and wherever the file is cut, what comes back is what was written before it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ami/journal.h"
#include "base/file.h"
#include "check.h"
#include "fail.h"

#define TOKEN "imgbuild-00112233445566778899aabbccddeeff"

static char folder[64], path[128];

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/imgbuild-journal-XXXXXX");
	if (mkdtemp(folder) == NULL)
		return -1;
	snprintf(path, sizeof(path), "%s/.hub.upload/eu-west-1.journal", folder);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	struct err e;
	return file_remove_tree(AT_FDCWD, folder, &e);
}

static struct journal_start start_of(const char *token)
{
	static struct ebs_tag tags[] = { { "Name", "a \"hub\"\n" }, { "imgbuild:run", "0123" } };
	return (struct journal_start){
		.region = "eu-west-1",
		.endpoint = "",
		.image = "abcd",
		.run = "0123",
		.token = token,
		.parent = "snap-1",
		.wanted = "",
		.kms_key = "",
		.wish = "encrypted",
		.description = "IPsec hub",
		.gib = 2,
		.timeout = 1440,
		.encrypted = true,
		.tags = tags,
		.tag_count = 2,
	};
}

static int open_it(struct journal *j, struct arena *a, struct err *e)
{
	return journal_open(j, folder, "hub", "eu-west-1", a, e);
}

/* A whole upload of four blocks; how far it came is in *at. */
static int upload(struct journal *j, unsigned *at, struct err *e)
{
	struct journal_start s = start_of(TOKEN);
	const size_t blocks[] = { 7, 5, 6, 100 };
	*at = 0;
	if (journal_begin(j, &s, e) < 0)
		return -1;
	*at = 1;
	if (journal_snapshot(j, "snap-2", "arn:key", e) < 0)
		return -1;
	*at = 2;
	for (size_t i = 0; i < 4; i++)
		if (journal_ack(j, blocks[i], e) < 0)
			return -1;
	if (journal_flush(j, e) < 0)
		return -1;
	*at = 3;
	if (journal_completing(j, 4, e) < 0)
		return -1;
	*at = 4;
	if (journal_completed(j, e) < 0)
		return -1;
	*at = 5;
	return 0;
}

/* What is read is one of the states the upload went through, and at least what it had reached. */
static void check_state(const struct journal *j, unsigned least)
{
	static const enum journal_state states[] = { JOURNAL_EMPTY, JOURNAL_STARTING,
		JOURNAL_STARTED, JOURNAL_STARTED, JOURNAL_COMPLETING, JOURNAL_COMPLETED };
	assert_true(j->state >= states[least]);
	if (j->state >= JOURNAL_STARTING) {
		assert_string_equal(j->start.token, TOKEN);
		assert_string_equal(j->start.parent, "snap-1");
		assert_string_equal(j->start.wish, "encrypted");
		assert_int_equal(j->start.gib, 2);
		assert_int_equal(j->start.timeout, 1440);
		assert_true(j->start.encrypted);
		assert_int_equal(j->start.tag_count, 2);
		assert_string_equal(j->start.tags[0].value, "a \"hub\"\n");
	}
	if (j->state >= JOURNAL_STARTED) {
		assert_string_equal(j->snapshot, "snap-2");
		assert_string_equal(j->snapshot_kms, "arn:key");
	}
	if (least >= 3 || j->state >= JOURNAL_COMPLETING) {
		assert_int_equal(j->acked_count, 4);
		assert_true(journal_acked(j, 5) && journal_acked(j, 6) && journal_acked(j, 7));
		assert_true(journal_acked(j, 100));
	}
	assert_false(journal_acked(j, 4) || journal_acked(j, 8) || journal_acked(j, 1000000));
}

static void journal_comes_back(void **state)
{
	(void)state;
	cleanup_arena struct arena a = { 0 };
	struct journal j;
	struct err e = { 0 };
	unsigned at;
	assert_int_equal(open_it(&j, &a, &e), 0);
	assert_int_equal(j.state, JOURNAL_EMPTY);
	assert_int_equal(upload(&j, &at, &e), 0);
	check_state(&j, 5);
	journal_close(&j);
	assert_int_equal(open_it(&j, &a, &e), 0);
	check_state(&j, 5);
	/* Begun anew, nothing of the old one is left. */
	struct journal_start s = start_of("other");
	assert_int_equal(journal_begin(&j, &s, &e), 0);
	assert_false(journal_acked(&j, 5));
	journal_close(&j);
	assert_int_equal(open_it(&j, &a, &e), 0);
	assert_int_equal(j.state, JOURNAL_STARTING);
	assert_string_equal(j.start.token, "other");
	assert_int_equal(j.acked_count, 0);
	assert_int_equal(journal_remove(&j, &e), 0);
	assert_int_equal(access(path, F_OK), -1);
}

static void journal_open_refuses_a_second_run(void **state)
{
	(void)state;
	cleanup_arena struct arena a = { 0 };
	struct journal j, second;
	struct err e = { 0 };
	assert_int_equal(open_it(&j, &a, &e), 0);
	assert_int_equal(open_it(&second, &a, &e), -1);
	assert_int_equal(e.errnum, EWOULDBLOCK);
	assert_true(e.again);
	journal_close(&j);
	assert_int_equal(open_it(&second, &a, &e), 0);
	journal_close(&second);
	assert_int_equal(journal_open(&j, folder, "hub", "../x", &a, &e), -1);
	assert_int_equal(e.kind, ERR_USAGE);
}

static void journal_tail_that_is_torn_is_cut_off(void **state)
{
	(void)state;
	cleanup_arena struct arena a = { 0 };
	cleanup_buf struct buf whole = { 0 };
	struct journal j;
	struct err e = { 0 };
	unsigned at;
	assert_int_equal(open_it(&j, &a, &e), 0);
	assert_int_equal(upload(&j, &at, &e), 0);
	journal_close(&j);
	assert_int_equal(file_read(AT_FDCWD, path, 1 << 20, &whole, &e), 0);
	enum journal_state before = JOURNAL_EMPTY;
	for (size_t cut = 0; cut <= whole.len; cut++) {
		int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
		assert_int_equal(file_write_all(fd, whole.data, cut, &e), 0);
		/* A crash may leave zeroes, too. */
		if (cut % 3 == 0)
			assert_int_equal(ftruncate(fd, (off_t)cut + 100), 0);
		close(fd);
		assert_int_equal(open_it(&j, &a, &e), 0);
		check_state(&j, 0);
		assert_true(j.state >= before);
		before = j.state;
		/* What is added now is read again. */
		if (j.state == JOURNAL_STARTED) {
			assert_int_equal(journal_ack(&j, 70, &e), 0);
			assert_int_equal(journal_flush(&j, &e), 0);
			journal_close(&j);
			assert_int_equal(open_it(&j, &a, &e), 0);
			assert_true(journal_acked(&j, 70));
		}
		journal_close(&j);
	}
	assert_int_equal(before, JOURNAL_COMPLETED);
	/* A byte that changed ends the reading. */
	whole.data[whole.len - 3] ^= 1;
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(file_write_all(fd, whole.data, whole.len, &e), 0);
	close(fd);
	assert_int_equal(open_it(&j, &a, &e), 0);
	assert_int_equal(j.state, JOURNAL_COMPLETING);
	assert_int_equal(journal_remove(&j, &e), 0);
}

static void journal_that_is_none_is_empty(void **state)
{
	(void)state;
	cleanup_arena struct arena a = { 0 };
	static const char *const texts[] = {
		"hello\n", "0123456789abcdef {\"start\": {}}\n", "\n\n\n",
		"44136fa355b3678a {}\n", /* whole, but no start */
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct journal j = JOURNAL_NONE;
		struct err e = { 0 };
		size_t good = 1;
		j.arena = &a;
		assert_int_equal(journal_read(&j, texts[i], strlen(texts[i]), &good, &e), 0);
		assert_int_equal(good, 0);
		assert_int_equal(j.state, JOURNAL_EMPTY);
		journal_close(&j);
	}
}

static void journal_tells_what_failed(void **state)
{
	(void)state;
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_WRITE, FAIL_SYNC, FAIL_READ };
	for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
		for (unsigned n = 1;; n++) {
			cleanup_arena struct arena a = { 0 };
			struct journal j = JOURNAL_NONE;
			struct err e = { 0 };
			unsigned at = 0;
			fail_arm(kinds[k], n);
			int rc = open_it(&j, &a, &e);
			if (rc == 0)
				rc = upload(&j, &at, &e);
			bool hit = fail_disarm();
			journal_close(&j);
			assert_int_equal(open_it(&j, &a, &e), 0);
			check_state(&j, at);
			assert_int_equal(journal_remove(&j, &e), 0);
			assert_int_equal(rc, hit ? -1 : 0);
			if (!hit)
				break;
		}
	}
}

static void journal_survives_a_kill(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		int status;
		pid_t child = fork();
		if (child == 0) {
			struct arena a = { 0 };
			struct journal j;
			struct err e = { 0 };
			unsigned at;
			fail_arm(FAIL_KILL, n);
			int rc = open_it(&j, &a, &e) < 0 || upload(&j, &at, &e) < 0;
			fail_disarm();
			_exit(rc);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_true(WIFEXITED(status));
		cleanup_arena struct arena a = { 0 };
		struct journal j;
		struct err e = { 0 };
		assert_int_equal(open_it(&j, &a, &e), 0);
		check_state(&j, WEXITSTATUS(status) == 0 ? 5 : 0);
		assert_int_equal(journal_remove(&j, &e), 0);
		if (WEXITSTATUS(status) != 99) {
			assert_int_equal(WEXITSTATUS(status), 0);
			assert_true(n > 5);
			break;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(journal_comes_back),
		cmocka_unit_test(journal_open_refuses_a_second_run),
		cmocka_unit_test(journal_tail_that_is_torn_is_cut_off),
		cmocka_unit_test(journal_that_is_none_is_empty),
		cmocka_unit_test(journal_tells_what_failed),
		cmocka_unit_test(journal_survives_a_kill),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
