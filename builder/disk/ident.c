#include "disk/ident.h"

#include <string.h>

#include <nettle/sha2.h>

static struct sha256 derive(const struct ident *id, const char *purpose)
{
	struct sha256_ctx ctx;
	struct sha256 digest;
	sha256_init(&ctx);
	sha256_update(&ctx, sizeof("imgbuild"), (const uint8_t *)"imgbuild");
	sha256_update(&ctx, strlen(purpose) + 1, (const uint8_t *)purpose);
	sha256_update(&ctx, strlen(id->recipe) + 1, (const uint8_t *)id->recipe);
	sha256_update(&ctx, strlen(id->base.text), (const uint8_t *)id->base.text);
	sha256_digest(&ctx, sizeof(digest.bytes), digest.bytes);
	return digest;
}

struct uuid ident_uuid(const struct ident *id, const char *purpose)
{
	struct sha256 digest = derive(id, purpose);
	struct uuid u;
	memcpy(u.bytes, digest.bytes, sizeof(u.bytes));
	u.bytes[6] = (unsigned char)((u.bytes[6] & 0x0f) | 0x80);
	u.bytes[8] = (unsigned char)((u.bytes[8] & 0x3f) | 0x80);
	return u;
}

struct uuid_text uuid_text(const struct uuid *u)
{
	static const char digits[] = "0123456789abcdef";
	struct uuid_text t;
	char *p = t.text;
	for (size_t i = 0; i < sizeof(u->bytes); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[u->bytes[i] >> 4];
		*p++ = digits[u->bytes[i] & 15];
	}
	*p = '\0';
	return t;
}

struct uuid_text ident_uuid_text(const struct ident *id, const char *purpose)
{
	struct uuid u = ident_uuid(id, purpose);
	return uuid_text(&u);
}

uint32_t ident_serial(const struct ident *id, const char *purpose)
{
	struct sha256 d = derive(id, purpose);
	uint32_t serial = (uint32_t)d.bytes[0] << 24 | (uint32_t)d.bytes[1] << 16 |
			  (uint32_t)d.bytes[2] << 8 | d.bytes[3];
	return serial != 0 ? serial : 1;
}
