/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store that a configuration names.
 */
#ifndef STORE_OPEN_H
#define STORE_OPEN_H

#include "conf/config.h"
#include "geo/region_map.h"
#include "store/postgres.h"

/*
 * PostgreSQL where the configuration says so, else SQLite in dir (NULL:
 * engines.store).  home: the region it is of.  map may be NULL for one who
 * asks of metadata alone.  NULL with *err if it cannot be had; see what either
 * says of its opening.
 */
struct store *store_open(struct loop *loop, const struct config *config,
    const struct region_map *map, const char *home, const char *dir,
    struct err *err);

/* The map has changed: which regions are lost, that is; what else there is to
 * a region counts from the next start on. */
void store_follow_map(struct store *store, const struct config *config,
    const struct region_map *map, const char *home);

/* For store_postgres_open() and its like.  False where a region's number has no
 * bit, or a conninfo is none. */
bool store_postgres_config(struct arena *arena,
    struct store_postgres_config *pg, const struct config *config,
    const struct region_map *map, const char *home, struct err *err);

#endif
