/* The console: lines that are safe to show, and what they mean. */
#include <stdio.h>
#include <string.h>

#include "boot/console.h"
#include "check.h"

struct heard {
	char text[8192];
	int stop_at; /* line that ends it; 0: none */
	int count;
};

static int on_line(void *ctx, const char *line, struct err *e)
{
	struct heard *h = ctx;
	size_t used = strlen(h->text);
	snprintf(h->text + used, sizeof(h->text) - used, "%s|", line);
	if (++h->count == h->stop_at)
		return err_set(e, ERR_MACHINE, 0, "stopped");
	return 0;
}

static void given(const char *data, size_t len, size_t step, struct heard *h)
{
	struct console c = { .on_line = on_line, .ctx = h };
	struct err e;
	*h = (struct heard){ 0 };
	for (size_t i = 0; i < len; i += step)
		assert_int_equal(
			console_feed(&c, data + i, len - i < step ? len - i : step, &e), 0);
	assert_int_equal(console_end(&c, &e), 0);
}

static void console_cuts_lines(void **state)
{
	(void)state;
	static const struct {
		const char *data;
		const char *lines;
	} cases[] = {
		{ "one\r\ntwo\n\n \n\nthree", "one|two|three|" },
		{ "[\033[0;32m  OK  \033[0m] Started \033[0;1;39mx\033[0m.\r\n",
			"[  OK  ] Started x.|" },
		{ "\033[2J\033[01;01H\033[=3h\033(Bab\033]0;title\007c\033]0;t\033\\d\n", "abcd|" },
		{ "a\033Pq#0;2\033\\b\033cc\n", "abc|" },
		{ "tab\there\b\a\x7f\n", "tab here|" },
		{ "\xc3\xa9 \xff \xc3 \xc2\x9bx \xe2\x80\xa6\n", "\xc3\xa9 ? ? ??x \xe2\x80\xa6|" },
		{ "cut \033[3\nnext\n", "cut|next|" },
		{ "\0a\0\n", "|" },
	};
	for (size_t i = 0; i + 1 < sizeof(cases) / sizeof(*cases); i++) {
		for (size_t step = 1; step < 9; step++) {
			struct heard h;
			given(cases[i].data, strlen(cases[i].data), step, &h);
			assert_string_equal(h.text, cases[i].lines);
		}
	}
}

static void console_cuts_long_lines(void **state)
{
	(void)state;
	char data[CONSOLE_LINE_MAX + 10];
	struct heard h;
	memset(data, 'x', sizeof(data));
	given(data, sizeof(data), 1000, &h);
	assert_int_equal(h.count, 2);
	assert_int_equal(strchr(h.text, '|') - h.text, CONSOLE_LINE_MAX);
	/* Never anything that a terminal would act on, whatever came. */
	unsigned seed = 1;
	for (int round = 0; round < 200; round++) {
		for (size_t i = 0; i < 256; i++) {
			seed = seed * 1103515245 + 12345;
			data[i] = (char)(seed >> 16);
		}
		given(data, 256, 7, &h);
		for (const char *p = h.text; *p != '\0'; p++)
			assert_true((unsigned char)*p >= 0x20 && *p != 0x7f);
	}
}

static void console_stops_when_told(void **state)
{
	(void)state;
	struct heard h = { .stop_at = 2 };
	struct console c = { .on_line = on_line, .ctx = &h };
	struct err e;
	assert_int_equal(console_feed(&c, "a\nb\nc\n", 6, &e), -1);
	assert_string_equal(e.msg, "stopped");
	assert_int_equal(h.count, 2);
}

