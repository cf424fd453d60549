/*
 * IPv4 addresses and networks (RFC 4632). IPv6 is recognised only to be refused by name: the hubs
 * and the routers they serve speak IPv4.
 */
#ifndef IMGBUILD_RECIPE_CIDR_H
#define IMGBUILD_RECIPE_CIDR_H

#include <stdbool.h>
#include <stdint.h>

struct cidr {
	uint32_t addr;   /* host byte order, host bits zero */
	unsigned prefix; /* 0 to 32 */
};

struct cidr_text {
	char text[20]; /* "255.255.255.255/32" */
};

enum cidr_fault {
	CIDR_OK,
	CIDR_SYNTAX,    /* not ADDRESS/PREFIX */
	CIDR_HOST_BITS, /* host bits set: 10.0.0.1/8; *ret is the network around it */
	CIDR_IPV6,      /* an IPv6 address or network */
};

/* Dotted quad without leading zeros. */
enum cidr_fault addr_parse(const char *text, uint32_t *ret);
enum cidr_fault cidr_parse(const char *text, struct cidr *ret);
/* What is wrong and what is allowed, as the tail of a message. */
const char *cidr_fault_text(enum cidr_fault f);

bool cidr_overlaps(struct cidr a, struct cidr b);
bool cidr_contains(struct cidr outer, struct cidr inner);
uint32_t cidr_last(struct cidr c);
struct cidr_text cidr_format(struct cidr c);
struct cidr_text addr_format(uint32_t addr);

/*
 * A host name of at least two labels (RFC 1123), at most 253 characters, no dot at the end, the
 * last label beginning with a letter (as all top-level domains do, RFC 3696): what looks like an
 * address is none.
 */
bool fqdn_valid(const char *text);

#endif
