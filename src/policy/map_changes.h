/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What differs between two region maps.  Regions are compared by their ids.
 */
#ifndef POLICY_MAP_CHANGES_H
#define POLICY_MAP_CHANGES_H

#include "base/arena.h"
#include "base/buf.h"
#include "geo/geo_table.h"
#include "policy/restrictions.h"

enum map_change_kind {
	MAP_PLACE,			/* another first region */
	MAP_PLACE_ORDER,		/* the same first, others behind it */
	MAP_NETWORK,
	MAP_REGION_ADDED, MAP_REGION_REMOVED,
	MAP_REGION_MOVED,		/* stands in another country now */
	MAP_FALLBACK,
};

struct map_change {
	enum map_change_kind kind;
	const char	*key;		/* "FR", "continent:AF", "10.0.0.0/8" */
	const char	*name;		/* "France", or "" */
	const struct region_list *from, *to;	/* NULL: none */
};

/* A restriction under which a place's requests go elsewhere. */
struct map_move {
	char		 place[16];
	const char	*from, *to;	/* a region, or the outcome's name */
};

struct map_flow {
	struct restriction_hit hit;
	struct map_move	*moves;
	size_t		 count;
};

struct map_changes {
	struct arena	*arena;
	const struct region_map *old, *new;
	const struct restrictions *restrictions;
	struct geo_diff	 shares;
	bool		 has_shares;
	struct map_change *list;
	size_t		 count;
	struct map_flow	*flows;
	size_t		 nflows;
};

/* Fills list and flows; the rest is the caller's. */
void map_changes_find(struct map_changes *c);

size_t map_changes_count(const struct map_changes *c,
    enum map_change_kind kind);

/* Whether anything differs at all, shares of the address space included. */
bool map_changes_any(const struct map_changes *c);

/* All of it for a person to read, and as an object of JSON. */
void map_changes_text(struct buf *out, const struct map_changes *c);
void map_changes_json(struct buf *out, const struct map_changes *c);

/* "flow F of tenant T", "tenant T". */
void map_flow_name(struct buf *out, const struct map_flow *flow);

#endif
