/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A place enters a decision in two ways only: through the map's list for it,
 * and through the access restrictions.  So each place is tried once with all
 * regions up, and of all places with the same list and the same access one is
 * tried with every set of regions down, every kind of host and every birth
 * region of a state.
 */
#include "policy/residency.h"

#include "base/hash.h"

enum {
	PLACES_FIXED = COUNTRIES + CONTINENTS + 1,
	SUBSETS_WHOLE = 8,		/* regions of which every subset is tried */
	FEW = 3,
	/* a host: the global one, the main one, or region n's */
	HOST_OF_MAP = 0, HOST_OF_MAIN = 1, HOST_OF_REGION = 2,
};

struct proof {
	struct policy	 policy;	/* with hosts and paths of our own */
	struct arena	*arena;
	struct residency_report *report;
	struct geo_hit	*places;
	size_t		 *groups;	/* of each: those with the same list */
	bool		 *access;	/* of each: by definition */
	uint8_t		 *done;		/* of each group: bits of access tried */
	size_t		 nplaces;
	struct region_set *ups;
	size_t		 nups;
	struct map	*seen;		/* restrictions that were tried */
	struct slice	 hosts[REGIONS_MAX + HOST_OF_REGION];
	/* of the restriction at hand */
	const struct restriction_hit *binding;
	struct region_set allowed;	/* by definition */
};

/* What is tried of one restriction and one place. */
struct trial {
	unsigned	 host;
	bool		 central;
	enum flow_knowledge knowledge;
	uint8_t		 birth;
};

/* --- the definition, read anew -------------------------------------------------- */

/* A country, a continent or a union in its list permits. */
static bool
lists_hold(const struct restriction *r, uint16_t country, unsigned continent)
{
	if (r == NULL)
		return true;
	if (country > 0 &&
	    (r->countries[country >> 6] & UINT64_C(1) << (country & 63)) != 0)
		return true;
	if (continent > 0 && (r->continents & 1u << continent) != 0)
		return true;
	return country > 0 && (r->unions & 1u << UNION_EU) != 0 &&
	    union_has(UNION_EU, country);
}

static struct region_set
allowed_by_definition(const struct region_map *map,
    const struct restriction_hit *hit)
{
	struct region_set set = { 0 };

	for (unsigned i = 0; i < map->nregions; i++) {
		const struct region *r = &map->regions[i];

		if (lists_hold(hit->tenant.execution, r->country,
		    r->continent) &&
		    lists_hold(hit->flow.execution, r->country, r->continent))
			region_set_add(&set, i);
	}
	return set;
}

static bool
access_by_definition(const struct restriction_hit *hit, struct place p)
{
	if (hit->tenant.access == NULL && hit->flow.access == NULL)
		return true;
	return p.class == PLACE_LOCATED &&
	    lists_hold(hit->tenant.access, p.country, p.continent) &&
	    lists_hold(hit->flow.access, p.country, p.continent);
}

/* --- one decision ----------------------------------------------------------------- */

static bool
is_unavailable(enum outcome outcome)
{
	return outcome == OUTCOME_REGION_UNAVAILABLE ||
	    outcome == OUTCOME_RESIDENCY_UNAVAILABLE;
}

/* The one region that a host or path leaves, or -1. */
static int
only_region(const struct proof *p, const struct trial *t)
{
	if (t->host >= HOST_OF_REGION)
		return (int)(t->host - HOST_OF_REGION);
	return t->host == HOST_OF_MAIN || t->central ? p->policy.main : -1;
}

/* What is wrong with a forwarded request, or NULL. */
static const char *
wrong_region(const struct proof *p, const struct trial *t,
    struct region_set up, const struct decision *d)
{
	int only = only_region(p, t);

	if (!region_set_has(up, d->region))
		return "forwarded to a region that is down";
	if (only >= 0 && d->region != only)
		return "left the one region of its host or path";
	if (!t->central && !region_set_has(p->allowed, d->region))
		return "forwarded to a region that may not process it";
	if ((d->allowed.bits & 1u << d->region) == 0)
		return "forwarded out of the allowed set";
	return NULL;
}

