/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/successors.h"

#include <stdio.h>
#include <string.h>

enum { PATH_TEXT = REGION_ID_MAX + 32, NAMES_TEXT = 256 };

static const char *
successor(const struct region_map *map, const struct region *region,
    unsigned n)
{
	return map->regions[region->successors[n]].id;
}

/* Those of before, in that order, come first. */
static bool
goes_on(const struct region_map *before, const struct region *old,
    const struct region_map *map, const struct region *new)
{
	if (new->nsuccessors < old->nsuccessors)
		return false;
	for (unsigned i = 0; i < old->nsuccessors; i++)
		if (strcmp(successor(before, old, i), successor(map, new,
		    i)) != 0)
			return false;
	return true;
}

static void
name(const struct region_map *map, const struct region *region,
    char names[NAMES_TEXT])
{
	size_t len = 0;

	names[0] = '\0';
	for (unsigned i = 0; i < region->nsuccessors && len < NAMES_TEXT; i++)
		len += (size_t)snprintf(names + len, NAMES_TEXT - len, "%s%s",
		    i > 0 ? ", " : "", successor(map, region, i));
}

static void
refuse(const struct region_map *map, const struct region *region,
    const char *names, struct mistakes *mistakes)
{
	char path[PATH_TEXT];

	snprintf(path, sizeof(path), "regions.%s.successor", region->id);
	mistakes_add(mistakes, (struct mark){ map->file,
	    region->successor_line, region->successor_column }, path,
	    "region %s was given over to %s, where its states may be at home "
	    "by now: write [%s], others behind if need be; or, if %s is back, "
	    "take the key out and end it with portolan store region return",
	    region->id, names, names, region->id);
}

void
successors_check(const struct region_map *before,
    const struct region_map *map, struct mistakes *mistakes)
{
	for (unsigned i = 0; i < map->nregions; i++) {
		const struct region *new = &map->regions[i], *old;
		int at = region_find(before, slice_of(new->id));
		char names[NAMES_TEXT];

		if (at < 0 || new->nsuccessors == 0)
			continue;
		old = &before->regions[at];
		if (goes_on(before, old, map, new))
			continue;
		name(before, old, names);
		refuse(map, new, names, mistakes);
	}
}
