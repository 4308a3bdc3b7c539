/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Making the schema of a region's server, and leading an older one to this
 * program's.
 *
 * Each version is made in a transaction of its own that also writes its
 * number, so who was interrupted goes on where that was.  An advisory lock
 * keeps two who do it at once apart: the second finds nothing left to do.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_admin.h"

static const char schema_1[] = {
#include "postgres-1.sql.inc"
	, '\0'
};

static const char schema_2[] = {
#include "postgres-2.sql.inc"
	, '\0'
};

static const char schema_3[] = {
#include "postgres-3.sql.inc"
	, '\0'
};

static const char schema_4[] = {
#include "postgres-4.sql.inc"
	, '\0'
};

static const char schema_5[] = {
#include "postgres-5.sql.inc"
	, '\0'
};

static const char schema_6[] = {
#include "postgres-6.sql.inc"
	, '\0'
};

static const char schema_7[] = {
#include "postgres-7.sql.inc"
	, '\0'
};

static const char schema_8[] = {
#include "postgres-8.sql.inc"
	, '\0'
};

/* What leads from each version of the schema to the next; never changed, only
 * added to. */
static const char *const versions[] = { schema_1, schema_2, schema_3,
    schema_4, schema_5, schema_6, schema_7, schema_8 };

_Static_assert(sizeof(versions) / sizeof(versions[0]) == PG_SCHEMA,
    "a file for each version");

const struct pg_migrations pg_migrations = { versions, PG_SCHEMA };

/* --- one step -------------------------------------------------------------------- */

/* 0 where there is no schema yet. */
static bool
version_of(PGconn *conn, unsigned *version, struct err *err)
{
	char text[32];

	*version = 0;
	if (!pg_admin_ask(conn, "select coalesce(to_regclass("
	    "'flow.schema_version')::text, '')", text, sizeof(text), err))
		return false;
	if (text[0] == '\0')
		return true;
	if (!pg_admin_ask(conn, "select max(version) from flow.schema_version",
	    text, sizeof(text), err))
		return false;
	*version = (unsigned)strtoul(text, NULL, 10);
	return true;
}

/* The first version speaks of the region it is in, and of a role. */
static bool
make_first(PGconn *conn, const char *sql,
    const struct store_postgres_config *config, struct err *err)
{
	const struct store_region *me = NULL;
	char here[160];

	for (size_t i = 0; i < config->nregions; i++)
		if (strcmp(config->regions[i].id, config->home) == 0)
			me = &config->regions[i];
	if (me == NULL)
		return err_set(err, "region %s is none of the map's",
		    config->home);
	snprintf(here, sizeof(here), "insert into flow.region values ('%s', "
	    "%llu); insert into flow.here (code) values ('%s')", me->id,
	    1ull << me->number, me->id);
	return pg_admin_execute(conn, "do $$ begin if not exists (select from "
	    "pg_roles where rolname = 'flow_engine') then create role "
	    "flow_engine login; end if; end $$", err) &&
	    pg_admin_execute(conn, sql, err) &&
	    pg_admin_execute(conn, here, err);
}

/* The next version, if there is one, within a transaction. */
static bool
next_version(PGconn *conn, const struct pg_migrations *m, unsigned from,
    const struct store_postgres_config *config, struct err *err)
{
	char number[80];

	snprintf(number, sizeof(number), "update flow.schema_version set "
	    "version = %u", from + 1);
	if ((from == 0 ? make_first(conn, m->sql[0], config, err) :
	    pg_admin_execute(conn, m->sql[from], err)) &&
	    pg_admin_execute(conn, number, err))
		return true;
	return err_wrap(err, "version %u of the schema", from + 1);
}

/* Waits for whoever does the same.  What the tables are locked by is not waited
 * for long, since all others would wait behind us. */
static bool
begin(PGconn *conn, struct err *err)
{
	return pg_admin_execute(conn, "begin; set local lock_timeout = '30s'; "
	    "select pg_advisory_xact_lock(7067, 2); "
	    "set local lock_timeout = '5s'", err);
}

static bool
may_migrate(PGconn *conn, const struct pg_migrations *m, unsigned version,
    struct err *err)
{
	if (PQserverVersion(conn) < PG_SERVER_LEAST)
		return pg_server_version_is_good(conn, err);
	if (version > m->count)
		return err_set(err, "its schema is version %u, this program "
		    "knows %u; use the program that made it, or a newer one",
		    version, m->count);
	return true;
}

static bool
is_of(PGconn *conn, const char *home, struct err *err)
{
	char here[32];

	if (!pg_admin_ask(conn, "select code from flow.here", here,
	    sizeof(here), err))
		return false;
	return strcmp(here, home) == 0 || err_set(err, "it is the store of "
	    "region %s, not of %s", here[0] == '\0' ? "none" : here, home);
}

/* --- regions ---------------------------------------------------------------------- */

