/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "store/open.h"

#include <stdio.h>
#include <string.h>

static const char *
conninfo_of(const struct config *config, const char *region, const char *home)
{
	if (strcmp(region, home) == 0)
		return config->store.postgres;
	for (size_t i = 0; i < config->store.npeers; i++)
		if (strcmp(config->store.peers[i].region, region) == 0)
			return config->store.peers[i].conninfo;
	return NULL;
}

static void
name_successors(struct store_region *to, const struct region_map *map,
    const struct region *region)
{
	size_t len = 0;

	for (unsigned i = 0; i < region->nsuccessors; i++)
		len += (size_t)snprintf(to->successors + len,
		    sizeof(to->successors) - len, "%s%s", i > 0 ? "," : "",
		    map->regions[region->successors[i]].id);
}

bool
store_postgres_config(struct store_postgres_config *pg,
    struct store_region regions[REGIONS_MAX], const struct config *config,
    const struct region_map *map, const char *home, struct err *err)
{
	*pg = (struct store_postgres_config){ home, regions, 1 };
	if (map == NULL) {
		regions[0] = (struct store_region){ .id = home,
		    .conninfo = config->store.postgres };
		return true;
	}
	pg->nregions = map->nregions;
	for (size_t i = 0; i < map->nregions; i++) {
		const struct region *r = &map->regions[i];

		if (r->number >= STORE_REGIONS_MAX)
			return err_set(err, "region %s has the number %u; with "
			    "PostgreSQL numbers end at %d", r->id, r->number,
			    STORE_REGIONS_MAX - 1);
		regions[i] = (struct store_region){ .id = r->id,
		    .number = r->number,
		    .conninfo = conninfo_of(config, r->id, home) };
		name_successors(&regions[i], map, r);
	}
	return true;
}

struct store *
store_open(struct loop *loop, const struct config *config,
    const struct region_map *map, const char *home, const char *dir,
    struct err *err)
{
	struct store_region regions[REGIONS_MAX];
	struct store_postgres_config pg;

	if (config->store.postgres == NULL || dir != NULL)
		return store_sqlite_open(loop, dir != NULL ? dir :
		    config->engines.store_dir, home, err);
	if (!store_postgres_config(&pg, regions, config, map, home, err))
		return NULL;
	return store_postgres_open(loop, &pg);
}

void
store_follow_map(struct store *store, const struct config *config,
    const struct region_map *map, const char *home)
{
	struct store_region regions[REGIONS_MAX];
	struct store_postgres_config pg;
	struct err err;

	if (strcmp(store->ops->name, "postgres") == 0 &&
	    store_postgres_config(&pg, regions, config, map, home, &err))
		store_postgres_lost(store, &pg);
}
