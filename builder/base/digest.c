#include "base/digest.h"

#include <nettle/sha2.h>

struct sha256 sha256_of(const void *data, size_t len)
{
	struct sha256_ctx ctx;
	struct sha256 digest;
	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, sizeof(digest.bytes), digest.bytes);
	return digest;
}

struct sha256_hex sha256_text(const struct sha256 *d)
{
	static const char digits[] = "0123456789abcdef";
	struct sha256_hex hex;
	for (size_t i = 0; i < sizeof(d->bytes); i++) {
		hex.text[2 * i] = digits[d->bytes[i] >> 4];
		hex.text[2 * i + 1] = digits[d->bytes[i] & 15];
	}
	hex.text[64] = '\0';
	return hex;
}
