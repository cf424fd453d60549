/*
 * SHA-256 (FIPS 180-4), by OpenSSL's libcrypto.
 */
#ifndef IMGBUILD_BASE_DIGEST_H
#define IMGBUILD_BASE_DIGEST_H

#include <stddef.h>

#include "base/err.h"

struct sha256 {
	unsigned char bytes[32];
};

struct sha256_hex {
	char text[65]; /* lower case, NUL-terminated */
};

/* ERR_MACHINE: libcrypto refused (a build of it without SHA-256). */
must_check int sha256_of(const void *data, size_t len, struct sha256 *ret, struct err *e);
struct sha256_hex sha256_text(const struct sha256 *d);

#endif
