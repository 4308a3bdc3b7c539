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

static bool
read_regions(struct arena *arena, struct store_postgres_config *pg,
    const struct config *config, const struct region_map *map,
    struct err *err)
{
	size_t count = map != NULL ? map->nregions : 1;
	struct store_region *regions = arena_array(arena, count,
	    sizeof(*regions));

	pg->regions = regions;
	pg->nregions = count;
	if (map == NULL) {
		regions[0] = (struct store_region){ .id = pg->home,
		    .conninfo = config->store.postgres };
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		const struct region *r = &map->regions[i];

		if (r->number >= STORE_REGIONS_MAX)
			return err_set(err, "region %s has the number %u; with "
			    "PostgreSQL numbers end at %d", r->id, r->number,
			    STORE_REGIONS_MAX - 1);
		regions[i] = (struct store_region){ .id = r->id,
		    .number = r->number,
		    .conninfo = conninfo_of(config, r->id, pg->home) };
		name_successors(&regions[i], map, r);
	}
	return true;
}

static bool
is_in(const struct config_store_set *set, const char *region)
{
	for (size_t i = 0; i < set->nregions; i++)
		if (strcmp(set->regions[i], region) == 0)
			return true;
	return false;
}

/* Of all regions those of the set, as they are reached in its database. */
static bool
read_set(struct arena *arena, const struct config_store_set *set,
    const struct store_postgres_config *all,
    struct store_postgres_config *pg, struct err *err)
{
	struct store_region *regions = arena_array(arena, set->nregions,
	    sizeof(*regions));

	*pg = (struct store_postgres_config){ .home = all->home,
	    .regions = regions, .set = set->name, .database = set->database,
	    .port = set->port };
	for (size_t i = 0; i < all->nregions; i++) {
		struct store_region *r;

		if (!is_in(set, all->regions[i].id))
			continue;
		r = &regions[pg->nregions++];
		*r = all->regions[i];
		if (r->conninfo == NULL)
			continue;
		r->conninfo = store_postgres_conninfo(arena, r->conninfo, pg,
		    err);
		if (r->conninfo == NULL)
			return err_wrap(err, "region %s", r->id);
	}
	return true;
}

/* Who asks of metadata alone, without a map, has no need for them. */
static bool
read_sets(struct arena *arena, struct store_postgres_config *pg,
    const struct config *config, struct err *err)
{
	size_t count = config->store.nsets;
	struct store_postgres_config *sets = arena_array(arena, count + 1,
	    sizeof(*sets));

	for (size_t i = 0; i < count; i++)
		if (!read_set(arena, &config->store.sets[i], pg, &sets[i],
		    err))
			return false;
	pg->sets = sets;
	pg->nsets = count;
	return true;
}

bool
store_postgres_config(struct arena *arena, struct store_postgres_config *pg,
    const struct config *config, const struct region_map *map,
    const char *home, struct err *err)
{
	*pg = (struct store_postgres_config){ .home = home };
	return read_regions(arena, pg, config, map, err) &&
	    (map == NULL || read_sets(arena, pg, config, err));
}

struct store *
store_open(struct loop *loop, const struct config *config,
    const struct region_map *map, const char *home, const char *dir,
    struct err *err)
{
	struct store_postgres_config pg;
	struct store *store = NULL;
	struct arena *arena;

	if (config->store.postgres == NULL || dir != NULL)
		return store_sqlite_open(loop, dir != NULL ? dir :
		    config->engines.store_dir, home, err);
	arena = arena_new(0);
	if (store_postgres_config(arena, &pg, config, map, home, err))
		store = store_postgres_open(loop, &pg);
	arena_free(&arena);
	return store;
}

void
store_follow_map(struct store *store, const struct config *config,
    const struct region_map *map, const char *home)
{
	struct arena *arena = arena_new(0);
	struct store_postgres_config pg;
	struct err err;

	if (strcmp(store->ops->name, "postgres") == 0 &&
	    store_postgres_config(arena, &pg, config, map, home, &err))
		store_postgres_lost(store, &pg);
	arena_free(&arena);
}
