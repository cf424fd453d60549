/*
 * Which blocks of an image a snapshot must be given.
 *
 * A block that the image's builder never wrote holds nothing that anyone reads: the file systems
 * check clean whatever stands in it, so it is not sent. It reads as zeroes on a volume without
 * encryption, and as anything on an encrypted one. So a block that was written as zeroes is sent,
 * unless the volume is not encrypted and has no parent: then it reads as zeroes anyhow.
 *
 * With a parent only what differs is sent. A block that the parent has and the image has not would
 * keep the parent's content: files that were removed, perhaps because they should never have been
 * there. Such blocks are sent as zeroes.
 */
#ifndef IMGBUILD_AMI_UPLOAD_PLAN_H
#define IMGBUILD_AMI_UPLOAD_PLAN_H

#include "base/arena.h"
#include "disk/blocks.h"

enum plan_what {
	PLAN_SKIP,
	PLAN_DATA, /* as the image's list says */
	PLAN_OWN,  /* of the list itself */
	PLAN_ZERO, /* blanked: 512 KiB of zeroes */
};

struct plan {
	uint8_t *what; /* an enum plan_what for each block of the image, in the arena */
	size_t count;  /* blocks of the image */
	size_t puts;   /* blocks to send; 0: nothing differs from the parent */
};

/*
 * `parent` is NULL without one; it must not be larger than the image (upload_parent_fits).
 * `encrypted` is what StartSnapshot answered. ERR_MACHINE.
 */
must_check int plan_make(const struct blocks *b, const struct blocks *parent, bool encrypted,
	struct arena *a, struct plan *ret, struct err *e);

/* The digest of block `i` as it is sent; zeroes for one that is not. */
struct sha256 plan_digest(const struct plan *p, const struct blocks *b, size_t i);
/* What CompleteSnapshot wants: SHA-256 over the digests of all blocks sent, by index. */
struct sha256 plan_aggregate(const struct plan *p, const struct blocks *b);

/* Whole GiB that a volume for the image has. */
uint64_t plan_gib(const struct blocks *b);
/* What stands for the whole image in a journal: SHA-256 of its size and list. */
struct sha256 plan_identity(const struct blocks *b);

#endif
