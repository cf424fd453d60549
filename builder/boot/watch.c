#include "boot/watch.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "boot/probe.h"

#define TICK_MS       1000
#define LAST_WORDS_MS 2000 /* for what a guest prints after it was lost */

static double clock_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

double watch_now(const struct watch *t)
{
	return clock_seconds() - t->started;
}

bool watch_is_ready(const struct watch *t)
{
	return t->ready_at > 0;
}

bool watch_has_joined(const struct watch *t)
{
	return t->joined_at > 0;
}

bool watch_never(const struct watch *t)
{
	(void)t;
	return false;
}

static void note(struct watch_notes *n, const char *text)
{
	for (size_t i = 0; i < n->count; i++)
		if (strcmp(n->text[i], text) == 0)
			return;
	if (n->count < WATCH_NOTES)
		snprintf(n->text[n->count++], sizeof(n->text[0]), "%s", text);
}

static void say(const struct watch *t, const char *text)
{
	const struct log *log = t->w->o->log;
	cleanup_buf struct buf scratch = { 0 };
	if (t->silent)
		return;
	log_say(log, "%6.0f s  %s", watch_now(t), text);
	struct json j = log_event(log, &scratch, "progress");
	json_int(&j, "seconds", (long long)watch_now(t));
	json_str(&j, "text", text);
	log_event_end(log, &j);
}

static void hear(struct watch *t, const struct console_event *v)
{
	char text[300];
	switch (v->kind) {
	case CONSOLE_KERNEL:
	case CONSOLE_STAGE:
		if (strcmp(t->stage, v->text) == 0)
			break;
		snprintf(t->stage, sizeof(t->stage), "%s", v->text);
		t->cloud_done = strcmp(v->text, "cloud-init: finished") == 0;
		t->down = false;
		say(t, v->text);
		break;
	case CONSOLE_READY:
		t->missing[0] = '\0';
		if (t->ready_at == 0)
			t->ready_at = watch_now(t);
		say(t, "hub: ready");
		break;
	case CONSOLE_NOT_READY:
		if (strcmp(t->missing, v->text) == 0)
			break;
		snprintf(t->missing, sizeof(t->missing), "%s", v->text);
		snprintf(text, sizeof(text), "hub: not ready: %s", v->text);
		say(t, text);
		break;
	case CONSOLE_UNIT:
		note(&t->units, v->text);
		say(t, v->text);
		break;
	case CONSOLE_JOB:
		snprintf(t->job, sizeof(t->job), "%s", v->text);
		break;
	case CONSOLE_USER:
		snprintf(t->w->ssh.user, sizeof(t->w->ssh.user), "%.32s", v->text);
		break;
	case CONSOLE_CLOUD:
		note(&t->complaints, v->text);
		break;
	case CONSOLE_FATAL:
		if (t->fatal[0] == '\0')
			snprintf(t->fatal, sizeof(t->fatal), "%s", v->text);
		say(t, v->text);
		break;
	case CONSOLE_INT3:
		/* On a real processor it is the guest's own, and a panic may follow. */
		if (t->w->kvm || t->fatal[0] != '\0')
			break;
		t->emulation_failed = true;
		snprintf(t->fatal, sizeof(t->fatal), "%s", v->text);
		say(t, v->text);
		break;
	case CONSOLE_DOWN:
		t->down = true;
		say(t, v->text);
		break;
	case CONSOLE_OTHER:
		break;
	}
}

static int on_line(void *ctx, const char *line, struct err *e)
{
	struct watch *t = ctx;
	const struct log *log = t->w->o->log;
	struct console_event v = console_classify(line);
	if (file_write_all(t->w->log, line, strlen(line), e) < 0 ||
		file_write_all(t->w->log, "\n", 1, e) < 0)
		return err_wrap(e, "%s/console.log", t->w->folder);
	if (!t->silent)
		log_detail(log, "    | %s", line);
	hear(t, &v);
	return 0;
}

/* What is there to read, and no more. 1: the guest's end is closed. */
static int read_console(struct watch *t, struct err *e)
{
	char data[16384];
	for (;;) {
		ssize_t n = read(t->w->console, data, sizeof(data));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n < 0)
			return err_set(e, ERR_MACHINE, errno, "read the console");
		if (n == 0)
			return console_end(&t->console, e) < 0 ? -1 : 1;
		if (console_feed(&t->console, data, (size_t)n, e) < 0)
			return -1;
	}
}

static struct watch of_start(struct world *w)
{
	return (struct watch){ .w = w,
		.started = clock_seconds(),
		.console.on_line = on_line,
		.signals = -1,
		.probe = PROCESS_NONE,
		.answer = -1 };
}

