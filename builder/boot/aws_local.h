/*
 * The AWS services that a hub uses, as far as it uses them, answered by this machine for one run:
 * SSM GetParameters, Secrets Manager GetSecretValue, S3 GetObject of the sites object, and a Route
 * 53 zone. As on AWS each request must be signed with the instance's credentials for the service
 * and region, and what is not known is refused in the service's own words.
 */
#ifndef IMGBUILD_BOOT_AWS_LOCAL_H
#define IMGBUILD_BOOT_AWS_LOCAL_H

#include <stdbool.h>
#include <time.h>

#include "boot/asked.h"
#include "boot/http.h"
#include "boot/instance.h"
#include "boot/route53.h"

enum aws_service { AWS_SSM, AWS_SECRETSMANAGER, AWS_S3, AWS_ROUTE53 };

/* A key that a site refers to. */
struct aws_secret {
	enum aws_service service; /* AWS_SSM or AWS_SECRETSMANAGER */
	const char *name;
	char value[28]; /* 24 letters and digits: a router takes it */
};

struct aws_local {
	struct arena *arena;
	const char *region;
	const struct credentials *credentials;
	struct aws_secret *secrets;
	size_t secret_count;
	size_t secret_cap;
	struct zone zone;
	const char *pool;        /* name that hubs put their records under */
	const char *object_path; /* BUCKET/KEY of the sites object; NULL: none */
	const char *object;      /* its JSON */
	size_t object_size;
};

/* Have a key at random under a name, once. ERR_MACHINE. */
must_check int aws_local_secret(
	struct aws_local *aws, enum aws_service service, const char *name, struct err *e);

/* Answer a request to whichever service it is for. `item` says what was asked. ERR_MACHINE. */
must_check int aws_local_answer(struct aws_local *aws, const struct http_request *r, time_t now,
	struct http_reply *reply, struct asked_item *item, struct err *e);

#endif
