/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Finding in the set of everything restricted, and who holds it.
 */
#include "policy/restrictions.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/must.h"
#include "policy/restrictions_private.h"
#include "policy/state_id.h"

/* The id of an intersection. */
static const char several[] = "*";

/* --- hashing ------------------------------------------------------------------ */

/* Its lower bits are what flow_tag() says. */
uint64_t
restrictions_flow_hash(const uint8_t tag_key[16], struct slice tenant,
    struct slice flow)
{
	char both[2 * (ID_KEY_TEXT + 1)];

	must(tenant.len + flow.len <= sizeof(both));
	memcpy(both, tenant.p, tenant.len);
	memcpy(both + tenant.len, flow.p, flow.len);
	return hash_keyed(tag_key, (struct slice){ both,
	    tenant.len + flow.len });
}

/* --- what binds --------------------------------------------------------------- */

void
restrictions_add_id(const char **sum, const char *id)
{
	if (id != NULL)
		*sum = *sum == NULL || strcmp(*sum, id) == 0 ? id : several;
}

const struct record *
restrictions_tenant(const struct restrictions *set, struct slice key)
{
	uint64_t hash = hash_slice(key);

	return shard_find(set->tenants[tenant_shard(hash)], hash,
	    (struct slice){ NULL, 0 }, key);
}

static const struct record *
tenant_named(const struct restrictions *set, struct slice name,
    struct id_key *key)
{
	/* Nothing restricted anywhere: save the time. */
	if (set->ntenants == 0 || !id_key_from(key, name))
		return NULL;
	return restrictions_tenant(set, id_key_slice(key));
}

struct restriction_hit
restrictions_own(const struct record *tenant)
{
	return (struct restriction_hit){
		.tenant = record_pair(tenant, 0),
		.tenant_id = pair_is_empty(record_pair(tenant, 0)) ? NULL :
		    record_text(tenant),
	};
}

struct restriction_hit
restrictions_all_of(const struct record *tenant)
{
	struct restriction_hit hit = restrictions_own(tenant);

	hit.flow = record_pair(tenant, 1);
	hit.flow_id = tenant->count == 0 ? NULL : several;
	return hit;
}

static struct restriction_hit
with_flow(struct restriction_hit hit, const struct record *flow)
{
	hit.flow = record_pair(flow, 0);
	hit.flow_id = record_text(flow);
	return hit;
}

/* Whoever has flows is a tenant with a record. */
struct restriction_hit
restrictions_of_flow(const struct restrictions *set,
    const struct record *flow)
{
	const struct record *tenant = restrictions_tenant(set,
	    record_tenant(flow));

	must(tenant != NULL);
	return with_flow(restrictions_own(tenant), flow);
}

void
restrictions_ask(struct restriction_query *q, const struct restrictions *set,
    struct slice tenant)
{
	q->set = set;
	q->bound = tenant_named(set, tenant, &q->tenant);
	q->flow.len = 0;
}

bool
restrictions_ask_flow(struct restriction_query *q, struct slice flow)
{
	struct shard_ref ref;

	if (!id_key_from(&q->flow, flow))
		return false;
	if (!restrictions_has_flows(q)) {
		q->flow.len = 0;
		return true;
	}
	q->hash = restrictions_flow_hash(q->set->tag_key,
	    id_key_slice(&q->tenant), id_key_slice(&q->flow));
	ref = q->set->flows[flow_shard(hash_tag(q->hash))];
	if (ref.shard != NULL) {
		__builtin_prefetch(shard_cell(ref, q->hash));
		/* A third of them stand in a later cell, most in the next. */
		__builtin_prefetch(shard_cell(ref, q->hash) + 1);
	}
	return true;
}

struct restriction_hit
restrictions_answer(const struct restriction_query *q)
{
	struct restriction_hit hit = { .tenant_id = NULL };
	const struct record *flow;

	if (q->bound == NULL)
		return hit;
	hit = restrictions_own(q->bound);
	if (q->flow.len == 0)
		return hit;
	flow = shard_find(q->set->flows[flow_shard(hash_tag(q->hash))],
	    q->hash, id_key_slice(&q->tenant), id_key_slice(&q->flow));
	return flow == NULL ? hit : with_flow(hit, flow);
}

struct restriction_hit
restrictions_find(const struct restrictions *set, struct slice tenant,
    struct slice flow)
{
	struct restriction_query query;

