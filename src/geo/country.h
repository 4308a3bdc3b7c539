/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The country table: ISO 3166-1 alpha-2 codes with name and continent, and
 * the aliases that databases and people use instead.  Made once from
 * data/countries.csv and data/country-aliases.csv, which are compiled in;
 * read by any thread.
 */
#ifndef GEO_COUNTRY_H
#define GEO_COUNTRY_H

#include "geo/place.h"

enum { COUNTRIES = 250 };		/* rows of the table; a test counts them */

/* Number of the country with exactly this upper-case code, or 0. */
uint16_t country_find(struct slice code);

/* Of 1 .. COUNTRIES; the empty string for 0. */
const char *country_code(uint16_t country);
const char *country_name(uint16_t country);
enum continent country_continent(uint16_t country);

/* By upper-case code ("EU"); CONTINENT_NONE for anything else. */
enum continent continent_find(struct slice code);
const char *continent_code(enum continent continent);	/* "" for none */
const char *continent_name(enum continent continent);

/*
 * What a code stands for that is not in the table: UK, EL, EU, AN, XX ...
 * (reserved, withdrawn and pseudo codes).  NULL if it is not known either.
 */
struct country_alias {
	char		 code[3];
	const char	*kind;		/* "reserved", "withdrawn", "pseudo" */
	uint16_t	 country;	/* 0: none */
	enum continent	 continent;
	const char	*note;
};

const struct country_alias *country_alias_find(struct slice code);

/*
 * A place from what a database record says: codes in any case, aliases
 * resolved; the country's continent is the table's, and the record's own
 * continent counts only when it names no usable country.  Junk gives a place
 * of class unknown.
 */
struct place place_from_codes(struct slice country, struct slice continent);

/* Whether the country is one of the 27 members of a union ("EU"); the
 * overseas territories with codes of their own are not. */
enum union_id { UNION_NONE, UNION_EU, UNIONS };
enum union_id union_find(struct slice code);
const char *union_code(enum union_id id);
bool union_has(enum union_id id, uint16_t country);

/*
 * The valid code a person probably meant ("UK", "gb", "GBR" or "Untied
 * Kingdom" -> "GB"), with a reason to print.  NULL if nothing is near; *why
 * then says what the code stands for, if that is known ("EU"), or is NULL.
 */
const char *country_suggest(struct slice code, const char **why);

#endif
