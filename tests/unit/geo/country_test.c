/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "geo/country.h"
#include "unit/geo/csv.h"

static void
every_row_of_the_table(void **state)
{
	struct slice file = file_read("data/countries.csv"), rest = file;
	struct slice f[CSV_FIELDS];
	unsigned rows = 0;

	(void)state;
	assert_true(csv_line(&rest, f));
	for (; csv_line(&rest, f); rows++) {
		uint16_t country = country_find(f[0]);

		assert_in_range(country, 1, COUNTRIES);
		assert_true(slice_is(f[0], country_code(country)));
		assert_true(slice_is(f[1], country_name(country)));
		assert_true(slice_is(f[2],
		    continent_code(country_continent(country))));
	}
	assert_int_equal(rows, COUNTRIES);
	file_free(&file);
}

static void
every_alias(void **state)
{
	struct slice file = file_read("data/country-aliases.csv"), rest = file;
	struct slice f[CSV_FIELDS];
	unsigned rows = 0;

	(void)state;
	assert_true(csv_line(&rest, f));
	for (; csv_line(&rest, f); rows++) {
		const struct country_alias *a = country_alias_find(f[0]);

		assert_non_null(a);
		assert_true(slice_is(f[1], a->kind));
		assert_true(slice_is(f[2], country_code(a->country)));
		assert_true(slice_is(f[3], continent_code(a->continent)));
		assert_true(slice_is(f[4], a->note));
		assert_int_equal(country_find(f[0]), 0);	/* no country */
		if (a->country != 0)
			assert_int_equal(a->continent,
			    country_continent(a->country));
	}
	assert_int_equal(rows, 28);
	file_free(&file);
}

static void
codes_are_exact(void **state)
{
	static const char *const wrong[] = { "", "G", "gb", "Gb", "GBR", "UK",
	    "ZZ", "??", "G\xff", "  ", "AA" };

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(country_find(slice_of(wrong[i])), 0);
	assert_string_equal(country_code(0), "");
	assert_string_equal(country_name(0), "");
	assert_int_equal(country_continent(0), CONTINENT_NONE);
	assert_null(country_alias_find(SLICE("GB")));
	assert_null(country_alias_find(SLICE("uk")));
	assert_int_equal(continent_find(SLICE("eu")), CONTINENT_NONE);
	assert_int_equal(continent_find(SLICE("")), CONTINENT_NONE);
	assert_int_equal(continent_find(SLICE("SA")), CONTINENT_SA);
	assert_string_equal(continent_name(CONTINENT_NA), "North America");
	assert_string_equal(continent_code(CONTINENT_NONE), "");
}

static const struct {
	const char	*country, *continent;	/* of a record */
	const char	*want, *want_continent;
	enum place_class class;
} records[] = {
	{ "GB", "EU",	"GB", "EU", PLACE_LOCATED },
	{ "gb", "",	"GB", "EU", PLACE_LOCATED },
	{ "CY", "AS",	"CY", "EU", PLACE_LOCATED },	/* the table wins */
	{ "BR", "XX",	"BR", "SA", PLACE_LOCATED },
	{ "UK", "",	"GB", "EU", PLACE_LOCATED },
	{ "el", "",	"GR", "EU", PLACE_LOCATED },
	{ "TP", "AS",	"TL", "OC", PLACE_LOCATED },	/* one successor */
	{ "AN", "",	"",   "NA", PLACE_LOCATED },	/* several */
	{ "SU", "",	"",   "",   PLACE_UNKNOWN },	/* on two continents */
	{ "EU", "",	"",   "EU", PLACE_LOCATED },	/* flat files say so */
	{ "AP", "",	"",   "AS", PLACE_LOCATED },
	{ "A1", "",	"",   "",   PLACE_UNKNOWN },
	{ "A1", "EU",	"",   "EU", PLACE_LOCATED },
	{ "", "eu",	"",   "EU", PLACE_LOCATED },
	{ "", "XX",	"",   "",   PLACE_UNKNOWN },
	{ "GBR", "",	"",   "",   PLACE_UNKNOWN },
	{ "United Kingdom", "Europe", "", "", PLACE_UNKNOWN },
	{ "\xff\xfe", "", "", "",   PLACE_UNKNOWN },
	{ "", "",	"",   "",   PLACE_UNKNOWN },
};

