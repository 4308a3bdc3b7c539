/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "world.h"

#include "policy/restriction_lists.h"
#include "policy/restrictions_json.h"

static void
reads_the_platforms_json(void **state)
{
	static const struct {
		const char	*text;
		bool		 tenant;
		/* who is permitted, or NULL where nothing is restricted */
		const char	*access, *execution;
		const char	*refused;	/* by both */
	} rows[] = {
		{ "{\"access\":{\"enabled\":true,\"countries\":[\"SZ\"],"
		    "\"continents\":[]},\"execution\":null}",
		    false, "SZ", NULL, "CH" },
		{ "{\"access\":{\"enabled\":true,\"countries\":[\"sz\"]}}",
		    false, "SZ", NULL, "CH" },
		{ "{\"execution\":{\"enabled\":true,\"continents\":[\"eu\"]}}",
		    false, NULL, "RU", "US" },
		{ "{\"execution\":{\"enabled\":true,\"unions\":[\"EU\"]}}",
		    false, NULL, "FR", "GB" },
		{ "{\"access\":{\"enabled\":true,\"countries\":null,"
		    "\"continents\":[\"AF\"],\"unions\":[]},"
		    "\"execution\":{\"enabled\":true,\"countries\":[\"SZ\"]},"
		    "\"other\":1}", false, "SZ", "SZ", "CH" },
		{ "{\"flowRestrictions\":{\"access\":{\"enabled\":true,"
		    "\"countries\":[\"SZ\"]}}}", true, "SZ", NULL, "CH" },
		{ "{\"flowRestrictions\":null}", true, NULL, NULL, NULL },
		{ "{}", true, NULL, NULL, NULL },
		{ "null", false, NULL, NULL, NULL },
		{ "[]", false, NULL, NULL, NULL },
		{ "{}", false, NULL, NULL, NULL },
		{ "{\"access\":[],\"execution\":[]}", false, NULL, NULL, NULL },
		{ "{\"access\":{\"enabled\":false,\"countries\":[\"SZ\"]}}",
		    false, NULL, NULL, NULL },
		{ "{\"access\":{\"countries\":[\"SZ\"]}}", false, NULL, NULL,
		    NULL },
		{ "{\"access\":{\"enabled\":null}}", false, NULL, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena *arena = arena_new(0);
		struct restriction_pair pair;
		struct place refused;
		struct err err;

		if (!restrictions_from_text(arena, slice_of(rows[i].text),
		    rows[i].tenant, &pair, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_int_equal(pair.access != NULL, rows[i].access != NULL);
		assert_int_equal(pair.execution != NULL,
		    rows[i].execution != NULL);
		assert_true(rows[i].access == NULL ||
		    restriction_permits_place(pair.access, place_from_codes(
		    slice_of(rows[i].access), SLICE(""))));
		assert_true(rows[i].execution == NULL ||
		    restriction_permits_place(pair.execution, place_from_codes(
		    slice_of(rows[i].execution), SLICE(""))));
		if (rows[i].refused != NULL) {
			refused = place_from_codes(slice_of(rows[i].refused),
			    SLICE(""));
			assert_true(pair.access == NULL ||
			    !restriction_permits_place(pair.access, refused));
			assert_true(pair.execution == NULL ||
			    !restriction_permits_place(pair.execution,
			    refused));
		}
		arena_free(&arena);
	}
}

static void
an_empty_whitelist_permits_nobody(void **state)
{
	struct arena *arena = arena_new(0);
	struct restriction_pair pair;
	struct err err;

	(void)state;
	assert_true(restrictions_from_text(arena,
	    SLICE("{\"access\":{\"enabled\":true}}"), false, &pair, &err));
	assert_non_null(pair.access);
	for (uint16_t c = 1; c <= COUNTRIES; c++)
		assert_false(restriction_permits_place(pair.access,
		    (struct place){ PLACE_LOCATED, country_continent(c), c }));
	arena_free(&arena);
}

static void
says_what_is_wrong(void **state)
{
	static const struct {
		const char	*text, *message;
	} rows[] = {
		{ "{\"access\":{\"enabled\":true,\"countries\":[\"US\",\"UK\"]"
		    "}}", "restrictions.access: countries[1]: 'UK' is no "
		    "country; did you mean GB (United Kingdom)?" },
		{ "{\"access\":{\"enabled\":true,\"countries\":[\"EU\"]}}",
		    "restrictions.access: countries[0]: 'EU' is no country; "
		    "Europe is a continent (continents: [EU]), the European "
		    "Union a union (unions: [EU])" },
		{ "{\"execution\":{\"enabled\":true,\"continents\":[\"GB\"]}}",
		    "restrictions.execution: continents[0]: 'GB' is a country "
		    "(United Kingdom), no continent" },
		{ "{\"execution\":{\"enabled\":true,\"continents\":"
		    "[\"europe\"]}}", "restrictions.execution: continents[0]: "
		    "'europe' is no code of a continent; did you mean EU?" },
		{ "{\"execution\":{\"enabled\":true,\"unions\":[\"AU\"]}}",
		    "restrictions.execution: unions[0]: 'AU' is no union; the "
		    "only one known is EU" },
		{ "{\"access\":{\"enabled\":true,\"countries\":[7]}}",
		    "restrictions.access: countries[0]: not a text" },
		{ "{\"access\":{\"enabled\":true,\"countries\":\"SZ\"}}",
		    "restrictions.access: countries: not a list of codes" },
		{ "{\"access\":{\"enabled\":\"yes\"}}",
		    "restrictions.access: enabled: neither true nor false" },
		{ "{\"access\":true}", "restrictions.access: not an object" },
		{ "\"x\"", "restrictions: not an object" },
	};
	struct arena *arena = arena_new(0);

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct restriction_pair pair;
		struct err err;

		assert_false(restrictions_from_text(arena,
		    slice_of(rows[i].text), false, &pair, &err));
		assert_string_equal(err.text, rows[i].message);
	}
	arena_free(&arena);
}

static void
refuses_what_is_no_json(void **state)
{
	static const char *const bad[] = {
		"", "{", "{\"access\":{}", "{} x", "{'a':1}",
		"{\"access\":{},\"access\":null}",	/* which one? */
	};
	struct arena *arena = arena_new(0);
	struct restriction_pair pair;
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (restrictions_from_text(arena, slice_of(bad[i]), false,
		    &pair, &err))
			fail_msg("'%s' was read", bad[i]);
	arena_free(&arena);
}

static const struct {
	enum restriction_list list;
	const char	*code;
	bool		 good;
} codes[] = {
	{ RESTRICTION_COUNTRIES, "DE", true },
	{ RESTRICTION_COUNTRIES, "XX", false },
	{ RESTRICTION_COUNTRIES, "fr", true },
	{ RESTRICTION_COUNTRIES, "GBR", false },
	{ RESTRICTION_CONTINENTS, "Europe", false },
	{ RESTRICTION_CONTINENTS, "AF", true },
	{ RESTRICTION_UNIONS, "USA", false },
};

/* And the others hold all the same. */
static void
wrong_codes_are_told(void **state)
{
	struct restriction r = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		struct err err;

		if (restriction_add_code(&r, codes[i].list,
		    slice_of(codes[i].code), &err) != codes[i].good)
			fail_msg("%s", codes[i].code);
		if (!codes[i].good)
			assert_int_equal(err.text[0], '\'');
	}
	assert_true(restriction_permits_place(&r, place_from_codes(
	    SLICE("FR"), SLICE(""))));
	assert_true(restriction_permits_place(&r, place_from_codes(
	    SLICE("SZ"), SLICE(""))));
	assert_false(restriction_permits_place(&r, place_from_codes(
	    SLICE("GB"), SLICE(""))));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_the_platforms_json),
		cmocka_unit_test(an_empty_whitelist_permits_nobody),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(refuses_what_is_no_json),
		cmocka_unit_test(wrong_codes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
