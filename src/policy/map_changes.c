/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/map_changes.h"

#include <string.h>

#include "policy/decide.h"
#include "policy/map_text.h"

enum { PLACES = COUNTRIES + CONTINENTS };	/* the default is one of them */

static void
add(struct map_changes *c, enum map_change_kind kind, const char *key,
    const char *name, const struct region_list *from,
    const struct region_list *to)
{
	c->list[c->count++] = (struct map_change){ kind,
	    arena_strdup(c->arena, key), name, from, to };
}

/* --- lists by the ids in them --------------------------------------------------------- */

static const char *
id_at(const struct region_map *map, const struct region_list *list, size_t at)
{
	return map->regions[list->regions[at]].id;
}

static bool
same_first(const struct map_changes *c, const struct region_list *from,
    const struct region_list *to)
{
	return strcmp(id_at(c->old, from, 0), id_at(c->new, to, 0)) == 0;
}

static bool
same_list(const struct map_changes *c, const struct region_list *from,
    const struct region_list *to)
{
	if (from->count != to->count)
		return false;
	for (uint8_t i = 0; i < from->count; i++)
		if (strcmp(id_at(c->old, from, i), id_at(c->new, to, i)) != 0)
			return false;
	return true;
}

/* --- places ---------------------------------------------------------------------------- */

/* Countries, continents, and last whoever is in none of them. */
static struct place
place_number(size_t i)
{
	if (i < COUNTRIES)
		return (struct place){ PLACE_LOCATED,
		    (uint8_t)country_continent((uint16_t)(i + 1)),
		    (uint16_t)(i + 1) };
	if (i < PLACES - 1)
		return (struct place){ PLACE_LOCATED,
		    (uint8_t)(i - COUNTRIES + 1), 0 };
	return (struct place){ .class = PLACE_UNKNOWN };
}

static const char *
place_name(struct place place)
{
	if (place.country != 0)
		return country_name(place.country);
	return place.class == PLACE_LOCATED ?
	    continent_name((enum continent)place.continent) :
	    "unknown and private";
}

static void
find_places(struct map_changes *c)
{
	char key[16];

	for (size_t i = 0; i < PLACES; i++) {
		struct place place = place_number(i);
		const struct region_list *from =
		    region_map_place(c->old, place).list, *to =
		    region_map_place(c->new, place).list;

		if (same_list(c, from, to))
			continue;
		add(c, same_first(c, from, to) ? MAP_PLACE_ORDER : MAP_PLACE,
		    map_place_text(place, key), place_name(place), from, to);
	}
}

/* --- networks --------------------------------------------------------------------------- */

static const struct region_network *
network_find(const struct region_map *map, const struct cidr *net)
{
	for (size_t i = 0; i < map->nnetworks; i++)
		if (map->networks[i].net.bits == net->bits &&
		    addr_eq(&map->networks[i].net.base, &net->base))
			return &map->networks[i];
	return NULL;
}

static const struct region_list *
network_list(const struct region_network *net)
{
	return net == NULL || net->list.count == 0 ? NULL : &net->list;
}

static bool
same_network(const struct map_changes *c, const struct region_network *from,
    const struct region_network *to)
{
	const struct region_list *a = network_list(from),
	    *b = network_list(to);

	if (from == NULL || to == NULL ||
	    !place_eq(from->place, to->place) || (a == NULL) != (b == NULL))
		return false;
	return a == NULL || same_list(c, a, b);
}

static void
add_network(struct map_changes *c, const struct region_network *from,
    const struct region_network *to)
{
	struct buf key = { 0 };

	map_network_text(&key, &(from != NULL ? from : to)->net);
	add(c, MAP_NETWORK, buf_cstr(&key), from != NULL && to != NULL &&
	    !place_eq(from->place, to->place) ? "another place" : "",
	    network_list(from), network_list(to));
	buf_fini(&key);
}

static void
find_networks(struct map_changes *c)
{
	for (size_t i = 0; i < c->old->nnetworks; i++) {
		const struct region_network *from = &c->old->networks[i],
		    *to = network_find(c->new, &from->net);

		if (!same_network(c, from, to))
			add_network(c, from, to);
	}
	for (size_t i = 0; i < c->new->nnetworks; i++)
		if (network_find(c->old, &c->new->networks[i].net) == NULL)
			add_network(c, NULL, &c->new->networks[i]);
}

/* --- regions ---------------------------------------------------------------------------- */

static const struct region_list *
fallback_list(struct map_changes *c, const struct region *r)
{
	struct region_list *list = arena_alloc(c->arena, sizeof(*list));

	memcpy(list->regions, r->fallback, sizeof(list->regions));
	list->count = r->nfallback;
	list->at = r->at;
	return list;
}

