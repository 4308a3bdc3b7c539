/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Slots that initial copies left at a region's server.
 *
 * While a table is copied, whoever copies it holds a slot of its own where it
 * comes from: pg_SUBSCRIPTION_sync_TABLE_SERVER, which says nothing of the
 * region.  It goes with the end of the copy; if a region goes for good before
 * that, nobody would ever drop it, and the log that it keeps has no end.  But
 * one that is not in use just now may be that of a region which was interrupted
 * and goes on soon, and could not without it: so the other regions are asked
 * what they are copying.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "store/postgres_admin.h"

/* --- at home ------------------------------------------------------------------------ */

static bool
list_slots(PGconn *conn, struct store_orphans *orphans, struct err *err)
{
	PGresult *r = pg_rows(conn, PQexec(conn, "select slot_name, greatest(coalesce("
	    "pg_current_wal_lsn() - restart_lsn, 0), 0)::bigint from "
	    "pg_replication_slots where slot_name ~ '^pg_[0-9]+_sync_[0-9]+_"
	    "[0-9]+$' and database = current_database() and not active "
	    "order by 1"), err);

	for (int i = 0; i < PQntuples(r) &&
	    orphans->count < STORE_ORPHANS_MAX; i++) {
		struct store_orphan *o = &orphans->list[orphans->count++];

		*o = (struct store_orphan){ .kept_bytes = strtoull(
		    PQgetvalue(r, i, 1), NULL, 10) };
		snprintf(o->name, sizeof(o->name), "%s", PQgetvalue(r, i, 0));
	}
	PQclear(r);
	return r != NULL;
}

/* --- the others --------------------------------------------------------------------- */

/* What a region's server is called in such names, and the names of all slots
 * that it may hold anywhere just now. */
static PGresult *
ask_copies(const char *conninfo)
{
	struct err ignored;
	PGconn *conn = pg_admin_connect(conninfo, &ignored);
	PGresult *r;

	if (conn == NULL)
		return NULL;
	r = PQexec(conn, "select '_' || c.system_identifier, 'pg_' || r.srsubid"
	    " || '_sync_' || r.srrelid || '_' || c.system_identifier from "
	    "pg_control_system() c left join pg_subscription_rel r on "
	    "r.srsubstate <> 'r'");
	PQfinish(conn);
	if (PQresultStatus(r) == PGRES_TUPLES_OK && PQntuples(r) > 0)
		return r;
	PQclear(r);
	return NULL;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), most = strlen(end);

	return len >= most && strcmp(text + len - most, end) == 0;
}

/* Of one that this region's server made: in use, or nobody's. */
static void
judge(struct store_orphan *o, const PGresult *copies)
{
	if (!ends_with(o->name, PQgetvalue(copies, 0, 0)))
		return;
	o->is_left = true;
	for (int i = 0; i < PQntuples(copies); i++)
		if (strcmp(PQgetvalue(copies, i, 1), o->name) == 0)
			o->is_used = true;
}

/* Whether it was told. */
static bool
ask_region(const struct store_region *region, struct store_orphans *orphans)
{
	PGresult *copies = region->conninfo == NULL ? NULL :
	    ask_copies(region->conninfo);

	if (copies == NULL)
		return false;
	for (size_t i = 0; i < orphans->count; i++)
		judge(&orphans->list[i], copies);
	PQclear(copies);
	return true;
}

/* One of a server that none of those is who were all asked: of one that is not
 * there any more. */
static void
ask_regions(const struct store_postgres_config *config, const char *gone,
    struct store_orphans *orphans)
{
	bool all = true;
	size_t left = 0;

	for (size_t i = 0; i < config->nregions; i++) {
		const struct store_region *region = &config->regions[i];

		if (strcmp(region->id, config->home) != 0 &&
		    (gone == NULL || strcmp(region->id, gone) != 0))
			all = ask_region(region, orphans) && all;
	}
	for (size_t i = 0; i < orphans->count; i++) {
		orphans->list[i].is_left |= all;
		if (!orphans->list[i].is_used)
			orphans->list[left++] = orphans->list[i];
	}
	orphans->count = left;
}

/* --- both --------------------------------------------------------------------------- */

/* Unless somebody has come for it. */
static bool
drop(PGconn *conn, const struct store_orphan *o, struct err *err)
{
	char sql[240];

	snprintf(sql, sizeof(sql), "select pg_drop_replication_slot(slot_name)"
	    " from pg_replication_slots where slot_name = '%s' and not active",
	    o->name);
	return pg_admin_execute(conn, sql, err);
}

bool
store_postgres_orphans(const char *conninfo,
    const struct store_postgres_config *config, const char *gone,
    bool drops, struct store_orphans *orphans, struct err *err)
{
	PGconn *conn = pg_admin_connect(conninfo, err);
	bool good;

	orphans->count = 0;
	if (conn == NULL)
		return false;
	good = list_slots(conn, orphans, err);
	if (good && orphans->count > 0)
		ask_regions(config, gone, orphans);
	for (size_t i = 0; good && drops && i < orphans->count; i++)
		if (orphans->list[i].is_left)
			good = drop(conn, &orphans->list[i], err);
	PQfinish(conn);
	return good;
}

const char *
store_orphan_trouble(const struct store_orphan *o,
    char text[STORE_ORPHAN_TEXT])
{
	int len = snprintf(text, STORE_ORPHAN_TEXT, "left by an initial copy "
	    "that was not ended; keeps %llu bytes of the log; ",
	    (unsigned long long)o->kept_bytes);
	size_t at = (size_t)len;

	if (o->is_left)
		snprintf(text + at, STORE_ORPHAN_TEXT - at, "nobody comes for "
		    "it: select pg_drop_replication_slot('%s')", o->name);
	else
		snprintf(text + at, STORE_ORPHAN_TEXT - at, "a region that "
		    "does not answer may come for it: look again when all do; "
		    "if it is gone for good: portolan store region remove "
		    "--forget");
	return text;
}
