/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/* Every row of region-expected.csv, in both maps, through decide(). */
#include "world.h"

static const char *
region_of(struct world *w, const char *country)
{
	struct facts facts = {
		.host = SLICE("flow.example.com"), .path = SLICE("/api/run/1"),
		.client = world_addr(country),
	};
	struct decision d;

	decide(&w->policy, world_all(w), &facts, &d);
	assert_int_equal(d.outcome, OUTCOME_FORWARD);
	assert_int_equal(d.hit.place.country, country_find(slice_of(country)));
	return w->map->regions[d.region].id;
}

static unsigned
check_rows(struct world *three, struct world *six)
{
	FILE *f = fopen("tests/data/region-expected.csv", "r");
	char line[64], country[3], continent[3], in3[3], in6[3];
	unsigned rows = 0;

	assert_non_null(f);
	assert_non_null(fgets(line, sizeof(line), f));
	while (fgets(line, sizeof(line), f) != NULL) {
		assert_int_equal(sscanf(line, "%2[A-Z],%2[A-Z],%2[A-Z],%2[A-Z]",
		    country, continent, in3, in6), 4);
		if (strcmp(region_of(three, country), in3) != 0 ||
		    strcmp(region_of(six, country), in6) != 0)
			fail_msg("%s: %s and %s, expected %s and %s", country,
			    region_of(three, country), region_of(six, country),
			    in3, in6);
		rows++;
	}
	fclose(f);
	return rows;
}

static void
every_country_goes_where_the_table_says(void **state)
{
	struct world three, six;

	(void)state;
	world_open(&three, "tests/data/region-map-3.yaml");
	world_open(&six, "tests/data/region-map-6.yaml");
	assert_int_equal(three.map->nregions, 3);
	assert_int_equal(six.map->nregions, 6);
	assert_int_equal(check_rows(&three, &six), COUNTRIES);
	world_close(&three);
	world_close(&six);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_country_goes_where_the_table_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
