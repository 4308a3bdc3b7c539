/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Connections for the administration of a region's server, and looking whether
 * it is good.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_admin.h"

bool
pg_admin_execute(PGconn *conn, const char *sql, struct err *err)
{
	PGresult *r = PQexec(conn, sql);
	ExecStatusType status = PQresultStatus(r);

	PQclear(r);
	return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK ||
	    pg_failed(conn, err);
}

bool
pg_admin_ask(PGconn *conn, const char *sql, char *text, size_t cap, struct err *err)
{
	PGresult *r = PQexec(conn, sql);
	bool good = PQresultStatus(r) == PGRES_TUPLES_OK;

	if (good)
		snprintf(text, cap, "%s", PQntuples(r) > 0 ?
		    PQgetvalue(r, 0, 0) : "");
	PQclear(r);
	return good || pg_failed(conn, err);
}

static void
say_nothing(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

PGconn *
pg_admin_connect(const char *conninfo, struct err *err)
{
	static const char *const names[] = { "connect_timeout",
	    "application_name", "dbname", NULL };
	const char *values[] = { "5", "portolan store", conninfo, NULL };
	PGconn *conn = PQconnectdbParams(names, values, 1);

	if (PQstatus(conn) == CONNECTION_OK) {
		PQsetNoticeProcessor(conn, say_nothing, NULL);
		return conn;
	}
	pg_failed(conn, err);
	PQfinish(conn);
	return NULL;
}

/* --- conninfos --------------------------------------------------------------------- */

/* In quotes, with a backslash before each quote and backslash. */
static void
put_value(struct buf *out, const char *value)
{
	buf_char(out, '\'');
	for (; *value != '\0'; value++) {
		if (*value == '\'' || *value == '\\')
			buf_char(out, '\\');
		buf_char(out, *value);
	}
	buf_char(out, '\'');
}

const char *
store_postgres_conninfo(struct arena *arena, const char *conninfo,
    const struct store_postgres_config *set, struct err *err)
{
	char *said = NULL;
	PQconninfoOption *options = PQconninfoParse(conninfo, &said);
	struct buf out = { 0 };
	const char *text;

	if (options == NULL) {
		err_set(err, "%.200s", said != NULL ? said : "no memory");
		PQfreemem(said);
		return NULL;
	}
	for (const PQconninfoOption *o = options; o->keyword != NULL; o++) {
		if (o->val == NULL || strcmp(o->keyword, "dbname") == 0 ||
		    (set->port != 0 && strcmp(o->keyword, "port") == 0))
			continue;
		buf_printf(&out, "%s=", o->keyword);
		put_value(&out, o->val);
		buf_char(&out, ' ');
	}
	if (set->port != 0)
		buf_printf(&out, "port=%u ", set->port);
	buf_text(&out, "dbname=");
	put_value(&out, set->database);
	text = arena_strdup(arena, buf_cstr(&out));
	buf_fini(&out);
	PQconninfoFree(options);
	return text;
}

/* --- check --------------------------------------------------------------------------- */

/* Each region's partition, with what replication needs of it. */
static bool
check_partitions(PGconn *conn, const struct store_postgres_config *config,
    struct err *err)
{
	char sql[512], text[64];

	for (size_t i = 0; i < config->nregions; i++) {
		const struct store_region *r = &config->regions[i];

		snprintf(sql, sizeof(sql), "select case when c.oid is null "
		    "then 'partition' when g.bit is distinct from %llu then "
		    "'bit' when c.relreplident <> 'i' then 'identity' else '' "
		    "end from (select to_regclass('flow.' || flow."
		    "partition_of('%s')) as oid) t left join pg_class c on "
		    "c.oid = t.oid left join flow.region g on g.code = '%s'",
		    1ull << r->number, r->id, r->id);
		if (!pg_admin_ask(conn, sql, text, sizeof(text), err))
			return false;
		if (strcmp(text, "partition") == 0)
			return err_set(err, "there is no partition for the "
			    "states of region %s; add it with portolan store "
			    "init", r->id);
		if (strcmp(text, "bit") == 0)
			return err_set(err, "region %s has another number "
			    "there than in the region map; numbers are for "
			    "good: mend the map", r->id);
		if (text[0] != '\0')
			return err_set(err, "the partition of region %s has "
			    "lost its replica identity: alter table "
			    "flow.state_... replica identity using index "
			    "state_..._identity", r->id);
	}
	return true;
}

/* What follows and is followed, in all of the server's databases; those that
 * have a server of their own are looked at there. */
static size_t
as_many_regions(const struct store_postgres_config *config)
{
	size_t count = config->nregions;

	for (size_t i = 0; i < config->nsets; i++)
		if (config->sets[i].port == 0)
			count += config->sets[i].nregions - 1;
	return count;
}

/* A server whose settings keep replication from working, or let what it keeps
 * for a region that is away fill the disk. */
static bool
check_replicates(PGconn *conn, const struct store_postgres_config *config,
    struct err *err)
{
	size_t nregions = as_many_regions(config);

	const struct {
		const char	*name;
		unsigned long	 least;
		const char	*why;
	} settings[] = {
		/* Each other region follows, and copies at the beginning. */
		{ "max_wal_senders", 2 * (nregions - 1), "regions follow "
		    "this one, and copy at the beginning" },
		{ "max_replication_slots", 2 * (nregions - 1), "regions "
		    "follow this one, and this one them" },
		{ "max_logical_replication_workers", nregions, "it follows "
		    "the other regions, and copies at the beginning" },
		{ "max_worker_processes", nregions + 2, "it follows the other "
		    "regions" },
	};
	char text[32], sql[120];

	if (!pg_admin_ask(conn, "select setting from pg_settings where name = "
	    "'wal_level'", text, sizeof(text), err))
		return false;
	if (strcmp(text, "logical") != 0)
		return err_set(err, "its wal_level is %s: set wal_level = "
		    "logical in postgresql.conf, and restart it", text);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		snprintf(sql, sizeof(sql), "select setting from pg_settings "
		    "where name = '%s'", settings[i].name);
		if (!pg_admin_ask(conn, sql, text, sizeof(text), err))
			return false;
		if (strtoul(text, NULL, 10) < settings[i].least)
			return err_set(err, "its %s is %s: set it to %lu at "
			    "least in postgresql.conf (%s), and restart it",
			    settings[i].name, text, settings[i].least,
			    settings[i].why);
	}
	if (!pg_admin_ask(conn, "select setting from pg_settings where name = "
	    "'max_slot_wal_keep_size'", text, sizeof(text), err))
		return false;
	return strcmp(text, "-1") != 0 || err_set(err, "its "
	    "max_slot_wal_keep_size is -1: while a region is away its log "
	    "would be kept until the disk is full; set it (to 17GB, for an "
	    "hour of 100 saves of 32 KiB a second) and reload");
}

