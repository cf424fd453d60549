/*
 * Child processes: how they end, what they say, what they are given.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "check.h"
#include "fail.h"

static int sh(const char *script, const struct child_options *o, struct buf *out, struct err *e)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	return child_run(argv, o, out, e);
}

static void assert_fails(const char *script, const char *message)
{
	struct err e;
	assert_int_equal(sh(script, NULL, NULL, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_string_equal(e.msg, message);
}

static void assert_says(const char *script, const struct child_options *o, const char *text)
{
	struct err e;
	cleanup_buf struct buf out = { 0 };
	int rc = sh(script, o, &out, &e);
	if (rc < 0)
		print_error("%s\n", e.msg);
	assert_int_equal(rc, 0);
	assert_string_equal(out.data, text);
}

static void child_run_exit_status(void **state)
{
	(void)state;
	struct err e;
	assert_int_equal(sh("exit 0", NULL, NULL, &e), 0);
	assert_fails("exit 3", "sh ended with status 3");
	assert_fails("echo broken >&2; exit 1", "sh ended with status 1:\nbroken");
	assert_fails("echo said; echo broken >&2; exit 1", "sh ended with status 1:\nsaid\nbroken");
	struct err e2;
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sh("echo said; echo broken >&2; exit 1", NULL, &out, &e2), -1);
	assert_string_equal(e2.msg, "sh ended with status 1:\nbroken");
	assert_string_equal(out.data, "said\n");
}

static void child_run_killed(void **state)
{
	(void)state;
	assert_fails("kill -9 $$", "sh was killed by signal 9 (SIGKILL)");
	assert_fails("echo last words; kill -s INT $$; sleep 1",
		"sh was killed by signal 2 (SIGINT):\nlast words");
}

static void child_run_missing(void **state)
{
	(void)state;
	struct err e;
	const char *const argv[] = { "no-such-program", "x", NULL };
	const struct child_options o = { .package = "nothing" };
	assert_int_equal(child_run(argv, &o, NULL, &e), -1);
	assert_string_equal(e.msg, "no-such-program is not installed (Debian: nothing)");
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_int_equal(e.errnum, ENOENT);
	assert_int_equal(child_run(argv, NULL, NULL, &e), -1);
	assert_string_equal(e.msg, "no-such-program is not installed");
}

static void child_run_cannot_start(void **state)
{
	(void)state;
	struct err e;
	char path[] = "/tmp/imgbuild-child-XXXXXX";
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(write(fd,
				 "\x7f"
				 "ELF",
				 4),
		4);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
	const char *const argv[] = { path, NULL };
	int rc = child_run(argv, NULL, NULL, &e);
	unlink(path);
	assert_int_equal(rc, -1);
	char want[128];
	snprintf(want, sizeof(want), "start %s: Exec format error", path);
	assert_string_equal(e.msg, want);
	const struct child_options o = { .folder = "/no/such/folder" };
	assert_int_equal(sh("true", &o, NULL, &e), -1);
	assert_string_equal(e.msg, "enter the folder of sh: No such file or directory");
}

static void child_run_large_output(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf out = { 0 };
	/* More than a pipe holds on both, at the same time. */
	const char *script = "i=0; while [ $i -lt 3000 ]; do i=$((i+1)); printf '%0100d' $i; "
			     "printf '%0100d\\n' $i >&2; done";
	assert_int_equal(sh(script, NULL, &out, &e), 0);
	assert_int_equal(out.len, 300000);
	assert_string_equal(out.data + out.len - 5, "03000");

	cleanup_buf struct buf small = { .max = 1000 };
	assert_int_equal(sh(script, NULL, &small, &e), -1);
	assert_string_equal(e.msg, "sh: more than 1000 bytes in one buffer");
}

static void child_run_keeps_last_lines(void **state)
{
	(void)state;
	char want[1024] = "sh ended with status 1:";
	for (int i = 81; i <= 100; i++)
		snprintf(want + strlen(want), 16, "\n%d", i);
	assert_fails("seq 100; exit 1", want);
	/* Long ones: as many as there is room for. */
	struct err e;
	assert_int_equal(
		sh("for i in 1 2 3; do printf '%0300d\\n' $i; done; exit 1", NULL, NULL, &e), -1);
	assert_int_equal(strlen(e.msg), strlen("sh ended with status 1:") + 2 * 301);
	assert_string_equal(e.msg + strlen(e.msg) - 2, "03");
	assert_int_equal(sh("printf '%09999d' 7; exit 1", NULL, NULL, &e), -1);
	assert_true(strlen(e.msg) < sizeof(e.msg) - 1);
}

