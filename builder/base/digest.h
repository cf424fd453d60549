/*
 * SHA-256 (FIPS 180-4), by nettle: as fast as libcrypto where the CPU has SHA instructions, and
 * loaded in a fraction of its time, which counts in a program that runs for milliseconds.
 */
#ifndef IMGBUILD_BASE_DIGEST_H
#define IMGBUILD_BASE_DIGEST_H

#include <stddef.h>

struct sha256 {
	unsigned char bytes[32];
};

struct sha256_hex {
	char text[65]; /* lower case, NUL-terminated */
};

struct sha256 sha256_of(const void *data, size_t len);
struct sha256_hex sha256_text(const struct sha256 *d);

#endif
