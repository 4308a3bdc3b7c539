/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Any bytes as regions.yaml: without mistakes there is a map that answers
 * every place and every address, and whose regions know themselves.
 */
#include "base/must.h"
#include "conf/regions_file.h"
#include "geo/geo_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_list(const struct region_map *map, const struct region_list *list)
{
	struct region_set seen = { 0 };

	must(list->count > 0 && list->count <= map->nregions);
	for (unsigned i = 0; i < list->count; i++) {
		must(list->regions[i] < map->nregions);
		must(!region_set_has(seen, list->regions[i]));
		region_set_add(&seen, list->regions[i]);
	}
}

static void
check(const struct region_map *map)
{
	struct geo_table *table = geo_table_build(NULL, map);

	must(map != NULL && map->nregions > 0);
	for (unsigned i = 0; i < map->nregions; i++) {
		const struct region *r = &map->regions[i];

		must(region_find(map, slice_of(r->id)) == (int)i);
		must(r->country != 0 && r->continent != CONTINENT_NONE);
		for (unsigned k = 0; k < r->nfallback; k++)
			must(r->fallback[k] < map->nregions &&
			    r->fallback[k] != i);
	}
	for (uint16_t c = 0; c <= COUNTRIES; c++) {
		struct place place = { PLACE_LOCATED, (uint8_t)(c == 0 ?
		    CONTINENT_NONE : country_continent(c)), c };

		check_list(map, region_map_place(map, place).list);
	}
	for (size_t i = 0; i < map->nnetworks; i++)
		check_list(map, geo_table_find(table,
		    &map->networks[i].net.base).list);
	geo_table_free(&table);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice bytes = { (const char *)data, size };
	struct arena *arena = arena_new(0);
	const struct region_map *map;
	struct mistakes mistakes;

	mistakes_init(&mistakes);
	map = regions_file_parse(arena, "fuzz", bytes, &mistakes, NULL);
	if (mistakes.errors == 0)
		check(map);
	mistakes_fini(&mistakes);
	arena_free(&arena);
	return 0;
}
