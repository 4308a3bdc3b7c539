/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * `portolan map check`: every mistake in a region map, and what it amounts to.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "command/map.h"
#include "command/options.h"

/* What each region gets, by the map's first choice. */
struct shares {
	unsigned	 countries[REGIONS_MAX];
	unsigned	 fallback_of[REGIONS_MAX];
	unsigned	 country_rules, continent_rules;
};

static void
count_shares(const struct region_map *map, struct shares *s)
{
	memset(s, 0, sizeof(*s));
	for (uint16_t c = 1; c <= COUNTRIES; c++) {
		struct place place = { PLACE_LOCATED,
		    (uint8_t)country_continent(c), c };

		s->countries[region_map_place(map, place).list->regions[0]]++;
		s->country_rules += map->countries[c].count > 0;
	}
	for (int c = CONTINENT_NONE + 1; c < CONTINENTS; c++)
		s->continent_rules += map->continents[c].count > 0;
	for (uint8_t i = 0; i < map->nregions; i++)
		for (uint8_t k = 0; k < map->regions[i].nfallback; k++)
			s->fallback_of[map->regions[i].fallback[k]]++;
}

static void
answer_text(struct buf *out, const struct region_map *map)
{
	struct shares s;

	count_shares(map, &s);
	buf_printf(out, "%s: good: %u regions, rules for %u countries, %u "
	    "continents and %zu networks, default ", map->file, map->nregions,
	    s.country_rules, s.continent_rules, map->nnetworks);
	map_list_text(out, map, &map->by_default);
	buf_char(out, '\n');
	for (uint8_t i = 0; i < map->nregions; i++) {
		const struct region *r = &map->regions[i];

		buf_printf(out, "  %-6s %3u countries, %s (%s), fallback of %u "
		    "regions\n", r->id, s.countries[i], r->city,
		    country_code(r->country), s.fallback_of[i]);
	}
}

static void
regions_json(struct buf *out, const struct region_map *map)
{
	struct shares s;

	count_shares(map, &s);
	buf_printf(out, ",\"country_rules\":%u,\"continent_rules\":%u,"
	    "\"networks\":%zu,\"default\":", s.country_rules,
	    s.continent_rules, map->nnetworks);
	map_list_json(out, map, &map->by_default);
	buf_text(out, ",\"regions\":[");
	for (uint8_t i = 0; i < map->nregions; i++) {
		buf_text(out, i > 0 ? ",{\"region\":" : "{\"region\":");
		buf_json(out, slice_of(map->regions[i].id));
		buf_printf(out, ",\"countries\":%u,\"fallback_of\":%u}",
		    s.countries[i], s.fallback_of[i]);
	}
	buf_char(out, ']');
}

static int
check(struct map_inputs *in, const char *file, bool json)
{
	const struct region_map *map = map_inputs_map(in, file);
	struct buf out = { 0 };

	if (json) {
		buf_printf(&out, "{\"good\":%s,\"mistakes\":",
		    map != NULL ? "true" : "false");
		mistakes_json(&in->mistakes, &out);
		if (map != NULL)
			regions_json(&out, map);
		buf_text(&out, "}\n");
	} else {
		mistakes_print(&in->mistakes, &out);
		if (map != NULL)
			answer_text(&out, map);
	}
	return loading_print(in->command, &out, map != NULL ? EXIT_GOOD :
	    EXIT_FOUND);
}

/* A file that is not there is no mistake in it. */
static bool
is_readable(const struct map_inputs *in, const char *file)
{
	if (access(file, R_OK) == 0)
		return true;
	fprintf(stderr, "portolan %s: %s: %s\n", in->command, file,
	    strerror(errno));
	return false;
}

int
map_check(int argc, char **argv)
{
	const char *config = NULL, *file;
	bool json = false;
	const struct option_spec specs[] = {
		{ "config", 'c', "FILE", "check the map that this "
		    "configuration names", .value = &config },
		{ "json", 0, NULL, "answer as JSON", .flag = &json },
		{ 0 },
	};
	const struct usage usage = { .command = "map check",
	    .operands = "MAP", .options = specs, .most = 1, .about =
	    "Reads a region map (or the one that the configuration names), "
	    "tells every\nmistake in it, and how many countries each region "
	    "gets. Exit code 0 good, 1\nmistakes, 2 if a file cannot be "
	    "read." };
	struct operands maps;
	struct map_inputs in;
	int end = options_parse(&usage, argc, argv, &maps);

	if (end != OPTIONS_GO_ON)
		return end;
	if ((maps.count == 1) == (config != NULL))
		return options_mistake(&usage, "give a MAP, or --config");
	map_inputs_init(&in, usage.command);
	file = config != NULL ? config : maps.item[0];
	if (!is_readable(&in, file)) {
		map_inputs_fini(&in);
		return EXIT_USAGE;
	}
	if (!map_inputs_config(&in, config))
		return map_inputs_stop(&in);
	file = config != NULL ? in.config->region_map : file;
	end = is_readable(&in, file) ? check(&in, file, json) : EXIT_USAGE;
	map_inputs_fini(&in);
	return end;
}
