/*
 * The journal of an upload, out/.RECIPE.upload/REGION.journal: outside of the set of products, so
 * that it survives a build. With it a run that was interrupted in any way is taken up again.
 *
 * A line a record: 16 hexadecimal digits (the first of the SHA-256 of the rest), a blank, JSON.
 * Lines are only ever added; reading ends at the first that is not whole, which a crash leaves.
 *
 *   {"start": {...}}        all that StartSnapshot is asked for, its ClientToken among it: on disk
 *                           before it is asked, so that a lost answer finds the same snapshot
 *   {"snapshot": "snap-..", "kms_key": ""}   on disk before the first block is sent
 *   {"blocks": [[0, 15], 17]}                acknowledged: ranges and single blocks; synced only
 *                           with the next record: a block sent twice does no harm
 *   {"complete": 862}       on disk before CompleteSnapshot is sent: blocks
 *   {"completed": true}
 *
 * It stays locked (flock(2)) while open.
 */
#ifndef IMGBUILD_AMI_JOURNAL_H
#define IMGBUILD_AMI_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/ebs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

struct journal_start {
	const char *region;
	const char *endpoint; /* ""; a snapshot of another endpoint is another's */
	const char *image;    /* 64 hexadecimal digits: plan_identity */
	const char *run;      /* run id */
	const char *token;    /* ClientToken */
	const char *parent;   /* snapshot id; "": none */
	const char *wanted;   /* the parent that was to be used, and was refused; "" */
	const char *kms_key;  /* "": none */
	const char *wish;     /* what was wished of its encryption */
	const char *description;
	uint64_t gib;
	unsigned timeout; /* minutes */
	bool encrypted;
	struct ebs_tag *tags;
	size_t tag_count;
};

enum journal_state {
	JOURNAL_EMPTY,
	JOURNAL_STARTING, /* `start` alone */
	JOURNAL_STARTED,  /* `snapshot` too */
	JOURNAL_COMPLETING,
	JOURNAL_COMPLETED,
};

struct journal {
	int fd; /* -1: not open */
	int dir;
	char name[80];
	struct arena *arena; /* the caller's: what was read lives there */
	enum journal_state state;
	struct journal_start start;
	const char *snapshot;
	const char *snapshot_kms; /* "": not encrypted */
	uint8_t *acked;           /* one bit a block */
	size_t acked_cap;         /* bytes of it */
	size_t acked_count;
	size_t *batch; /* acknowledged and not yet written */
	size_t batch_count, batch_cap;
	struct buf text;
};

#define JOURNAL_NONE                                                                               \
	{                                                                                          \
		.fd = -1, .dir = -1                                                                \
	}

/*
 * Open, lock and read it; made when missing. ERR_MACHINE; with `again` and EWOULDBLOCK when another
 * run has it.
 */
must_check int journal_open(struct journal *j, const char *out, const char *recipe,
	const char *region, struct arena *a, struct err *e);
/* Takes one that is not open. What was not flushed is lost. */
void journal_close(struct journal *j);
#define cleanup_journal __attribute__((cleanup(journal_close)))

/* Forget what it holds and start anew; synced. *s is kept. ERR_MACHINE. */
must_check int journal_begin(struct journal *j, const struct journal_start *s, struct err *e);
/* Synced. ERR_MACHINE. */
must_check int journal_snapshot(
	struct journal *j, const char *id, const char *kms_key, struct err *e);

/* A block was acknowledged; written by journal_flush. ERR_MACHINE. */
must_check int journal_ack(struct journal *j, size_t block, struct err *e);
must_check int journal_flush(struct journal *j, struct err *e);
bool journal_acked(const struct journal *j, size_t block);

/* Synced. ERR_MACHINE. */
must_check int journal_completing(struct journal *j, size_t blocks, struct err *e);
must_check int journal_completed(struct journal *j, struct err *e);

/* Nothing is known of a snapshot any more: empty it. ERR_MACHINE. */
must_check int journal_clear(struct journal *j, struct err *e);
/* It is needed no more: remove and close it. ERR_MACHINE. */
must_check int journal_remove(struct journal *j, struct err *e);

/* The records in a text, as journal_open reads them: how many bytes are whole lines. For tests. */
must_check int journal_read(
	struct journal *j, const char *text, size_t len, size_t *ret_whole, struct err *e);

#endif
