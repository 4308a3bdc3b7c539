/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What binds a flow of which only the tag is known: everything that binds any
 * flow with that tag.
 */
#include "base/must.h"
#include "policy/restrictions_private.h"

/* The records from first on with its tag; of_one: with its tenant, too. */
static size_t
run_of(const struct shard *s, size_t first, bool of_one)
{
	size_t n = 1;

	while (first + n < s->count &&
	    shard_tag(s, first + n) == shard_tag(s, first) &&
	    (!of_one || slice_eq(record_tenant(shard_record(s, first + n)),
	    record_tenant(shard_record(s, first)))))
		n++;
	return n;
}

static void
fill_shared(const struct restrictions *set, const struct shard *s,
    size_t first, size_t count, struct shared_tag *shared)
{
	const char *tenant_id = NULL;

	shared->tag = shard_tag(s, first);
	for (size_t i = first; i < first + count; i++) {
		struct restriction_hit hit = restrictions_of_flow(set,
		    shard_record(s, i));

		restriction_sum_add(&shared->tenant, hit.tenant);
		restriction_sum_add(&shared->flow, hit.flow);
		restrictions_add_id(&tenant_id, hit.tenant_id);
		restrictions_add_id(&shared->hit.flow_id, hit.flow_id);
	}
	shared->hit.tenant = shared->tenant.pair;
	shared->hit.flow = shared->flow.pair;
	if (tenant_id == NULL)
		return;
	must(strlen(tenant_id) < sizeof(shared->tenant_id));
	memcpy(shared->tenant_id, tenant_id, strlen(tenant_id) + 1);
	shared->hit.tenant_id = shared->tenant_id;
}

static size_t
count_shared(const struct shard *s)
{
	size_t count = 0;

	for (size_t i = 0; i < s->count; i += run_of(s, i, false))
		count += run_of(s, i, false) > 1;
	for (size_t i = 0; i < s->count; i += run_of(s, i, true))
		count += run_of(s, i, true) > 1;
	return count;
}

void
restrictions_share(const struct restrictions *set, struct shard *s,
    struct arena *arena)
{
	size_t count = count_shared(s), at = 0, n;
	struct shared_tag *shared;

	if (count == 0)
		return;
	shared = shard_shared(arena, s, count);
	for (size_t i = 0; i < s->count; i += n) {
		n = run_of(s, i, false);
		if (n > 1)
			fill_shared(set, s, i, n, &shared[at++]);
	}
	for (size_t i = 0; i < s->count; i += n) {
		n = run_of(s, i, true);
		if (n <= 1)
			continue;
		shared[at].of = shard_record(s, i);
		fill_shared(set, s, i, n, &shared[at++]);
	}
	must(at == count);
}
