/* QEMU's command line and the trial of an accelerator. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boot/instance.h"
#include "boot/machine.h"
#include "boot/qemu.h"
#include "boot/relay.h"
#include "check.h"
#include "fail.h"

static const struct qemu_options PLAIN = { .program = "qemu",
	.memory = 1024,
	.processors = 2,
	.disk = "/out, 1/a b/disk.qcow2",
	.code = "/usr/share/OVMF/CODE.fd",
	.vars = "/out, 1/vars.fd",
	.relay = "/proc/1/exe --relay 80" };

/* The arguments, each in brackets. */
static const char *line_of(const struct qemu_options *o)
{
	static char text[8192];
	struct arena a = { 0 };
	struct err e;
	const char *const *argv = qemu_argv(o, &a, &e);
	if (argv == NULL)
		fail_msg("%s", e.msg);
	text[0] = '\0';
	for (size_t i = 0; argv[i] != NULL; i++) {
		size_t used = strlen(text);
		snprintf(text + used, sizeof(text) - used, "[%s]", argv[i]);
	}
	arena_free(&a);
	return text;
}

static void qemu_argv_says_what_is_asked(void **state)
{
	(void)state;
	const char *line = line_of(&PLAIN);
	assert_int_equal(strncmp(line, "[qemu]", 6), 0);
	assert_non_null(strstr(line, "[-accel][tcg,thread=multi]"));
	assert_non_null(strstr(line, "[-no-reboot]"));
	assert_non_null(strstr(line, "file=/out,, 1/a b/disk.qcow2]"));
	assert_non_null(strstr(line, "readonly=on,file=/usr/share/OVMF/CODE.fd]"));
	assert_non_null(strstr(line, "format=raw,file=/out,, 1/vars.fd]"));
	assert_non_null(
		strstr(line, ",guestfwd=tcp:169.254.169.254:80-cmd:/proc/1/exe --relay 80]"));
	assert_non_null(strstr(line, "uuid=ec2"));
	assert_null(strstr(line, "hostfwd"));

	struct qemu_options o = PLAIN;
	o.kvm = o.may_restart = true;
	o.ssh_port = 2222;
	o.relay = "a,b";
	line = line_of(&o);
	assert_non_null(strstr(line, "[-accel][kvm][-cpu][host]"));
	assert_null(strstr(line, "-no-reboot"));
	assert_non_null(
		strstr(line, "-cmd:a,,b,hostfwd=tcp:127.0.0.1:2222-" INSTANCE_ADDRESS ":22]"));
}

static void qemu_argv_refuses_what_is_too_long(void **state)
{
	(void)state;
	struct arena a = { 0 };
	struct err e = { 0 };
	char path[4096];
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	struct qemu_options o = PLAIN;
	o.disk = path;
	assert_null(qemu_argv(&o, &a, &e));
	assert_non_null(strstr(e.msg, "too long"));
	path[1010] = '\0';
	o = PLAIN;
	o.relay = path;
	assert_null(qemu_argv(&o, &a, &e));
	assert_non_null(strstr(e.msg, "relay"));
	arena_free(&a);
}

static void qemu_argv_survives_lack_of_memory(void **state)
{
	(void)state;
	for (unsigned n = 1;; n++) {
		struct arena a = { 0 };
		struct err e = { 0 };
		fail_arm(FAIL_ALLOC, n);
		const char *const *argv = qemu_argv(&PLAIN, &a, &e);
		bool hit = fail_disarm();
		arena_free(&a);
		if (!hit)
			break;
		assert_null(argv);
		assert_int_equal(e.kind, ERR_MACHINE);
	}
}

static void relay_command_names_this_program(void **state)
{
	(void)state;
	struct buf out = { 0 };
	struct err e;
	char wanted[64];
	snprintf(wanted, sizeof(wanted), "/proc/%ld/exe --relay 8080", (long)getpid());
	assert_int_equal(relay_command(8080, &out, &e), 0);
	assert_string_equal(out.data, wanted);
	buf_free(&out);
}

/* The trial's program does what it should where guests run for sure, and a trial can fail. */
static void machine_trial_runs_a_guest(void **state)
{
	(void)state;
	char folder[] = "/tmp/imgbuild-trial-XXXXXX";
	struct err e;
	if (access("/usr/bin/" MACHINE_QEMU, X_OK) != 0)
		skip();
	assert_non_null(mkdtemp(folder));
	assert_int_equal(machine_trial(folder, "tcg", &e), 1);
	assert_int_equal(machine_trial(folder, "none-such", &e), 0);
	/* Nothing is left in it. */
	assert_int_equal(rmdir(folder), 0);
	unsigned port = machine_free_port(&e);
	assert_true(port > 0 && port < 65536);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(qemu_argv_says_what_is_asked),
		cmocka_unit_test(qemu_argv_refuses_what_is_too_long),
		cmocka_unit_test(qemu_argv_survives_lack_of_memory),
		cmocka_unit_test(relay_command_names_this_program),
		cmocka_unit_test(machine_trial_runs_a_guest),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