static void
compare_region(struct map_changes *c, const struct region *from,
    const struct region *to)
{
	const struct region_list *a = fallback_list(c, from),
	    *b = fallback_list(c, to);

	if (from->country != to->country || from->continent != to->continent)
		add(c, MAP_REGION_MOVED, to->id, country_name(to->country),
		    NULL, NULL);
	if (!same_list(c, a, b))
		add(c, MAP_FALLBACK, from->id, "", a, b);
}

static void
find_regions(struct map_changes *c)
{
	for (uint8_t i = 0; i < c->old->nregions; i++) {
		const struct region *from = &c->old->regions[i];
		int to = region_find(c->new, slice_of(from->id));

		if (to < 0)
			add(c, MAP_REGION_REMOVED, from->id, "", NULL, NULL);
		else
			compare_region(c, from, &c->new->regions[to]);
	}
	for (uint8_t i = 0; i < c->new->nregions; i++)
		if (region_find(c->old, slice_of(c->new->regions[i].id)) < 0)
			add(c, MAP_REGION_ADDED, c->new->regions[i].id, "",
			    NULL, NULL);
}

/* --- restricted flows --------------------------------------------------------------------- */

/* Where a runtime request from there goes, with all regions up. */
static const char *
where_to(const struct policy *policy, struct place place,
    const struct restriction_hit *binding)
{
	const struct region_map *map = policy->map;
	const struct facts facts = { .host = SLICE("h"), .path = SLICE("/r"),
	    .tenant = SLICE("t"), .knowledge = FLOW_BY_ID };
	const struct region_hit by_place = region_map_place(map, place);
	const struct geo_hit hit = { .place = place, .match = by_place.match,
	    .list = by_place.list };
	struct region_set up = {
		(uint16_t)((1u << map->nregions) - 1) };
	struct decision d;

	decide_known(policy, up, &facts, &hit, binding, &d);
	return d.outcome == OUTCOME_FORWARD ? map->regions[d.region].id :
	    outcome_name(d.outcome);
}

static void
find_moves(struct map_changes *c, struct map_flow *flow,
    const struct policy *old, const struct policy *new)
{
	struct map_move moves[PLACES];

	for (size_t i = 0; i < PLACES; i++) {
		struct place place = place_number(i);
		struct map_move *m = &moves[flow->count];

		m->from = where_to(old, place, &flow->hit);
		m->to = where_to(new, place, &flow->hit);
		if (strcmp(m->from, m->to) == 0)
			continue;
		map_place_text(place, m->place);
		flow->count++;
	}
	flow->moves = arena_array(c->arena, flow->count + 1,
	    sizeof(*flow->moves));
	memcpy(flow->moves, moves, flow->count * sizeof(*moves));
}

static struct policy
policy_of(struct map_changes *c, const struct region_map *map)
{
	static const struct host_spec host = { "h", HOST_GLOBAL, 0 };
	static const char *const path = "/r";

	return (struct policy){ .map = map,
	    .hosts = hosts_build(c->arena, &host, 1),
	    .paths = path_classes_build(c->arena, &path, 1),
	    .restrictions = c->restrictions };
}

static void
find_flows(struct map_changes *c)
{
	struct policy old = policy_of(c, c->old), new = policy_of(c, c->new);
	struct restriction_hit hit;
	size_t count = 0, at = 0;

	while (restrictions_next(c->restrictions, &at, &hit))
		count++;
	c->flows = arena_array(c->arena, count + 1, sizeof(*c->flows));
	for (at = 0; restrictions_next(c->restrictions, &at, &hit);) {
		struct map_flow *flow = &c->flows[c->nflows];

		*flow = (struct map_flow){ .hit = hit };
		find_moves(c, flow, &old, &new);
		c->nflows += flow->count > 0;
	}
}

/* --- all of them ---------------------------------------------------------------------------- */

void
map_changes_find(struct map_changes *c)
{
	c->list = arena_array(c->arena, PLACES + c->old->nnetworks +
	    c->new->nnetworks + 4 * REGIONS_MAX, sizeof(*c->list));
	find_regions(c);
	find_places(c);
	find_networks(c);
	find_flows(c);
}

size_t
map_changes_count(const struct map_changes *c, enum map_change_kind kind)
{
	size_t count = 0;

	for (size_t i = 0; i < c->count; i++)
		count += c->list[i].kind == kind;
	return count;
}

bool
map_changes_any(const struct map_changes *c)
{
	return c->count > 0 || c->nflows > 0 || (c->has_shares &&
	    (c->shares.ip4.changed > 0 || c->shares.ip6.changed > 0));
}

void
map_flow_name(struct buf *out, const struct map_flow *flow)
{
	const char *f = flow->hit.flow_id, *t = flow->hit.tenant_id;

	if (f != NULL && strcmp(f, "*") == 0)
		buf_text(out, "requests that do not say their flow");
	else if (f != NULL)
		buf_printf(out, "flow %s", f);
	if (t != NULL)
		buf_printf(out, "%stenant %s", f != NULL ? " of " : "", t);
}
