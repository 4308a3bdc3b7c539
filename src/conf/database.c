/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "conf/database.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

struct database *
database_open(const char *path, struct err *err)
{
	/* Before reading: what changes meanwhile differs from it later. */
	struct file_identity identity = file_identity(path);
	struct mmdb *mmdb = mmdb_open(path, err);
	struct database *database;

	if (mmdb == NULL)
		return NULL;
	database = xcalloc(1, sizeof(*database));
	database->mmdb = mmdb;
	database->path = xstrdup(path);
	database->identity = identity;
	atomic_init(&database->holders, 1);
	return database;
}

struct database *
database_hold(struct database *database)
{
	if (database != NULL)
		atomic_fetch_add(&database->holders, 1);
	return database;
}

void
database_release(struct database **database)
{
	struct database *d = *database;

	*database = NULL;
	if (d == NULL || atomic_fetch_sub(&d->holders, 1) != 1)
		return;
	mmdb_close(&d->mmdb);
	free((void *)(uintptr_t)d->path);
	free(d);
}

bool
database_is_current(const struct database *database, const char *path)
{
	struct file_identity now = file_identity(path);

	return database->identity.exists &&
	    file_identity_eq(&database->identity, &now);
}

/* --- the guard ----------------------------------------------------------------- */

static bool
is_newer(const struct guard *g, struct err *why)
{
	char old[CLOCK_TEXT_MAX], new[CLOCK_TEXT_MAX];
	uint64_t before = mmdb_info(g->old)->build_epoch;
	uint64_t now = mmdb_info(g->new)->build_epoch;

	if (now >= before)
		return true;
	return err_set(why, "it was built earlier (%s) than the one in "
	    "service (%s)", clock_text(now * 1000, new),
	    clock_text(before * 1000, old));
}

static bool
note_country(void *arg, const struct cidr *net, struct place place)
{
	bool *present = arg;

	(void)net;
	present[place.country] = true;
	return true;
}

static bool
has_countries(const struct guard *g, struct err *why)
{
	bool old[COUNTRIES + 1] = { false }, new[COUNTRIES + 1] = { false };

	mmdb_walk(g->old, note_country, old);
	mmdb_walk(g->new, note_country, new);
	for (uint16_t i = 1; i <= COUNTRIES; i++)
		if (g->map->countries[i].count > 0 && old[i] && !new[i])
			return err_set(why, "%s (%s), which has a rule of its "
			    "own, is gone from it", country_code(i),
			    country_name(i));
	return true;
}

/* An empty part of the space changes nothing. */
static bool
changes_little(const struct guard *g, struct err *why)
{
	struct geo_table *before = geo_table_build(g->old, g->map);
	struct geo_diff diff;
	double ip4, ip6;

	geo_table_diff(before, g->table, &diff);
	geo_table_free(&before);
	ip4 = geo_moved_share(&diff.ip4);
	ip6 = geo_moved_share(&diff.ip6);
	if (ip4 <= g->max_changed && ip6 <= g->max_changed)
		return true;
	return err_set(why, "%.2f%% of the located IPv4 and %.2f%% of the IPv6 "
	    "space would change region, more than geo.max_changed (%.2f%%)",
	    ip4 * 100, ip6 * 100, g->max_changed * 100);
}

static bool
meets_expectations(const struct guard *g, struct err *why)
{
	for (size_t i = 0; i < g->expectations->count; i++) {
		const struct expectation *e = &g->expectations->list[i];

		if (e->kind == EXPECT_ADDRESS &&
		    !expectation_holds(e, g->map, g->table, why))
			return false;
	}
	return true;
}

bool
guard_allows(const struct guard *guard, struct err *why)
{
	return is_newer(guard, why) && has_countries(guard, why) &&
	    meets_expectations(guard, why) && changes_little(guard, why);
}
