#include "ami/gc.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "aws/ec2_remove.h"
#include "aws/ec2_share.h"

#define GIB      ((int64_t)1 << 30)
#define PATIENCE 60 /* seconds until a snapshot is free of its image */

struct age {
	char text[24];
};

/* Of all regions. */
struct sum {
	bool header; /* it was printed */
	size_t removed;
	size_t failed;
	int64_t freed; /* bytes */
};

static struct age age_of(int64_t seconds)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 86400, "d" }, { 3600, "h" }, { 60, "min" } };
	struct age a;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (seconds >= 2 * units[i].seconds) {
			snprintf(a.text, sizeof(a.text), "%lld %s",
				(long long)(seconds / units[i].seconds), units[i].name);
			return a;
		}
	snprintf(a.text, sizeof(a.text), "%lld s", (long long)seconds);
	return a;
}

static void row(const struct gc_job *j, const struct gc_region *r, const char *id, const char *name,
	int64_t since, int64_t size, enum gc_verdict verdict, const char *reason)
{
	int64_t age = aws_now(j->aws) - since;
	log_say(j->log, "%-14s %-22s %-32s %8s %5lld GiB  %-6s %s", r->region, id, name,
		age_of(age > 0 ? age : 0).text, (long long)((size + GIB - 1) / GIB),
		verdict == GC_REMOVE ? "remove" : "keep", reason);
	struct json event = log_event(j->log, j->scratch, "gc");
	json_str(&event, "region", r->region);
	json_str(&event, "id", id);
	json_str(&event, "name", name);
	json_int(&event, "age", age);
	json_int(&event, "size", size);
	json_str(&event, "verdict", verdict == GC_REMOVE ? "remove" : "keep");
	json_str(&event, "reason", reason);
	log_event_end(j->log, &event);
}

static void header(const struct gc_job *j)
{
	log_say(j->log, "%-14s %-22s %-32s %8s %9s  %-6s %s", "REGION", "ID", "NAME", "AGE",
		"VOLUME", "", "WHY");
}

static void table(const struct gc_job *j, const struct gc_region *r, struct sum *sum)
{
	if (!sum->header && r->image_count + r->snapshot_count > 0) {
		header(j);
		sum->header = true;
	}
	for (size_t i = 0; i < r->image_count; i++) {
		const struct gc_image *g = &r->images[i];
		row(j, r, g->id, g->name, g->created, g->size, g->verdict, g->reason);
	}
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct gc_snapshot *s = &r->snapshots[i];
		row(j, r, s->id, "(snapshot without an image)", s->started, s->size, s->verdict,
			s->reason);
	}
}

static void keep_all(struct gc_region *r, const char *reason)
{
	for (size_t i = 0; i < r->image_count; i++) {
		r->images[i].verdict = GC_KEEP;
		r->images[i].reason = reason;
	}
	for (size_t i = 0; i < r->snapshot_count; i++) {
		r->snapshots[i].verdict = GC_KEEP;
		r->snapshots[i].reason = reason;
	}
}

static void removed(const struct gc_job *j, struct gc_region *r, const char *id, int64_t size)
{
	if (j->dry_run)
		return;
	r->removed++;
	r->freed += size;
	struct json event = log_event(j->log, j->scratch, "removed");
	json_str(&event, "region", r->region);
	json_str(&event, "id", id);
	log_event_end(j->log, &event);
}

static int remove_image(
	const struct gc_job *j, struct gc_region *r, const struct gc_image *g, struct err *e)
{
	if (g->protected && ec2_unprotect(j->aws, r->region, g->id, j->dry_run, j->arena, e) < 0)
		return -1;
	/* EC2 refuses it while it is protected: a later run removes it. */
	if (g->cooldown || (g->protected && j->dry_run))
		return 0;
	if (ec2_image_remove(j->aws, r->region, g->id, (const char *const *)g->snapshots,
		    g->snapshot_count, j->dry_run, j->arena, e) < 0)
		return -1;
	removed(j, r, g->id, g->size);
	return 0;
}

static int remove_snapshot(
	const struct gc_job *j, struct gc_region *r, const struct gc_snapshot *s, struct err *e)
{
	bool used = false;
	if (ec2_snapshot_remove(
		    j->aws, r->region, s->id, PATIENCE, j->dry_run, j->arena, &used, e) < 0)
		return -1;
	if (used)
		return err_set(e, ERR_REMOTE, 0, "an image stands on it by now");
	removed(j, r, s->id, s->size);
	return 0;
}

/* One thing that cannot be removed does not hold back the others. */
static int note(const struct gc_job *j, const struct gc_region *r, const char *id,
	const struct err *why, size_t *failed, struct err *e)
{
	if (why->errnum == EINTR) {
		*e = *why;
		return -1;
	}
	++*failed;
	log_warn(j->log, "%s: %s: %s", r->region, id, why->msg);
	return 0;
}

