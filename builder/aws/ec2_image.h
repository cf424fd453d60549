/*
 * EC2's images and snapshots: registered, found, tagged (Amazon EC2 API Reference, version
 * 2016-11-15).
 */
#ifndef IMGBUILD_AWS_EC2_IMAGE_H
#define IMGBUILD_AWS_EC2_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aws/client.h"
#include "base/arena.h"

struct ec2_tag {
	const char *key;
	const char *value;
};

struct ec2_tags {
	struct ec2_tag *list;
	size_t count;
};

/* The value; NULL: no such tag. */
const char *ec2_tag(const struct ec2_tags *t, const char *key);

/* ---- finding ---- */

struct ec2_filter {
	const char *name; /* "name", "tag:KEY", "state" */
	const char *value;
};

/* All of it must fit; what is empty asks nothing. Ids that are not there: see below. */
struct ec2_find {
	const char *const *ids;
	size_t id_count;
	const struct ec2_filter *filters;
	size_t filter_count;
};

struct ec2_device {
	const char *name;     /* /dev/xvda */
	const char *snapshot; /* "": none */
	uint64_t gib;
	bool encrypted;
};

struct ec2_image {
	const char *id;
	const char *name;
	const char *description;
	const char *state;  /* pending, available, failed, disabled, ... */
	const char *reason; /* why it failed; "" */
	const char *architecture;
	const char *root_device;
	const char *boot_mode;
	const char *tpm;
	const char *imds;
	const char *protection; /* disabled, enabled-with-cooldown, ...; "" */
	int64_t created;        /* seconds since 1970 */
	int64_t deprecated;     /* 0: never */
	bool everybody;
	bool ena;
	struct ec2_device *devices;
	size_t device_count;
	struct ec2_tags tags;
};

/* The snapshot of the root device; "": none. */
const char *ec2_image_snapshot(const struct ec2_image *image);

struct ec2_images {
	struct ec2_image *list; /* newest first; in the arena */
	size_t count;
};

/*
 * This account's own images, all pages. Ids that do not exist (yet) are left out.
 */
must_check int ec2_images(struct aws *aws, const char *region, const struct ec2_find *f,
	struct arena *a, struct ec2_images *ret, struct err *e);

struct ec2_snapshot {
	const char *id;
	const char *state; /* pending, completed, error */
	const char *description;
	const char *kms_key; /* arn; "" */
	uint64_t gib;
	int64_t started; /* seconds since 1970 */
	bool encrypted;
	struct ec2_tags tags;
};

struct ec2_snapshots {
	struct ec2_snapshot *list; /* newest first; in the arena */
	size_t count;
};

/* The same of snapshots. */
must_check int ec2_snapshots(struct aws *aws, const char *region, const struct ec2_find *f,
	struct arena *a, struct ec2_snapshots *ret, struct err *e);

/* ---- changing ---- */

struct ec2_register {
	const char *name;
	const char *description;  /* NULL */
	const char *architecture; /* x86_64, arm64 */
	const char *snapshot;
	uint64_t gib; /* of the root volume; 0: the snapshot's */
	const struct ec2_tag *tags;
	size_t tag_count;
};

#define EC2_ROOT_DEVICE "/dev/xvda"

/*
 * RegisterImage: UEFI, TPM 2.0, metadata by IMDSv2 alone, ENA, HVM, a gp3 root volume that goes
 * with its instance. A refusal is in *reply (aws_try), and a dry run that would succeed is
 * "DryRunOperation". There is no client token: whether a request without an answer was carried out
 * shows by InvalidAMIName.Duplicate alone. *ret_image is "" unless registered.
 */
must_check int ec2_register(struct aws *aws, const char *region, const struct ec2_register *r,
	bool dry_run, struct arena *a, const char **ret_image, struct aws_reply *reply,
	struct err *e);

/*
 * Wait until the image is available, at most `seconds`. ERR_REMOTE: it failed, is gone, or is
 * still pending (then `again`).
 */
must_check int ec2_image_wait(struct aws *aws, const char *region, const char *image,
	unsigned seconds, struct arena *a, struct ec2_image *ret, struct err *e);

/* Add tags, or give them other values. What was just made may not be known yet: waited for. */
must_check int ec2_tag_set(struct aws *aws, const char *region, const char *resource,
	const struct ec2_tag *tags, size_t count, bool dry_run, struct err *e);

/* Whether new volumes and snapshots of this account are encrypted whatever is asked for. */
must_check int ec2_encrypts(struct aws *aws, const char *region, bool *ret, struct err *e);

#endif
