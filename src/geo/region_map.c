/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/region_map.h"

#include <math.h>

#include "base/must.h"

static const double EARTH_RADIUS_KM = 6371.0;	/* mean, IUGG */

const char *
region_match_name(enum region_match match)
{
	static const char *const names[] = {
		[REGION_BY_DEFAULT] = "default",
		[REGION_BY_CONTINENT] = "continent",
		[REGION_BY_COUNTRY] = "country",
		[REGION_BY_NETWORK] = "network",
	};

	must(match <= REGION_BY_NETWORK);
	return names[match];
}

int
region_find(const struct region_map *map, struct slice id)
{
	for (int i = 0; i < map->nregions; i++)
		if (slice_is(id, map->regions[i].id))
			return i;
	return -1;
}

int
region_numbered(const struct region_map *map, unsigned number)
{
	for (int i = 0; i < map->nregions; i++)
		if (map->regions[i].number == number)
			return i;
	return -1;
}

struct region_hit
region_map_place(const struct region_map *map, struct place place)
{
	must(place.country <= COUNTRIES && place.continent < CONTINENTS);
	if (place.country != 0 && map->countries[place.country].count > 0)
		return (struct region_hit){ &map->countries[place.country],
		    REGION_BY_COUNTRY };
	if (place.continent != CONTINENT_NONE &&
	    map->continents[place.continent].count > 0)
		return (struct region_hit){ &map->continents[place.continent],
		    REGION_BY_CONTINENT };
	return (struct region_hit){ &map->by_default, REGION_BY_DEFAULT };
}

static double
radians(double degrees)
{
	return degrees * (M_PI / 180.0);
}

/* Haversine: exact enough at any distance, antipodes included. */
double
region_distance(const struct region *a, const struct region *b)
{
	double lat = sin(radians(b->lat - a->lat) / 2);
	double lon = sin(radians(b->lon - a->lon) / 2);
	double h = lat * lat +
	    cos(radians(a->lat)) * cos(radians(b->lat)) * lon * lon;

	return 2 * EARTH_RADIUS_KM * asin(sqrt(h > 1 ? 1 : h));
}