/* A host that only its own region's edge may serve. */
static bool
is_for_another_edge(const struct proof *p, const struct trial *t)
{
	unsigned region = t->host - HOST_OF_REGION;

	return t->host >= HOST_OF_REGION && region != p->policy.self &&
	    region_set_has(p->policy.in_region, region);
}

/* What is wrong with any outcome, or NULL. */
static const char *
wrong_outcome(const struct proof *p, const struct trial *t,
    const struct geo_hit *hit, struct region_set up, const struct decision *d)
{
	bool exempt = t->central || t->knowledge == FLOW_EXEMPT;
	bool access = exempt || access_by_definition(p->binding, hit->place);
	bool all_up = up.bits == (1u << p->policy.map->nregions) - 1;

	if (is_for_another_edge(p, t))
		return d->outcome == OUTCOME_MISDIRECTED ? NULL :
		    "what another region alone may decrypt is served";
	if (!t->central && (d->allowed.bits & ~p->allowed.bits) != 0)
		return "a region that may not process it counts as allowed";
	if (!access)
		return d->outcome == OUTCOME_ACCESS_DENIED ? NULL :
		    "a place that may not use it is let in";
	if (d->outcome == OUTCOME_ACCESS_DENIED)
		return "a place that may use it is refused";
	if (d->outcome == OUTCOME_FORWARD)
		return wrong_region(p, t, up, d);
	if (d->outcome == OUTCOME_EXECUTION_DENIED)
		return only_region(p, t) >= 0 && !t->central &&
		    !region_set_has(p->allowed, (unsigned)only_region(p, t)) ?
		    NULL : "refused where a region may process it";
	if (!is_unavailable(d->outcome))
		return "an outcome that does not belong here";
	return all_up && (t->central || p->allowed.bits != 0) ?
	    "unavailable though everything is up" : NULL;
}

static void
escape(struct proof *p, const struct trial *t, const struct geo_hit *hit,
    struct region_set up, const struct decision *d, const char *what)
{
	if (p->report->escapes++ >= RESIDENCY_LISTED)
		return;
	p->report->escape[p->report->escapes - 1] = (struct residency_escape){
		.restrictions = *p->binding, .place = hit->place,
		.host = d->host_kind, .path = t->central ? PATH_CENTRAL :
		    PATH_RUNTIME,
		.up = up, .outcome = d->outcome, .region = d->region,
		.what = what,
	};
}

static void
try_one(struct proof *p, const struct trial *t, const struct geo_hit *hit,
    struct region_set up)
{
	const struct facts facts = {
		.host = p->hosts[t->host],
		.path = t->central ? SLICE("/c") : SLICE("/r"),
		.tenant = SLICE("t"), .knowledge = t->knowledge,
		.has_birth = t->knowledge == FLOW_EXEMPT, .birth = t->birth,
	};
	struct decision d;
	const char *what;

	decide_known(&p->policy, up, &facts, hit, p->binding, &d);
	p->report->decisions++;
	what = wrong_outcome(p, t, hit, up, &d);
	if (what != NULL)
		escape(p, t, hit, up, &d, what);
}

static void
try_subsets(struct proof *p, const struct trial *t, const struct geo_hit *hit)
{
	for (size_t i = 0; i < p->nups; i++)
		try_one(p, t, hit, p->ups[i]);
}

/* Every way that a request can come, for one place. */
static void
try_everything(struct proof *p, const struct geo_hit *hit)
{
	unsigned nregions = p->policy.map->nregions;

	for (unsigned h = 0; h < HOST_OF_REGION + nregions; h++)
		try_subsets(p, &(struct trial){ .host = h,
		    .knowledge = FLOW_BY_ID }, hit);
	for (unsigned i = 0; i < nregions; i++)
		try_subsets(p, &(struct trial){ .host = HOST_OF_MAP,
		    .knowledge = FLOW_EXEMPT,
		    .birth = p->policy.map->regions[i].number }, hit);
}

/* --- all of them -------------------------------------------------------------------- */

