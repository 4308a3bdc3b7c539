/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether a schema still is what its files made: data/postgres-shape.sql asks
 * the catalogs, data/postgres-shape.txt is the answer that is expected.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/postgres_admin.h"

static const char question[] = {
#include "postgres-shape.sql.inc"
	, '\0'
};

static const char shape[] = {
#include "postgres-shape.txt.inc"
	, '\0'
};

static PGresult *
ask(PGconn *conn, const char *expected, struct err *err)
{
	const char *const values[] = { expected };

	/* To compile so long a question would take seconds; to answer it,
	 * milliseconds. */
	if (!pg_admin_execute(conn, "set jit = off", err))
		return NULL;
	return pg_rows(conn, PQexecParams(conn, question, 1, NULL, values, NULL,
	    NULL, 0), err);
}

bool
pg_shape_is_good(PGconn *conn, struct err *err)
{
	PGresult *r;
	char version[32], more[32] = "";
	int count;

	/* The next version's is not known here. */
	if (!pg_admin_ask(conn, "select max(version) from flow.schema_version",
	    version, sizeof(version), err))
		return false;
	if (strtol(version, NULL, 10) != PG_SCHEMA)
		return true;
	r = ask(conn, shape, err);
	if (r == NULL)
		return false;
	count = PQntuples(r);
	if (count > 1)
		snprintf(more, sizeof(more), ", and %d more", count - 1);
	if (count > 0)
		err_set(err, "its schema is not what portolan store init and "
		    "migrate make: %s: %s%s; somebody changed it, and has to "
		    "change it back", PQgetvalue(r, 0, 0),
		    PQgetvalue(r, 0, 1), more);
	PQclear(r);
	return count == 0;
}

bool
pg_shape_of(PGconn *conn, struct buf *lines, struct err *err)
{
	PGresult *r = ask(conn, "", err);

	for (int i = 0; r != NULL && i < PQntuples(r); i++)
		buf_printf(lines, "%s\n", PQgetvalue(r, i, 1));
	PQclear(r);
	return r != NULL;
}

const char *
pg_shape(void)
{
	return shape;
}
