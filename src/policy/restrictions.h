/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Access and execution restrictions: the platform's own JSON,
 *
 *   {"access": {"enabled": true, "countries": ["SZ"], "continents": []},
 *    "execution": {"enabled": true, "continents": ["EU"], "unions": ["EU"]}}
 *
 * on a tenant (there below "flowRestrictions") and on a flow.  A restriction
 * is a whitelist: a country, a continent or a union in its lists permits.
 * Enabled with empty lists it permits nobody.
 *
 * One immutable set holds everything known at a moment; a set is replaced,
 * never changed, so any number of threads may read it without a lock.  Sets
 * come from a source: a file today, the engines' feed when there is one.
 */
#ifndef POLICY_RESTRICTIONS_H
#define POLICY_RESTRICTIONS_H

#include "base/arena.h"
#include "geo/region_map.h"

/* One whitelist.  Disabled ones are not stored: NULL permits everything. */
struct restriction {
	uint64_t	 countries[(COUNTRIES + 64) / 64];	/* bit by number */
	uint8_t		 continents;	/* bit by enum continent */
	uint8_t		 unions;	/* bit by enum union_id */
	bool		 written_out;	/* countries hold those of the continents
					   and unions too: one look is enough */
};

struct restriction_pair {
	const struct restriction *access, *execution;	/* NULL: everybody */
};

/* An unknown or private place is permitted by none. */
bool restriction_permits_place(const struct restriction *r,
    struct place place);

/* By the region's location.  NULL r permits. */
bool restriction_permits_region(const struct restriction *r,
    const struct region *region);

struct region_set restriction_regions(const struct restriction *r,
    const struct region_map *map);

void restriction_add_country(struct restriction *r, uint16_t country);

/* Permits what it did, faster; done to every copy in a set. */
void restriction_write_out(struct restriction *r);

/* *out permits what both permit; out may be one of them. */
void restriction_intersect(struct restriction *out,
    const struct restriction *a, const struct restriction *b);

/*
 * What binds a request: the tenant's own pair and the flow's; both must
 * permit.  Where several flows may be meant (shared tag, unknown flow) the
 * flow's pair is their intersection, so what it permits all of them permit.
 */
struct restriction_hit {
	struct restriction_pair tenant, flow;
	const char	*tenant_id, *flow_id;	/* for logs; NULL where none; live
						   in the set; flow_id "*" for an
						   intersection */
};

struct restrictions;

/* GUIDs compare without case.  Total: unknown names are unrestricted. */
struct restriction_hit restrictions_find(const struct restrictions *set,
    struct slice tenant, struct slice flow);

/*
 * By the 24-bit tag in a state id (policy/state_id.h).  tenant p NULL: whoever
 * has a restricted flow with this tag, and if nobody has, every tenant's own.
 */
struct restriction_hit restrictions_find_tag(const struct restrictions *set,
    struct slice tenant, uint32_t tag);

/* All flows of the tenant at once: the intersection.  tenant p NULL: of all
 * tenants, and all their flows. */
struct restriction_hit restrictions_find_any(const struct restrictions *set,
    struct slice tenant);

/* Whether any flow of the tenant is restricted: then a look inside pays.
 * tenant p NULL: whether anything is restricted at all. */
bool restrictions_has_flows(const struct restrictions *set,
    struct slice tenant);

/* Increases with each set of a source; for logs and explain. */
uint64_t restrictions_revision(const struct restrictions *set);

/* For the residency proof and map diff: every distinct combination of
 * tenant and flow, in a stable order.  False at the end; start at *at = 0. */
bool restrictions_next(const struct restrictions *set, size_t *at,
    struct restriction_hit *hit);

/* Building: add everything, then build; the set lives in arena. */
struct restrictions_builder;

struct restrictions_builder *restrictions_begin(struct arena *arena,
    const uint8_t tag_key[16]);

/* flow NULL: the tenant's own.  Pairs are copied.  False if it was there. */
bool restrictions_add(struct restrictions_builder *b, const char *tenant,
    const char *flow, struct restriction_pair pair);

const struct restrictions *restrictions_build(struct restrictions_builder *b,
    uint64_t revision);

#endif