struct heard {
	char text[512];
	unsigned lines;
	size_t longest;
};

static void hear(void *ctx, const char *line)
{
	struct heard *h = ctx;
	size_t used = strlen(h->text);
	snprintf(h->text + used, sizeof(h->text) - used, "[%s]", line);
	h->lines++;
	if (strlen(line) > h->longest)
		h->longest = strlen(line);
}

static void assert_heard(const char *script, bool collect, const char *text)
{
	struct err e;
	struct heard h = { 0 };
	const struct child_options o = { .line = hear, .ctx = &h };
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sh(script, &o, collect ? &out : NULL, &e), 0);
	assert_string_equal(h.text, text);
}

static void child_run_lines(void **state)
{
	(void)state;
	assert_heard("echo a; echo b >&2; echo; echo c", false, "[a][b][][c]");
	assert_heard("echo a; echo b >&2; echo; echo c", true, "[b]");
	assert_heard("printf 'a\\nrest'", false, "[a][rest]");
	assert_heard("printf 'a\\r\\nb'; sleep 0.05; printf 'b\\n'", false, "[a][bb]");
	assert_heard("true", false, "");
	struct err e;
	struct heard h = { 0 };
	const struct child_options o = { .line = hear, .ctx = &h };
	assert_int_equal(sh("printf '%09999d\\n' 7", &o, NULL, &e), 0);
	assert_int_equal(h.lines, 3);
	assert_int_equal(h.longest, 4096);
}

static void child_run_output_no_utf8(void **state)
{
	(void)state;
	assert_heard("printf 'a\\377b\\033[1mc\\303\\244\\342\\202\\n\\302\\233x\\tz\\177\\n'",
		false, "[a?b?[1mc\xC3\xA4??][??x\tz?]");
	/* What is collected stays as it is. */
	struct err e;
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sh("printf 'a\\377\\000b'", NULL, &out, &e), 0);
	assert_int_equal(out.len, 4);
	assert_memory_equal(out.data, "a\377\0b", 4);
}

static void child_run_environment(void **state)
{
	(void)state;
	setenv("IMGBUILD_TEST_A", "old", 1);
	setenv("IMGBUILD_TEST_B", "kept", 1);
	const char *const env[] = { "IMGBUILD_TEST_A=new", "IMGBUILD_TEST=", NULL };
	const struct child_options o = { .env = env, .folder = "/" };
	assert_says(
		"printf '%s %s [%s] %s' $IMGBUILD_TEST_A $IMGBUILD_TEST_B \"${IMGBUILD_TEST-x}\" "
		"$(pwd)",
		&o, "new kept [] /");
	assert_says("env | grep -c ^IMGBUILD_TEST_A=", &o, "1\n");
	const struct child_options bare = { .env = env, .bare = true };
	assert_says("echo ${IMGBUILD_TEST_A}${IMGBUILD_TEST_B}", &bare, "new\n");
	assert_says("cat; echo end", NULL, "end\n");
}

static void child_run_descriptors(void **state)
{
	(void)state;
	/* Nothing but what this program was started with; ls itself has one open: the folder. */
	int inherited = 0;
	for (int fd = 3; fd < 1024; fd++)
		inherited += fcntl(fd, F_GETFD) == 0;
	char want[16];
	snprintf(want, sizeof(want), "%d\n", inherited + 4);
	assert_says("ls /proc/self/fd | wc -l", NULL, want);
	/* With the standard ones closed, the pipes must not land in their place. */
	fflush(stdout);
	int saved[3];
	for (int i = 0; i < 3; i++) {
		saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 10);
		close(i);
	}
	struct err e;
	cleanup_buf struct buf out = { 0 };
	int rc = sh("cat; echo out; echo err >&2; exit 1", NULL, &out, &e);
	for (int i = 0; i < 3; i++) {
		if (saved[i] >= 0)
			dup2(saved[i], i);
		close(saved[i]);
	}
	assert_int_equal(rc, -1);
	assert_string_equal(e.msg, "sh ended with status 1:\nerr");
	assert_string_equal(out.data, "out\n");
}

