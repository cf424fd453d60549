#include "ami/upload.h"

#include <errno.h>
#include <string.h>

#include "ami/snapshot.h"
#include "ami/upload_internal.h"

enum {
	POLL_FIRST = 500,   /* ms */
	POLL_LAST = 10000,  /* ms */
	POLL_MAX = 3600000, /* ms until a snapshot that is not completed is given up */
	KNOWN = 60,         /* seconds until EC2 surely knows a snapshot */
};

/* Why the parent cannot be used; NULL: it can, or there is none. */
static const char *parent_unfit(const struct upload_request *r)
{
	if (r->parent == NULL)
		return NULL;
	if (r->parent_blocks == NULL)
		return "its block digests are not known";
	if (r->parent_blocks->size > r->blocks->size)
		return "it is of a larger image";
	if (r->parent_kms == NULL)
		return NULL;
	if (r->encryption == UPLOAD_ENCRYPTED && r->parent_kms[0] == '\0')
		return "it is not encrypted";
	if (r->encryption == UPLOAD_PLAIN && r->parent_kms[0] != '\0')
		return "it is encrypted";
	if (r->kms_key != NULL && strstr(r->kms_key, ":key/") != NULL &&
		strcmp(r->kms_key, r->parent_kms) != 0)
		return "it is encrypted with another key";
	return NULL;
}

static int wait_completed(struct upload *u, struct err *e)
{
	const struct upload_request *r = u->r;
	const char *id = u->journal.snapshot;
	int64_t begun = aws_clock(r->aws), wait = POLL_FIRST;
	for (;;) {
		enum snapshot_state state;
		if (snapshot_state(r->aws, r->region, id, KNOWN, &state, e) < 0)
			return -1;
		if (state == SNAPSHOT_COMPLETED)
			return journal_completed(&u->journal, e);
		if (state != SNAPSHOT_PENDING) {
			const char *deleted;
			err_set(e, ERR_REMOTE, 0, "snapshot %s failed on EBS's side: run again",
				id);
			struct err ignored = { 0 };
			if (upload_drop(r->aws, r->log, &u->journal, &deleted, &ignored) < 0)
				log_warn(r->log, "%s", ignored.msg);
			return -1;
		}
		if (aws_clock(r->aws) - begun > POLL_MAX) {
			err_set(e, ERR_REMOTE, 0, "snapshot %s is still pending after an hour", id);
			e->again = true;
			return -1;
		}
		log_detail(r->log, "snapshot %s: pending", id);
		if (aws_sleep(r->aws, wait, e) < 0)
			return -1;
		wait = wait * 3 / 2 < POLL_LAST ? wait * 3 / 2 : POLL_LAST;
	}
}

int upload_complete(struct upload *u, struct err *e)
{
	const struct upload_request *r = u->r;
	struct journal *j = &u->journal;
	if (j->state == JOURNAL_COMPLETED)
		return 0;
	if (upload_left(u) > 0)
		return err_set(e, ERR_BUG, 0, "%zu blocks were not sent", upload_left(u));
	/* An earlier run, or a try whose answer was lost, may have completed it already. */
	bool maybe = j->state == JOURNAL_COMPLETING;
	if (!maybe && journal_completing(j, u->plan.puts, e) < 0)
		return -1;
	struct sha256 aggregate = plan_aggregate(&u->plan, r->blocks);
	struct aws_reply reply = { 0 };
	int rc = ebs_complete(
		r->aws, r->region, j->snapshot, (uint32_t)u->plan.puts, &aggregate, &reply, e);
	bool refused = upload_disputed(&reply);
	maybe = maybe || reply.lost;
	aws_reply_free(&reply);
	if (rc == 0 || (refused && maybe))
		return wait_completed(u, e);
	if (refused) {
		/* What was sent is not what EBS has: going on would end here again. */
		const char *deleted;
		struct err ignored = { 0 };
		if (upload_drop(r->aws, r->log, j, &deleted, &ignored) < 0)
			log_warn(r->log, "%s", ignored.msg);
		return err_wrap(e, "the snapshot is not complete: run again");
	}
	return -1;
}

