/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A set that is built once, of a file: in the order in which it was added,
 * each tenant and flow once.
 */
#include "base/hash.h"
#include "base/must.h"
#include "policy/index.h"
#include "policy/restrictions_private.h"
#include "policy/state_id.h"

struct tenant {
	struct id_key	 key;
	uint64_t	 hash;
	const char	*id;
	struct flow	*flows;		/* in the order they were added */
	struct flow	**last;
	bool		 has_own;
	struct restriction_pair own;
	struct tenant	*next;
};

struct flow {
	struct id_key	 key;
	uint64_t	 hash;		/* of tenant and flow */
	const char	*id;
	struct restriction_pair pair;
	struct tenant	*tenant;
	struct flow	*next;
};

struct restrictions_builder {
	struct arena	*arena;
	uint8_t		 tag_key[16];
	struct index	 tenants, flows;
	size_t		 ntenants, nflows;
	struct tenant	*first, **last;
};

static bool
key_eq(const struct id_key *a, const struct id_key *b)
{
	return slice_eq(id_key_slice(a), id_key_slice(b));
}

static struct tenant *
tenant_find(const struct index *tenants, const struct id_key *key)
{
	uint64_t hash = hash_slice(id_key_slice(key));
	struct tenant *t;

	for (size_t at = 0; (t = index_next(tenants, hash, &at)) != NULL;)
		if (key_eq(&t->key, key))
			return t;
	return NULL;
}

static uint64_t
flow_hash(const struct tenant *tenant, const struct id_key *key)
{
	return hash_slice(id_key_slice(key)) ^
	    tenant->hash * UINT64_C(0x9e3779b97f4a7c15);
}

static bool
has_flow(const struct index *flows, const struct tenant *tenant,
    const struct id_key *key)
{
	uint64_t hash = flow_hash(tenant, key);
	struct flow *f;

	for (size_t at = 0; (f = index_next(flows, hash, &at)) != NULL;)
		if (f->tenant == tenant && key_eq(&f->key, key))
			return true;
	return false;
}

/* --- adding ------------------------------------------------------------------- */

struct restrictions_builder *
restrictions_begin(struct arena *arena, const uint8_t tag_key[16])
{
	struct restrictions_builder *b = arena_alloc(arena, sizeof(*b));

	b->arena = arena;
	memcpy(b->tag_key, tag_key, sizeof(b->tag_key));
	b->last = &b->first;
	index_init(arena, &b->tenants, 64);
	index_init(arena, &b->flows, 64);
	return b;
}

/* The old slots stay in the arena: no more than the new ones take. */
static void
make_room(struct restrictions_builder *b)
{
	if (b->tenants.left == 0) {
		index_init(b->arena, &b->tenants, b->ntenants * 2);
		for (struct tenant *t = b->first; t != NULL; t = t->next)
			index_put(&b->tenants, t->hash, t);
	}
	if (b->flows.left > 0)
		return;
	index_init(b->arena, &b->flows, b->nflows * 2);
	for (struct tenant *t = b->first; t != NULL; t = t->next)
		for (struct flow *f = t->flows; f != NULL; f = f->next)
			index_put(&b->flows, f->hash, f);
}

static const struct restriction *
keep(struct arena *arena, const struct restriction *r)
{
	struct restriction *copy;

	if (r == NULL)
		return NULL;
	copy = arena_alloc(arena, sizeof(*copy));
	*copy = *r;
	return copy;
}

static struct restriction_pair
keep_pair(struct arena *arena, struct restriction_pair pair)
{
	return (struct restriction_pair){ keep(arena, pair.access),
	    keep(arena, pair.execution) };
}

static struct tenant *
tenant_make(struct restrictions_builder *b, const struct id_key *key,
    const char *id)
{
	struct tenant *t = tenant_find(&b->tenants, key);

	if (t != NULL)
		return t;
	t = arena_alloc(b->arena, sizeof(*t));
	t->key = *key;
	t->hash = hash_slice(id_key_slice(key));
	t->id = arena_strdup(b->arena, id);
	t->last = &t->flows;
	*b->last = t;
	b->last = &t->next;
	b->ntenants++;
	index_put(&b->tenants, t->hash, t);
	return t;
}