	restrictions_ask(&query, set, tenant);
	if (flow.p != NULL)
		restrictions_ask_flow(&query, flow);
	return restrictions_answer(&query);
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

/* How many flows have the tag: of the tenant, or with p NULL of all. */
static size_t
count_tagged(const struct shard *shard, uint32_t tag, struct slice tenant,
    const struct record **found)
{
	size_t count = 0;

	*found = NULL;
	if (shard == NULL)
		return 0;
	for (size_t i = shard_first(shard, tag); i < shard->count &&
	    shard_tag(shard, i) == tag; i++) {
		const struct record *r = shard_record(shard, i);

		if (tenant.p != NULL && !slice_eq(record_tenant(r), tenant))
			continue;
		*found = r;
		count++;
	}
	return count;
}

static struct restriction_hit
shared_hit(const struct shard *shard, uint32_t tag, struct slice tenant)
{
	for (uint32_t i = 0; i < shard->nshared; i++) {
		const struct shared_tag *s = &shard->shared[i];

		if (s->tag == tag && (tenant.p == NULL ? s->of == NULL :
		    s->of != NULL && slice_eq(record_tenant(s->of), tenant)))
			return s->hit;
	}
	must(false);
	return (struct restriction_hit){ .tenant_id = NULL };
}

struct restriction_hit
restrictions_find_tag(const struct restrictions *set, struct slice tenant,
    uint32_t tag)
{
	const struct shard *shard = tag > FLOW_TAG_MAX ? NULL :
	    set->flows[flow_shard(tag)].shard;
	struct slice key = { NULL, 0 };
	const struct record *t = NULL, *flow;
	struct id_key tenant_key;
	size_t count;

	if (tenant.p != NULL) {
		t = tenant_named(set, tenant, &tenant_key);
		if (t == NULL)
			return (struct restriction_hit){ .tenant_id = NULL };
		key = id_key_slice(&tenant_key);
	}
	count = count_tagged(shard, tag, key, &flow);
	if (count > 1)
		return shared_hit(shard, tag, key);
	if (count == 1)
		return restrictions_of_flow(set, flow);
	return t != NULL ? restrictions_own(t) : some_tenant(set);
}

struct restriction_hit
restrictions_find_any(const struct restrictions *set, struct slice tenant)
{
	const struct record *t;
	struct id_key key;

	if (tenant.p == NULL)
		return set->all;
	t = tenant_named(set, tenant, &key);
	return t != NULL ? restrictions_all_of(t) :
	    (struct restriction_hit){ .tenant_id = NULL };
}

bool
restrictions_has_flows(const struct restriction_query *q)
{
	return q->bound != NULL && q->bound->count > 0;
}

bool
restrictions_has_any(const struct restrictions *set)
{
	return set->ntenants > 0;
}

/* --- all of it ------------------------------------------------------------------ */

uint64_t
restrictions_revision(const struct restrictions *set)
{
	return set->revision;
}

size_t
restrictions_count(const struct restrictions *set)
{
	return set->ntenants + set->nflows;
}

size_t
restrictions_bytes(const struct restrictions *set)
{
	return sizeof(*set) + set->bytes +
	    restriction_table_bytes(set->table);
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

/* at: the shard and the place in it. */
bool
restrictions_next_entry(const struct restrictions *set, uint64_t *at,
    struct restriction_entry *entry)
{
	uint64_t shard = *at >> 32, place = *at & UINT32_MAX;

	for (; shard < TENANT_SHARDS + FLOW_SHARDS; shard++, place = 0) {
		const struct shard *s = shard < TENANT_SHARDS ?
		    set->tenants[shard].shard :
		    set->flows[shard - TENANT_SHARDS].shard;
		const struct record *r;

		if (s == NULL || place >= s->count)
			continue;
		r = shard_record(s, place);
		*at = shard << 32 | (place + 1);
		*entry = (struct restriction_entry){ .pair = record_pair(r, 0),
		    .tenant = record_text(r) };
		if (shard >= TENANT_SHARDS) {
			entry->flow = record_text(r);
			entry->tenant = record_text(restrictions_tenant(set,
			    record_tenant(r)));
		}
		return true;
	}
	*at = shard << 32;
	return false;
}

/* --- holders ------------------------------------------------------------------ */

const struct restrictions *
restrictions_hold(const struct restrictions *set)
{
	struct restrictions *s = (struct restrictions *)(uintptr_t)set;

	atomic_fetch_add(&s->holders, 1);
	return set;
}

void
restrictions_release(const struct restrictions **set_p)
{
	struct restrictions *set = (struct restrictions *)(uintptr_t)*set_p;

	*set_p = NULL;
	if (set == NULL || atomic_fetch_sub(&set->holders, 1) > 1)
		return;
	for (size_t at = 0; at < TENANT_SHARDS; at++)
		shard_release(set->tenants[at].shard);
	for (size_t at = 0; at < FLOW_SHARDS; at++)
		shard_release(set->flows[at].shard);
	restriction_table_release(&set->table);
	free(set);
}
