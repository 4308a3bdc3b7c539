/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is known of a client's location, as numbers: countries and continents
 * are indexes into one table made from data/countries.csv, so a place costs
 * four bytes and comparing places needs no text.
 */
#ifndef GEO_PLACE_H
#define GEO_PLACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum place_class {
	PLACE_UNKNOWN,			/* public, or no address at all; not located */
	PLACE_PRIVATE,			/* special-purpose: RFC 1918, loopback, ... */
	PLACE_LOCATED,			/* country or at least continent known */
};

enum continent {
	CONTINENT_NONE, CONTINENT_AF, CONTINENT_AN, CONTINENT_AS, CONTINENT_EU,
	CONTINENT_NA, CONTINENT_OC, CONTINENT_SA, CONTINENTS
};

struct place {
	uint8_t		 class;		/* enum place_class */
	uint8_t		 continent;	/* enum continent */
	uint16_t	 country;	/* 0: none; else 1 .. COUNTRIES, country.h */
};

static inline bool
place_eq(struct place a, struct place b)
{
	return a.class == b.class && a.continent == b.continent &&
	    a.country == b.country;
}

const char *place_class_name(enum place_class class);	/* "located" ... */

#endif
