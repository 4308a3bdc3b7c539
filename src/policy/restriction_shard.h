/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A part of a set of restrictions: some of its tenants, or some of its flows.
 * One block of memory that is made once and never changed, so a new set can
 * share with the one before every shard that a change did not touch.
 *
 * A million flows stand in these records, so they are packed: what a record
 * says of lengths is followed by its pairs and then by its names, and equal
 * restrictions of a shard are one.
 */
#ifndef POLICY_RESTRICTION_SHARD_H
#define POLICY_RESTRICTION_SHARD_H

#include <stdatomic.h>

#include "policy/restrictions.h"

enum { FLOW_PAIRS = 1, TENANT_PAIRS = 2 };

struct record {
	uint64_t	 hash;
	uint32_t	 count;		/* of a tenant: its restricted flows */
	uint8_t		 tenant_len, name_len, text_len;
	uint8_t		 npairs;
	struct restriction_pair pairs[];	/* its own; of a tenant, that of all
						   its flows; then the keys of
						   tenant and name, and the text */
};

/* Of a flow; a tenant is its own name. */
static inline struct slice
record_tenant(const struct record *r)
{
	return (struct slice){ (const char *)&r->pairs[r->npairs],
	    r->tenant_len };
}

static inline struct slice
record_name(const struct record *r)
{
	return (struct slice){ record_tenant(r).p + r->tenant_len,
	    r->name_len };
}

/* As it was given, with its NUL. */
static inline const char *
record_text(const struct record *r)
{
	return record_name(r).p + r->name_len;
}

static inline bool
pair_is_empty(struct restriction_pair pair)
{
	return pair.access == NULL && pair.execution == NULL;
}

/* An intersection that holds what it points to. */
struct restriction_sum {
	struct restriction access, execution;
	struct restriction_pair pair;
};

void restriction_sum_add(struct restriction_sum *sum,
    struct restriction_pair pair);

/* Several flows with one tag, of one tenant or of all tenants. */
struct shared_tag {
	uint32_t	 tag;
	const struct record *of;	/* one of the tenant's; NULL: of all */
	struct restriction_sum tenant, flow;
	char		 tenant_id[64];
	struct restriction_hit hit;	/* into the above */
};

struct shard {
	atomic_int	 holders;	/* sets; not of those in an arena */
	bool		 in_arena;
	uint32_t	 count;
	size_t		 bytes;
	uint32_t	*tags;		/* of flows, ascending ... */
	struct record	**records;	/* ... and in the same order */
	uint32_t	*slots;		/* by hash: place in records, and one */
	uint32_t	 mask;
	struct shared_tag *shared;
	uint32_t	 nshared;
	bool		 shared_here;	/* a block of its own */
};

/* What a record is made of; everything is copied. */
struct shard_item {
	uint64_t	 hash;
	uint32_t	 tag, count;
	struct slice	 tenant, name, text;
	struct restriction_pair pairs[TENANT_PAIRS];
};

/* NULL if there is nothing in it.  Sorts the items.  arena NULL: of the heap,
 * with one holder. */
struct shard *shard_make(struct arena *arena, struct shard_item *items,
    size_t count, unsigned npairs);

/* An item that makes the same record again. */
struct shard_item shard_item_of(const struct shard *shard, size_t at);

/* Room for what flows share, once; written by the caller. */
struct shared_tag *shard_shared(struct arena *arena, struct shard *shard,
    size_t count);

struct shard *shard_hold(struct shard *shard);
void shard_release(struct shard *shard);

/* NULL if it is not there; shard may be NULL. */
const struct record *shard_find(const struct shard *shard, uint64_t hash,
    struct slice tenant, struct slice name);

/* The first record that has not a smaller tag. */
size_t shard_first(const struct shard *shard, uint32_t tag);

#endif
