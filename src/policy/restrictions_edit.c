/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A set from the set before and some changes: shards that no change touches
 * are shared, the others made anew.
 *
 * What costs more is asked only where it must be.  The intersection of all
 * flows of a tenant grows with a new flow by a look at that flow; only where
 * a flow has changed or is gone all flows are looked through once.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/must.h"
#include "policy/restrictions_private.h"

struct change {
	struct id_key	 tenant, flow;	/* flow.len 0: of the tenant itself */
	uint64_t	 hash;
	const char	*text;
	struct restriction_sum now;	/* no pair: not restricted */
	struct change	*next;		/* of the same shard */
};

/* A tenant that changes. */
struct draft {
	struct id_key	 key;
	uint64_t	 hash;
	const char	*text;
	struct restriction_sum own, any;
	uint32_t	 count;		/* restricted flows */
	bool		 recount;	/* any has to be made from all flows */
	bool		 own_changed;
	struct draft	*next;		/* of the same shard, of all */
	struct draft	*next_of_all;
};

struct restrictions_edit {
	struct arena	*scratch;
	struct arena	*arena;		/* of the new set; NULL: the heap */
	const struct restrictions *base;	/* or NULL */
	struct restrictions *eaten;	/* base, if nobody else has it */
	struct restrictions *set;	/* in the making */
	struct map	*changes, *drafts;	/* by key */
	struct draft	*all_drafts;
	struct change	*flows[FLOW_SHARDS];
	struct draft	*tenants[TENANT_SHARDS];
	bool		 fresh[FLOW_SHARDS];	/* shared tags are to be found */
};

/* --- taking changes ---------------------------------------------------------------- */

struct restrictions_edit *
restrictions_edit(const struct restrictions *base, struct arena *arena,
    const uint8_t tag_key[16])
{
	struct arena *scratch = arena_new(0);
	struct restrictions_edit *e = arena_alloc(scratch, sizeof(*e));

	e->scratch = scratch;
	e->arena = arena;
	e->base = base;
	e->set = arena != NULL ? arena_alloc(arena, sizeof(*e->set)) :
	    xcalloc(1, sizeof(*e->set));
	atomic_init(&e->set->holders, 1);
	memcpy(e->set->tag_key, tag_key, sizeof(e->set->tag_key));
	must(base == NULL || (arena == NULL &&
	    memcmp(base->tag_key, tag_key, 16) == 0));
	e->set->table = base == NULL ? restriction_table_new(arena) :
	    restriction_table_hold(base->table);
	e->changes = map_new();
	e->drafts = map_new();
	return e;
}

struct restrictions_edit *
restrictions_edit_only(struct restrictions **base, const uint8_t tag_key[16])
{
	struct restrictions_edit *e = restrictions_edit(*base, NULL, tag_key);

	e->eaten = *base;
	*base = NULL;
	must(e->eaten == NULL || atomic_load(&e->eaten->holders) == 1);
	return e;
}

static void
copy_sum(struct restriction_sum *to, struct restriction_pair pair)
{
	memset(to, 0, sizeof(*to));
	restriction_sum_add(to, pair);
}

/* The tenant as it stands, to be changed. */
static struct draft *
draft_of(struct restrictions_edit *e, const struct id_key *key,
    const char *text)
{
	struct draft *d = map_get(e->drafts, id_key_slice(key));
	const struct record *r;

	if (d != NULL)
		return d;
	d = arena_alloc(e->scratch, sizeof(*d));
	d->key = *key;
	d->hash = hash_slice(id_key_slice(key));
	r = e->base == NULL ? NULL :
	    restrictions_tenant(e->base, id_key_slice(key));
	d->text = r != NULL ? record_text(r) : arena_strdup(e->scratch, text);
	if (r != NULL) {
		copy_sum(&d->own, record_pair(r, 0));
		copy_sum(&d->any, record_pair(r, 1));
		d->count = r->count;
	}
	d->next = e->tenants[tenant_shard(d->hash)];
	e->tenants[tenant_shard(d->hash)] = d;
	d->next_of_all = e->all_drafts;
	e->all_drafts = d;
	map_put(e->drafts, id_key_slice(&d->key), d);
	return d;
}

/* One that is made, if it was not changed before. */
static struct change *
change_of(struct restrictions_edit *e, const struct id_key *tenant,
    const struct id_key *flow, const char *text)
{
	uint64_t hash = restrictions_flow_hash(e->set->tag_key,
	    id_key_slice(tenant), id_key_slice(flow));
	char both[2 * (ID_KEY_TEXT + 1)];
	struct slice key = { both, (size_t)tenant->len + flow->len };
	struct change *c;
	size_t at;

	memcpy(both, tenant->bytes, tenant->len);
	memcpy(both + tenant->len, flow->bytes, flow->len);
	c = map_get(e->changes, key);
	if (c != NULL)
		return c;
	c = arena_alloc(e->scratch, sizeof(*c));
	c->tenant = *tenant;
	c->flow = *flow;
	c->hash = hash;
	c->text = arena_strdup(e->scratch, text);
	at = flow_shard(hash_tag(hash));
	c->next = e->flows[at];
	e->flows[at] = c;
	map_put(e->changes, key, c);
	return c;
}

