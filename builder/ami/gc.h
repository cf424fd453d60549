/*
 * What `gc` does: images of a recipe that are old and that nobody needs go, with their snapshots,
 * and so does what failed runs left. In the client's region and in those of publish.
 *
 * An image stays when this account's instances (until they are terminated), launch template
 * versions, Auto Scaling groups or parameters have it: those of type aws:ec2:image, also in the
 * value before, which `publish --rollback` needs, and other String and StringList ones, when its id
 * stands in the value as a word. What others that it was shared with do with it, nobody can see:
 * shared images stay unless asked for. When any of this cannot be listed, nothing of that region is
 * removed, except that of the other parameters those count that this account's user may read: how
 * many it may not is told. No value is ever printed.
 */
#ifndef IMGBUILD_AMI_GC_H
#define IMGBUILD_AMI_GC_H

#include "ami/gc_verdict.h"
#include "aws/client.h"
#include "base/log.h"
#include "recipe/ami.h"

struct gc_job {
	struct aws *aws;
	const struct publish *publish;
	const char *recipe;
	unsigned keep;
	bool shared;
	bool dry_run;
	const struct log *log;
	struct buf *scratch;
	struct arena *arena;
	/* Whether an upload of this machine goes on with that snapshot. */
	int (*journaled)(
		void *ctx, const char *region, const char *snapshot, bool *ret, struct err *e);
	void *ctx;
};

struct gc_region {
	const char *region;
	const char *parameter; /* the recipe's there; NULL */
	struct gc_image *images;
	size_t image_count;
	struct gc_snapshot *snapshots; /* orphans, and those that may become some */
	size_t snapshot_count;
	struct gc_reference *references;
	size_t reference_count;
	size_t reference_cap;
	size_t removed;
	int64_t freed; /* bytes of the volumes of what was removed */
};

/*
 * ERR_REMOTE: a region could not be looked at, or something not be removed; told before. Where the
 * client's region gives no answer at all (no credentials, no connection), its error, at once.
 */
must_check int gc_run(const struct gc_job *j, struct err *e);

/* ---- gc_look.c ---- */

/* Images and snapshots with the recipe's tag. */
must_check int gc_look(const struct gc_job *j, struct gc_region *r, struct err *e);

/* ---- gc_references.c ---- */

/* Everybody who may need one of r->images. */
must_check int gc_references(const struct gc_job *j, struct gc_region *r, struct err *e);
/* Parameters of plain text that name one of r->images whose verdict is GC_REMOVE. */
must_check int gc_text_references(const struct gc_job *j, struct gc_region *r, struct err *e);

#endif
