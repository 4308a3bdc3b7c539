/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/special.h"

/*
 * "Private" is what hosts inside some network use as their own address;
 * the rest is "unknown": nobody's, everybody's, or a tunnel's.
 */
#define IP4(a, b, c, d, bits) \
	{ { ADDR_IP4, { a, b, c, d } }, bits }
#define IP6(a, b, bits) \
	{ { ADDR_IP6, { (a) >> 8, (a) & 0xff, (b) >> 8, (b) & 0xff } }, bits }

static const struct special_range ip4[] = {
	{ IP4(0, 0, 0, 0, 8),		PLACE_UNKNOWN, "this network" },
	{ IP4(10, 0, 0, 0, 8),		PLACE_PRIVATE, "private use" },
	{ IP4(100, 64, 0, 0, 10),	PLACE_PRIVATE, "carrier-grade NAT" },
	{ IP4(127, 0, 0, 0, 8),		PLACE_PRIVATE, "loopback" },
	{ IP4(169, 254, 0, 0, 16),	PLACE_PRIVATE, "link-local" },
	{ IP4(172, 16, 0, 0, 12),	PLACE_PRIVATE, "private use" },
	{ IP4(192, 0, 0, 0, 24),	PLACE_UNKNOWN, "protocol assignments" },
	{ IP4(192, 0, 2, 0, 24),	PLACE_UNKNOWN, "documentation" },
	{ IP4(192, 31, 196, 0, 24),	PLACE_UNKNOWN, "AS112 anycast" },
	{ IP4(192, 52, 193, 0, 24),	PLACE_UNKNOWN, "AMT anycast" },
	{ IP4(192, 88, 99, 0, 24),	PLACE_UNKNOWN, "6to4 relay anycast" },
	{ IP4(192, 168, 0, 0, 16),	PLACE_PRIVATE, "private use" },
	{ IP4(192, 175, 48, 0, 24),	PLACE_UNKNOWN, "AS112 anycast" },
	{ IP4(198, 18, 0, 0, 15),	PLACE_UNKNOWN, "benchmarking" },
	{ IP4(198, 51, 100, 0, 24),	PLACE_UNKNOWN, "documentation" },
	{ IP4(203, 0, 113, 0, 24),	PLACE_UNKNOWN, "documentation" },
	{ IP4(224, 0, 0, 0, 4),		PLACE_UNKNOWN, "multicast" },
	{ IP4(240, 0, 0, 0, 4),		PLACE_UNKNOWN, "reserved" },
};

/*
 * ::/96 holds the IPv4-compatible addresses (RFC 4291, deprecated), but
 * databases keep their IPv4 tree there.  2001::/23 covers Teredo,
 * benchmarking, ORCHID and DET.
 */
static const struct special_range ip6[] = {
	{ IP6(0, 0, 96),		PLACE_UNKNOWN, "IPv4-compatible" },
	{ { { ADDR_IP6, { 0 } }, 128 },
					PLACE_UNKNOWN, "unspecified" },
	{ { { ADDR_IP6, { [15] = 1 } }, 128 },
					PLACE_PRIVATE, "loopback" },
	{ { { ADDR_IP6, { 0, 0x64, 0xff, 0x9b, 0, 1 } }, 48 },
					PLACE_PRIVATE, "local-use NAT64" },
	{ IP6(0x100, 0, 64),		PLACE_UNKNOWN, "discard-only" },
	{ { { ADDR_IP6, { 1, [7] = 1 } }, 64 },
					PLACE_UNKNOWN, "dummy prefix" },
	{ IP6(0x2001, 0, 23),		PLACE_UNKNOWN, "protocol assignments" },
	{ IP6(0x2001, 0xdb8, 32),	PLACE_UNKNOWN, "documentation" },
	{ IP6(0x2002, 0, 16),		PLACE_UNKNOWN, "6to4" },
	{ { { ADDR_IP6, { 0x26, 0x20, 0, 0x4f, 0x80 } }, 48 },
					PLACE_UNKNOWN, "AS112 anycast" },
	{ IP6(0x3fff, 0, 20),		PLACE_UNKNOWN, "documentation" },
	{ IP6(0x5f00, 0, 16),		PLACE_UNKNOWN, "segment routing" },
	{ IP6(0xfc00, 0, 7),		PLACE_PRIVATE, "unique local" },
	{ IP6(0xfe80, 0, 10),		PLACE_PRIVATE, "link-local" },
	{ IP6(0xfec0, 0, 10),		PLACE_PRIVATE, "site-local" },
	{ IP6(0xff00, 0, 8),		PLACE_UNKNOWN, "multicast" },
};

const struct special_range *
special_ranges(enum addr_family family, size_t *count)
{
	*count = family == ADDR_IP4 ? sizeof(ip4) / sizeof(ip4[0]) :
	    sizeof(ip6) / sizeof(ip6[0]);
	return family == ADDR_IP4 ? ip4 : ip6;
}

/* An inner range stands after the one around it, so the last hit is the
 * longest. */
const struct special_range *
special_find(const struct addr *addr)
{
	const struct special_range *ranges, *hit = NULL;
	size_t count;

	if (addr->family == ADDR_NONE)
		return NULL;
	ranges = special_ranges((enum addr_family)addr->family, &count);
	for (size_t i = 0; i < count; i++)
		if (cidr_contains(&ranges[i].net, addr))
			hit = &ranges[i];
	return hit;
}
