/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/buf.h"
#include "conf/file.h"
#include "conf/regions_file.h"
#include "support/mistakes.h"

static const struct region_map *
checked(const struct region_map *map)
{
	assert_no_mistake();
	assert_int_equal(mistakes.count, 0);
	return map;
}

/* Column 2 or 3 of region-expected.csv, for every country. */
static void
compare_countries(const struct region_map *map, int column)
{
	struct buf text = { 0 };
	struct slice rest, line, field[4];
	struct err err;
	size_t rows = 0;

	assert_true(file_read(&text, "tests/data/region-expected.csv", 1 << 20,
	    &err));
	rest = buf_all(&text);
	slice_split(&rest, '\n', &line);
	while (slice_split(&rest, '\n', &line) && line.len > 0) {
		struct place place = { .class = PLACE_LOCATED };
		struct region_hit hit;

		for (int i = 0; i < 4; i++)
			slice_split(&line, ',', &field[i]);
		place.country = country_find(field[0]);
		place.continent = (uint8_t)country_continent(place.country);
		hit = region_map_place(map, place);
		assert_true(slice_is(slice_trim(field[column]),
		    map->regions[hit.list->regions[0]].id));
		rows++;
	}
	assert_int_equal(rows, COUNTRIES);
	buf_fini(&text);
}

static void
both_maps_answer_every_country(void **state)
{
	(void)state;
	compare_countries(checked(regions_file_load(arena,
	    "tests/data/region-map-3.yaml", &mistakes, NULL)), 2);
	compare_countries(checked(regions_file_load(arena,
	    "tests/data/region-map-6.yaml", &mistakes, NULL)), 3);
	compare_countries(checked(regions_file_load(arena,
	    "conf/regions.yaml", &mistakes, NULL)), 3);
}

static void
all_of_a_region(void **state)
{
	const struct region_map *map = checked(regions_file_load(arena,
	    "tests/data/region-map-6.yaml", &mistakes, NULL));
	const struct region *us = &map->regions[0], *eu = &map->regions[2];

	(void)state;
	assert_int_equal(map->nregions, 6);
	assert_string_equal(us->id, "US");
	assert_string_equal(us->name, "North America (US)");
	assert_string_equal(us->city, "North Virginia");
	assert_string_equal(eu->id, "EU");
	assert_string_equal(country_code(eu->country), "DE");
	assert_int_equal(eu->continent, CONTINENT_EU);
	assert_true(eu->lat == 50.11 && us->lon == -77.45);
	assert_int_equal(us->nhosts, 2);
	assert_string_equal(us->hosts[1], "us.flow.example.com");
	assert_int_equal(us->nengines, 2);
	assert_string_equal(us->engines[1].url,
	    "http://engine-2.us.internal:8080");
	assert_int_equal(us->engines[1].weight, 1);
	assert_int_equal(us->nfallback, 5);
	assert_string_equal(map->regions[us->fallback[0]].id, "CA");
	assert_string_equal(map->regions[us->fallback[4]].id, "SG");
	assert_string_equal(us->at.file, "tests/data/region-map-6.yaml");
	assert_int_equal(us->at.line, 26);
}

static const char head[] = "version: 1\n"
    "default: [B, A]\n"
    "regions:\n"
    "  A: {location: {country: FR, lat: 1, lon: 2}}\n"
    "  B: {location: {country: DE, lat: 1, lon: 2}, engines: "
    "[{url: \"unix:/run/e\", weight: 7}]}\n";

static const struct region_map *
parse(const char *tail)
{
	const char *text = arena_printf(arena, "%s%s", head, tail);

	return checked(regions_file_parse(arena, "t", slice_of(text),
	    &mistakes, NULL));
}

