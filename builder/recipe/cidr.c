#include "recipe/cidr.h"

#include <string.h>

/* Hex digits and at least two colons, with perhaps a dotted tail, a zone or a prefix. */
static bool looks_like_ipv6(const char *text)
{
	size_t colons = 0;
	for (const char *p = text; *p != '\0' && *p != '/' && *p != '%'; p++) {
		if (*p == ':')
			colons++;
		else if (strchr("0123456789abcdefABCDEF.", *p) == NULL)
			return false;
	}
	return colons >= 2;
}

/* One decimal number without leading zeros, at most `max`; *text moves behind it. */
static bool number(const char **text, unsigned max, unsigned *ret)
{
	const char *p = *text;
	unsigned v = 0;
	if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
		return false;
	for (; *p >= '0' && *p <= '9'; p++) {
		v = v * 10 + (unsigned)(*p - '0');
		if (v > max)
			return false;
	}
	*ret = v;
	*text = p;
	return true;
}

/* A dotted quad at *text, which moves behind it. */
static bool quad(const char **text, uint32_t *ret)
{
	const char *p = *text;
	uint32_t addr = 0;
	for (unsigned i = 0; i < 4; i++) {
		unsigned octet;
		if (i > 0 && *p++ != '.')
			return false;
		if (!number(&p, 255, &octet))
			return false;
		addr = addr << 8 | octet;
	}
	*ret = addr;
	*text = p;
	return true;
}

static uint32_t mask_of(unsigned prefix)
{
	return prefix == 0 ? 0 : UINT32_MAX << (32 - prefix);
}

enum cidr_fault addr_parse(const char *text, uint32_t *ret)
{
	const char *p = text;
	uint32_t addr;
	if (!quad(&p, &addr) || *p != '\0')
		return looks_like_ipv6(text) ? CIDR_IPV6 : CIDR_SYNTAX;
	*ret = addr;
	return CIDR_OK;
}

enum cidr_fault cidr_parse(const char *text, struct cidr *ret)
{
	const char *p = text;
	uint32_t addr;
	unsigned prefix;
	if (!quad(&p, &addr) || *p++ != '/' || !number(&p, 32, &prefix) || *p != '\0')
		return looks_like_ipv6(text) ? CIDR_IPV6 : CIDR_SYNTAX;
	*ret = (struct cidr){ .addr = addr & mask_of(prefix), .prefix = prefix };
	return ret->addr == addr ? CIDR_OK : CIDR_HOST_BITS;
}

const char *cidr_fault_text(enum cidr_fault f)
{
	switch (f) {
	case CIDR_OK:
		break;
	case CIDR_SYNTAX:
		return "not an IPv4 network: write ADDRESS/PREFIX, such as 192.168.0.0/24";
	case CIDR_HOST_BITS:
		return "host bits are set: write the network's own address";
	case CIDR_IPV6:
		return "IPv6: hubs and routers speak IPv4 here";
	}
	return "";
}

bool cidr_overlaps(struct cidr a, struct cidr b)
{
	unsigned shorter = a.prefix < b.prefix ? a.prefix : b.prefix;
	return ((a.addr ^ b.addr) & mask_of(shorter)) == 0;
}

bool cidr_contains(struct cidr outer, struct cidr inner)
{
	return outer.prefix <= inner.prefix && cidr_overlaps(outer, inner);
}

uint32_t cidr_last(struct cidr c)
{
	return c.addr | ~mask_of(c.prefix);
}

/* Decimal digits of a number below 256 at `to`; returns the end. Ten thousand sites come here
 * often. */
static char *digits(char *to, unsigned n)
{
	if (n >= 100)
		*to++ = (char)('0' + n / 100);
	if (n >= 10)
		*to++ = (char)('0' + n / 10 % 10);
	*to++ = (char)('0' + n % 10);
	return to;
}

static char *quad_text(char *to, uint32_t addr)
{
	for (unsigned shift = 24;; shift -= 8) {
		to = digits(to, addr >> shift & 255);
		if (shift == 0)
			return to;
		*to++ = '.';
	}
}

struct cidr_text addr_format(uint32_t addr)
{
	struct cidr_text t;
	*quad_text(t.text, addr) = '\0';
	return t;
}

struct cidr_text cidr_format(struct cidr c)
{
	struct cidr_text t;
	char *end = quad_text(t.text, c.addr);
	*end++ = '/';
	*digits(end, c.prefix) = '\0';
	return t;
}

static bool alnum(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool fqdn_valid(const char *text)
{
	size_t labels = 0;
	bool letter;
	const char *p = text;
	if (strlen(text) > 253)
		return false;
	do {
		const char *label = p;
		letter = *p > '9';
		while (alnum(*p) || *p == '-')
			p++;
		if (p == label || p - label > 63 || *label == '-' || p[-1] == '-')
			return false;
		labels++;
	} while (*p++ == '.');
	return p[-1] == '\0' && labels >= 2 && letter;
}
