/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store of a region on PostgreSQL 15 or later: one server (or what passes
 * for one) a region, joined to the others' by its own logical replication.
 *
 * Each region writes the states whose home it is; of the others it has a copy,
 * unless an execution restriction keeps it out.  What is asked of a state that
 * is at home elsewhere is asked there.
 */
#ifndef STORE_POSTGRES_H
#define STORE_POSTGRES_H

#include "store/store.h"

enum { STORE_REGIONS_MAX = 63 };

struct store_region {
	const char	*id;		/* "GB" */
	unsigned	 number;	/* its bit in allowed; below 63 */
	/* How it is reached: libpq's "key=value ..." or URI; NULL for a region
	 * whose states this one cannot ask for.  Use hostaddr= or an address:
	 * names are looked up with each new connection. */
	const char	*conninfo;
};

struct store_postgres_config {
	const char	*home;		/* one of the regions */
	const struct store_region *regions;
	size_t		 nregions;
};

/*
 * Always succeeds at once: until the server is there and its schema is good,
 * calls are answered STORE_UNAVAILABLE and health() says why.  The
 * configuration is copied.
 */
struct store *store_postgres_open(struct loop *loop,
    const struct store_postgres_config *config);

/*
 * For `portolan store`; all block.  admin: the conninfo of a superuser in the
 * region's database, which is there and empty.
 *
 * init makes the schema and the role flow_engine if they are not there, brings
 * an older schema up to date, and adds the regions that are new.  is_main: metadata is written here.
 */
bool store_postgres_init(const char *admin,
    const struct store_postgres_config *config, bool is_main,
    struct err *err);

/* Whether an engine could work with it; *err says what is missing, and what to
 * do.  replicates: and replication, too. */
bool store_postgres_check(const char *conninfo,
    const struct store_postgres_config *config, bool replicates,
    struct err *err);

#endif
