/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The set of everything restricted, from inside: tenants by name, flows by
 * tenant and name.  A flow's shard is the front of its tag, so all flows with
 * one tag stand in one shard, whoever asks and however.
 */
#ifndef POLICY_RESTRICTIONS_PRIVATE_H
#define POLICY_RESTRICTIONS_PRIVATE_H

#include "policy/guid.h"
#include "policy/restriction_shard.h"

enum {
	TENANT_SHARDS = 128,
	/* Of 24 bits of tag.  Fewer: a list that stays in the second cache; more:
	 * a change copies less. */
	FLOW_SHARDS = 1024, FLOW_SHARD_SHIFT = 14,
};

struct restrictions {
	atomic_int	 holders;	/* of one on the heap */
	uint64_t	 revision;
	uint8_t		 tag_key[16];
	size_t		 ntenants, nflows;	/* those with records */
	size_t		 bytes;		/* of all shards */
	struct restriction_table *table;
	struct restriction_sum all_tenants, all_flows;	/* together */
	struct restriction_hit all;	/* into them */
	struct restriction_hit *hits;	/* for restrictions_next(); NULL: of the
					   shards, in their order */
	size_t		 nhits;
	struct shard_ref tenants[TENANT_SHARDS];
	struct shard_ref flows[FLOW_SHARDS];
};

/* One more that a request may be about: *sum is its id, or that there are
 * several.  id NULL: it has none, and counts for nothing. */
void restrictions_add_id(const char **sum, const char *id);

/* Of the keys of both. */
uint64_t restrictions_flow_hash(const uint8_t tag_key[16],
    struct slice tenant, struct slice flow);

static inline size_t
flow_shard(uint32_t tag)
{
	return tag >> FLOW_SHARD_SHIFT;
}

static inline size_t
tenant_shard(uint64_t hash)
{
	return (size_t)hash % TENANT_SHARDS;
}

/* NULL if it is not there. */
const struct record *restrictions_tenant(const struct restrictions *set,
    struct slice key);

/* What binds every flow of a tenant, and nothing of a single flow. */
struct restriction_hit restrictions_own(const struct record *tenant);
/* All its flows at once. */
struct restriction_hit restrictions_all_of(const struct record *tenant);
struct restriction_hit restrictions_of_flow(const struct restrictions *set,
    const struct record *flow);

/* Finds the flows of a shard that share a tag, and what binds them together.
 * Needs the set's tenants; arena NULL: the heap, as the shard's own. */
void restrictions_share(const struct restrictions *set, struct shard *shard,
    struct arena *arena);

#endif