/* Whoever may connect may, as a role that replicates, read all changes. */
static bool
check_strangers(PGconn *conn, const struct store_postgres_config *config,
    struct err *err)
{
	char who[128];

	if (config->set == NULL)
		return true;
	if (!pg_admin_ask(conn, "select flow.strangers()", who, sizeof(who),
	    err))
		return false;
	return who[0] == '\0' || err_set(err, "%s may connect to it, and it "
	    "is for the regions of the set %s alone: REVOKE CONNECT ON "
	    "DATABASE \"%s\" FROM %s; and let pg_hba.conf name it in lines for "
	    "the roles and addresses of these regions alone, as \"hostssl %s "
	    "repl_...,engine_... ADDRESS scram-sha-256\"", who, config->set,
	    config->database, who, config->database);
}

bool
store_postgres_check(const char *conninfo,
    const struct store_postgres_config *config, bool replicates,
    struct err *err)
{
	PGconn *conn = pg_admin_connect(conninfo, err);
	bool good;

	if (conn == NULL)
		return false;
	good = pg_server_is_good(conn, config->home, err) &&
	    pg_set_is_good(conn, config->set, err) &&
	    check_partitions(conn, config, err) &&
	    check_strangers(conn, config, err) &&
	    pg_shape_is_good(conn, err) &&
	    (!replicates || (check_replicates(conn, config, err) &&
	    pg_follows_as_agreed(conn, config, err)));
	PQfinish(conn);
	return good;
}
