/*
 * A certificate authority for one run, and a server's certificate by it, so that clients are set up
 * with a CA file as on AWS. Made by GnuTLS, which is loaded when this is called.
 */
#ifndef IMGBUILD_BOOT_TLS_H
#define IMGBUILD_BOOT_TLS_H

#include <time.h>

#include "base/buf.h"
#include "base/err.h"

struct tls_identity {
	struct buf ca;          /* PEM: for the client */
	struct buf certificate; /* PEM: the server's */
	struct buf key;         /* PEM: the server's; wiped when freed */
};

/*
 * Make both, P-256, in force from a day before `now` to a week after it. `addresses` are IPv4
 * addresses in text, NULL-terminated, that the server is known by. The CA's key is forgotten at
 * once. ERR_MACHINE.
 */
must_check int tls_make(
	const char *const *addresses, time_t now, struct tls_identity *ret, struct err *e);

void tls_free(struct tls_identity *t);

#endif