static void child_run_left_behind(void **state)
{
	(void)state;
	/* A process that it leaves running holds the pipes open, and is not waited for. */
	struct err e;
	struct timeval from, to;
	gettimeofday(&from, NULL);
	cleanup_buf struct buf out = { 0 };
	assert_int_equal(sh("sleep 20 & echo $!", NULL, &out, &e), 0);
	gettimeofday(&to, NULL);
	assert_true(to.tv_sec - from.tv_sec < 10);
	kill((pid_t)atol(out.data), SIGKILL);
}

static void on_alarm(int s)
{
	(void)s;
}

static void child_run_interrupted_calls(void **state)
{
	(void)state;
	struct sigaction action = { .sa_handler = on_alarm }, before;
	sigaction(SIGALRM, &action, &before);
	const struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	setitimer(ITIMER_REAL, &often, NULL);
	struct err e;
	cleanup_buf struct buf out = { 0 };
	int rc = sh("sleep 0.1; echo a; sleep 0.1; exec >&- 2>&-; sleep 0.1", NULL, &out, &e);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &before, NULL);
	assert_int_equal(rc, 0);
	assert_string_equal(out.data, "a\n");
}

static void child_run_signals_are_default(void **state)
{
	(void)state;
	/* SIGPIPE kills the program even where this one ignores it. What else is ignored stays so
	 * (make's children 32 and 33): only that one bit is looked at. */
	void (*before)(int) = signal(SIGPIPE, SIG_IGN);
	const char *script =
		"yes | head -1; "
		"while read -r key set; do [ $key = SigIgn: ] && echo $((0x$set >> 12 & 1)); "
		"done </proc/$$/status; true";
	struct err e;
	cleanup_buf struct buf out = { 0 };
	int rc = sh(script, NULL, &out, &e);
	signal(SIGPIPE, before);
	assert_int_equal(rc, 0);
	assert_string_equal(out.data, "y\n0\n");
}

/* A work that holds signals back (aws/interrupt.h) does not hold them back from its programs. */
static void child_run_signals_are_let_through(void **state)
{
	(void)state;
	sigset_t set, before;
	struct err e;
	cleanup_buf struct buf out = { 0 };
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, &before);
	/* USR1 is 10, TERM 15. */
	int rc = sh("while read -r key set; do [ $key = SigBlk: ] && "
		    "echo $((0x$set >> 9 & 1)) $((0x$set >> 14 & 1)); done </proc/$$/status; true",
		NULL, &out, &e);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	assert_int_equal(rc, 0);
	assert_string_equal(out.data, "1 0\n");
}

static void child_run_dies_with_parent(void **state)
{
	(void)state;
	int ends[2];
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		/* The child keeps this end open for as long as it lives. */
		struct err e;
		char script[64];
		fcntl(ends[1], F_SETFD, 0);
		snprintf(script, sizeof(script), "echo up >&%d; exec sleep 30", ends[1]);
		_exit(sh(script, NULL, NULL, &e) == 0);
	}
	close(ends[1]);
	char got[8];
	assert_int_equal(read(ends[0], got, sizeof(got)), 3);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	alarm(10);
	assert_int_equal(read(ends[0], got, sizeof(got)), 0);
	alarm(0);
	close(ends[0]);
}

/* A program that tidies up when told to end; what becomes of the one that runs it. */
static int interrupted(int signal, bool ignored, const char *script)
{
	int ends[2], status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e;
		char text[256];
		fcntl(ends[1], F_SETFD, 0);
		if (ignored) {
			struct sigaction action = { .sa_handler = SIG_IGN };
			sigaction(signal, &action, NULL);
		}
		snprintf(text, sizeof(text), "out=%d; %s", ends[1], script);
		_exit(sh(text, NULL, NULL, &e) == 0 ? 10 : 11);
	}
	close(ends[1]);
	char got[16];
	alarm(30);
	assert_int_equal(read(ends[0], got, sizeof(got)), 3);
	kill(pid, signal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	/* The program was done before: nobody has the pipe any more. */
	ssize_t n = read(ends[0], got, sizeof(got));
	assert_int_equal(read(ends[0], got, sizeof(got)), 0);
	alarm(0);
	close(ends[0]);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : 100 * (int)n + WEXITSTATUS(status);
}

