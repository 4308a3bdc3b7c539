/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The world as tests of decisions know it: a region map of the test data read
 * by a few lines of our own (conf is a higher floor), and the database in which
 * country number n (from 0) has 11.n.0.1 and 2a11:n::1.
 */
#ifndef TESTS_POLICY_WORLD_H
#define TESTS_POLICY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "policy/decide.h"

struct world {
	struct arena	*arena;
	struct region_map *map;
	struct geo_table *geo;
	struct policy	 policy;
};

static const uint8_t world_key[16] = "a key for tests";

static const struct world_site {
	const char	*id, *country;
	double		 lat, lon;
} world_sites[] = {
	{ "US", "US", 38.95, -77.45 }, { "CA", "CA", 45.50, -73.57 },
	{ "EU", "DE", 50.11, 8.68 }, { "GB", "GB", 51.51, -0.13 },
	{ "AU", "AU", -33.87, 151.21 }, { "SG", "SG", 1.29, 103.85 },
};

static inline uint8_t
world_region(const struct region_map *map, const char *id)
{
	int region = region_find(map, slice_of(id));

	if (region < 0)
		fail_msg("no region %s", id);
	return (uint8_t)region;
}

/* "[CA, GB, EU]" in the order written. */
static inline void
world_fallback(struct region_map *map, struct region *region,
    const char *list)
{
	char id[REGION_ID_MAX];
	int used;

	list += strcspn(list, "[") + 1;
	while (sscanf(list, " %15[A-Z]%n", id, &used) == 1) {
		region->fallback[region->nfallback++] = world_region(map, id);
		list += used;
		list += strspn(list, ", ");
	}
}

static inline void
world_site(struct region_map *map, const char *id)
{
	struct region *r = &map->regions[map->nregions++];

	/* Never its place: nobody may take one for the other. */
	r->number = (uint8_t)(20 + map->nregions);
	for (size_t i = 0; i < sizeof(world_sites) / sizeof(world_sites[0]);
	    i++) {
		const struct world_site *s = &world_sites[i];

		if (strcmp(s->id, id) != 0)
			continue;
		snprintf(r->id, sizeof(r->id), "%s", id);
		r->name = r->city = r->id;
		r->country = country_find(slice_of(s->country));
		r->continent = country_continent(r->country);
		r->lat = s->lat;
		r->lon = s->lon;
	}
}

/* "  FR: EU", in whichever section it stands. */
static inline void
world_rule(struct region_map *map, const char *section, const char *key,
    const char *id, unsigned line)
{
	struct region_list *list = strcmp(section, "continents") == 0 ?
	    &map->continents[continent_find(slice_of(key))] :
	    &map->countries[country_find(slice_of(key))];

	list->regions[0] = world_region(map, id);
	list->count = 1;
	list->at = (struct source_line){ map->file, line };
}

static inline void
world_lines(struct region_map *map, FILE *file, bool first)
{
	char line[256], section[32] = "", key[32] = "", id[32] = "";

	for (unsigned n = 1; fgets(line, sizeof(line), file) != NULL; n++) {
		if (sscanf(line, "default: %2s", id) == 1 && !first) {
			map->by_default.regions[0] = world_region(map, id);
			map->by_default.count = 1;
			map->by_default.at =
			    (struct source_line){ map->file, n };
		}
		if (sscanf(line, "%31[a-z]:", section) == 1 || line[0] == '#')
			continue;
		if (strcmp(section, "regions") == 0 &&
		    sscanf(line, "  %2[A-Z]:", key) == 1 && first)
			world_site(map, key);
		else if (strcmp(section, "regions") == 0) {
			sscanf(line, "  %2[A-Z]:", key);
			if (!first && strstr(line, "fallback:") != NULL)
				world_fallback(map, &map->regions[world_region(
				    map, key)], line);
		} else if (!first &&
		    sscanf(line, "  %2[A-Z]: %2[A-Z]", key, id) == 2)
			world_rule(map, section, key, id, n);
	}
}

