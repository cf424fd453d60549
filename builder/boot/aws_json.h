/*
 * SSM and Secrets Manager, which speak JSON (AWS JSON 1.1): the operation in X-Amz-Target, the
 * parameters in the body.
 */
#ifndef IMGBUILD_BOOT_AWS_JSON_H
#define IMGBUILD_BOOT_AWS_JSON_H

#include "boot/aws_local.h"

/* The service that an X-Amz-Target names; -1: none. */
int aws_json_service(const char *target);

/* Answer a signed request. Refused: *ret says so. ERR_MACHINE. */
must_check int aws_json_answer(struct aws_local *aws, enum aws_service service,
	const struct http_request *r, struct http_reply *reply, struct asked_item *item,
	struct aws_refusal *ret, struct err *e);

#endif
