/* Reading, checking and sending blocks, many at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ami/upload_internal.h"
#include "aws/ebs_wire.h"
#include "base/progress.h"

enum {
	CHUNK = 64 << 10, /* bytes read and digested at a time: they stay in the core's cache */
	FLOOR = 8,        /* blocks under way at least */
	TICK_MS = 200,    /* between two reckonings of how many */
	FORGET_MS = 5000, /* the least time that a block took is kept once or twice so long */
};

struct sender;

struct slot {
	struct sender *sender;
	unsigned char *data;
	size_t block;
	struct ebs_put put;
	int64_t since;     /* under way, ms */
	struct slot *next; /* free */
};

/*
 * How many blocks are under way at once: twice what the rate and the least time that a block took
 * make necessary (Little's law). More would not be faster, and their memory would not stay in the
 * processor's cache.
 */
struct pace {
	size_t window;
	int64_t least[2]; /* ms: of this stretch of time and the one before; 0: none yet */
	int64_t stretch;  /* when this one began */
	int64_t ticked;
	size_t done; /* since then */
	double rate; /* blocks a second, of late */
};

struct sender {
	struct upload *u;
	struct slot *slots;
	struct slot *free;
	unsigned char *memory;
	size_t next;  /* block to look at */
	size_t under; /* slots in use */
	size_t most;  /* of them */
	struct pace pace;
	struct progress progress;
	bool failed;
	struct err err;
};

static void pace_begin(struct pace *p, int64_t now)
{
	*p = (struct pace){ .window = FLOOR, .stretch = now, .ticked = now };
}

/* A block was done after `took` ms. */
static void pace_done(struct pace *p, int64_t took)
{
	took = took < 1 ? 1 : took;
	if (p->least[0] == 0 || took < p->least[0])
		p->least[0] = took;
	p->done++;
}

static void pace_tick(struct pace *p, size_t most, int64_t now)
{
	if (now - p->ticked < TICK_MS)
		return;
	double rate = (double)p->done * 1000 / (double)(now - p->ticked);
	p->rate = rate > p->rate * 0.9 ? rate : p->rate * 0.9;
	p->ticked = now;
	p->done = 0;
	int64_t least = p->least[0];
	if (least == 0 || (p->least[1] != 0 && p->least[1] < least))
		least = p->least[1];
	double need = 2 * p->rate * (double)least / 1000;
	p->window = need < FLOOR ? FLOOR : need > (double)most ? most : (size_t)need;
	if (now - p->stretch >= FORGET_MS) {
		p->least[1] = p->least[0];
		p->least[0] = 0;
		p->stretch = now;
	}
}

static int fail(struct sender *s, const struct err *e)
{
	if (!s->failed)
		s->err = *e;
	s->failed = true;
	return -1;
}

static void refused(struct slot *slot, const struct aws_reply *reply, struct err *e)
{
	const struct upload *u = slot->sender->u;
	struct aws_request q = { .operation = "PutSnapshotBlock", .region = u->r->region };
	aws_refused(&q, u->r->aws, reply, e);
	err_wrap(e, "block %zu", slot->block);
}

static void put_done(void *ctx, struct aws_reply *reply, const struct err *why)
{
	struct slot *slot = ctx;
	struct sender *s = slot->sender;
	struct upload *u = s->u;
	struct err e = { 0 };
	int64_t now = progress_clock();
	slot->next = s->free;
	s->free = slot;
	s->under--;
	if (reply == NULL) {
		e = *why;
	} else if (reply->status >= 400) {
		refused(slot, reply, &e);
		u->refused = true;
	} else if (reply->checksum[0] != '\0' && strcmp(reply->checksum, slot->put.checksum) != 0) {
		err_set(&e, ERR_REMOTE, 0, "block %zu: another checksum came back", slot->block);
	} else if (journal_ack(&u->journal, slot->block, &e) == 0) {
		u->sent++;
		pace_done(&s->pace, now - slot->since);
		progress_step(&s->progress, RAW_BLOCK, now);
		return;
	}
	fail(s, &e);
}

static int changed(size_t block, struct err *e)
{
	return err_set(e, ERR_INPUT, 0,
		"block %zu of disk.raw is not what it was when it was built: build it again",
		block);
}

