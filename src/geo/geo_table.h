/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The compiled table: database, operators' networks, special-purpose ranges
 * and region map in one immutable structure.  A look-up takes no lock, no
 * allocation and no library call.
 */
#ifndef GEO_GEO_TABLE_H
#define GEO_GEO_TABLE_H

#include "geo/mmdb.h"
#include "geo/region_map.h"

struct geo_table;

struct geo_hit {
	struct place	 place;
	enum region_match match;
	const struct region_list *list;	/* never NULL; lives in the map */
	const struct region_network *network;	/* the override, or NULL */
};

/*
 * map must outlive the table; db may be freed afterwards, and may be NULL (a
 * service without a database: networks, special ranges and default only).
 * Memory comes from malloc, geo_table_free() gives it back.  Never fails on a
 * verified database.  Any thread.
 */
struct geo_table *geo_table_build(const struct mmdb *db,
    const struct region_map *map);
void geo_table_free(struct geo_table **table);

/*
 * Total: any address, ADDR_NONE included (class unknown), finds a list.
 * IPv4-mapped and NAT64 addresses are taken as the IPv4 address in them; then
 * networks, then special-purpose ranges, then the database.
 */
struct geo_hit geo_table_find(const struct geo_table *table,
    const struct addr *client);

/* This address will soon be looked for: a hint, since hardly any of the table
 * is in the processor's caches when a request comes. */
void geo_table_expect(const struct geo_table *table,
    const struct addr *client);

size_t geo_table_bytes(const struct geo_table *table);

/* Build time of the database, seconds since 1970; 0 without one. */
uint64_t geo_table_epoch(const struct geo_table *table);

/*
 * What part of the address space two tables send elsewhere, by the first
 * region of each answer.  Regions are compared by id, so the maps may differ.
 */
struct geo_moved {
	double		 located;	/* in either table */
	double		 changed;	/* of that */
};

struct geo_diff {
	struct geo_moved ip4;		/* addresses */
	struct geo_moved ip6;		/* /48s of allocated space */
};

static inline double
geo_moved_share(const struct geo_moved *moved)
{
	return moved->located > 0 ? moved->changed / moved->located : 0;
}

void geo_table_diff(const struct geo_table *a, const struct geo_table *b,
    struct geo_diff *diff);

#endif
