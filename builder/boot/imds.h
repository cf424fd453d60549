/*
 * The instance metadata service, version 2 (EC2 user guide, "Use IMDSv2"): PUT /latest/api/token
 * with a lifetime gives a token, and every GET has to bring one that still lives.
 */
#ifndef IMGBUILD_BOOT_IMDS_H
#define IMGBUILD_BOOT_IMDS_H

#include <time.h>

#include "boot/asked.h"
#include "boot/http.h"
#include "boot/metadata.h"

#define IMDS_TTL_MAX 21600 /* seconds */

struct imds {
	const struct metadata *tree;
	unsigned char key[32]; /* of this run: what tokens are made with */
	unsigned long long issued;
};

/* A key is drawn. ERR_MACHINE. */
must_check int imds_init(struct imds *s, const struct metadata *tree, struct err *e);

/*
 * Answer a request: 200; 400 without a lifetime of 1 to 21,600 seconds; 401 without a token in
 * force; 403 for a token through a proxy; 404; 405. `item` says what was asked. ERR_MACHINE.
 */
must_check int imds_answer(struct imds *s, const struct http_request *r, time_t now,
	struct http_reply *reply, struct asked_item *item, struct err *e);

#endif
