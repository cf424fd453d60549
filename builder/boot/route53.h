/*
 * One hosted zone of Route 53, as far as hubs use it: ListResourceRecordSets and
 * ChangeResourceRecordSets of simple and multivalue-answer records (API reference 2013-04-01),
 * under the rules that a wrong pool join would break on AWS: all changes of a batch or none, DELETE
 * repeats every value, no simple record beside multivalue ones, 100 records of one name and type.
 */
#ifndef IMGBUILD_BOOT_ROUTE53_H
#define IMGBUILD_BOOT_ROUTE53_H

#include <stdbool.h>

#include "base/arena.h"
#include "boot/asked.h"
#include "boot/http.h"

#define ROUTE53_REGION      "us-east-1" /* that its requests are signed for */
#define ROUTE53_RECORDS_MAX 100         /* of one name and type */

struct record {
	const char *name; /* lower case, with its last dot */
	const char *type;
	const char *set_id; /* "": a simple record */
	bool multivalue;
	unsigned long ttl;   /* seconds */
	const char **values; /* in the order given */
	size_t value_count;
};

struct zone {
	struct arena *arena;
	const char *id;   /* Z...; without /hostedzone/ */
	const char *name; /* lower case, with its last dot: records are in or below it */
	struct record *list;
	size_t count;
	size_t cap;
};

/* Why a request is refused: static text as `code`. */
struct aws_refusal {
	unsigned status; /* 0: it is not */
	const char *code;
	char text[512];
};

/*
 * Answer a request that was found to be signed. Refused: *ret says so and nothing changed.
 * ERR_MACHINE.
 */
must_check int route53_answer(struct zone *z, const struct http_request *r,
	struct http_reply *reply, struct asked_item *item, struct aws_refusal *ret, struct err *e);

/* Whether a multivalue record of this name and type A stands in the zone. Any case, any last dot.
 */
bool zone_answers(const struct zone *z, const char *name);

#endif
