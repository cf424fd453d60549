/*
 * Whole boots of a disk with nothing on it: why they fail is told, the logs stay, nothing else
 * does, however the run ends. (Boots that succeed are tests/vm's.)
 */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "boot/boot.h"
#include "boot/machine.h"
#include "bundle/scratch.h"

static const char RECIPE[] = "vars: {pool_name: {type: fqdn, default: vpn.example.com, help: x}}\n";
static const char *const NONE[] = { NULL };

static void given(struct world *w)
{
	struct err e;
	char path[2048];
	world_make(w);
	scratch_text(&w->dir, "recipes/r.yaml", RECIPE);
	struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = NONE };
	struct bundle_options o = { 0 };
	assert_int_equal(recipe_load(&q, &w->arena, &w->diag, &w->recipe, &e), 0);
	assert_int_equal(bundle_prepare(&w->recipe, &o, &w->arena, &w->diag, &w->bundle, &e), 0);
	scratch_text(&w->dir, "disk.raw", "");
	assert_int_equal(truncate(scratch_path(&w->dir, "disk.raw", path), 64 << 20), 0);
}

/* What boot_run says on both outputs into `said`. */
static int run(struct world *w, bool ssh, char said[4096], struct err *e)
{
	char out[2048], disk[2048];
	struct arena a = { 0 };
	struct recipe_query q = { .name = "r", .root = w->dir.path, .sets = NONE };
	FILE *f = fmemopen(said, 4096, "w");
	const struct log log = { .out = f, .err = f };
	const struct boot_options o = { .log = &log,
		.out = scratch_path(&w->dir, "out", out),
		.disk = scratch_path(&w->dir, "disk.raw", disk),
		.query = &q,
		.bundle = &w->bundle,
		.ssh = ssh,
		.timeout = 120 };
	int rc = boot_run(&o, &a, e);
	fclose(f);
	arena_free(&a);
	return rc;
}

static bool there(const struct world *w, const char *name)
{
	char path[2048];
	return access(scratch_path(&w->dir, name, path), F_OK) == 0;
}

static void boot_tells_why_it_failed(void **state)
{
	(void)state;
	static const char *const gone[] = { "disk.qcow2", "vars.fd", "key", "key.pub",
		"known_hosts", "trial.bin" };
	struct world w;
	struct err e;
	char said[4096], path[2048];
	if (access("/usr/bin/" MACHINE_QEMU, X_OK) != 0)
		skip();
	given(&w);
	int rc = run(&w, true, said, &e);
	if (rc != 1)
		fail_msg("%d: %s\n%s", rc, rc < 0 ? e.msg : "", said);
	assert_non_null(strstr(said, "disk.raw: booting, "));
	assert_non_null(strstr(said, "not ready after "));
	assert_non_null(strstr(said, ": the firmware found nothing to boot\n"));
	assert_non_null(strstr(said, "out/.r.boot/console.log\n"));
	struct buf log = { 0 };
	assert_int_equal(file_read(AT_FDCWD, scratch_path(&w.dir, "out/.r.boot/console.log", path),
				 1 << 20, &log, &e),
		0);
	assert_non_null(strstr(log.data, "BdsDxe: "));
	buf_free(&log);
	for (size_t i = 0; i < sizeof(gone) / sizeof(*gone); i++) {
		snprintf(path, sizeof(path), "out/.r.boot/%s", gone[i]);
		assert_false(there(&w, path));
	}
	world_free(&w);
}

/*
 * A QEMU that says on its console what the kernel says when emulation failed it, so many times, and
 * then what the firmware says of an empty disk.
 */
static const char FAKE[] = "#!/bin/sh\n"
			   "case \"$*\" in *trial.bin*) exit 1 ;; esac\n"
			   "cd %s\n"
			   "echo x >>starts\n"
			   "starts=$(wc -l <starts)\n"
			   "if [ $starts -le %d ]; then\n"
			   "    echo '[    4.512711] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI'\n"
			   "    echo '[    4.534358] Kernel panic - not syncing: Fatal exception'\n"
			   "    [ $starts -gt 1 ] || exit 0\n" /* others stay as they are */
			   "else\n"
			   "    echo 'BdsDxe: No bootable option or device was found.'\n"
			   "fi\n"
			   "exec sleep 60\n";

static void given_fake_qemu(struct world *w, int failures)
{
	char text[4096], path[2048];
	snprintf(text, sizeof(text), FAKE, w->dir.path, failures);
	scratch_text(&w->dir, "bin/" MACHINE_QEMU, text);
	assert_int_equal(chmod(scratch_path(&w->dir, "bin/" MACHINE_QEMU, path), 0755), 0);
	unlink(scratch_path(&w->dir, "starts", path));
}