static int remove_all(const struct gc_job *j, struct gc_region *r, size_t *failed, struct err *e)
{
	struct err why;
	/* The oldest first: what is left after an interruption is the newest. */
	for (size_t i = r->image_count; i > 0; i--) {
		const struct gc_image *g = &r->images[i - 1];
		if (g->verdict == GC_REMOVE && remove_image(j, r, g, &why) < 0 &&
			note(j, r, g->id, &why, failed, e) < 0)
			return -1;
	}
	for (size_t i = 0; i < r->snapshot_count; i++) {
		const struct gc_snapshot *s = &r->snapshots[i];
		if (s->verdict == GC_REMOVE && remove_snapshot(j, r, s, &why) < 0 &&
			note(j, r, s->id, &why, failed, e) < 0)
			return -1;
	}
	return 0;
}

static bool something_goes(const struct gc_region *r)
{
	for (size_t i = 0; i < r->image_count; i++)
		if (r->images[i].verdict == GC_REMOVE)
			return true;
	return false;
}

static int judge_images(
	const struct gc_job *j, struct gc_region *r, const struct gc_rules *rules, struct err *e)
{
	return gc_judge_images(
		r->images, r->image_count, r->references, r->reference_count, rules, j->arena, e);
}

/*
 * `home`: it is asked first, and where it gives no answer (no credentials, no connection) no other
 * region would.
 */
static int judge(
	const struct gc_job *j, struct gc_region *r, bool home, size_t *failed, struct err *e)
{
	const struct gc_rules rules = {
		.keep = j->keep, .shared = j->shared, .unprotect = j->publish->protect != PROTECT_NO
	};
	struct err why;
	if (gc_look(j, r, &why) < 0) {
		if (why.errnum == EINTR || (home && why.http == 0)) {
			*e = why;
			return -1;
		}
		++*failed;
		log_warn(j->log, "%s: %s: nothing is removed there", r->region, why.msg);
		r->image_count = r->snapshot_count = 0;
		return 0;
	}
	bool known = gc_references(j, r, &why) == 0;
	if (judge_images(j, r, &rules, e) < 0)
		return -1;
	if (known && something_goes(r)) {
		known = gc_text_references(j, r, &why) == 0;
		if (judge_images(j, r, &rules, e) < 0)
			return -1;
	}
	if (!known && why.errnum == EINTR) {
		*e = why;
		return -1;
	}
	if (!known) {
		++*failed;
		log_warn(j->log, "%s: %s: nothing is removed there", r->region, why.msg);
		keep_all(r, "not everybody who may need it could be listed");
	}
	return 0;
}

static int regions_of(
	const struct gc_job *j, struct gc_region **ret, size_t *ret_count, struct err *e)
{
	const struct publish *p = j->publish;
	struct gc_region *list = arena_array(j->arena, p->region_count + 1, sizeof(*list), e);
	size_t n = 1;
	if (list == NULL)
		return -1;
	list[0].region = aws_region(j->aws);
	list[0].parameter = p->parameter;
	for (size_t i = 0; i < p->region_count; i++) {
		const struct publish_region *r = &p->regions[i];
		struct gc_region *to = strcmp(r->name, list[0].region) == 0 ? &list[0] : &list[n++];
		to->region = r->name;
		to->parameter = r->parameter != NULL ? r->parameter : p->parameter;
	}
	*ret = list;
	*ret_count = n;
	return 0;
}

static int say_nothing(
	const struct gc_job *j, const struct gc_region *list, size_t count, struct err *e)
{
	cleanup_buf struct buf names = { 0 };
	for (size_t i = 0; i < count; i++)
		if (buf_printf(&names, e, "%s%s", i > 0 ? ", " : "", list[i].region) < 0)
			return -1;
	log_say(j->log, "%s: no image of %s", names.data, j->recipe);
	return 0;
}

static int say_sum(const struct gc_job *j, const struct gc_region *list, size_t count,
	const struct sum *sum, struct err *e)
{
	struct json event = log_event(j->log, j->scratch, "gc-done");
	json_int(&event, "removed", (int64_t)sum->removed);
	json_int(&event, "freed", sum->freed);
	json_int(&event, "failed", (int64_t)sum->failed);
	log_event_end(j->log, &event);
	if (!sum->header && sum->failed == 0)
		return say_nothing(j, list, count, e);
	if (sum->header && !j->dry_run)
		log_say(j->log, "%zu removed, %lld GiB of volumes", sum->removed,
			(long long)((sum->freed + GIB - 1) / GIB));
	return 0;
}

int gc_run(const struct gc_job *j, struct err *e)
{
	struct gc_region *list;
	size_t count;
	struct sum sum = { 0 };
	if (regions_of(j, &list, &count, e) < 0)
		return -1;
	for (size_t i = 0; i < count; i++) {
		struct gc_region *r = &list[i];
		if (judge(j, r, i == 0, &sum.failed, e) < 0)
			return -1;
		table(j, r, &sum);
		if (remove_all(j, r, &sum.failed, e) < 0)
			return -1;
		sum.removed += r->removed;
		sum.freed += r->freed;
	}
	if (say_sum(j, list, count, &sum, e) < 0)
		return -1;
	if (sum.failed > 0)
		return err_set(e, ERR_REMOTE, 0, "gc left %zu thing%s undone, told above",
			sum.failed, sum.failed == 1 ? "" : "s");
	return 0;
}