static void child_run_passes_signals(void **state)
{
	(void)state;
	static const char script[] = "trap 'sleep 0.2; echo tidy >&$out; exit 0' INT TERM HUP; "
				     "echo up >&$out; while :; do sleep 0.05; done";
	assert_int_equal(interrupted(SIGTERM, false, script), -SIGTERM);
	assert_int_equal(interrupted(SIGINT, false, script), -SIGINT);
	/* One that waits for a child of its own, which gets it too. */
	assert_int_equal(interrupted(SIGTERM, false,
				 "trap : TERM; (echo up >&$out; exec sleep 60); "
				 "echo tidy >&$out"),
		-SIGTERM);
	/* Ended by itself all the same, and it was ignored: the signal does not come back. */
	assert_int_equal(
		interrupted(SIGHUP, true, "echo up >&$out; sleep 0.2; echo end >&$out"), 410);
}

static void child_run_second_signal_kills(void **state)
{
	(void)state;
	int ends[2], status;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct err e;
		char text[256];
		fcntl(ends[1], F_SETFD, 0);
		snprintf(text, sizeof(text),
			"trap 'echo no >&%d' TERM; echo up >&%d; while :; do sleep 0.05; done",
			ends[1], ends[1]);
		_exit(sh(text, NULL, NULL, &e) == 0);
	}
	close(ends[1]);
	char got[16];
	alarm(30);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(read(ends[0], got, sizeof(got)), 3);
		kill(pid, SIGTERM);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	alarm(0);
	close(ends[0]);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void child_find_looks_in_path_and_sbin(void **state)
{
	(void)state;
	struct err e;
	cleanup_buf struct buf out = { 0 };
	char before[4096];
	snprintf(before, sizeof(before), "%s", getenv("PATH"));
	setenv("PATH", "/nowhere::/etc", 1);
	assert_int_equal(child_find("ldconfig", &out, &e), 1);
	assert_true(strstr(out.data, "sbin/ldconfig") != NULL);
	assert_int_equal(child_find("passwd", &out, &e), 0); /* /etc/passwd is no program */
	assert_int_equal(child_find("apt", &out, &e), 0);    /* /etc/apt is a folder */
	setenv("PATH", "/usr/bin:/bin", 1);
	assert_int_equal(child_find("sh", &out, &e), 1);
	assert_string_equal(out.data, "/usr/bin/sh");
	assert_int_equal(child_find("/usr/bin/sh", &out, &e), 1);
	assert_int_equal(child_find("/etc/passwd", &out, &e), 0);
	setenv("PATH", before, 1);
}

static void child_run_scripted_failures(void **state)
{
	(void)state;
	static const enum fail_kind kinds[] = { FAIL_ALLOC, FAIL_READ };
	for (size_t k = 0; k < 2; k++) {
		for (unsigned n = 1;; n++) {
			struct err e = { 0 };
			cleanup_buf struct buf out = { 0 };
			fail_arm(kinds[k], n);
			int rc = sh("echo out; echo err >&2", NULL, &out, &e);
			if (!fail_disarm()) {
				assert_int_equal(rc, 0);
				assert_true(n > 1);
				break;
			}
			assert_int_equal(rc, -1);
			assert_int_equal(e.kind, ERR_MACHINE);
			assert_int_equal(e.errnum, kinds[k] == FAIL_ALLOC ? ENOMEM : EIO);
		}
	}
}

int main(void)
{
	/* However this was started: a shell's background job ignores SIGINT, and so would all that
	 * it starts. */
	for (const int *s = (const int[]){ SIGINT, SIGTERM, SIGHUP, 0 }; *s != 0; s++)
		signal(*s, SIG_DFL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(child_run_exit_status),
		cmocka_unit_test(child_run_killed),
		cmocka_unit_test(child_run_missing),
		cmocka_unit_test(child_run_cannot_start),
		cmocka_unit_test(child_run_large_output),
		cmocka_unit_test(child_run_keeps_last_lines),
		cmocka_unit_test(child_run_lines),
		cmocka_unit_test(child_run_output_no_utf8),
		cmocka_unit_test(child_run_environment),
		cmocka_unit_test(child_run_descriptors),
		cmocka_unit_test(child_run_left_behind),
		cmocka_unit_test(child_run_interrupted_calls),
		cmocka_unit_test(child_run_signals_are_default),
		cmocka_unit_test(child_run_signals_are_let_through),
		cmocka_unit_test(child_run_dies_with_parent),
		cmocka_unit_test(child_run_passes_signals),
		cmocka_unit_test(child_run_second_signal_kills),
		cmocka_unit_test(child_find_looks_in_path_and_sbin),
		cmocka_unit_test(child_run_scripted_failures),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
