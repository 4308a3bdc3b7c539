/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/decide.h"

#include "base/must.h"

/* What the steps share; lives on the stack of decide(). */
struct deciding {
	const struct policy *policy;
	const struct facts *facts;
	const struct geo_hit *hit;	/* NULL: to be found */
	const struct restriction_hit *binding;	/* NULL: to be found */
	struct region_set up;
	struct region_set permitted;	/* by the restrictions alone */
	struct region_set listed;	/* candidates so far */
	struct decision	*d;
	uint8_t		 host_region;	/* of a regional host */
	bool		 map_made;	/* the candidates are the map's answer */
};

static bool decide_place(struct deciding *);
static bool decide_host(struct deciding *);
static bool decide_path(struct deciding *);
static bool decide_restrictions(struct deciding *);
static bool decide_access(struct deciding *);
static bool decide_candidates(struct deciding *);
static bool decide_execution(struct deciding *);
static bool decide_health(struct deciding *);

/*
 * A step lets the next one run, or has set the outcome and returns false.
 * The place comes first because it depends on nobody and every log line wants
 * it, whatever the outcome.
 */
static bool (*const steps[])(struct deciding *) = {
	decide_place,			/* client address -> country, map's answer */
	decide_host,			/* served at all? in one region? */
	decide_path,			/* runtime or central */
	decide_restrictions,		/* tenant and flow -> what binds */
	decide_access,			/* may this place use the flow? */
	decide_candidates,		/* regions in the order of preference */
	decide_execution,		/* those that may process it */
	decide_health,			/* the first that can */
};

void
decide_known(const struct policy *policy, struct region_set up,
    const struct facts *facts, const struct geo_hit *hit,
    const struct restriction_hit *restrictions, struct decision *decision)
{
	struct deciding deciding = {
		.policy = policy, .facts = facts, .up = up, .d = decision,
		.hit = hit, .binding = restrictions,
	};

	memset(decision, 0, sizeof(*decision));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (!steps[i](&deciding))
			return;
}

void
decide(const struct policy *policy, struct region_set up,
    const struct facts *facts, struct decision *decision)
{
	decide_known(policy, up, facts, NULL, NULL, decision);
}

static bool
end(struct deciding *g, enum outcome outcome)
{
	g->d->outcome = outcome;
	return false;
}

static bool
decide_place(struct deciding *g)
{
	g->d->hit = g->hit != NULL ? *g->hit :
	    geo_table_find(g->policy->geo, &g->facts->client);
	return true;
}

/* The region that a name stands for, or -1 where the name leaves it open. */
static int
region_of_name(struct host_hit hit)
{
	return hit.kind == HOST_REGIONAL ? hit.region : -1;
}

/*
 * A TLS name that we do not serve says nothing about a region.  One that we
 * do serve must not stand for another region than Host does: the client may
 * have chosen it to have its bytes decrypted elsewhere.  Nor do we serve what
 * should have been passed on: it came in clear, or asked TLS for no such name.
 */
static bool
decide_host(struct deciding *g)
{
	const struct hosts *hosts = g->policy->hosts;
	struct host_hit host = hosts_find(hosts, g->facts->host), sni;

	g->d->host_kind = host.kind;
	g->host_region = host.region;
	if (host.kind == HOST_UNKNOWN)
		return end(g, OUTCOME_MISDIRECTED);
	if (host.kind == HOST_REGIONAL && host.region != g->policy->self &&
	    region_set_has(g->policy->in_region, host.region))
		return end(g, OUTCOME_MISDIRECTED);
	if (g->facts->sni_host.p == NULL)
		return true;
	sni = hosts_find(hosts, g->facts->sni_host);
	if (sni.kind != HOST_UNKNOWN &&
	    region_of_name(sni) != region_of_name(host))
		return end(g, OUTCOME_MISDIRECTED);
	return true;
}

static bool
decide_path(struct deciding *g)
{
	g->d->path_class = path_class_of(g->policy->paths, g->facts->path);
	if (g->d->path_class == PATH_AMBIGUOUS)
		return end(g, OUTCOME_BAD_PATH);
	return true;
}

static struct region_set
all_regions(const struct region_map *map)
{
	return (struct region_set){ (uint16_t)((1u << map->nregions) - 1) };
}

