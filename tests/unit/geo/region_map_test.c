/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "geo/region_map.h"

static struct region_map map;

static void
set(struct region_list *list, unsigned region)
{
	list->regions[0] = (uint8_t)region;
	list->count = 1;
}

static int
make_map(void **state)
{
	static const struct {
		const char	*id;
		double		 lat, lon;
	} regions[] = {
		{ "US", 38.95, -77.45 },
		{ "GB", 51.51, -0.13 },
		{ "AU", -33.87, 151.21 },
	};

	(void)state;
	map.file = "test";
	map.nregions = 3;
	for (size_t i = 0; i < 3; i++) {
		strcpy(map.regions[i].id, regions[i].id);
		map.regions[i].lat = regions[i].lat;
		map.regions[i].lon = regions[i].lon;
		map.regions[i].number = (uint8_t)(7 - i);
	}
	set(&map.by_default, 0);
	set(&map.continents[CONTINENT_EU], 1);
	set(&map.continents[CONTINENT_OC], 2);
	set(&map.countries[country_find(SLICE("IS"))], 0);
	set(&map.countries[country_find(SLICE("IN"))], 2);
	return 0;
}

static const struct {
	const char	*country, *continent, *region;
	enum region_match match;
} places[] = {
	{ "IS", "EU", "US", REGION_BY_COUNTRY },	/* before its continent */
	{ "IN", "AS", "AU", REGION_BY_COUNTRY },
	{ "FR", "EU", "GB", REGION_BY_CONTINENT },
	{ "",   "EU", "GB", REGION_BY_CONTINENT },
	{ "NZ", "OC", "AU", REGION_BY_CONTINENT },
	{ "JP", "AS", "US", REGION_BY_DEFAULT },
	{ "",   "",   "US", REGION_BY_DEFAULT },
};

static void
country_then_continent_then_default(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct region_hit hit = region_map_place(&map,
		    place_from_codes(slice_of(places[i].country),
		    slice_of(places[i].continent)));

		assert_int_equal(hit.match, places[i].match);
		assert_string_equal(map.regions[hit.list->regions[0]].id,
		    places[i].region);
	}
}

static void
regions_by_id(void **state)
{
	(void)state;
	assert_int_equal(region_find(&map, SLICE("AU")), 2);
	assert_int_equal(region_find(&map, SLICE("au")), -1);
	assert_int_equal(region_find(&map, SLICE("")), -1);
	assert_int_equal(region_find(&map, SLICE("AUS")), -1);
}

static void
regions_by_number(void **state)
{
	(void)state;
	assert_int_equal(region_numbered(&map, 7), 0);
	assert_int_equal(region_numbered(&map, 5), 2);
	assert_int_equal(region_numbered(&map, 0), -1);
}

static void
assert_km(unsigned a, unsigned b, double km)
{
	double d = region_distance(&map.regions[a], &map.regions[b]);

	if (d < km * 0.99 || d > km * 1.01)
		fail_msg("%s to %s: %f km", map.regions[a].id,
		    map.regions[b].id, d);
}

static void
distances_along_the_great_circle(void **state)
{
	struct region pole = { .lat = 90 }, other = { .lat = -90, .lon = 77 };

	(void)state;
	assert_km(0, 1, 5900);
	assert_km(1, 0, 5900);
	assert_km(1, 2, 16993);
	assert_km(2, 2, 0);
	assert_true(region_distance(&pole, &other) > 20000);
	assert_true(region_distance(&pole, &other) < 20030);
}

static void
names_of_matches(void **state)
{
	(void)state;
	assert_string_equal(region_match_name(REGION_BY_DEFAULT), "default");
	assert_string_equal(region_match_name(REGION_BY_CONTINENT), "continent");
	assert_string_equal(region_match_name(REGION_BY_COUNTRY), "country");
	assert_string_equal(region_match_name(REGION_BY_NETWORK), "network");
}

static void
sets_of_regions(void **state)
{
	struct region_set s = { 0 };

	(void)state;
	region_set_add(&s, 0);
	region_set_add(&s, 15);
	assert_true(region_set_has(s, 0) && region_set_has(s, 15));
	assert_false(region_set_has(s, 1));
	assert_int_equal(s.bits, 0x8001);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(country_then_continent_then_default),
		cmocka_unit_test(regions_by_id),
		cmocka_unit_test(regions_by_number),
		cmocka_unit_test(distances_along_the_great_circle),
		cmocka_unit_test(names_of_matches),
		cmocka_unit_test(sets_of_regions),
	};

	return cmocka_run_group_tests(tests, make_map, NULL);
}
