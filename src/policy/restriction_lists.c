/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/restriction_lists.h"

#include "base/must.h"

const char *
restriction_list_name(enum restriction_list list)
{
	static const char *const names[] = {
		[RESTRICTION_COUNTRIES] = "countries",
		[RESTRICTION_CONTINENTS] = "continents",
		[RESTRICTION_UNIONS] = "unions",
	};

	must(list < RESTRICTION_LISTS);
	return names[list];
}

/* Two letters, in upper case whatever they were; false for anything else. */
static bool
upper_code(struct slice code, char text[2])
{
	if (code.len != 2)
		return false;
	for (int i = 0; i < 2; i++) {
		char c = ascii_lower(code.p[i]);

		if (c < 'a' || c > 'z')
			return false;
		text[i] = (char)(c - 'a' + 'A');
	}
	return true;
}

/* As much of what was written as a sentence should repeat. */
static int
shown(struct slice code)
{
	return code.len < 32 ? (int)code.len : 32;
}

static bool
bad_country(struct slice code, struct err *err)
{
	const char *why = NULL, *near;

	if (slice_eq_nocase(code, SLICE("EU")))
		return err_set(err, "'%.*s' is no country; Europe is a "
		    "continent (continents: [EU]), the European Union a union "
		    "(unions: [EU])", shown(code), code.p);
	near = country_suggest(code, &why);
	if (near == NULL)
		return err_set(err, "'%.*s' is no country of ISO 3166-1%s%s",
		    shown(code), code.p, why != NULL ? ": " : "",
		    why != NULL ? why : "");
	return err_set(err, "'%.*s' is no country; did you mean %s (%s)?",
	    shown(code), code.p, near,
	    country_name(country_find(slice_of(near))));
}

static bool
bad_continent(struct slice code, struct err *err)
{
	char text[2];
	struct slice upper = { text, 2 };

	for (int i = CONTINENT_NONE + 1; i < CONTINENTS; i++)
		if (slice_eq_nocase(code,
		    slice_of(continent_name((enum continent)i))))
			return err_set(err, "'%.*s' is no code of a continent; "
			    "did you mean %s?", shown(code), code.p,
			    continent_code((enum continent)i));
	if (upper_code(code, text) && country_find(upper) != 0)
		return err_set(err, "'%.*s' is a country (%s), no continent",
		    shown(code), code.p, country_name(country_find(upper)));
	return err_set(err, "'%.*s' is no continent; they are AF AN AS EU NA "
	    "OC SA", shown(code), code.p);
}

bool
restriction_add_code(struct restriction *r, enum restriction_list list,
    struct slice code, struct err *err)
{
	char text[2] = "";
	struct slice upper = { text, upper_code(code, text) ? 2 : 0 };
	uint16_t country;
	enum continent continent;
	enum union_id id;

	switch (list) {
	case RESTRICTION_COUNTRIES:
		country = country_find(upper);
		if (country == 0)
			return bad_country(code, err);
		restriction_add_country(r, country);
		return true;
	case RESTRICTION_CONTINENTS:
		continent = continent_find(upper);
		if (continent == CONTINENT_NONE)
			return bad_continent(code, err);
		r->continents = (uint8_t)(r->continents | 1u << continent);
		return true;
	case RESTRICTION_UNIONS:
		id = union_find(upper);
		if (id == UNION_NONE)
			return err_set(err, "'%.*s' is no union; the only one "
			    "known is EU", shown(code), code.p);
		r->unions = (uint8_t)(r->unions | 1u << id);
		return true;
	default:
		must(list < RESTRICTION_LISTS);
		return false;
	}
}
