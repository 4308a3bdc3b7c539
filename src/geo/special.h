/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Addresses that have no location, whatever a database says of them: the IANA
 * registries of special-purpose addresses (RFC 6890 and successors), multicast
 * and reserved space.  Databases do file some of them under a country.
 */
#ifndef GEO_SPECIAL_H
#define GEO_SPECIAL_H

#include "base/addr.h"
#include "geo/place.h"

struct special_range {
	struct cidr	 net;
	enum place_class class;		/* never PLACE_LOCATED */
	const char	*name;
};

/*
 * The ranges of one family in order of address, outer before inner: the longest
 * match counts.  IPv4-mapped and NAT64 addresses are not among them: they count
 * as the IPv4 address in them (addr_canonical).
 */
const struct special_range *special_ranges(enum addr_family family,
    size_t *count);

/* The range that holds a canonical address, or NULL. */
const struct special_range *special_find(const struct addr *addr);

#endif