/* Tenant and flow by name; the peek may have asked for them. */
static struct restriction_hit
what_binds_by_name(const struct restrictions *set, const struct facts *facts)
{
	if (facts->asked != NULL && facts->asked->set == set)
		return restrictions_answer(facts->asked);
	return restrictions_find(set, facts->tenant,
	    facts->knowledge == FLOW_BY_ID ? facts->flow :
	    (struct slice){ NULL, 0 });
}

struct restriction_hit
decide_what_binds(const struct restrictions *set, const struct facts *facts)
{
	switch (facts->knowledge) {
	case FLOW_BY_TAG:
	case FLOW_EXEMPT:
		return restrictions_find_tag(set, facts->tenant, facts->tag);
	case FLOW_UNKNOWN:
	case FLOW_EXEMPT_UNKNOWN:
		return restrictions_find_any(set, facts->tenant);
	case FLOW_BY_ID:
	case FLOW_NOT_NEEDED:
		break;
	}
	return what_binds_by_name(set, facts);
}

static bool
is_unsure(const struct facts *facts)
{
	return facts->knowledge == FLOW_UNKNOWN ||
	    facts->knowledge == FLOW_EXEMPT_UNKNOWN;
}

/*
 * Somebody's refusal, where the request may be about somebody else: then it is
 * no denial, but a request that we cannot route (413).
 */
static enum outcome
denial(const struct deciding *g, bool by_tenant, enum outcome outcome)
{
	bool certain = !is_unsure(g->facts) ||
	    (by_tenant && g->facts->tenant.p != NULL);

	return certain ? outcome : OUTCOME_FLOW_NOT_FOUND;
}

/* Build-time metadata is not state: only runtime requests are bound. */
static bool
decide_restrictions(struct deciding *g)
{
	const struct region_map *map = g->policy->map;
	struct restriction_hit *hit = &g->d->restrictions;
	bool by_tenant;

	g->d->allowed = g->permitted = all_regions(map);
	if (g->d->path_class != PATH_RUNTIME)
		return true;
	if (g->facts->stale)
		return end(g, OUTCOME_RESTRICTIONS_STALE);
	if (g->binding != NULL)
		*hit = *g->binding;
	else
		*hit = decide_what_binds(g->policy->restrictions, g->facts);
	g->d->allowed = restriction_regions(hit->tenant.execution, map);
	by_tenant = g->d->allowed.bits == 0;
	g->d->allowed.bits &= restriction_regions(hit->flow.execution,
	    map).bits;
	g->permitted = g->d->allowed;
	if (g->d->allowed.bits == 0 &&
	    denial(g, by_tenant, OUTCOME_FORWARD) == OUTCOME_FLOW_NOT_FOUND)
		return end(g, OUTCOME_FLOW_NOT_FOUND);
	return true;
}

/* Callbacks and login returns come from a connector's or a directory's place,
 * which says nothing about the user's. */
static bool
decide_access(struct deciding *g)
{
	const struct restriction_hit *hit = &g->d->restrictions;
	struct place place = g->d->hit.place;

	if (g->facts->knowledge == FLOW_EXEMPT ||
	    g->facts->knowledge == FLOW_EXEMPT_UNKNOWN)
		return true;
	if (!restriction_permits_place(hit->tenant.access, place))
		return end(g, denial(g, true, OUTCOME_ACCESS_DENIED));
	if (!restriction_permits_place(hit->flow.access, place))
		return end(g, denial(g, false, OUTCOME_ACCESS_DENIED));
	return true;
}

/* Those of a list that are not candidates yet. */
static void
add_candidates(struct deciding *g, const uint8_t *regions, unsigned count,
    enum candidate_origin origin)
{
	struct candidate *candidates = g->d->candidates;
	unsigned at = g->d->ncandidates;
	struct region_set listed = g->listed;

	for (unsigned i = 0; i < count; i++) {
		if (region_set_has(listed, regions[i]))
			continue;
		must(at < REGIONS_MAX);
		region_set_add(&listed, regions[i]);
		candidates[at++] = (struct candidate){ .region = regions[i],
		    .fate = CANDIDATE_SPARE, .origin = (uint8_t)origin };
	}
	g->d->ncandidates = (uint8_t)at;
	g->listed = listed;
}

static void
add_candidate(struct deciding *g, uint8_t region, enum candidate_origin origin)
{
	add_candidates(g, &region, 1, origin);
}

static void
add_fallback(struct deciding *g, uint8_t region)
{
	const struct region *r = &g->policy->map->regions[region];

	add_candidates(g, r->fallback, r->nfallback, CANDIDATE_BY_FALLBACK);
}