/* After a failed send: whether the snapshot went away under it. */
static bool went_away(struct upload *u)
{
	enum snapshot_state state;
	struct err e = { 0 };
	return u->refused &&
	       snapshot_state(u->r->aws, u->r->region, u->journal.snapshot, 0, &state, &e) == 0 &&
	       (state == SNAPSHOT_GONE || state == SNAPSHOT_ERROR);
}

static int interrupted(const struct upload *u, struct err *e)
{
	size_t there = u->journal.acked_count, all = u->plan.puts;
	if (e->kind == ERR_INPUT || u->journal.state == JOURNAL_EMPTY)
		return -1;
	return err_wrap(e, "upload to %s: %zu of %zu blocks are there, the next run goes on",
		u->r->region, there, all);
}

static int transfer(struct upload *u, struct err *e)
{
	const char *wanted = u->parent;
	for (unsigned attempt = 1;; attempt++) {
		u->parent = wanted;
		u->refused = false;
		if (upload_start(u, e) < 0)
			return -1;
		if (u->journal.state == JOURNAL_COMPLETED)
			return 0;
		bool encrypted = u->journal.snapshot_kms[0] != '\0';
		if (plan_make(u->r->blocks, u->parent != NULL ? u->r->parent_blocks : NULL,
			    encrypted, u->arena, &u->plan, e) < 0)
			return -1;
		if (upload_send(u, e) == 0)
			break;
		if (attempt > 1 || !went_away(u))
			return interrupted(u, e);
		log_say(u->r->log, "snapshot %s went away: a new one is made", u->journal.snapshot);
		if (journal_clear(&u->journal, e) < 0)
			return -1;
	}
	return upload_complete(u, e) < 0 ? interrupted(u, e) : 0;
}

/* Nothing to send: the parent is the image's snapshot. */
static int nothing_differs(struct upload *u, bool *ret, struct err *e)
{
	struct plan plan;
	*ret = false;
	if (u->parent == NULL ||
		(u->r->encryption != UPLOAD_AS_ACCOUNT && u->r->parent_kms == NULL))
		return 0;
	if (plan_make(u->r->blocks, u->r->parent_blocks, true, u->arena, &plan, e) < 0)
		return -1;
	*ret = plan.puts == 0;
	return 0;
}

int upload_run(
	const struct upload_request *r, struct arena *a, struct upload_result *ret, struct err *e)
{
	struct upload u = { .r = r, .arena = a, .parent = r->parent };
	const char *unfit = parent_unfit(r);
	if (unfit != NULL) {
		log_say(r->log, "%s cannot be built upon, the whole image is sent: %s", r->parent,
			unfit);
		u.parent = NULL;
	}
	bool same;
	if (nothing_differs(&u, &same, e) < 0)
		return -1;
	if (same) {
		*ret = (struct upload_result){
			.snapshot = r->parent,
			.kms_key = r->parent_kms != NULL ? r->parent_kms : "",
			.parent = "",
			.run = r->run,
			.unchanged = true,
		};
		return 0;
	}
	if (journal_open(&u.journal, r->out, r->recipe, r->region, a, e) < 0)
		return -1;
	int rc = transfer(&u, e);
	if (rc == 0)
		*ret = (struct upload_result){
			.snapshot = u.journal.snapshot,
			.kms_key = u.journal.snapshot_kms,
			.parent = u.journal.start.parent,
			.run = u.journal.start.run,
			.resumed = u.resumed,
			.blocks = u.journal.acked_count,
			.sent = u.sent,
			.ms = u.ms,
		};
	journal_close(&u.journal);
	return rc;
}

int upload_forget(const char *out, const char *recipe, const char *region, struct err *e)
{
	cleanup_arena struct arena a = { 0 };
	cleanup_journal struct journal j = JOURNAL_NONE;
	if (journal_open(&j, out, recipe, region, &a, e) < 0)
		return -1;
	return journal_remove(&j, e);
}

int upload_abandon(struct aws *aws, const struct log *log, const char *out, const char *recipe,
	const char *region, struct arena *a, const char **ret_snapshot, struct err *e)
{
	cleanup_journal struct journal j = JOURNAL_NONE;
	if (journal_open(&j, out, recipe, region, a, e) < 0 ||
		upload_drop(aws, log, &j, ret_snapshot, e) < 0)
		return -1;
	return journal_remove(&j, e);
}