bool
restrictions_put(struct restrictions_edit *e, const char *tenant,
    const char *flow, struct restriction_pair pair)
{
	struct id_key tenant_key, flow_key;
	struct draft *draft;

	if (!id_key_from(&tenant_key, slice_of(tenant)) ||
	    (flow != NULL && !id_key_from(&flow_key, slice_of(flow))))
		return false;
	draft = draft_of(e, &tenant_key, tenant);
	if (flow == NULL) {
		copy_sum(&draft->own, pair);
		draft->own_changed = true;
	} else {
		copy_sum(&change_of(e, &tenant_key, &flow_key, flow)->now,
		    pair);
	}
	return true;
}

/* --- flows ------------------------------------------------------------------ */

static struct shard_ref
base_flows(const struct restrictions_edit *e, size_t at)
{
	return e->base == NULL ? (struct shard_ref){ NULL, 0 } :
	    e->base->flows[at];
}

static struct shard_ref
base_tenants(const struct restrictions_edit *e, size_t at)
{
	return e->base == NULL ? (struct shard_ref){ NULL, 0 } :
	    e->base->tenants[at];
}

/* What the change means for its tenant. */
static void
count_change(struct restrictions_edit *e, const struct change *c,
    const struct record *before)
{
	struct draft *d = map_get(e->drafts, id_key_slice(&c->tenant));
	bool bound = !pair_is_empty(c->now.pair);

	if (before != NULL)
		d->recount = true;
	else
		restriction_sum_add(&d->any, c->now.pair);
	d->count = d->count - (before != NULL) + bound;
}

/* Marked by a key that no record has. */
static void
overrule(struct shard_item *items, size_t count, const struct record *r)
{
	for (size_t i = 0; i < count; i++)
		if (items[i].name.p == record_name(r).p)
			items[i].name.len = 0;
}

static size_t
without_overruled(struct shard_item *items, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (items[i].name.len > 0)
			items[kept++] = items[i];
	return kept;
}

static struct shard_item
changed_item(const struct change *c)
{
	return (struct shard_item){ .hash = c->hash,
	    .tenant = id_key_slice(&c->tenant),
	    .name = id_key_slice(&c->flow), .text = slice_of(c->text),
	    .pairs = { c->now.pair } };
}

static void
make_flows(struct restrictions_edit *e, size_t at)
{
	struct shard_ref base = base_flows(e, at);
	size_t kept = base.shard == NULL ? 0 : base.shard->count;
	size_t room = kept, count = kept;
	struct shard_item *items;

	for (const struct change *c = e->flows[at]; c != NULL; c = c->next)
		room++;
	items = xcalloc(room, sizeof(*items));
	for (size_t i = 0; i < kept; i++)
		items[i] = shard_item_of(base.shard, i);
	for (const struct change *c = e->flows[at]; c != NULL; c = c->next) {
		const struct record *before = shard_find(base, c->hash,
		    id_key_slice(&c->tenant), id_key_slice(&c->flow));

		if (before != NULL)
			overrule(items, kept, before);
		if (!pair_is_empty(c->now.pair))
			items[count++] = changed_item(c);
		if (before != NULL || !pair_is_empty(c->now.pair))
			count_change(e, c, before);
	}
	count = without_overruled(items, count);
	e->set->flows[at] = shard_ref(shard_make(e->arena, e->set->table,
	    items, count, FLOW_PAIRS));
	e->fresh[at] = true;
	free(items);
	if (e->eaten != NULL) {
		shard_release(e->eaten->flows[at].shard);
		e->eaten->flows[at] = shard_ref(NULL);
	}
}

static void
make_all_flows(struct restrictions_edit *e)
{
	for (size_t at = 0; at < FLOW_SHARDS; at++) {
		if (e->flows[at] != NULL)
			make_flows(e, at);
		else if (e->base != NULL)
			e->set->flows[at] = shard_hold(e->base->flows[at]);
	}
}

/* --- tenants ---------------------------------------------------------------- */

static void
recount(struct restrictions_edit *e)
{
	bool any = false;

	for (struct draft *d = e->all_drafts; d != NULL; d = d->next_of_all)
		if (d->recount) {
			memset(&d->any, 0, sizeof(d->any));
			any = true;
		}
	for (size_t at = 0; any && at < FLOW_SHARDS; at++) {
		const struct shard *s = e->set->flows[at].shard;

		for (size_t i = 0; s != NULL && i < s->count; i++) {
			struct draft *d = map_get(e->drafts,
			    record_tenant(shard_record(s, i)));

			if (d != NULL && d->recount)
				restriction_sum_add(&d->any,
				    record_pair(shard_record(s, i), 0));
		}
	}
}

static struct shard_item
draft_item(const struct draft *d)
{
	return (struct shard_item){ .hash = d->hash, .count = d->count,
	    .name = id_key_slice(&d->key), .text = slice_of(d->text),
	    .pairs = { d->own.pair, d->any.pair } };
}