/* Whether this is the first place of its group with this access. */
static bool
stands_for_others(struct proof *p, size_t place)
{
	uint8_t bit = p->access[place] ? 1 : 2;
	uint8_t *done = &p->done[p->groups[place]];

	if ((*done & bit) != 0)
		return false;
	*done = (uint8_t)(*done | bit);
	return true;
}

static void
try_places(struct proof *p)
{
	const struct trial plain = { .host = HOST_OF_MAP,
	    .knowledge = FLOW_BY_ID };

	memset(p->done, 0, p->nplaces);
	for (size_t i = 0; i < p->nplaces; i++) {
		try_one(p, &plain, &p->places[i], p->ups[0]);
		if (stands_for_others(p, i))
			try_everything(p, &p->places[i]);
	}
}

static bool
find_access(struct proof *p)
{
	bool anybody = false;

	for (size_t i = 0; i < p->nplaces; i++) {
		p->access[i] = access_by_definition(p->binding,
		    p->places[i].place);
		anybody |= p->access[i];
	}
	return anybody;
}

static int
single(struct region_set set)
{
	if (set.bits == 0 || (set.bits & (set.bits - 1)) != 0)
		return -1;
	return __builtin_ctz(set.bits);
}

static void
note_unservable(struct proof *p, bool anybody)
{
	struct residency_report *report = p->report;
	struct residency_unservable u = {
		.restrictions = *p->binding,
		.nowhere = p->allowed.bits == 0,
		.nobody = !anybody,
		.only = p->policy.map->nregions > 1 ? single(p->allowed) : -1,
	};

	if (!u.nowhere && !u.nobody && u.only < 0)
		return;
	if (report->unservables++ < RESIDENCY_LISTED)
		report->unservable[report->unservables - 1] = u;
}

/* Two restrictions with the same lists are tried once. */
static bool
is_new(struct proof *p, const struct restriction_hit *hit)
{
	const struct restriction *const all[] = { hit->tenant.access,
	    hit->tenant.execution, hit->flow.access, hit->flow.execution };
	char key[4 * sizeof(struct restriction)] = { 0 };
	struct slice bytes = { key, sizeof(key) };

	for (size_t i = 0; i < 4; i++) {
		char *at = key + i * sizeof(struct restriction);

		if (all[i] == NULL)
			continue;
		memcpy(at, all[i]->countries, sizeof(all[i]->countries));
		at += sizeof(all[i]->countries);
		at[0] = (char)all[i]->continents;
		at[1] = (char)all[i]->unions;
		at[2] = 1;			/* there is one */
	}
	return map_put(p->seen, bytes, p) == NULL;
}

static void
try_restriction(struct proof *p, const struct restriction_hit *hit)
{
	bool anybody;

	p->report->restrictions++;
	p->binding = hit;
	p->allowed = allowed_by_definition(p->policy.map, hit);
	anybody = find_access(p);
	if (hit->tenant_id != NULL || hit->flow_id != NULL)
		note_unservable(p, anybody);
	if (!is_new(p, hit))
		return;
	p->report->distinct++;
	try_places(p);
}

/* Build-time paths: bound by no restriction, and never out of their region. */
static void
try_central(struct proof *p)
{
	static const struct restriction_hit nothing;
	const struct trial central[] = {
		{ .host = HOST_OF_MAP, .central = true },
		{ .host = HOST_OF_MAIN, .central = true },
	};

	p->binding = &nothing;
	p->allowed = allowed_by_definition(p->policy.map, &nothing);
	for (size_t i = 0; i < p->nplaces; i++) {
		try_subsets(p, &central[0], &p->places[i]);
		try_subsets(p, &central[1], &p->places[i]);
		for (unsigned r = 0; r < p->policy.map->nregions; r++)
			try_subsets(p, &(struct trial){ .central = true,
			    .host = HOST_OF_REGION + r }, &p->places[i]);
	}
}

/* --- what there is to try ------------------------------------------------------------ */

static void
add_place(struct proof *p, struct place place)
{
	struct region_hit hit = region_map_place(p->policy.map, place);

	p->places[p->nplaces++] = (struct geo_hit){ .place = place,
	    .match = hit.match, .list = hit.list };
}