/* Read a block and digest it on the way. */
static int read_block(const struct upload *u, size_t block, unsigned char *data, struct sha256 *ret,
	struct err *e)
{
	uint64_t offset = block * RAW_BLOCK, left = u->r->blocks->size - offset;
	size_t len = left < RAW_BLOCK ? (size_t)left : RAW_BLOCK;
	struct sha256_stream s;
	sha256_begin(&s);
	memset(data + len, 0, RAW_BLOCK - len);
	for (size_t at = 0; at < RAW_BLOCK;) {
		size_t want = RAW_BLOCK - at < CHUNK ? RAW_BLOCK - at : CHUNK;
		if (at < len) {
			want = len - at < want ? len - at : want;
			ssize_t n = pread(u->r->fd, data + at, want, (off_t)(offset + at));
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0)
				return err_set(e, ERR_MACHINE, errno, "read the image at %llu",
					(unsigned long long)(offset + at));
			if (n == 0)
				return changed(block, e);
			want = (size_t)n;
		}
		sha256_add(&s, data + at, want);
		at += want;
	}
	*ret = sha256_end(&s);
	return 0;
}

static int send_block(struct sender *s, struct slot *slot, size_t block, struct err *e)
{
	const struct upload *u = s->u;
	struct sha256 expected = plan_digest(&u->plan, u->r->blocks, block), digest = expected;
	if (u->plan.what[block] == PLAN_ZERO)
		memset(slot->data, 0, RAW_BLOCK);
	else if (read_block(u, block, slot->data, &digest, e) < 0)
		return -1;
	if (memcmp(&digest, &expected, sizeof(digest)) != 0)
		return changed(block, e);
	slot->block = block;
	slot->since = progress_clock();
	return ebs_put(u->r->aws, u->r->region, u->journal.snapshot, (uint32_t)block, slot->data,
		&digest, &slot->put, put_done, slot, e);
}

/* Give every free slot a block. */
static int fill(struct sender *s, struct err *e)
{
	const struct plan *p = &s->u->plan;
	while (s->under < s->pace.window && s->under < s->most && !s->failed) {
		while (s->next < p->count &&
			(p->what[s->next] == PLAN_SKIP || journal_acked(&s->u->journal, s->next)))
			s->next++;
		if (s->next == p->count)
			return 0;
		struct slot *slot = s->free;
		s->free = slot->next;
		if (send_block(s, slot, s->next, e) < 0) {
			slot->next = s->free;
			s->free = slot;
			return -1;
		}
		s->under++;
		s->next++;
	}
	return 0;
}

/* One round: send, wait, note. */
static int step(struct sender *s, struct err *e)
{
	if (!s->failed && fill(s, e) < 0)
		fail(s, e);
	if (s->under == 0)
		return 0;
	int wait = progress_wait(&s->progress, progress_clock());
	int rc = aws_run(s->u->r->aws, wait, e);
	struct err flush = { 0 };
	if (journal_flush(&s->u->journal, &flush) < 0)
		fail(s, &flush);
	int64_t now = progress_clock();
	pace_tick(&s->pace, s->most, now);
	progress_step(&s->progress, 0, now);
	return rc;
}

static int run(struct sender *s, struct err *e)
{
	while (s->under > 0 || (!s->failed && s->next < s->u->plan.count)) {
		if (step(s, e) < 0) {
			aws_drop(s->u->r->aws);
			return -1;
		}
	}
	if (!s->failed)
		return 0;
	*e = s->err;
	return -1;
}

size_t upload_left(const struct upload *u)
{
	size_t n = 0;
	for (size_t i = 0; i < u->plan.count; i++)
		n += u->plan.what[i] != PLAN_SKIP && !journal_acked(&u->journal, i);
	return n;
}

int upload_send(struct upload *u, struct err *e)
{
	struct sender s = { .u = u };
	size_t todo = upload_left(u);
	if (todo == 0)
		return 0;
	unsigned connections = u->r->connections != 0 ? u->r->connections : UPLOAD_CONNECTIONS;
	size_t count = connections < todo ? connections : todo;
	s.slots = calloc(count, sizeof(*s.slots));
	s.memory = malloc(count * RAW_BLOCK);
	if (s.slots == NULL || s.memory == NULL) {
		free(s.slots);
		free(s.memory);
		return err_nomem(e);
	}
	for (size_t i = count; i > 0; i--) {
		struct slot *slot = &s.slots[i - 1];
		*slot = (struct slot){ .sender = &s, .data = s.memory + (i - 1) * RAW_BLOCK };
		slot->next = s.free;
		s.free = slot;
	}
	posix_fadvise(u->r->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	aws_limit(u->r->aws, connections);
	int64_t begun = progress_clock();
	s.most = count;
	pace_begin(&s.pace, begun);
	progress_begin(&s.progress, u->r->log, "upload", u->plan.puts * RAW_BLOCK, begun);
	progress_skip(&s.progress, (u->plan.puts - todo) * RAW_BLOCK);
	int rc = run(&s, e);
	u->ms += progress_clock() - begun;
	progress_end(&s.progress, progress_clock());
	free(s.slots);
	free(s.memory);
	return rc;
}
