/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The set of everything restricted: tenants by name, flows by tenant and
 * name, and the same flows by their tags.
 */
#include "policy/restrictions.h"

#include "base/hash.h"
#include "base/must.h"
#include "policy/guid.h"
#include "policy/index.h"
#include "policy/state_id.h"

struct tenant {
	struct id_key	 key;
	uint64_t	 hash;
	const char	*id;
	struct restriction_pair own;
	struct restriction_pair any;	/* of all its flows */
	struct flow	*flows;		/* in the order they were added */
	struct flow	**last;
	size_t		 restricted;	/* flows that anything binds */
	bool		 has_own;
	struct tenant	*next;
};

struct flow {
	struct id_key	 key;
	uint64_t	 hash;		/* of tenant and flow */
	const char	*id;
	uint32_t	 tag;
	struct restriction_pair pair;
	struct tenant	*tenant;
	struct flow	*next;
};

/* All restricted flows with one tag, of one tenant or of all tenants. */
struct tagged {
	uint32_t	 tag;
	const struct tenant *tenant;	/* NULL: of all */
	bool		 listed;	/* in hits, as several flows at once */
	struct restriction_hit hit;
};

struct restrictions {
	uint64_t	 revision;
	struct index	 tenants, flows;
	struct index	 tags;		/* by tenant and tag */
	struct index	 all_tags;	/* by tag alone */
	struct restriction_hit all;	/* every tenant and flow together */
	bool		 any_restricted;
	struct restriction_hit *hits;	/* for restrictions_next() */
	size_t		 nhits;
};

struct restrictions_builder {
	struct arena	*arena;
	uint8_t		 tag_key[16];
	struct index	 tenants, flows;
	size_t		 ntenants, nflows;
	struct tenant	*first, **last;
};

static const char several[] = "*";	/* the id of an intersection */

static bool
is_empty(struct restriction_pair pair)
{
	return pair.access == NULL && pair.execution == NULL;
}

/* --- finding ---------------------------------------------------------------- */

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

static struct flow *
flow_find(const struct index *flows, const struct tenant *tenant,
    const struct id_key *key)
{
	uint64_t hash = flow_hash(tenant, key);
	struct flow *f;

	for (size_t at = 0; (f = index_next(flows, hash, &at)) != NULL;)
		if (f->tenant == tenant && key_eq(&f->key, key))
			return f;
	return NULL;
}

static uint64_t
tag_hash(uint32_t tag, const struct tenant *tenant)
{
	return (tag + UINT64_C(1)) * UINT64_C(0x9e3779b97f4a7c15) ^
	    (tenant == NULL ? 0 : tenant->hash);
}

static struct tagged *
tag_find(const struct index *tags, uint32_t tag, const struct tenant *tenant)
{
	uint64_t hash = tag_hash(tag, tenant);
	struct tagged *t;

	for (size_t at = 0; (t = index_next(tags, hash, &at)) != NULL;)
		if (t->tag == tag && t->tenant == tenant)
			return t;
	return NULL;
}

/* What binds every flow of a tenant, and nothing of a single flow. */
static struct restriction_hit
own_hit(const struct tenant *tenant)
{
	return (struct restriction_hit){
		.tenant = tenant->own,
		.tenant_id = is_empty(tenant->own) ? NULL : tenant->id,
	};
}

static const struct tenant *
tenant_named(const struct restrictions *set, struct slice name)
{
	struct id_key key;

	/* Nothing restricted anywhere: save the time. */
	if (!set->any_restricted || !id_key_from(&key, name))
		return NULL;
	return tenant_find(&set->tenants, &key);
}

struct restriction_hit
restrictions_find(const struct restrictions *set, struct slice tenant,
    struct slice flow)
{
	const struct tenant *t = tenant_named(set, tenant);
	struct restriction_hit hit = { 0 };
	const struct flow *f;
	struct id_key key;

	if (t == NULL)
		return hit;
	hit = own_hit(t);
	if (t->restricted == 0 || !id_key_from(&key, flow))
		return hit;
	f = flow_find(&set->flows, t, &key);
	if (f != NULL && !is_empty(f->pair)) {
		hit.flow = f->pair;
		hit.flow_id = f->id;
	}
	return hit;
}

/* Nothing is known but the tag, and no restricted flow has it: then it may
 * be any other flow of any tenant. */
static struct restriction_hit
some_tenant(const struct restrictions *set)
{
	struct restriction_hit hit = set->all;

	hit.flow = (struct restriction_pair){ NULL, NULL };
	hit.flow_id = NULL;
	return hit;
}

struct restriction_hit
restrictions_find_tag(const struct restrictions *set, struct slice tenant,
    uint32_t tag)
{
	const struct tenant *t = NULL;
	const struct tagged *tagged;

	if (tenant.p == NULL) {
		tagged = tag_find(&set->all_tags, tag, NULL);
		return tagged != NULL ? tagged->hit : some_tenant(set);
	}
	t = tenant_named(set, tenant);
	if (t == NULL)
		return (struct restriction_hit){ .tenant_id = NULL };
	tagged = tag_find(&set->tags, tag, t);
	return tagged != NULL ? tagged->hit : own_hit(t);
}

static struct restriction_hit
any_hit(const struct tenant *tenant)
{
	struct restriction_hit hit = own_hit(tenant);

	hit.flow = tenant->any;
	hit.flow_id = tenant->restricted == 0 ? NULL : several;
	return hit;
}

