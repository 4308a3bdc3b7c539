/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * From a conninfo to a connection that is ready to use.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_admin.h"

const char *
pg_words(PGconn *conn, char text[256])
{
	const char *said = PQerrorMessage(conn);
	size_t len = 0;

	for (; *said != '\0' && len < 255; said++)
		if (*said != '\n' && *said != '\t')
			text[len++] = *said;
		else if (len > 0 && text[len - 1] != ' ')
			text[len++] = ' ';
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	return text;
}

bool
pg_failed(PGconn *conn, struct err *err)
{
	char words[256];

	return err_set(err, "%s", pg_words(conn, words));
}

PGresult *
pg_rows(PGconn *conn, PGresult *r, struct err *err)
{
	if (PQresultStatus(r) == PGRES_TUPLES_OK)
		return r;
	pg_failed(conn, err);
	PQclear(r);
	return NULL;
}

bool
pg_server_version_is_good(PGconn *conn, struct err *err)
{
	int version = PQserverVersion(conn);

	return version >= PG_SERVER_LEAST || err_set(err, "its version is %d, "
	    "and 15 is the first that can filter what it replicates",
	    version / 10000);
}

bool
pg_server_is_good(PGconn *conn, const char *home, struct err *err)
{
	char schema[32], here[32];
	long version;

	if (!pg_server_version_is_good(conn, err) ||
	    !pg_admin_ask(conn, "select coalesce(to_regclass('flow.schema_version')::"
	    "text, '')", schema, sizeof(schema), err))
		return false;
	if (schema[0] == '\0')
		return err_set(err, "it has no schema of ours; make it with "
		    "portolan store init");
	if (!pg_admin_ask(conn, "select max(version) from flow.schema_version", schema,
	    sizeof(schema), err))
		return false;
	version = strtol(schema, NULL, 10);
	if (version < PG_SCHEMA || version > PG_SCHEMA + 1)
		return err_set(err, "its schema is version %s, this program "
		    "knows %d; %s", schema, PG_SCHEMA, version < PG_SCHEMA ?
		    "bring it up to date with portolan store migrate" :
		    "use the program that made it, or a newer one");
	if (!pg_admin_ask(conn, "select code from flow.here", here, sizeof(here), err))
		return false;
	if (strcmp(here, home) != 0)
		return err_set(err, "it is the store of region %s, not of %s",
		    here[0] == '\0' ? "none" : here, home);
	return true;
}

bool
pg_set_is_good(PGconn *conn, const char *set, struct err *err)
{
	char there[STORE_SET_NAME + 8];

	if (!pg_admin_ask(conn, "select coalesce(set_name, '') from flow.here",
	    there, sizeof(there), err))
		return false;
	if (strcmp(there, set != NULL ? set : "") == 0)
		return true;
	return set == NULL ? err_set(err, "it is the database of the set %s, "
	    "not the one for all regions", there) : err_set(err, "it is %s%s, "
	    "not the database of the set %s", there[0] == '\0' ? "the one for "
	    "all regions" : "that of the set ", there, set);
}

static bool
send_all(PGconn *conn, const char *home)
{
	char sql[PG_SQL_MAX];

	for (int i = 0; i < PG_STATEMENTS; i++) {
		pg_statement_sql((enum pg_statement)i, home, sql);
		if (PQsendPrepare(conn, pg_statement_name(
		    (enum pg_statement)i), sql, 0, NULL) != 1)
			return false;
	}
	return PQpipelineSync(conn) == 1;
}

/* The result of each, then that of the Sync; NULL ends those of one. */
static bool
read_all(PGconn *conn, struct err *err)
{
	bool good = true, synced = false;
	int ended = 0;

	while (!synced && ended <= PG_STATEMENTS) {
		PGresult *r = PQgetResult(conn);
		ExecStatusType status = PQresultStatus(r);

		ended += r == NULL;
		synced = status == PGRES_PIPELINE_SYNC;
		/* The first one's words: the rest has failed behind it. */
		if (good && r != NULL && !synced &&
		    status != PGRES_COMMAND_OK)
			good = pg_failed(conn, err);
		PQclear(r);
	}
	return good && (synced || pg_failed(conn, err));
}

/* All on one round trip: to another region each would cost as much as a
 * request may take. */
static bool
prepare_all(PGconn *conn, const char *home, struct err *err)
{
	if (PQenterPipelineMode(conn) != 1 || !send_all(conn, home))
		return pg_failed(conn, err);
	return read_all(conn, err);
}

static bool
make_ready(struct pg_connect *c)
{
	char limit[64];

	snprintf(limit, sizeof(limit), "set statement_timeout = %d",
	    PG_STATEMENT_MS);
	if (!pg_server_is_good(c->conn, c->home, &c->err) ||
	    !pg_set_is_good(c->conn, c->set, &c->err) ||
	    !pg_admin_execute(c->conn, limit, &c->err))
		return false;
	if (c->role == PG_LISTENS) {
		pg_shape_is_good(c->conn, &c->strange);
		return pg_admin_execute(c->conn, "listen flow_meta", &c->err);
	}
	return prepare_all(c->conn, c->home, &c->err);
}

static void
say_nothing(void *arg, const char *message)
{
	(void)arg;
	(void)message;
}

void
pg_connect(struct pg_connect *c)
{
	/* What the conninfo says itself goes before: it comes later. */
	static const char *const names[] = { "connect_timeout",
	    "application_name", "tcp_user_timeout", "dbname", NULL };
	const char *values[] = { "3", "portolan", "5000", c->conninfo, NULL };

	c->conn = PQconnectdbParams(names, values, 1);
	if (c->conn == NULL) {
		err_set(&c->err, "no memory");
		return;
	}
	PQsetNoticeProcessor(c->conn, say_nothing, NULL);
	if (PQstatus(c->conn) == CONNECTION_OK) {
		if (make_ready(c) && (PQsetnonblocking(c->conn, 1) == 0 ||
		    pg_failed(c->conn, &c->err)))
			return;
	} else {
		pg_failed(c->conn, &c->err);
	}
	PQfinish(c->conn);
	c->conn = NULL;
}
