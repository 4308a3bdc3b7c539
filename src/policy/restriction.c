/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One whitelist: what it permits, and what two of them permit together.
 */
#include "policy/restrictions.h"

#include <pthread.h>

#include "base/must.h"

static bool
has_country(const struct restriction *r, uint16_t country)
{
	return (r->countries[country / 64] >> country % 64 & 1) != 0;
}

void
restriction_add_country(struct restriction *r, uint16_t country)
{
	must(country > 0 && country <= COUNTRIES);
	r->countries[country / 64] |= UINT64_C(1) << country % 64;
}

static bool
has_continent(const struct restriction *r, unsigned continent)
{
	return continent != CONTINENT_NONE &&
	    (r->continents >> continent & 1) != 0;
}

/* The unions of each country, bit by number; made once. */
static uint8_t unions_of[COUNTRIES + 1];
static pthread_once_t unions_once = PTHREAD_ONCE_INIT;

static void
find_unions(void)
{
	for (uint16_t c = 1; c <= COUNTRIES; c++)
		for (int i = UNION_NONE + 1; i < UNIONS; i++)
			if (union_has((enum union_id)i, c))
				unions_of[c] = (uint8_t)(unions_of[c] | 1 << i);
}

static bool
has_union_of(const struct restriction *r, uint16_t country)
{
	pthread_once(&unions_once, find_unions);
	return (r->unions & unions_of[country]) != 0;
}

static bool
permits(const struct restriction *r, uint16_t country, unsigned continent)
{
	if (country != 0 && has_country(r, country))
		return true;
	if (has_continent(r, continent))
		return true;
	/* The slow way, which copies in a set have written out. */
	return country != 0 && !r->written_out && has_union_of(r, country);
}

bool
restriction_permits_place(const struct restriction *r, struct place place)
{
	if (r == NULL)
		return true;
	if (place.class != PLACE_LOCATED)
		return false;
	return permits(r, place.country, place.continent);
}

bool
restriction_permits_region(const struct restriction *r,
    const struct region *region)
{
	return r == NULL || permits(r, region->country, region->continent);
}

struct region_set
restriction_regions(const struct restriction *r, const struct region_map *map)
{
	struct region_set set = { 0 };

	if (r == NULL)
		return (struct region_set){ (uint16_t)((1u <<
		    map->nregions) - 1) };
	for (unsigned i = 0; i < map->nregions; i++)
		if (restriction_permits_region(r, &map->regions[i]))
			region_set_add(&set, i);
	return set;
}

void
restriction_write_out(struct restriction *r)
{
	for (uint16_t c = 1; c <= COUNTRIES; c++)
		if (has_continent(r, country_continent(c)) ||
		    has_union_of(r, c))
			restriction_add_country(r, c);
	r->written_out = true;
}

void
restriction_copy(struct restriction *to, const struct restriction *from)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->countries, from->countries, sizeof(to->countries));
	to->continents = from->continents;
	to->unions = from->unions;
	to->written_out = from->written_out;
	if (!to->written_out)
		restriction_write_out(to);
}

/*
 * A continent permits its countries and whoever is known by the continent
 * alone.  Both continents' bits set means that both permit all of it, so the
 * continents of the result are those of both, and everything else is left to
 * the countries.
 */
void
restriction_intersect(struct restriction *out, const struct restriction *a,
    const struct restriction *b)
{
	struct restriction whole_a = *a, whole_b = *b;

	if (!a->written_out)
		restriction_write_out(&whole_a);
	if (!b->written_out)
		restriction_write_out(&whole_b);
	out->continents = whole_a.continents & whole_b.continents;
	out->unions = whole_a.unions & whole_b.unions;
	for (size_t i = 0; i < sizeof(out->countries) / sizeof(uint64_t); i++)
		out->countries[i] = whole_a.countries[i] & whole_b.countries[i];
	out->written_out = true;
}