/* One region alone may serve this host or path. */
static bool
only_region(struct deciding *g, uint8_t region, enum candidate_origin origin)
{
	add_candidate(g, region, origin);
	g->d->allowed.bits &= (uint16_t)(1u << region);
	return true;
}

static void
add_map_answer(struct deciding *g)
{
	const struct region_list *list = g->d->hit.list;

	add_candidates(g, list->regions, list->count, CANDIDATE_BY_MAP);
	add_fallback(g, list->regions[0]);
}

static bool
decide_candidates(struct deciding *g)
{
	const struct facts *facts = g->facts;
	int birth;

	if (g->d->host_kind == HOST_REGIONAL)
		return only_region(g, g->host_region, CANDIDATE_BY_HOST);
	if (g->d->host_kind == HOST_MAIN || g->d->path_class != PATH_RUNTIME)
		return only_region(g, g->policy->main, CANDIDATE_BY_MAIN);
	g->map_made = true;
	if (facts->knowledge == FLOW_EXEMPT && facts->has_birth &&
	    (birth = region_numbered(g->policy->map, facts->birth)) >= 0) {
		add_candidate(g, (uint8_t)birth, CANDIDATE_BY_STATE);
		add_fallback(g, (uint8_t)birth);
	} else
		add_map_answer(g);
	return true;
}

static bool
forbids(struct deciding *g, struct candidate *c)
{
	const struct region *region = &g->policy->map->regions[c->region];

	if (region_set_has(g->permitted, c->region))
		return false;
	c->fate = restriction_permits_region(
	    g->d->restrictions.tenant.execution, region) ?
	    CANDIDATE_FLOW_FORBIDS : CANDIDATE_TENANT_FORBIDS;
	return true;
}

/*
 * Regions are ranked by how far they are from the map's first choice for the
 * place: the map says which region is nearest to a place, but not how far a
 * country is from the others.
 */
static int
nearest_left(struct deciding *g, struct region_set left)
{
	const struct region *regions = g->policy->map->regions;
	const struct region *from = &regions[g->d->candidates[0].region];
	double best_km = 0;
	int best = -1;

	for (unsigned i = 0; i < g->policy->map->nregions; i++) {
		double km;

		if (!region_set_has(left, i))
			continue;
		km = region_distance(from, &regions[i]);
		if (best < 0 || km < best_km) {
			best = (int)i;
			best_km = km;
		}
	}
	return best;
}

/* Nothing of the map's answer may process it: all others that may, follow. */
static void
add_nearest(struct deciding *g)
{
	struct region_set left = g->d->allowed;
	int next;

	while ((next = nearest_left(g, left)) >= 0) {
		add_candidate(g, (uint8_t)next, CANDIDATE_BY_NEARNESS);
		left.bits &= (uint16_t)~(1u << next);
	}
}

static bool
decide_execution(struct deciding *g)
{
	uint8_t permitted = 0;

	/* Nothing binds, nearly always. */
	if (g->permitted.bits == all_regions(g->policy->map).bits)
		return true;
	for (uint8_t i = 0; i < g->d->ncandidates; i++)
		if (!forbids(g, &g->d->candidates[i]))
			permitted++;
	if (permitted > 0)
		return true;
	if (!g->map_made)
		return end(g, denial(g, g->d->candidates[0].fate ==
		    CANDIDATE_TENANT_FORBIDS, OUTCOME_EXECUTION_DENIED));
	add_nearest(g);
	return true;
}

static bool
decide_health(struct deciding *g)
{
	struct candidate *c = g->d->candidates, *last = c + g->d->ncandidates;
	bool found = false, forbidden = false;

	for (; c < last; c++) {

		if (c->fate != CANDIDATE_SPARE) {
			forbidden = true;
			continue;
		}
		if (!region_set_has(g->up, c->region)) {
			c->fate = CANDIDATE_DOWN;
			continue;
		}
		if (found)
			continue;
		found = true;
		c->fate = CANDIDATE_CHOSEN;
		g->d->region = c->region;
	}
	if (!found)
		return end(g, forbidden ? OUTCOME_RESIDENCY_UNAVAILABLE :
		    OUTCOME_REGION_UNAVAILABLE);
	must(region_set_has(g->d->allowed, g->d->region));
	return end(g, OUTCOME_FORWARD);
}