static void
places_from_what_records_say(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
		struct place p = place_from_codes(slice_of(records[i].country),
		    slice_of(records[i].continent));

		assert_string_equal(country_code(p.country), records[i].want);
		assert_string_equal(continent_code((enum continent)p.continent),
		    records[i].want_continent);
		assert_int_equal(p.class, records[i].class);
	}
	assert_string_equal(place_class_name(PLACE_LOCATED), "located");
	assert_string_equal(place_class_name(PLACE_PRIVATE), "private");
	assert_string_equal(place_class_name(PLACE_UNKNOWN), "unknown");
}

static void
the_union_is_not_the_continent(void **state)
{
	/* Not members, or parts overseas that have codes of their own. */
	static const char *const out[] = { "GB", "CH", "NO", "IS", "LI", "TR",
	    "UA", "RU", "RS", "AX", "GF", "GP", "MQ", "RE", "YT", "MF", "PM",
	    "NC", "PF", "AW", "CW", "SX", "BQ", "GL", "FO", "GI", "XK" };
	unsigned members = 0, european = 0;

	(void)state;
	for (uint16_t i = 1; i <= COUNTRIES; i++) {
		members += union_has(UNION_EU, i);
		european += country_continent(i) == CONTINENT_EU;
	}
	assert_int_equal(members, 27);
	assert_int_equal(european, 53);
	for (size_t i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
		assert_int_not_equal(country_find(slice_of(out[i])), 0);
		assert_false(union_has(UNION_EU, country_find(slice_of(out[i]))));
	}
	assert_true(union_has(UNION_EU, country_find(SLICE("CY"))));
	assert_true(union_has(UNION_EU, country_find(SLICE("IE"))));
	assert_false(union_has(UNION_EU, 0));
	assert_false(union_has(UNION_NONE, country_find(SLICE("DE"))));
	assert_int_equal(union_find(SLICE("EU")), UNION_EU);
	assert_int_equal(union_find(SLICE("eu")), UNION_NONE);
	assert_int_equal(union_find(SLICE("EEA")), UNION_NONE);
	assert_string_equal(union_code(UNION_EU), "EU");
	assert_string_equal(union_code(UNION_NONE), "");
}

static const struct {
	const char	*wrote, *meant;	/* NULL: nothing is near */
	bool		 has_reason;
} suggestions[] = {
	{ "gb", "GB", true },
	{ "UK", "GB", true },
	{ "uk", "GB", true },
	{ "EL", "GR", true },
	{ "GBR", "GB", true },
	{ "France", "FR", true },
	{ "germany", "DE", true },
	{ "Swizerland", "CH", true },
	{ "Germny", "DE", true },
	{ "Untied Kingdom", "GB", true },
	{ "Wakanda", NULL, false },	/* Canada, Rwanda, Uganda: far off */
	{ "Holland", NULL, false },	/* Poland */
	{ "Persia", NULL, false },	/* Serbia */
	{ "England", NULL, false },	/* Finland */
	{ "Swaziland", NULL, false },	/* Thailand */
	{ "EU", NULL, true },		/* known, but no country */
	{ "XX", NULL, true },
	{ "QQ", NULL, false },		/* two letters are near to too many */
	{ "", NULL, false },
	{ "x", NULL, false },
	{ "no such country at all", NULL, false },
};

static void
what_a_person_meant(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(suggestions) / sizeof(suggestions[0]);
	    i++) {
		const char *why, *meant = country_suggest(
		    slice_of(suggestions[i].wrote), &why);

		if (suggestions[i].meant == NULL) {
			if (meant != NULL)
				fail_msg("%s: %s", suggestions[i].wrote, meant);
		} else {
			assert_non_null(meant);
			assert_string_equal(meant, suggestions[i].meant);
		}
		assert_int_equal(why != NULL, suggestions[i].has_reason);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_of_the_table),
		cmocka_unit_test(every_alias),
		cmocka_unit_test(codes_are_exact),
		cmocka_unit_test(places_from_what_records_say),
		cmocka_unit_test(the_union_is_not_the_continent),
		cmocka_unit_test(what_a_person_meant),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