int watch_begin(struct watch *t, struct world *w, struct err *e)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	*t = of_start(w);
	t->console.ctx = t;
	signal(SIGPIPE, SIG_IGN);
	if (sigprocmask(SIG_BLOCK, &set, &t->before) < 0)
		return err_set(e, ERR_MACHINE, errno, "signals");
	t->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return t->signals < 0 ? err_set(e, ERR_MACHINE, errno, "signals") : 0;
}

void watch_again(struct watch *t)
{
	struct watch fresh = of_start(t->w);
	probe_stop(t);
	fresh.console.ctx = t;
	fresh.signals = t->signals;
	fresh.before = t->before;
	fresh.signal = t->signal;
	*t = fresh;
}

void watch_end(struct watch *t)
{
	sigset_t set;
	probe_stop(t);
	fd_close(&t->signals);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	/* One that waits would end the program before it has tidied up. */
	while (sigtimedwait(&set, NULL, &(struct timespec){ 0 }) > 0)
		;
	/* Who had held them back before goes on to. */
	sigprocmask(SIG_SETMASK, &t->before, NULL);
}

static void take_signals(struct watch *t, const struct process *child)
{
	struct signalfd_siginfo info;
	while (read(t->signals, &info, sizeof(info)) == (ssize_t)sizeof(info))
		if (child == NULL || info.ssi_signo != SIGINT)
			t->signal = (int)info.ssi_signo;
}

/* Wait for something to do, and do it. 1: the console is closed. */
static int turn(struct watch *t, int wait, const struct process *child, struct err *e)
{
	int ports[PORT_COUNT];
	service_fds(t->w->service, ports);
	int quiet = service_timeout(t->w->service);
	if (quiet >= 0 && quiet < wait)
		wait = quiet;
	struct pollfd fds[] = { { t->w->console, POLLIN, 0 }, { t->w->qemu.fd, POLLIN, 0 },
		{ t->signals, POLLIN, 0 }, { ports[0], POLLIN, 0 }, { ports[1], POLLIN, 0 },
		{ child != NULL ? child->fd : -1, POLLIN, 0 }, { t->probe.fd, POLLIN, 0 } };
	if (poll(fds, sizeof(fds) / sizeof(*fds), wait) < 0 && errno != EINTR)
		return err_set(e, ERR_MACHINE, errno, "poll");
	take_signals(t, child);
	if (service_run(t->w->service, e) < 0)
		return -1;
	if (t->joined_at == 0 && zone_answers(&t->w->aws.zone, t->w->aws.pool)) {
		t->joined_at = watch_now(t);
		say(t, "the hub's record is in the zone");
	}
	return read_console(t, e);
}

/* QEMU closes its end of the console a moment before it is gone. */
static void await_end(struct process *qemu)
{
	struct pollfd end = { qemu->fd, POLLIN, 0 };
	while (qemu->pid != 0 && poll(&end, 1, LAST_WORDS_MS) < 0 && errno == EINTR)
		;
	if (!process_ended(qemu))
		process_stop(qemu);
}

/* Let a guest that is lost say its last words. */
static int hear_out(struct watch *t, struct err *e)
{
	double until = watch_now(t) + LAST_WORDS_MS / 1e3;
	while (watch_now(t) < until && !process_ended(&t->w->qemu) && t->signal == 0) {
		int rc = turn(t, LAST_WORDS_MS / 10, NULL, e);
		if (rc != 0)
			return rc < 0 ? -1 : 0;
	}
	return 0;
}

static bool has_ended(struct watch *t, bool (*is_done)(const struct watch *t), double deadline,
	struct process *child, enum watch_end *ret)
{
	if (t->signal != 0)
		*ret = WATCH_SIGNAL;
	else if (is_done(t) || (child != NULL && process_ended(child)))
		*ret = WATCH_DONE;
	else if (process_ended(&t->w->qemu))
		*ret = WATCH_ENDED;
	else if (child == NULL && t->fatal[0] != '\0')
		*ret = WATCH_FATAL;
	else if (deadline > 0 && watch_now(t) >= deadline)
		*ret = WATCH_TIMEOUT;
	else
		return false;
	return true;
}

int watch_until(struct watch *t, bool (*is_done)(const struct watch *t), double deadline,
	struct process *child, enum watch_end *ret, struct err *e)
{
	while (!has_ended(t, is_done, deadline, child, ret)) {
		int rc = turn(t, TICK_MS, child, e);
		if (rc < 0 || (t->w->o->adhoc && child == NULL && probe_run(t, e) < 0))
			return -1;
		if (rc == 1)
			await_end(&t->w->qemu);
	}
	if (*ret == WATCH_ENDED && read_console(t, e) < 0)
		return -1;
	return *ret == WATCH_FATAL ? hear_out(t, e) : 0;
}