static void console_knows_what_lines_mean(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		enum console_kind kind;
		const char *text;
	} cases[] = {
		{ "hub: ready", CONSOLE_READY, "ready" },
		{ "hub: not ready: no site is loaded; x", CONSOLE_NOT_READY,
			"no site is loaded; x" },
		{ "hub: ready?", CONSOLE_OTHER, "" },
		{ "x hub: ready", CONSOLE_OTHER, "" },
		{ "[    0.000000] Linux version 6.1.0-41-cloud-amd64 (debian)", CONSOLE_KERNEL,
			"kernel started" },
		{ "EFI stub: Loaded initrd from LINUX_EFI_INITRD_MEDIA_GUID device path",
			CONSOLE_KERNEL, "kernel started" },
		{ "[FAILED] Failed to start hub-sites.service - Sites of the hub.", CONSOLE_UNIT,
			"Failed to start hub-sites.service - Sites of the hub." },
		{ "[DEPEND] Dependency failed for ipsec.service.", CONSOLE_UNIT,
			"Dependency failed for ipsec.service." },
		{ "[  OK  ] Started hub-console.service", CONSOLE_OTHER, "" },
		{ "[    9.1] cloud-init[411]: Cloud-init v. 22.4.2 running 'init-local' at Tue, 24 "
		  "Nov 2026 12:00:00 +0000. Up 9.10 seconds.",
			CONSOLE_STAGE, "cloud-init: init-local" },
		{ "cloud-init[8]: Cloud-init v. 22.4.2 finished at Tue. Datasource "
		  "DataSourceEc2Local.  Up 38 seconds",
			CONSOLE_STAGE, "cloud-init: finished" },
		{ "[   10.0] cloud-init[500]: 2026-11-24 - util.py[WARNING]: Failed loading yaml",
			CONSOLE_CLOUD,
			"cloud-init[500]: 2026-11-24 - util.py[WARNING]: Failed loading yaml" },
		{ "[ ***  ] Job ipsec.service/start running (6min 42s / 8min)", CONSOLE_JOB,
			"ipsec.service/start" },
		{ "ci-info: +++Authorized keys from /home/admin/.ssh/authorized_keys for user "
		  "admin+++",
			CONSOLE_USER, "admin" },
		{ "ci-info: no authorized SSH keys fingerprints found for user admin.",
			CONSOLE_OTHER, "" },
		{ "[    2.1] Kernel panic - not syncing: VFS: Unable to mount root fs on "
		  "unknown-block(0,0)",
			CONSOLE_FATAL,
			"Kernel panic - not syncing: VFS: Unable to mount root fs on "
			"unknown-block(0,0)" },
		{ "[    4.512711] Oops: int3: 0000 [#1] PREEMPT SMP NOPTI", CONSOLE_INT3,
			"the kernel met a breakpoint of its own (int3)" },
		{ "[    2.1] int3: 0000 [#1] PREEMPT SMP NOPTI", CONSOLE_INT3,
			"the kernel met a breakpoint of its own (int3)" },
		{ "[    2.1]  asm_exc_int3: 0x35", CONSOLE_OTHER, "" },
		{ "BdsDxe: No bootable option or device was found.", CONSOLE_FATAL,
			"the firmware found nothing to boot" },
		{ "UEFI Interactive Shell v2.2", CONSOLE_FATAL,
			"the firmware found nothing to boot" },
		{ "You are in emergency mode. After logging in, type", CONSOLE_FATAL,
			"emergency mode" },
		{ "(initramfs) ", CONSOLE_FATAL, "the initrd did not find the root file system" },
		{ "[   50.1] reboot: Restarting system", CONSOLE_DOWN,
			"reboot: Restarting system" },
		{ "[", CONSOLE_OTHER, "" },
		{ "[]", CONSOLE_OTHER, "" },
		{ "", CONSOLE_OTHER, "" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct console_event v = console_classify(cases[i].line);
		if (v.kind != cases[i].kind)
			fail_msg("%s: kind %d", cases[i].line, v.kind);
		assert_string_equal(v.text, cases[i].text);
	}
	char line[1024] = "hub: not ready: ";
	while (strlen(line) + 3 < sizeof(line))
		strcat(line, "\xc3\xa9");
	struct console_event v = console_classify(line);
	assert_true(strlen(v.text) < sizeof(v.text));
	assert_int_equal((unsigned char)v.text[strlen(v.text) - 1], 0xa9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(console_cuts_lines),
		cmocka_unit_test(console_cuts_long_lines),
		cmocka_unit_test(console_stops_when_told),
		cmocka_unit_test(console_knows_what_lines_mean),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