/* file: "tests/data/region-map-6.yaml". */
static inline struct region_map *
world_map(struct arena *arena, const char *file)
{
	struct region_map *map = arena_alloc(arena, sizeof(*map));
	FILE *f = fopen(file, "r");

	if (f == NULL)
		fail_msg("%s: not there (run from the repository)", file);
	map->file = file;
	world_lines(map, f, true);
	rewind(f);
	world_lines(map, f, false);
	fclose(f);
	return map;
}

static inline void
world_hosts(struct world *w)
{
	struct host_spec specs[REGIONS_MAX + 2] = {
		{ "flow.example.com", HOST_GLOBAL, 0 },
		{ "build.example.com", HOST_MAIN, 0 },
	};
	size_t n = 2;

	for (uint8_t i = 0; i < w->map->nregions; i++) {
		char *name = arena_printf(w->arena, "%s.flow.example.com",
		    w->map->regions[i].id);

		name[0] = ascii_lower(name[0]);
		name[1] = ascii_lower(name[1]);
		specs[n++] = (struct host_spec){ name, HOST_REGIONAL, i };
	}
	w->policy.hosts = hosts_build(w->arena, specs, n);
}

static inline void
world_restrict(struct world *w, struct restrictions_builder *b)
{
	w->policy.restrictions = restrictions_build(b, 7);
}

static inline void
world_open(struct world *w, const char *map_file)
{
	struct err err;
	struct mmdb *db = mmdb_open("tests/data/mmdb/own/world-nested.mmdb",
	    &err);

	if (db == NULL)
		fail_msg("%s", err.text);
	memset(w, 0, sizeof(*w));
	w->arena = arena_new(0);
	w->map = world_map(w->arena, map_file);
	w->geo = geo_table_build(db, w->map);
	mmdb_close(&db);
	w->policy = (struct policy){
		.generation = 42,
		.map = w->map,
		.geo = w->geo,
		.paths = path_classes_build(w->arena, NULL, 0),
		.main = world_region(w->map, "US"),
		.self = world_region(w->map, "US"),
	};
	world_hosts(w);
	world_restrict(w, restrictions_begin(w->arena, world_key));
}

static inline void
world_close(struct world *w)
{
	geo_table_free(&w->geo);
	arena_free(&w->arena);
}

/* The test address of a country. */
static inline struct addr
world_addr(const char *country)
{
	uint16_t n = country_find(slice_of(country));

	if (n == 0)
		fail_msg("no country %s", country);
	return addr_from_ip4(11u << 24 | (n - 1u) << 16 | 1);
}

static inline struct region_set
world_all(const struct world *w)
{
	return (struct region_set){ (uint16_t)((1u << w->map->nregions) - 1) };
}

/* Without those named, "GB,EU". */
static inline struct region_set
world_without(const struct world *w, const char *down)
{
	struct region_set up = world_all(w);
	struct slice rest = slice_of(down), id;

	while (rest.len > 0 && slice_split(&rest, ',', &id))
		up.bits &= (uint16_t)~(1u << region_find(w->map, id));
	return up;
}

/* A whitelist of space-separated codes: "DE FR +EU" (continent) "*EU"
 * (union). */
static inline const struct restriction *
world_list(struct arena *arena, const char *codes)
{
	struct restriction *r;
	struct slice rest = slice_of(codes), code;

	if (codes == NULL)
		return NULL;
	r = arena_alloc(arena, sizeof(*r));
	while (rest.len > 0 && slice_split(&rest, ' ', &code)) {
		struct slice tail = { code.p + 1, code.len - 1 };

		if (code.p[0] == '+')
			r->continents = (uint8_t)(r->continents |
			    1u << continent_find(tail));
		else if (code.p[0] == '*')
			r->unions = (uint8_t)(r->unions |
			    1u << union_find(tail));
		else
			restriction_add_country(r, country_find(code));
	}
	return r;
}

static inline struct restriction_pair
world_pair(struct arena *arena, const char *access, const char *execution)
{
	return (struct restriction_pair){ world_list(arena, access),
	    world_list(arena, execution) };
}

#endif
