/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The geo database in service, and the guard before the next one.  A
 * generation compiles it with its own map, so the verified bytes are kept and
 * shared by the generations that use them: a new map needs no new reading,
 * and a database that is held back leaves the old one at hand.
 */
#ifndef CONF_DATABASE_H
#define CONF_DATABASE_H

#include <stdatomic.h>

#include "conf/expectations.h"
#include "conf/watch.h"
#include "geo/geo_table.h"
#include "geo/mmdb.h"

struct database {
	struct mmdb	*mmdb;
	const char	*path;
	struct file_identity identity;	/* of the file it was read from */
	atomic_int	 holders;	/* generations, of any thread */
};

/* With one holder.  NULL with *err saying what is wrong with the file. */
struct database *database_open(const char *path, struct err *err);

struct database *database_hold(struct database *database);
void database_release(struct database **database);

/* Whether the file at path is still what this one was read from. */
bool database_is_current(const struct database *database, const char *path);

/* What the guard compares: two databases under one map. */
struct guard {
	const struct mmdb *old, *new;
	const struct geo_table *table;	/* of new and map */
	const struct region_map *map;
	const struct expectations *expectations;
	double		 max_changed;	/* 0 .. 1 */
};

/*
 * Whether the new database may follow the old one.  False with the reason in
 * *why: it was built earlier, a country with a rule of its own is gone from
 * it, too much of the located space changes region, or an address is no
 * longer where it is expected.
 */
bool guard_allows(const struct guard *guard, struct err *why);

#endif