static void
make_tenants(struct restrictions_edit *e, size_t at)
{
	struct shard_ref base = base_tenants(e, at);
	size_t kept = base.shard == NULL ? 0 : base.shard->count;
	size_t room = kept, count = kept;
	struct shard_item *items;

	for (const struct draft *d = e->tenants[at]; d != NULL; d = d->next)
		room++;
	items = xcalloc(room, sizeof(*items));
	for (size_t i = 0; i < kept; i++)
		items[i] = shard_item_of(base.shard, i);
	for (const struct draft *d = e->tenants[at]; d != NULL; d = d->next) {
		const struct record *before = shard_find(base, d->hash,
		    (struct slice){ NULL, 0 }, id_key_slice(&d->key));

		if (before != NULL)
			overrule(items, kept, before);
		if (d->count > 0 || !pair_is_empty(d->own.pair))
			items[count++] = draft_item(d);
	}
	count = without_overruled(items, count);
	e->set->tenants[at] = shard_ref(shard_make(e->arena, e->set->table,
	    items, count, TENANT_PAIRS));
	free(items);
}

static void
make_all_tenants(struct restrictions_edit *e)
{
	for (size_t at = 0; at < TENANT_SHARDS; at++) {
		if (e->tenants[at] != NULL)
			make_tenants(e, at);
		else if (e->base != NULL)
			e->set->tenants[at] =
			    shard_hold(e->base->tenants[at]);
	}
}

/* --- flows that share a tag ------------------------------------------------ */

/* What it says of tenants that share a tag has changed with one of them. */
static bool
is_out_of_date(const struct restrictions_edit *e, const struct shard *s)
{
	for (uint32_t i = 0; i < s->nshared; i++) {
		size_t at = shard_first(s, s->shared[i].tag);

		for (; at < s->count &&
		    shard_tag(s, at) == s->shared[i].tag; at++) {
			const struct draft *d = map_get(e->drafts,
			    record_tenant(shard_record(s, at)));

			if (d != NULL && d->own_changed)
				return true;
		}
	}
	return false;
}

static void
make_again(struct restrictions_edit *e, size_t at)
{
	struct shard *old = e->set->flows[at].shard;
	struct shard_item *items = xcalloc(old->count, sizeof(*items));

	for (size_t i = 0; i < old->count; i++)
		items[i] = shard_item_of(old, i);
	e->set->flows[at] = shard_ref(shard_make(e->arena, e->set->table,
	    items, old->count, FLOW_PAIRS));
	e->fresh[at] = true;
	shard_release(old);
	free(items);
}

static void
share_tags(struct restrictions_edit *e)
{
	for (size_t at = 0; at < FLOW_SHARDS; at++) {
		struct shard *s = e->set->flows[at].shard;

		if (s == NULL)
			continue;
		if (!e->fresh[at] && is_out_of_date(e, s))
			make_again(e, at);
		if (e->fresh[at])
			restrictions_share(e->set, e->set->flows[at].shard,
			    e->arena);
	}
}

/* --- the whole ------------------------------------------------------------------------ */

static void
add_tenants(struct restrictions *set, const struct shard *s)
{
	for (size_t i = 0; i < s->count; i++) {
		struct restriction_hit hit =
		    restrictions_all_of(shard_record(s, i));

		restriction_sum_add(&set->all_tenants, hit.tenant);
		restriction_sum_add(&set->all_flows, hit.flow);
		restrictions_add_id(&set->all.tenant_id, hit.tenant_id);
		restrictions_add_id(&set->all.flow_id, hit.flow_id);
	}
	set->ntenants += s->count;
	set->bytes += s->bytes;
}

static void
sum_up(struct restrictions *set)
{
	for (size_t at = 0; at < TENANT_SHARDS; at++)
		if (set->tenants[at].shard != NULL)
			add_tenants(set, set->tenants[at].shard);
	for (size_t at = 0; at < FLOW_SHARDS; at++) {
		const struct shard *s = set->flows[at].shard;

		if (s == NULL)
			continue;
		set->nflows += s->count;
		set->bytes += s->bytes;
	}
	set->all.tenant = set->all_tenants.pair;
	set->all.flow = set->all_flows.pair;
}

struct restrictions *
restrictions_edit_end(struct restrictions_edit **edit, uint64_t revision)
{
	struct restrictions_edit *e = *edit;
	struct restrictions *set = e->set;
	struct arena *scratch = e->scratch;

	const struct restrictions *eaten = e->eaten;

	*edit = NULL;
	set->revision = revision;
	make_all_flows(e);
	recount(e);
	make_all_tenants(e);
	share_tags(e);
	sum_up(set);
	restrictions_release(&eaten);
	map_free(&e->changes);
	map_free(&e->drafts);
	arena_free(&scratch);
	return set;
}

void
restrictions_edit_cancel(struct restrictions_edit **edit)
{
	struct restrictions_edit *e = *edit;
	struct arena *scratch = e->scratch;

	const struct restrictions *eaten = e->eaten;

	*edit = NULL;
	restrictions_release(&eaten);
	restriction_table_release(&e->set->table);
	if (e->arena == NULL)
		free(e->set);
	map_free(&e->changes);
	map_free(&e->drafts);
	arena_free(&scratch);
}
