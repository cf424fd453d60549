/*
 * SHA-256 (FIPS 180-4), by nettle: as fast as libcrypto where the CPU has SHA instructions, and
 * loaded in a fraction of its time, which counts in a program that runs for milliseconds.
 */
#ifndef IMGBUILD_BASE_DIGEST_H
#define IMGBUILD_BASE_DIGEST_H

#include <nettle/sha2.h>
#include <stddef.h>

struct sha256 {
	unsigned char bytes[32];
};

struct sha256_hex {
	char text[65]; /* lower case, NUL-terminated */
};

struct sha256 sha256_of(const void *data, size_t len);
struct sha256_hex sha256_text(const struct sha256 *d);

/* The same piece by piece. */
struct sha256_stream {
	struct sha256_ctx ctx;
};

void sha256_begin(struct sha256_stream *s);
void sha256_add(struct sha256_stream *s, const void *data, size_t len);
struct sha256 sha256_end(struct sha256_stream *s);

#endif
