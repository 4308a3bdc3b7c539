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
 * come from a source: a file, or the engines' feed.
 */
#ifndef POLICY_RESTRICTIONS_H
#define POLICY_RESTRICTIONS_H

#include "base/arena.h"
#include "geo/region_map.h"
#include "policy/guid.h"

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

/* Written out, and with no byte between its members that could differ: those
 * which permit the same are equal. */
void restriction_copy(struct restriction *to, const struct restriction *from);

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
 * The same in steps, as one learns of tenant and flow.  The second has what
 * the last looks at fetched from memory: among a million flows that takes as
 * long as a thirtieth of a request, in which the caller can do something else.
 */
struct restriction_query {
	const struct restrictions *set;	/* NULL: nothing was asked */
	const struct record *bound;	/* the tenant; NULL: nothing binds it */
	struct id_key	 tenant, flow;	/* flow.len 0: none of its flows is */
	uint64_t	 hash;
};

void restrictions_ask(struct restriction_query *query,
    const struct restrictions *set, struct slice tenant);
/* False if it is no name: then it counts as that of no restricted flow. */
bool restrictions_ask_flow(struct restriction_query *query,
    struct slice flow);
struct restriction_hit restrictions_answer(
    const struct restriction_query *query);

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

/* Whether any flow of the tenant that was asked for is restricted: then a
 * look inside pays. */
bool restrictions_has_flows(const struct restriction_query *query);

/* Whether anything is restricted at all. */
bool restrictions_has_any(const struct restrictions *set);

/* Increases with each set of a source; for logs and explain. */
uint64_t restrictions_revision(const struct restrictions *set);

/* Tenants and flows that anything binds, and what that costs. */
size_t restrictions_count(const struct restrictions *set);
size_t restrictions_bytes(const struct restrictions *set);

/* For the residency proof and map diff: every distinct combination of
 * tenant and flow, in the order it was built in.  False at the end; start at
 * *at = 0.  Nothing of a set that was edited. */
bool restrictions_next(const struct restrictions *set, size_t *at,
    struct restriction_hit *hit);

/* Each tenant that is restricted itself, or has flows that are, and then each
 * of those flows, for a copy of the set.  False at the end; start at *at = 0. */
struct restriction_entry {
	const char	*tenant, *flow;	/* flow NULL: the tenant's own */
	struct restriction_pair pair;
};

bool restrictions_next_entry(const struct restrictions *set, uint64_t *at,
    struct restriction_entry *entry);

/*
 * A new set from base (NULL: from nothing) and changes.  What did not change
 * is shared with base, which must live until the end of the edit alone.
 * tag_key must be base's.  arena NULL: a set by itself, with one holder; any
 * thread may hold and release it.  A set in an arena is never released and
 * no base.
 */
struct restrictions_edit;

struct restrictions_edit *restrictions_edit(const struct restrictions *base,
    struct arena *arena, const uint8_t tag_key[16]);

/* The same from a base that nobody else holds, which is given up: its parts
 * go as those of the new set come. */
struct restrictions_edit *restrictions_edit_only(struct restrictions **base,
    const uint8_t tag_key[16]);

/* flow NULL: the tenant's own.  Neither of pair: not restricted any more.  The
 * last word on a tenant or flow counts.  False if a name cannot be one. */
bool restrictions_put(struct restrictions_edit *edit, const char *tenant,
    const char *flow, struct restriction_pair pair);

struct restrictions *restrictions_edit_end(struct restrictions_edit **edit,
    uint64_t revision);
void restrictions_edit_cancel(struct restrictions_edit **edit);

const struct restrictions *restrictions_hold(const struct restrictions *set);
void restrictions_release(const struct restrictions **set);

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