/* What state ids carry does not move with the file. */
static void
numbers_are_given_or_the_place(void **state)
{
	static const char *const texts[] = {
		"version: 1\ndefault: [A, B]\nregions:\n"
		"  A: {location: {country: FR, lat: 1, lon: 2}}\n"
		"  B: {location: {country: DE, lat: 1, lon: 2}}\n",
		"version: 1\ndefault: [A, B, C]\nregions:\n"
		"  C: {number: 63, location: {country: FR, lat: 1, lon: 2}}\n"
		"  B: {number: 1, location: {country: DE, lat: 1, lon: 2}}\n"
		"  A: {number: 0, location: {country: FR, lat: 1, lon: 2}}\n",
	};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct region_map *map = checked(regions_file_parse(
		    arena, "t", slice_of(texts[i]), &mistakes, NULL));

		assert_string_equal(map->regions[region_numbered(map, 0)].id,
		    "A");
		assert_string_equal(map->regions[region_numbered(map, 1)].id,
		    "B");
		assert_int_equal(region_numbered(map, 63), i == 0 ? -1 : 0);
	}
}

static void
lists_keep_their_order(void **state)
{
	const struct region_map *map = parse("countries: {NO: [A, B]}\n"
	    "continents: {AF: B}\n");
	const struct region_list *no = &map->countries[country_find(
	    SLICE("NO"))];

	(void)state;
	assert_int_equal(map->by_default.count, 2);
	assert_int_equal(map->by_default.regions[0], 1);
	assert_int_equal(no->count, 2);
	assert_int_equal(no->regions[0], 0);
	assert_int_equal(no->at.line, 6);
	assert_int_equal(map->continents[CONTINENT_AF].regions[0], 1);
	assert_int_equal(map->continents[CONTINENT_AS].count, 0);
	assert_int_equal(map->regions[1].engines[0].weight, 7);
	assert_string_equal(map->regions[1].city, "");
	assert_string_equal(map->regions[1].name, "B");
}

static void
networks_in_every_form(void **state)
{
	const struct region_map *map = parse("networks:\n"
	    "  10.20.0.0/16: A\n"
	    "  192.0.2.1: [B, A]\n"
	    "  2001:db8:20::/48: B\n"
	    "  198.51.100.0/24: {country: IE, reason: wrong in the database, "
	    "owner: noc, expires: 2999-12-31}\n"
	    "  203.0.113.0/24: {regions: [A, B], country: FR}\n");
	const struct region_network *n = map->networks;

	(void)state;
	assert_int_equal(map->nnetworks, 5);
	assert_int_equal(n[0].net.bits, 16);
	assert_int_equal(n[0].list.regions[0], 0);
	assert_int_equal(n[0].list.at.line, 7);
	assert_int_equal(n[0].place.country, 0);
	assert_int_equal(n[1].net.bits, 32);
	assert_int_equal(n[1].list.count, 2);
	assert_int_equal(n[2].net.base.family, ADDR_IP6);
	assert_int_equal(n[3].list.count, 0);
	assert_string_equal(country_code(n[3].place.country), "IE");
	assert_int_equal(n[3].place.continent, CONTINENT_EU);
	assert_int_equal(n[3].place.class, PLACE_LOCATED);
	assert_string_equal(n[3].reason, "wrong in the database");
	assert_string_equal(n[3].owner, "noc");
	assert_int_equal(n[4].list.count, 2);
	assert_int_equal(n[4].list.at.line, 11);
}

/* A section of which everything is commented out. */
static void
empty_sections_are_none(void **state)
{
	const struct region_map *map = parse("networks:\ncountries: {}\n"
	    "continents: ~\n");

	(void)state;
	assert_int_equal(map->nnetworks, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(both_maps_answer_every_country,
		    begin, end),
		cmocka_unit_test_setup_teardown(all_of_a_region, begin, end),
		cmocka_unit_test_setup_teardown(numbers_are_given_or_the_place,
		    begin, end),
		cmocka_unit_test_setup_teardown(lists_keep_their_order, begin,
		    end),
		cmocka_unit_test_setup_teardown(networks_in_every_form, begin,
		    end),
		cmocka_unit_test_setup_teardown(empty_sections_are_none, begin,
		    end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
