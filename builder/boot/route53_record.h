/*
 * Record sets in and out of Route 53's XML, and the rules that a zone keeps.
 */
#ifndef IMGBUILD_BOOT_ROUTE53_RECORD_H
#define IMGBUILD_BOOT_ROUTE53_RECORD_H

#include "aws/xml.h"
#include "boot/route53.h"

#define ROUTE53_SPACE "https://route53.amazonaws.com/doc/2013-04-01/"

enum change_action { CHANGE_CREATE, CHANGE_UPSERT, CHANGE_DELETE };

struct change {
	enum change_action action;
	struct record record;
};

/* Refuse, with what a service would say. Returns 1. */
int refusal_set(struct aws_refusal *r, unsigned status, const char *code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* A name as Route 53 stores it. NULL: ERR_MACHINE. */
must_check const char *record_name(struct arena *a, const char *text, struct err *e);

/* Read a <Change>. 1: refused; -1: ERR_MACHINE. */
must_check int change_read(const struct xml_node *n, struct arena *a, struct change *ret,
	struct aws_refusal *refusal, struct err *e);

/* Make a change in a zone. 1: refused, the zone is as it was; -1: ERR_MACHINE. */
must_check int change_make(
	struct zone *z, const struct change *c, struct aws_refusal *refusal, struct err *e);

/* Order of a zone's listing: by the labels from the last to the first, type, set identifier. */
int record_order(const struct record *a, const struct record *b);

must_check int record_set_write(const struct record *r, struct buf *out, struct err *e);

#endif