static void boot_starts_again_after_emulation_failed(void **state)
{
	(void)state;
	static const struct {
		int failures;
		size_t starts;
		const char *reason;
	} cases[] = {
		{ 0, 1, ": the firmware found nothing to boot\n" },
		{ 2, 3, ": the firmware found nothing to boot\n" },
		{ 9, 3, ": the kernel met a breakpoint of its own (int3)\n" },
	};
	struct world w;
	struct err e;
	char said[4096], path[2048], *before = strdup(getenv("PATH"));
	if (access("/usr/bin/qemu-img", X_OK) != 0)
		skip();
	given(&w);
	snprintf(said, sizeof(said), "%s:%s", scratch_path(&w.dir, "bin", path), before);
	setenv("PATH", said, 1);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct buf file = { 0 };
		given_fake_qemu(&w, cases[i].failures);
		assert_int_equal(run(&w, false, said, &e), 1);
		const char *reason = strstr(said, "not ready after ");
		if (reason == NULL || strstr(reason, cases[i].reason) == NULL)
			fail_msg("not \"%s\":\n%s", cases[i].reason, said);
		assert_int_equal(
			strstr(said, "the guest starts again") != NULL, cases[i].starts > 1);
		assert_int_equal(
			file_read(AT_FDCWD, scratch_path(&w.dir, "starts", path), 64, &file, &e),
			0);
		assert_int_equal(file.len, 2 * cases[i].starts);
		/* The console of every start is there. */
		buf_free(&file);
		assert_int_equal(
			file_read(AT_FDCWD, scratch_path(&w.dir, "out/.r.boot/console.log", path),
				1 << 20, &file, &e),
			0);
		size_t seen = 0;
		for (const char *p = file.data; (p = strstr(p, "int3")) != NULL; p++)
			seen++;
		assert_int_equal(seen, cases[i].failures < 3 ? cases[i].failures : 3);
		buf_free(&file);
	}
	setenv("PATH", before, 1);
	free(before);
	world_free(&w);
}

/* Whichever way the run is ended, QEMU ends with it. The number of the QEMU that the run started.
 */
static pid_t qemu_of(pid_t run)
{
	static char cmdline[16384];
	char path[64];
	pid_t pid = 0;
	size_t len = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", run, run);
	FILE *f = fopen(path, "re");
	if (f == NULL || fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f != NULL)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	f = pid != 0 ? fopen(path, "re") : NULL;
	if (f != NULL) {
		len = fread(cmdline, 1, sizeof(cmdline) - 1, f);
		cmdline[len] = '\0';
		fclose(f);
	}
	/* Where there is a /dev/kvm, another one without a disk comes first, to try it. */
	bool booting = len > 0 && strcmp(cmdline, MACHINE_QEMU) == 0 &&
		       memmem(cmdline, len, "disk.qcow2", strlen("disk.qcow2")) != NULL;
	return booting ? pid : 0;
}

static void boot_ends_with_its_qemu(void **state)
{
	(void)state;
	static const int signals[] = { SIGKILL, SIGINT };
	struct world w;
	char said[4096];
	if (access("/usr/bin/" MACHINE_QEMU, X_OK) != 0)
		skip();
	given(&w);
	for (size_t i = 0; i < 2; i++) {
		int status;
		struct err e;
		pid_t pid = fork(), qemu = 0;
		if (pid == 0)
			_exit(run(&w, false, said, &e) == 1 &&
						strstr(said, ": stopped by signal 2\n") != NULL
					? 10
					: 20);
		/* Nothing tells from outside when it has started, so look again and again. */
		for (int tries = 0; tries < 6000 && (qemu = qemu_of(pid)) == 0; tries++)
			poll(NULL, 0, 10);
		assert_true(qemu > 0);
		int fd = pidfd_open(qemu, 0);
		assert_true(fd >= 0);
		assert_int_equal(kill(pid, signals[i]), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		struct pollfd end = { fd, POLLIN, 0 };
		assert_int_equal(poll(&end, 1, 10000), 1);
		close(fd);
		if (signals[i] == SIGINT)
			assert_int_equal(WEXITSTATUS(status), 10);
	}
	/* What the killed run had left lying is gone as well. */
	assert_false(there(&w, "out/.r.boot/disk.qcow2"));
	assert_false(there(&w, "out/.r.boot/vars.fd"));
	world_free(&w);
}

static void boot_needs_its_folder_and_programs(void **state)
{
	(void)state;
	struct world w;
	struct err e = { 0 };
	char said[4096] = "", path[2048], *before = strdup(getenv("PATH"));
	given(&w);
	scratch_text(&w.dir, "out/.r.boot/disk.qcow2", "left by another run");
	int fd = open(scratch_path(&w.dir, "out/.r.boot", path), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(run(&w, false, said, &e), -1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_non_null(strstr(e.msg, "another boot of r is under way"));
	assert_true(there(&w, "out/.r.boot/disk.qcow2"));
	close(fd);

	setenv("PATH", w.dir.path, 1);
	assert_int_equal(run(&w, false, said, &e), -1);
	setenv("PATH", before, 1);
	assert_int_equal(e.kind, ERR_MACHINE);
	assert_true(strstr(e.msg, "qemu-") != NULL && strstr(e.msg, "Debian: ") != NULL);
	assert_false(there(&w, "out/.r.boot/disk.qcow2"));
	free(before);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(boot_needs_its_folder_and_programs),
		cmocka_unit_test(boot_tells_why_it_failed),
		cmocka_unit_test(boot_starts_again_after_emulation_failed),
		cmocka_unit_test(boot_ends_with_its_qemu),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