static bool
flow_add(struct restrictions_builder *b, struct tenant *tenant,
    const char *id, struct restriction_pair pair)
{
	struct id_key key;
	struct flow *f;

	if (!id_key_from(&key, slice_of(id)) ||
	    has_flow(&b->flows, tenant, &key))
		return false;
	f = arena_alloc(b->arena, sizeof(*f));
	f->key = key;
	f->hash = flow_hash(tenant, &key);
	f->id = arena_strdup(b->arena, id);
	f->pair = keep_pair(b->arena, pair);
	f->tenant = tenant;
	*tenant->last = f;
	tenant->last = &f->next;
	b->nflows++;
	index_put(&b->flows, f->hash, f);
	return true;
}

bool
restrictions_add(struct restrictions_builder *b, const char *tenant,
    const char *flow, struct restriction_pair pair)
{
	struct tenant *t;
	struct id_key key;

	if (!id_key_from(&key, slice_of(tenant)))
		return false;
	make_room(b);
	t = tenant_make(b, &key, tenant);
	if (flow != NULL)
		return flow_add(b, t, flow, pair);
	if (t->has_own)
		return false;
	t->has_own = true;
	t->own = keep_pair(b->arena, pair);
	return true;
}

/* --- the set -------------------------------------------------------------------- */

static struct restrictions *
make_set(const struct restrictions_builder *b, uint64_t revision)
{
	struct restrictions_edit *edit = restrictions_edit(NULL, b->arena,
	    b->tag_key);

	for (const struct tenant *t = b->first; t != NULL; t = t->next) {
		must(restrictions_put(edit, t->id, NULL, t->own));
		for (const struct flow *f = t->flows; f != NULL; f = f->next)
			must(restrictions_put(edit, t->id, f->id, f->pair));
	}
	return restrictions_edit_end(&edit, revision);
}

static void
add_hit(struct restrictions *set, struct restriction_hit hit)
{
	set->hits[set->nhits++] = hit;
}

/* A state's id may mean several flows of a tenant: their intersection, where
 * the first of them stands. */
static void
list_shared_tags(struct restrictions *set, const struct tenant *tenant)
{
	for (const struct flow *f = tenant->flows; f != NULL; f = f->next) {
		uint64_t hash = restrictions_flow_hash(set->tag_key,
		    id_key_slice(&tenant->key), id_key_slice(&f->key));
		const struct shard *s =
		    set->flows[flow_shard(hash_tag(hash))].shard;

		for (uint32_t i = 0; s != NULL && i < s->nshared; i++)
			if (s->shared[i].of != NULL &&
			    slice_eq(record_tenant(s->shared[i].of),
			    id_key_slice(&tenant->key)) &&
			    slice_eq(record_name(s->shared[i].of),
			    id_key_slice(&f->key)))
				add_hit(set, s->shared[i].hit);
	}
}

/* Its own pair, each flow's, and that of a request whose flow is unknown. */
static void
list_tenant(struct restrictions *set, const struct tenant *tenant)
{
	const struct record *r = restrictions_tenant(set,
	    id_key_slice(&tenant->key));

	if (r == NULL)
		return;
	if (!pair_is_empty(record_pair(r, 0)))
		add_hit(set, restrictions_own(r));
	for (const struct flow *f = tenant->flows; f != NULL; f = f->next)
		if (!pair_is_empty(f->pair))
			add_hit(set, restrictions_find(set,
			    slice_of(tenant->id), slice_of(f->id)));
	if (r->count > 1)
		add_hit(set, restrictions_all_of(r));
	list_shared_tags(set, tenant);
}

const struct restrictions *
restrictions_build(struct restrictions_builder *b, uint64_t revision)
{
	struct restrictions *set = make_set(b, revision);
	size_t most = 2 * b->nflows + 2 * b->ntenants + 1;

	set->hits = arena_array(b->arena, most, sizeof(*set->hits));
	for (const struct tenant *t = b->first; t != NULL; t = t->next)
		list_tenant(set, t);
	if (set->nhits > 1)
		add_hit(set, set->all);
	must(set->nhits <= most);
	return set;
}