struct restriction_hit
restrictions_find_any(const struct restrictions *set, struct slice tenant)
{
	const struct tenant *t;

	if (tenant.p == NULL)
		return set->all;
	t = tenant_named(set, tenant);
	return t != NULL ? any_hit(t) :
	    (struct restriction_hit){ .tenant_id = NULL };
}

bool
restrictions_has_flows(const struct restrictions *set, struct slice tenant)
{
	const struct tenant *t;

	if (tenant.p == NULL)
		return set->any_restricted;
	t = tenant_named(set, tenant);
	return t != NULL && t->restricted > 0;
}

uint64_t
restrictions_revision(const struct restrictions *set)
{
	return set->revision;
}

bool
restrictions_next(const struct restrictions *set, size_t *at,
    struct restriction_hit *hit)
{
	if (*at >= set->nhits)
		return false;
	*hit = set->hits[(*at)++];
	return true;
}

/* --- building --------------------------------------------------------------- */

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
	restriction_write_out(copy);
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
	    flow_find(&b->flows, tenant, &key) != NULL)
		return false;
	f = arena_alloc(b->arena, sizeof(*f));
	f->key = key;
	f->hash = flow_hash(tenant, &key);
	f->id = arena_strdup(b->arena, id);
	f->tag = flow_tag(b->tag_key, slice_of(tenant->id), slice_of(id));
	f->pair = keep_pair(b->arena, pair);
	f->tenant = tenant;
	*tenant->last = f;
	tenant->last = &f->next;
	tenant->restricted += !is_empty(pair);
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

static const struct restriction *
both(struct arena *arena, const struct restriction *a,
    const struct restriction *b)
{
	struct restriction *sum;

	if (a == NULL || b == NULL || a == b)
		return a != NULL ? a : b;
	sum = arena_alloc(arena, sizeof(*sum));
	restriction_intersect(sum, a, b);
	return sum;
}

static void
add_pair(struct arena *arena, struct restriction_pair *sum,
    struct restriction_pair pair)
{
	sum->access = both(arena, sum->access, pair.access);
	sum->execution = both(arena, sum->execution, pair.execution);
}

/* One more that a request may be about: its id, or that there are several. */
static void
add_id(const char **sum, const char *id)
{
	if (id != NULL)
		*sum = *sum == NULL || *sum == id ? id : several;
}

static void
add_hit(struct arena *arena, struct restriction_hit *sum,
    struct restriction_hit hit)
{
	add_pair(arena, &sum->tenant, hit.tenant);
	add_pair(arena, &sum->flow, hit.flow);
	add_id(&sum->tenant_id, hit.tenant_id);
	add_id(&sum->flow_id, hit.flow_id);
}

static struct restriction_hit
flow_hit(const struct flow *f)
{
	struct restriction_hit hit = own_hit(f->tenant);

	hit.flow = f->pair;
	hit.flow_id = f->id;
	return hit;
}

static void
add_tag(struct arena *arena, struct index *tags, const struct flow *f,
    const struct tenant *tenant)
{
	struct tagged *t = tag_find(tags, f->tag, tenant);

	if (t == NULL) {
		t = arena_alloc(arena, sizeof(*t));
		t->tag = f->tag;
		t->tenant = tenant;
		index_put(tags, tag_hash(f->tag, tenant), t);
	}
	add_hit(arena, &t->hit, flow_hit(f));
}

static void
add_flows(struct restrictions_builder *b, struct restrictions *set,
    struct tenant *tenant)
{
	for (struct flow *f = tenant->flows; f != NULL; f = f->next) {
		if (is_empty(f->pair))
			continue;
		add_pair(b->arena, &tenant->any, f->pair);
		add_tag(b->arena, &set->tags, f, tenant);
		add_tag(b->arena, &set->all_tags, f, NULL);
		set->hits[set->nhits++] = flow_hit(f);
	}
}

/* Its own pair, each flow's, and that of a request whose flow is unknown. */
static void
add_tenant(struct restrictions_builder *b, struct restrictions *set,
    struct tenant *tenant)
{
	if (!is_empty(tenant->own))
		set->hits[set->nhits++] = own_hit(tenant);
	add_flows(b, set, tenant);
	if (tenant->restricted > 1)
		set->hits[set->nhits++] = any_hit(tenant);
	add_hit(b->arena, &set->all, any_hit(tenant));
}

/* A state's id may mean several flows of a tenant: their intersection. */
static void
list_shared_tags(struct restrictions *set, const struct tenant *tenant)
{
	for (struct flow *f = tenant->flows; f != NULL; f = f->next) {
		struct tagged *t = tag_find(&set->tags, f->tag, tenant);

		if (t == NULL || t->listed || t->hit.flow_id != several)
			continue;
		t->listed = true;
		set->hits[set->nhits++] = t->hit;
	}
}

const struct restrictions *
restrictions_build(struct restrictions_builder *b, uint64_t revision)
{
	struct restrictions *set = arena_alloc(b->arena, sizeof(*set));
	size_t most = 2 * b->nflows + 2 * b->ntenants + 1;

	set->revision = revision;
	set->tenants = b->tenants;
	set->flows = b->flows;
	index_init(b->arena, &set->tags, b->nflows);
	index_init(b->arena, &set->all_tags, b->nflows);
	set->hits = arena_array(b->arena, most, sizeof(*set->hits));
	for (struct tenant *t = b->first; t != NULL; t = t->next) {
		add_tenant(b, set, t);
		list_shared_tags(set, t);
	}
	set->any_restricted = set->nhits > 0;
	if (set->nhits > 1)
		set->hits[set->nhits++] = set->all;
	must(set->nhits <= most);
	return set;
}
