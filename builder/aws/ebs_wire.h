/*
 * What the EBS direct APIs are sent and what they answer (service model 2019-11-02), apart from the
 * sending: for ebs.c and the tests. Answers that do not hold what they must are ERR_REMOTE.
 */
#ifndef IMGBUILD_AWS_EBS_WIRE_H
#define IMGBUILD_AWS_EBS_WIRE_H

#include "aws/ebs.h"
#include "base/buf.h"

#define EBS_TOKEN_MAX 256 /* characters of a block's or a page's token, before encoding */

/* snap- and hexadecimal digits, at most 64 characters: fit to stand in a path. */
bool ebs_snapshot_id(const char *text);

/* base64 of a SHA-256 digest: 44 characters. */
struct ebs_checksum {
	char text[48];
};
struct ebs_checksum ebs_checksum(const struct sha256 *digest);

/* The digest of such a text; false: it is none. */
bool ebs_digest(const char *checksum, struct sha256 *ret);

/* Append StartSnapshot's body. ERR_MACHINE, ERR_BUG: a parent and encryption. */
must_check int ebs_start_body(const struct ebs_start *s, struct buf *out, struct err *e);
must_check int ebs_start_answer(const char *text, size_t len, const struct ebs_start *s,
	struct arena *a, struct ebs_snapshot *ret, struct err *e);

struct ebs_page {
	size_t cap;       /* of the list it is added to */
	const char *next; /* token of the next page; NULL: that was the last */
};
/* Add a page of blocks to *ret: their indices rise and lie inside the volume. */
must_check int ebs_list_answer(const char *text, size_t len, struct arena *a,
	struct ebs_blocks *ret, struct ebs_page *page, struct err *e);

#endif
