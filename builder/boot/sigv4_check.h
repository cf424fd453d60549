/*
 * Judges the Signature Version 4 of a request, by making it anew (aws/sigv4.h).
 */
#ifndef IMGBUILD_BOOT_SIGV4_CHECK_H
#define IMGBUILD_BOOT_SIGV4_CHECK_H

#include <time.h>

#include "boot/http.h"
#include "boot/instance.h"

enum sigv4_fault {
	SIGV4_OK,
	SIGV4_MISSING,   /* not signed */
	SIGV4_MALFORMED, /* not of the form wanted, or for another service, region or day */
	SIGV4_UNKNOWN,   /* another's key or token */
	SIGV4_CLOCK,     /* more than five minutes off */
	SIGV4_WRONG,     /* not the signature of this request, or too little of it is signed */
};

/* What to tell the client. */
const char *sigv4_fault_text(enum sigv4_fault f);

/* The verdict on a request to a service in a region, into *ret. ERR_MACHINE. */
must_check int sigv4_check(const struct http_request *r, const struct credentials *c,
	const char *service, const char *region, time_t now, enum sigv4_fault *ret, struct err *e);

#endif
