/*
 * What the peer sheets share: text with a sticky error, and the words for keys and identities.
 */
#ifndef IMGBUILD_BUNDLE_PEER_TEXT_H
#define IMGBUILD_BUNDLE_PEER_TEXT_H

#include <stdbool.h>

#include "bundle/peer.h"

/* What stands where the key goes: letters, digits and dashes, refused by nobody's parser. */
#define PEER_KEY "YOUR-KEY-HERE"

/* A text being written; the first error sticks and comes out of sheet_end. */
struct sheet {
	struct buf *out;
	const struct peer_context *context;
	const struct site *site;
	bool failed;
	struct err err;
};

void sheet_put(struct sheet *s, const char *fmt, ...) printf_fn(2);
must_check int sheet_end(const struct sheet *s, struct err *e);

/* One line: where the site's key is kept and how to see it; `prefix` goes in front of each line. */
void sheet_key(struct sheet *s, const char *prefix);

/* "crypto rtx810", or "crypto: proposals of its own". */
const char *sheet_crypto(const struct site *s);

/* Kinds of phase-1 identities. */
enum id_kind { ID_ADDRESS, ID_NAME, ID_USER };
enum id_kind id_kind_of(const char *id);
/* An id without the @ that marks a name. */
const char *id_bare(const char *id);

int peer_write_rtx(
	const struct peer_context *c, const struct site *s, struct buf *out, struct err *e);
int peer_write_swanctl(
	const struct peer_context *c, const struct site *s, struct buf *out, struct err *e);
int peer_write_table(
	const struct peer_context *c, const struct site *s, struct buf *out, struct err *e);

#endif
