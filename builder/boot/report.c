#include "boot/report.h"

#include <stdio.h>
#include <string.h>

/* The one line of what went wrong. */
static int reason(
	const struct watch *t, enum watch_end end, bool joins, struct buf *out, struct err *e)
{
	cleanup_buf struct buf said = { 0 };
	if (end == WATCH_SIGNAL)
		return buf_printf(out, e, "stopped by signal %d", t->signal);
	if (end == WATCH_FATAL || (end == WATCH_ENDED && t->fatal[0] != '\0'))
		return buf_puts(out, t->fatal, e);
	if (end == WATCH_ENDED) {
		if (t->down)
			return buf_puts(out, "the guest went down", e);
		if (world_complaint(t->w, &said, e) < 0)
			return -1;
		return buf_printf(out, e, "QEMU ended, %s%s%s", process_end_text(&t->w->qemu).text,
			said.len > 0 ? ": " : "", said.len > 0 ? said.data : "");
	}
	if (t->ready_at > 0 && joins)
		return buf_puts(out, "it is ready, but has not put its record into the zone", e);
	if (t->missing[0] != '\0')
		return buf_puts(out, t->missing, e);
	if (t->stage[0] != '\0')
		return buf_printf(out, e, "the hub has not said anything; it came to: %s%s%s",
			t->stage, t->job[0] != '\0' ? "; systemd waited for " : "", t->job);
	return buf_puts(out, "not even the kernel has said anything", e);
}

static int say_not_ready(
	const struct watch *t, enum watch_end end, bool joins, double seconds, struct err *e)
{
	const struct log *log = t->w->o->log;
	cleanup_buf struct buf why = { 0 };
	cleanup_buf struct buf scratch = { 0 };
	if (reason(t, end, joins, &why, e) < 0)
		return -1;
	log_warn(log, "not ready after %.0f s: %s", seconds, why.data);
	for (size_t i = 0; i < t->units.count; i++)
		log_warn(log, "  %s", t->units.text[i]);
	for (size_t i = 0; i < t->complaints.count; i++)
		log_warn(log, "  %s", t->complaints.text[i]);
	log_warn(log, "  the console: %s/console.log", t->w->folder);
	struct json j = log_event(log, &scratch, "not-ready");
	json_int(&j, "seconds", (long long)seconds);
	json_str(&j, "reason", why.data);
	json_str(&j, "console", t->w->folder);
	log_event_end(log, &j);
	return 0;
}

int report_verdict(const struct watch *t, enum watch_end end, bool ready, bool joins, struct err *e)
{
	const struct log *log = t->w->o->log;
	cleanup_buf struct buf scratch = { 0 };
	if (!ready)
		return say_not_ready(t, end, joins, watch_now(t), e);
	char joined[64] = "";
	if (joins)
		snprintf(joined, sizeof(joined), ", in the zone after %.0f s", t->joined_at);
	log_say(log, "%s: ready after %.0f s%s (%s)", t->w->o->disk, t->ready_at, joined,
		t->w->kvm ? "KVM" : "emulated");
	struct json j = log_event(log, &scratch, "ready");
	json_int(&j, "seconds", (long long)t->ready_at);
	if (joins)
		json_int(&j, "joined", (long long)t->joined_at);
	json_bool(&j, "kvm", t->w->kvm);
	log_event_end(log, &j);
	return 0;
}

int report_asked(const struct world *w, struct err *e)
{
	const struct log *log = w->o->log;
	cleanup_buf struct buf table = { 0 };
	cleanup_buf struct buf scratch = { 0 };
	if (asked_table(&w->asked, &table, e) < 0)
		return -1;
	if (table.len > 0)
		log_say(log, "It asked for:\n%.*s", (int)(table.len - 1), table.data);
	for (size_t i = 0; log->json && i < w->asked.count; i++) {
		const struct asked_item *item = &w->asked.list[i];
		struct json j = log_event(log, &scratch, "asked");
		json_int(&j, "count", (long long)item->count);
		json_str(&j, "service", item->service);
		json_str(&j, "operation", item->op);
		json_str(&j, "what", item->what);
		json_int(&j, "status", item->status);
		json_str(&j, "code", item->code);
		log_event_end(log, &j);
	}
	return 0;
}