/* For each region.  Their ids are capitals and digits: region_map.h. */
static bool
call_for_all(PGconn *conn, const struct store_postgres_config *config,
    const char *function, struct err *err)
{
	char sql[160];

	for (size_t i = 0; i < config->nregions; i++) {
		const struct store_region *r = &config->regions[i];

		snprintf(sql, sizeof(sql), "select %s('%s', %llu)", function,
		    r->id, 1ull << r->number);
		if (!pg_admin_execute(conn, sql, err))
			return err_wrap(err, "region %s", r->id);
	}
	return true;
}

/* What is published needs the partition of this region. */
static bool
add_regions(PGconn *conn, const struct store_postgres_config *config,
    bool is_main, struct err *err)
{
	return call_for_all(conn, config, "flow.add_region", err) &&
	    call_for_all(conn, config, "flow.publish", err) && (!is_main ||
	    pg_admin_execute(conn, "select flow.become_main()", err));
}

/* A new database is of a set from its beginning, and for good. */
static bool
name_set(PGconn *conn, const struct pg_migrations *m,
    const struct store_postgres_config *config, bool new, struct err *err)
{
	char sql[100];

	if (m->count < PG_SCHEMA_SETS)
		return true;		/* of a time when there were none */
	if (!new || config->set == NULL)
		return pg_set_is_good(conn, config->set, err);
	snprintf(sql, sizeof(sql), "update flow.here set set_name = '%s'",
	    config->set);
	return pg_admin_execute(conn, sql, err);
}

/* Where there are databases for some regions alone, engines of others come
 * under names of their own: data/postgres-6.sql. */
static bool
admit_regions(PGconn *conn, const struct store_postgres_config *config,
    struct err *err)
{
	char sql[80];

	if (config->set == NULL && config->nsets == 0)
		return true;
	if (config->set != NULL && !pg_admin_execute(conn, "select "
	    "flow.close_doors()", err))
		return false;
	for (size_t i = 0; i < config->nregions; i++) {
		snprintf(sql, sizeof(sql), "select flow.admit('%s')",
		    config->regions[i].id);
		if (!pg_admin_execute(conn, sql, err))
			return false;
	}
	return true;
}

/* --- init and migrate ------------------------------------------------------------ */

/* All in one transaction: a new database has a schema whole, or none. */
bool
pg_init(PGconn *conn, const struct pg_migrations *m,
    const struct store_postgres_config *config, bool is_main, struct err *err)
{
	unsigned version;

	if (!begin(conn, err) || !version_of(conn, &version, err) ||
	    !may_migrate(conn, m, version, err) ||
	    (version > 0 && !is_of(conn, config->home, err)))
		return false;
	for (unsigned v = version; v < m->count; v++)
		if (!next_version(conn, m, v, config, err))
			return false;
	return name_set(conn, m, config, version == 0, err) &&
	    add_regions(conn, config, is_main, err) &&
	    admit_regions(conn, config, err) &&
	    pg_admin_execute(conn, "commit", err);
}

bool
store_postgres_init(const char *admin,
    const struct store_postgres_config *config, bool is_main, struct err *err)
{
	PGconn *conn = pg_admin_connect(admin, err);
	bool good;

	if (conn == NULL)
		return false;
	good = pg_init(conn, &pg_migrations, config, is_main, err);
	PQfinish(conn);
	return good;
}

/* One version, or none that is left; *to: what there is then.  After another
 * did some of it meanwhile, that is more than one on. */
static bool
migrate_once(PGconn *conn, const struct pg_migrations *m,
    const struct store_postgres_config *config, unsigned *to, struct err *err)
{
	unsigned from;

	if (!begin(conn, err) || !version_of(conn, &from, err) ||
	    !may_migrate(conn, m, from, err))
		return false;
	if (from == 0)
		return err_set(err, "it has no schema of ours; make it with "
		    "portolan store init");
	if (!is_of(conn, config->home, err) || (from < m->count &&
	    !next_version(conn, m, from, config, err)) ||
	    !pg_admin_execute(conn, "commit", err))
		return false;
	*to = from < m->count ? from + 1 : from;
	return true;
}

bool
pg_migrate(PGconn *conn, const struct pg_migrations *m,
    const struct store_postgres_config *config, bool is_main,
    struct store_migration *done, struct err *err)
{
	bool good = version_of(conn, &done->from, err);
	unsigned before;

	done->to = done->from;
	do {
		before = done->to;
		good = good && migrate_once(conn, m, config, &done->to, err);
	} while (good && done->to != before);
	/* What a version changed of the functions that make partitions and
	 * publications reaches those that there are. */
	good = good && begin(conn, err) &&
	    name_set(conn, m, config, false, err) &&
	    add_regions(conn, config, is_main, err) &&
	    pg_admin_execute(conn, "commit", err);
	return good;
}

bool
store_postgres_migrate(const char *admin,
    const struct store_postgres_config *config, bool is_main,
    struct store_migration *done, struct err *err)
{
	PGconn *conn = pg_admin_connect(admin, err);
	bool good;

	*done = (struct store_migration){ 0, 0 };
	if (conn == NULL)
		return false;
	good = pg_migrate(conn, &pg_migrations, config, is_main, done, err);
	PQfinish(conn);
	return good;
}
