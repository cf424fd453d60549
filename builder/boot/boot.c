#include "boot/boot.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/report.h"

/* From ready to the record in the zone: the unit looks every 5 s. */
#define JOIN_SECONDS_KVM 30
#define JOIN_SECONDS_TCG 120
#define STARTS           3

static unsigned timeout_of(const struct world *w)
{
	if (w->o->timeout > 0)
		return w->o->timeout;
	if (w->o->adhoc)
		return BOOT_SECONDS_ADHOC;
	return w->kvm ? BOOT_SECONDS_KVM : BOOT_SECONDS_TCG;
}

static void say_start(const struct world *w)
{
	const struct boot_options *o = w->o;
	log_say(o->log, "%s: booting%s, %s, at most %u s", o->disk,
		o->adhoc ? " with the pasteable user-data" : "",
		w->kvm ? "with KVM" : "emulated (no KVM here)", timeout_of(w));
}

/* Wait for ready and for the record. */
static int wait_ready(struct watch *t, bool joins, enum watch_end *ret, struct err *e)
{
	if (watch_until(t, watch_is_ready, timeout_of(t->w), NULL, ret, e) < 0)
		return -1;
	if (*ret != WATCH_DONE || !joins)
		return 0;
	double until = t->ready_at + (t->w->kvm ? JOIN_SECONDS_KVM : JOIN_SECONDS_TCG);
	return watch_until(t, watch_has_joined, until, NULL, ret, e);
}

/* Wait for both, from another start where emulation got in the way of this one. */
static int come_up(struct watch *t, bool joins, enum watch_end *ret, struct err *e)
{
	for (int left = STARTS - 1;; left--) {
		if (world_start(t->w, e) < 0 || wait_ready(t, joins, ret, e) < 0)
			return -1;
		bool lost = *ret == WATCH_FATAL || *ret == WATCH_ENDED;
		if (left == 0 || !lost || !t->emulation_failed)
			return 0;
		log_say(t->w->o->log,
			"emulating several processors went wrong, the guest starts again");
		world_stop(t->w);
		watch_again(t);
	}
}

static int shell(struct watch *t, struct err *e)
{
	enum watch_end end;
	cleanup_process struct process p = PROCESS_NONE;
	const struct process_options o = {
		.in = STDIN_FILENO, .out = -1, .err = -1, .package = "openssh-client"
	};
	const char *const *argv = ssh_argv(&t->w->ssh, NULL, t->w->arena, e);
	if (argv == NULL || process_start(argv, &o, &p, e) < 0)
		return -1;
	t->silent = true;
	int rc = watch_until(t, watch_never, 0, &p, &end, e);
	t->silent = false;
	return rc;
}

static int keep(struct watch *t, struct err *e)
{
	enum watch_end end;
	const struct log *log = t->w->o->log;
	cleanup_buf struct buf line = { 0 };
	cleanup_buf struct buf scratch = { 0 };
	if (ssh_line(&t->w->ssh, t->w->arena, &line, e) < 0)
		return -1;
	log_say(log, "It runs until ^C. To log in:\n  %s", line.data);
	struct json j = log_event(log, &scratch, "kept");
	json_str(&j, "ssh", line.data);
	json_int(&j, "port", t->w->ssh.port);
	log_event_end(log, &j);
	t->fatal[0] = '\0';
	return watch_until(t, watch_never, 0, NULL, &end, e);
}

/* From the start to the end of the guest. 0: ready, 1: not. */
static int live(struct watch *t, struct err *e)
{
	const struct boot_options *o = t->w->o;
	bool joins = guest_joins(o->bundle->recipe);
	enum watch_end end;
	if (come_up(t, joins, &end, e) < 0)
		return -1;
	bool ready = end == WATCH_DONE;
	if (report_verdict(t, end, ready, joins, e) < 0)
		return -1;
	bool runs = end == WATCH_DONE || end == WATCH_TIMEOUT;
	/* One that is not ready is what people want to look into. */
	if (runs && o->ssh && shell(t, e) < 0)
		return -1;
	if (ready && o->keep && t->signal == 0 && keep(t, e) < 0)
		return -1;
	return report_asked(t->w, e) < 0 ? -1 : !ready;
}

int boot_run(const struct boot_options *o, struct arena *a, struct err *e)
{
	struct world w = WORLD_NONE;
	struct watch t;
	int rc = world_open(&w, o, a, e);
	if (rc == 0) {
		say_start(&w);
		rc = watch_begin(&t, &w, e);
		if (rc == 0)
			rc = live(&t, e);
		watch_end(&t);
	}
	world_close(&w, rc != 0);
	return rc;
}
