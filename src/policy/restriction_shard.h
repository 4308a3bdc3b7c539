/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A part of a set of restrictions: some of its tenants, or some of its flows.
 * One block of memory that is made once and never changed, so a new set can
 * share with the one before every shard that a change did not touch.
 *
 * A record stands in one of the block's cells of 64 bytes, where its hash says,
 * or in the next free one.  Among a million flows none is in the cache when it
 * is asked for, and each place in memory that has to be looked at costs a
 * request some five hundredths of its time: so it is one line of one page.
 */
#ifndef POLICY_RESTRICTION_SHARD_H
#define POLICY_RESTRICTION_SHARD_H

#include <stdatomic.h>

#include "policy/restriction_table.h"

enum { FLOW_PAIRS = 1, TENANT_PAIRS = 2 };

enum { RECORD_BYTES = 64, RECORD_KEYS = RECORD_BYTES - 12 };

/*
 * Its pairs stand at the end of the cell: its own; of a tenant, that of all of
 * its flows, too.  Before them its keys (tenant and name) if they fit, which
 * GUIDs do; else behind the cells, before its text.
 */
struct record {
	uint32_t	 text_at;	/* bytes from here; 0: a free cell */
	uint32_t	 count;		/* of a tenant: its restricted flows */
	uint8_t		 tenant_len, name_len;
	uint8_t		 npairs;
	bool		 keys_behind;
	char		 rest[RECORD_KEYS];
};

_Static_assert(sizeof(struct record) == RECORD_BYTES, "a cell");

static inline struct restriction_pair
record_pair(const struct record *r, unsigned i)
{
	return ((const struct restriction_pair *)(const void *)(r + 1))[
	    -1 - (int)i];
}

/* As it was given, with its NUL. */
static inline const char *
record_text(const struct record *r)
{
	return (const char *)r + r->text_at;
}

/* Of a flow; a tenant is its own name. */
static inline struct slice
record_tenant(const struct record *r)
{
	return (struct slice){ r->keys_behind ? record_text(r) -
	    r->tenant_len - r->name_len : r->rest, r->tenant_len };
}

static inline struct slice
record_name(const struct record *r)
{
	return (struct slice){ record_tenant(r).p + r->tenant_len,
	    r->name_len };
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
	bool		 shared_here;	/* a block of its own */
	uint32_t	 count, ncells, nshared;
	size_t		 block_bytes, bytes;	/* with what is shared */
	struct shared_tag *shared;
	uint64_t	*hashes;	/* by tag, ascending ... */
	uint32_t	*places;	/* ... and cells in the same order */
	_Alignas(RECORD_BYTES) struct record cells[];	/* then these, texts */
};

/* What a set knows of it, so that to find a record is to look at its cell. */
struct shard_ref {
	struct shard	*shard;		/* NULL: nothing is in it */
	uint32_t	 ncells;
};

static inline struct shard_ref
shard_ref(struct shard *shard)
{
	return (struct shard_ref){ shard, shard == NULL ? 0 : shard->ncells };
}

/* The front of a flow's tag chooses its shard. */
static inline uint32_t
hash_tag(uint64_t hash)
{
	return (uint32_t)hash & 0xffffff;
}

static inline const struct record *
shard_record(const struct shard *s, size_t i)
{
	return &s->cells[s->places[i]];
}

static inline uint32_t
shard_tag(const struct shard *s, size_t i)
{
	return hash_tag(s->hashes[i]);
}

/* What a record is made of; everything is copied. */
struct shard_item {
	uint64_t	 hash;
	uint32_t	 count;
	struct slice	 tenant, name, text;
	struct restriction_pair pairs[TENANT_PAIRS];
};

/* NULL if there is nothing in it.  Sorts the items.  arena NULL: of the heap,
 * with one holder; table lives at least as long. */
struct shard *shard_make(struct arena *arena, struct restriction_table *table,
    struct shard_item *items, size_t count, unsigned npairs);

/* An item that makes the same record again. */
struct shard_item shard_item_of(const struct shard *shard, size_t at);

/* Room for what flows share, once; written by the caller. */
struct shared_tag *shard_shared(struct arena *arena, struct shard *shard,
    size_t count);

struct shard_ref shard_hold(struct shard_ref ref);
void shard_release(struct shard *shard);

/* Where a record with this hash stands, or the search for it begins. */
static inline const struct record *
shard_cell(struct shard_ref ref, uint64_t hash)
{
	return &ref.shard->cells[(hash >> 32) * ref.ncells >> 32];
}

/* NULL if it is not there. */
const struct record *shard_find(struct shard_ref ref, uint64_t hash,
    struct slice tenant, struct slice name);

/* The first record that has not a smaller tag. */
size_t shard_first(const struct shard *shard, uint32_t tag);

#endif
