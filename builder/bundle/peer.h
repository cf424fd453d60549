/*
 * Peer sheets: for each site what its router is to be set to, from the same record as the hub's
 * end.
 *
 *   peers/SITE.rtx.txt       the tunnel section for a Yamaha RTX (command reference of RTX810
 *                            Rev.11.01), and lines to append by hand
 *   peers/SITE.swanctl.conf  strongSwan, swanctl.conf(5)
 *   peers/SITE.txt           a plain table of the parameters
 *
 * No key is in any of them: a placeholder stands in its place, with the reference where to find it.
 */
#ifndef IMGBUILD_BUNDLE_PEER_H
#define IMGBUILD_BUNDLE_PEER_H

#include "base/buf.h"
#include "recipe/site.h"

/* What all sheets of a recipe share. */
struct peer_context {
	const char *pool_name; /* what the router dials */
	const char *hub_id;    /* "@name", address or "user@host"; never NULL */
	struct cidr vpc;
	unsigned tunnel_mss; /* bytes */
	const struct sites *sites;
};

struct peer_sheet {
	const char *suffix; /* ".rtx.txt" */
	const char *help;   /* one line for the manual */
	/*
	 * Append the sheet to *out. 0: done; 1: this router cannot speak what the site asks for
	 * (then *out says so in a comment); -1: ERR_MACHINE.
	 */
	int (*write)(
		const struct peer_context *c, const struct site *s, struct buf *out, struct err *e);
};

extern const struct peer_sheet PEER_SHEETS[];
extern const size_t PEER_SHEET_COUNT;

#endif
