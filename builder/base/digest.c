#include "base/digest.h"

#include <openssl/sha.h>

int sha256_of(const void *data, size_t len, struct sha256 *ret, struct err *e)
{
	if (SHA256(data, len, ret->bytes) == NULL)
		return err_set(e, ERR_MACHINE, 0, "libcrypto has no SHA-256");
	return 0;
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
