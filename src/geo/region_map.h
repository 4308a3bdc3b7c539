/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The region map: which regions exist, and which of them, in which order,
 * serve a place.  The longest matching network wins, then the client's
 * country, then its continent, then the default.
 *
 * A map is built once from regions.yaml (conf/regions_file.h) and never
 * changes afterwards, so any number of threads may read it without a lock.
 */
#ifndef GEO_REGION_MAP_H
#define GEO_REGION_MAP_H

#include <stddef.h>

#include "base/addr.h"
#include "base/arena.h"
#include "base/err.h"
#include "geo/country.h"

enum {
	REGIONS_MAX = 16,
	REGION_ID_MAX = 16,		/* with its NUL */
};

/* A set of regions: bit i is region i of the map. */
struct region_set {
	uint16_t	 bits;
};

static inline bool
region_set_has(struct region_set set, unsigned region)
{
	return (set.bits >> region & 1) != 0;
}

static inline void
region_set_add(struct region_set *set, unsigned region)
{
	set->bits = (uint16_t)(set->bits | 1u << region);
}

/* Where a person wrote it. */
struct source_line {
	const char	*file;		/* lives in the map; never NULL */
	unsigned	 line;		/* from 1; 0: built in */
};

struct region_engine {
	const char	*url;		/* http://host:port or unix:/path */
	unsigned	 weight;	/* from 1 */
	bool		 proxy;		/* is told of clients by PROXY headers */
	struct source_line at;
};

enum { REGION_NUMBER_MAX = 63 };	/* six bits of a state's id */

struct region {
	char		 id[REGION_ID_MAX];	/* "GB" */
	uint8_t		 number;	/* in state ids; unique, for good */
	const char	*name;
	const char	*city;
	uint16_t	 country;	/* of its location; never 0 */
	enum continent	 continent;
	double		 lat, lon;	/* degrees */
	const char	*const *hosts;	/* lower case */
	size_t		 nhosts;
	const struct region_engine *engines;
	size_t		 nengines;
	uint8_t		 fallback[REGIONS_MAX];	/* in order, itself not in it */
	uint8_t		 nfallback;
	/* It is lost: its states become theirs, each the first's that lives and
	 * may have it.  None: it is not lost. */
	uint8_t		 successors[REGIONS_MAX];
	uint8_t		 nsuccessors;
	unsigned	 successor_line, successor_column;	/* in the map's file */
	struct source_line at;
};

/* The answer to a place: at least one region, nearest first. */
struct region_list {
	uint8_t		 regions[REGIONS_MAX];
	uint8_t		 count;
	struct source_line at;		/* the rule's */
};

enum region_match {
	REGION_BY_DEFAULT, REGION_BY_CONTINENT, REGION_BY_COUNTRY,
	REGION_BY_NETWORK
};

const char *region_match_name(enum region_match match);	/* "country" ... */

/* An operator's override above the database. */
struct region_network {
	struct cidr	 net;		/* canonical: never IPv4-mapped */
	struct region_list list;	/* count 0: only the place is overridden */
	struct place	 place;		/* country 0: only the regions are */
	const char	*reason, *owner;	/* NULL where not given */
};

struct region_map {
	const char	*file;
	struct region	 regions[REGIONS_MAX];
	uint8_t		 nregions;
	struct region_list by_default;
	struct region_list countries[COUNTRIES + 1];	/* count 0: no rule */
	struct region_list continents[CONTINENTS];	/* count 0: no rule */
	const struct region_network *networks;		/* any order */
	size_t		 nnetworks;
};

/* Index of the region with this id (case counts), or -1. */
int region_find(const struct region_map *map, struct slice id);

/* Index of the region whose states' ids carry this number, or -1.  Numbers
 * stay when regions are added, moved and removed; indices do not. */
int region_numbered(const struct region_map *map, unsigned number);

struct region_hit {
	const struct region_list *list;	/* never NULL; lives in the map */
	enum region_match match;
};

/* Total: any place finds a list.  Networks are the geo table's affair. */
struct region_hit region_map_place(const struct region_map *map,
    struct place place);

/* Kilometres between two regions, along the great circle. */
double region_distance(const struct region *a, const struct region *b);

#endif
