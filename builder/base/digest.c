#include "base/digest.h"

void sha256_begin(struct sha256_stream *s)
{
	sha256_init(&s->ctx);
}

void sha256_add(struct sha256_stream *s, const void *data, size_t len)
{
	sha256_update(&s->ctx, len, data);
}

struct sha256 sha256_end(struct sha256_stream *s)
{
	struct sha256 digest;
	sha256_digest(&s->ctx, sizeof(digest.bytes), digest.bytes);
	return digest;
}

struct sha256 sha256_of(const void *data, size_t len)
{
	struct sha256_stream s;
	sha256_begin(&s);
	sha256_add(&s, data, len);
	return sha256_end(&s);
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
