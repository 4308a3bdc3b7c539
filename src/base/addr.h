/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An IP address or network as a value: no allocation, no sockets.
 */
#ifndef BASE_ADDR_H
#define BASE_ADDR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum addr_family {
	ADDR_NONE = 0,			/* unknown, or a peer without IP (AF_UNIX) */
	ADDR_IP4 = 4,
	ADDR_IP6 = 6,
};

struct addr {
	uint8_t		 family;	/* enum addr_family */
	uint8_t		 bytes[16];	/* network order; IPv4 uses the first four */
};

struct cidr {
	struct addr	 base;		/* bits beyond the prefix are zero */
	uint8_t		 bits;		/* 0..32 or 0..128, by family */
};

enum { ADDR_TEXT_MAX = 46 };		/* longest text with its NUL */

/*
 * Exactly one address in text: dotted IPv4 without leading zeros, or IPv6
 * (RFC 4291) without brackets and zone.  False leaves *addr unchanged.
 */
bool addr_parse(struct addr *addr, struct slice text);

/*
 * "ip", "ip:port", "[v6]" or "[v6]:port", as X-Forwarded-For carries them.
 * *port is 0 where none is given; port may be NULL.  False leaves both
 * unchanged.
 */
bool addr_parse_port(struct addr *addr, uint16_t *port, struct slice text);

/* RFC 5952 text into at least ADDR_TEXT_MAX bytes; "-" for ADDR_NONE. */
const char *addr_text(const struct addr *addr, char *text);

/* The same without a NUL; returns where it ends. */
char *addr_put(char *to, const struct addr *addr);

/*
 * IPv4-mapped (::ffff:0:0/96) and NAT64 (64:ff9b::/96, RFC 6052) addresses
 * become the IPv4 address in them; everything else stays as it is.
 */
struct addr addr_canonical_ip6(const struct addr *addr);

static inline struct addr
addr_canonical(const struct addr *addr)
{
	return addr->family == ADDR_IP6 ? addr_canonical_ip6(addr) : *addr;
}

bool addr_eq(const struct addr *a, const struct addr *b);

static inline uint32_t
addr_ip4(const struct addr *a)
{
	return (uint32_t)a->bytes[0] << 24 | (uint32_t)a->bytes[1] << 16 |
	    (uint32_t)a->bytes[2] << 8 | a->bytes[3];
}

struct addr addr_from_ip4(uint32_t host_order);

enum cidr_verdict {
	CIDR_OK,
	CIDR_BAD,			/* not address/bits, or bits too large */
	CIDR_HOST_BITS,			/* *cidr is the network they would belong to */
};

/* "address/bits"; an address alone is a network of one. */
enum cidr_verdict cidr_parse(struct cidr *cidr, struct slice text);

bool cidr_contains(const struct cidr *net, const struct addr *addr);

#endif
