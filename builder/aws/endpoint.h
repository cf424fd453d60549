/*
 * Where a service is found, and by what names it goes.
 */
#ifndef IMGBUILD_AWS_ENDPOINT_H
#define IMGBUILD_AWS_ENDPOINT_H

#include <stdbool.h>

#include "aws/client.h"
#include "base/arena.h"
#include "base/err.h"

struct endpoint {
	const char *origin; /* "https://ec2.eu-west-1.amazonaws.com", without a path */
	const char *host;   /* as the Host header has it */
	const char *path;   /* in front of every request's; "" or "/x" */
};

/* As the signature has it: "ec2". */
const char *endpoint_signing_name(enum aws_service service);
/* As configuration has it: "auto_scaling". */
const char *endpoint_service_id(enum aws_service service);
/* Of its Query protocol: "2016-11-15"; NULL: it does not speak that. */
const char *endpoint_version(enum aws_service service);

/* Looks like a region: "eu-west-1". What does not could name another host. */
bool endpoint_is_region(const char *region);

/*
 * The service's own of a region, or the URL that was named instead (`url`; NULL: none). ERR_INPUT:
 * no region; ERR_USAGE: no URL of http or https with nothing but host, port and path. ERR_MACHINE.
 */
must_check int endpoint_of(enum aws_service service, const char *region, const char *url,
	struct arena *a, struct endpoint *ret, struct err *e);

#endif