/* An operators' network has a list or a place of its own, or both. */
static void
add_network(struct proof *p, const struct region_network *net)
{
	add_place(p, net->place.country != 0 ? net->place :
	    (struct place){ .class = PLACE_UNKNOWN });
	if (net->list.count == 0)
		return;
	p->places[p->nplaces - 1].list = &net->list;
	p->places[p->nplaces - 1].network = net;
	p->places[p->nplaces - 1].match = REGION_BY_NETWORK;
}

static void
find_places(struct proof *p)
{
	const struct region_map *map = p->policy.map;

	p->places = arena_array(p->arena, PLACES_FIXED + map->nnetworks,
	    sizeof(*p->places));
	for (uint16_t c = 1; c <= COUNTRIES; c++)
		add_place(p, (struct place){ PLACE_LOCATED,
		    (uint8_t)country_continent(c), c });
	for (uint8_t c = CONTINENT_NONE + 1; c < CONTINENTS; c++)
		add_place(p, (struct place){ PLACE_LOCATED, c, 0 });
	add_place(p, (struct place){ .class = PLACE_UNKNOWN });
	add_place(p, (struct place){ .class = PLACE_PRIVATE });
	for (size_t i = 0; i < map->nnetworks; i++)
		add_network(p, &map->networks[i]);
}

static bool
same_list(const struct region_list *a, const struct region_list *b)
{
	return a->count == b->count &&
	    memcmp(a->regions, b->regions, a->count) == 0;
}

static void
group_places(struct proof *p)
{
	p->groups = arena_array(p->arena, p->nplaces, sizeof(*p->groups));
	p->access = arena_array(p->arena, p->nplaces, sizeof(*p->access));
	p->done = arena_array(p->arena, p->nplaces, sizeof(*p->done));
	for (size_t i = 0; i < p->nplaces; i++)
		while (!same_list(p->places[p->groups[i]].list,
		    p->places[i].list))
			p->groups[i]++;
}

/* All up comes first. */
static void
find_subsets(struct proof *p)
{
	unsigned n = p->policy.map->nregions;
	uint32_t all = (1u << n) - 1;

	p->report->every_subset = n <= SUBSETS_WHOLE;
	p->ups = arena_array(p->arena, all + 1, sizeof(*p->ups));
	for (uint32_t down = 0; down <= all; down++) {
		int count = __builtin_popcount(down);

		if (p->report->every_subset || count <= FEW ||
		    count >= (int)n - FEW)
			p->ups[p->nups++].bits = (uint16_t)(all & ~down);
	}
}

static void
make_names(struct proof *p)
{
	static const char *const paths[] = { "/r" };
	struct host_spec specs[REGIONS_MAX + HOST_OF_REGION];
	unsigned n = p->policy.map->nregions;

	for (unsigned i = 0; i < n + HOST_OF_REGION; i++) {
		const char *name = arena_printf(p->arena, "h%u", i);

		specs[i] = (struct host_spec){ name, HOST_REGIONAL,
		    (uint8_t)(i - HOST_OF_REGION) };
		p->hosts[i] = slice_of(name);
	}
	specs[HOST_OF_MAP].kind = HOST_GLOBAL;
	specs[HOST_OF_MAIN].kind = HOST_MAIN;
	p->policy.hosts = hosts_build(p->arena, specs, n + HOST_OF_REGION);
	p->policy.paths = path_classes_build(p->arena, paths, 1);
}

bool
residency_prove(const struct policy *policy, struct residency_report *report)
{
	struct proof p = { .policy = *policy, .report = report,
	    .arena = arena_new(0), .seen = map_new() };
	struct restriction_hit hit = { .tenant_id = NULL };
	size_t at = 0;

	memset(report, 0, sizeof(*report));
	find_places(&p);
	group_places(&p);
	find_subsets(&p);
	make_names(&p);
	try_central(&p);
	try_restriction(&p, &hit);		/* nothing restricted */
	while (restrictions_next(policy->restrictions, &at, &hit))
		try_restriction(&p, &hit);
	map_free(&p.seen);
	arena_free(&p.arena);
	return report->escapes == 0;
}
