#include "boot/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define PROBE_SECONDS 5 /* from an answer to the next question */

/* cloud-init's last stage starts the hub. */
static const char COMMAND[] =
	"cloud-init status --wait >/dev/null; echo; printf 'hub: '; sudo hub ready 2>&1 | tail -n 1";

static int ask(struct watch *t, struct err *e)
{
	int ends[2];
	cleanup_fd int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const char *const *argv = ssh_argv(&t->w->ssh, COMMAND, t->w->arena, e);
	if (argv == NULL)
		return -1;
	if (null < 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_set(e, ERR_MACHINE, errno, "ask over ssh");
	t->answer = ends[0];
	cleanup_fd int out = ends[1];
	const struct process_options o = {
		.in = -1, .out = out, .err = null, .apart = true, .package = "openssh-client"
	};
	return process_start(argv, &o, &t->probe, e);
}

/* As if it had stood on the console. */
static int take_answer(struct watch *t, struct err *e)
{
	char data[4096];
	ssize_t n = read(t->answer, data, sizeof(data));
	fd_close(&t->answer);
	if (n <= 0)
		return 0;
	return console_feed(&t->console, data, (size_t)n, e);
}

int probe_run(struct watch *t, struct err *e)
{
	if (t->answer >= 0) {
		if (!process_ended(&t->probe))
			return 0;
		t->probe_at = watch_now(t) + PROBE_SECONDS;
		return take_answer(t, e);
	}
	if (watch_is_ready(t) || watch_now(t) < t->probe_at || t->stage[0] == '\0')
		return 0;
	return ask(t, e);
}

void probe_stop(struct watch *t)
{
	process_stop(&t->probe);
	fd_close(&t->answer);
}
