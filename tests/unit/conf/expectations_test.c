/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "conf/expectations.h"
#include "conf/regions_file.h"

static const char regions[] =
    "version: 1\n"
    "default: US\n"
    "regions:\n"
    "  US: {location: {country: US, lat: 1, lon: 1}, fallback: [GB]}\n"
    "  GB: {location: {country: GB, lat: 1, lon: 1}}\n"
    "networks:\n"
    "  192.0.2.0/24: GB\n"
    "  198.51.100.0/24: {country: FR}\n"
    "continents: {EU: GB}\n"
    "countries: {NO: US}\n";

static void
each_is_tried(void **state)
{
	static const struct {
		const char	*line;
		enum expectation_kind kind;
		const char	*why;		/* NULL: holds */
	} rows[] = {
		{ "country:FR: GB", EXPECT_COUNTRY, NULL },
		{ "country:NO: US", EXPECT_COUNTRY, NULL },
		{ "country:JP: US", EXPECT_COUNTRY, NULL },
		{ "continent:EU: GB", EXPECT_CONTINENT, NULL },
		{ "continent:AF: US", EXPECT_CONTINENT, NULL },
		{ "192.0.2.1: GB", EXPECT_ADDRESS, NULL },
		{ "\"::ffff:192.0.2.1\": GB", EXPECT_ADDRESS, NULL },
		{ "198.51.100.1: {region: GB, country: FR}", EXPECT_ADDRESS,
		  NULL },
		{ "10.0.0.1: US", EXPECT_ADDRESS, NULL },
		{ "2001:db8::1: US", EXPECT_ADDRESS, NULL },
		{ "country:NO: GB", EXPECT_COUNTRY, "expected region GB, but "
		  "country:NO goes to US by country (map:10)" },
		{ "continent:EU: US", EXPECT_CONTINENT, "expected region US, "
		  "but continent:EU goes to GB by continent (map:9)" },
		{ "192.0.2.1: US", EXPECT_ADDRESS, "expected region US, but "
		  "192.0.2.1 goes to GB by network (map:7)" },
		{ "203.0.114.1: GB", EXPECT_ADDRESS, "expected region GB, but "
		  "203.0.114.1 goes to US by default (map:2)" },
		{ "198.51.100.1: {region: GB, country: DE}", EXPECT_ADDRESS,
		  "expected country DE, but 198.51.100.1 is in FR" },
		{ "203.0.114.1: {region: US, country: DE}", EXPECT_ADDRESS,
		  "expected country DE, but 203.0.114.1 is in no known "
		  "country" },
	};
	struct arena *arena = arena_new(0);
	struct mistakes mistakes;
	const struct region_map *map;
	struct geo_table *geo;

	(void)state;
	mistakes_init(&mistakes);
	map = regions_file_parse(arena, "map", slice_of(regions), &mistakes,
	    NULL);
	geo = geo_table_build(NULL, map);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct expectations *all = expectations_parse(arena, "e",
		    slice_of(arena_printf(arena, "version: 1\nexpect:\n  %s\n",
		    rows[i].line)), map, &mistakes);
		struct err err = { "" };

		assert_int_equal(mistakes.count, 0);
		assert_int_equal(all->count, 1);
		assert_int_equal(all->list[0].kind, rows[i].kind);
		assert_int_equal(all->list[0].mark.line, 3);
		assert_int_equal(expectation_holds(&all->list[0], map, geo,
		    &err), rows[i].why == NULL);
		assert_string_equal(err.text,
		    rows[i].why == NULL ? "" : rows[i].why);
	}
	geo_table_free(&geo);
	mistakes_fini(&mistakes);
	arena_free(&arena);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_is_tried),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
