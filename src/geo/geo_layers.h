/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is known of every address, as layers one above the other: the
 * database at the bottom, special-purpose ranges above it, the operators'
 * networks on top (the longest counts).
 */
#ifndef GEO_GEO_LAYERS_H
#define GEO_GEO_LAYERS_H

#include "geo/mmdb.h"
#include "geo/region_map.h"
#include "geo/spans.h"

/* From start on, up to the start of the next call, the place and the network
 * (or NULL) hold. */
typedef void geo_layer_fn(void *arg, enum addr_family family, ip_number start,
    struct place place, const struct region_network *network);

/*
 * Goes once through all of IPv4, then all of IPv6, from 0 to the last
 * address.  The place is the database's, or that of the special range; what
 * a network makes of it is the callee's affair.  db may be NULL.
 */
void geo_layers_sweep(const struct mmdb *db, const struct region_map *map,
    geo_layer_fn *on_span, void *arg);

/* First and last address of a network as numbers. */
ip_number cidr_first(const struct cidr *net);
ip_number cidr_last(const struct cidr *net);

#endif
