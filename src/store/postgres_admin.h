/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the administration of PostgreSQL servers shares; blocks.
 */
#ifndef STORE_POSTGRES_ADMIN_H
#define STORE_POSTGRES_ADMIN_H

#include "store/postgres_private.h"

/* NULL with *err. */
PGconn *pg_admin_connect(const char *conninfo, struct err *err);
bool pg_admin_execute(PGconn *conn, const char *sql, struct err *err);
/* The first column of the first row; "" if there is none. */
bool pg_admin_ask(PGconn *conn, const char *sql, char *text, size_t cap,
    struct err *err);

/* Versions of the schema: sql[0] makes the first, sql[1] leads from it to the
 * second ... */
struct pg_migrations {
	const char *const *sql;
	unsigned	 count;
};

extern const struct pg_migrations pg_migrations;	/* this program's */

/* Whether the schema still is what the files make; *err names what is not. */
bool pg_shape_is_good(PGconn *conn, struct err *err);
/* For the test which holds data/postgres-shape.txt to what the files make: that
 * file's text, and what it would be by this server (of several regions, the
 * main one). */
const char *pg_shape(void);
bool pg_shape_of(PGconn *conn, struct buf *lines, struct err *err);

/* Whether each other region writes here what is its own, and nothing else;
 * *err names what it is. */
bool pg_follows_as_agreed(PGconn *conn,
    const struct store_postgres_config *config, struct err *err);

/* store_postgres_init() and migrate() by any list: for tests, which begin with
 * an older schema, or fail half-way. */
bool pg_init(PGconn *conn, const struct pg_migrations *m,
    const struct store_postgres_config *config, bool is_main, struct err *err);
bool pg_migrate(PGconn *conn, const struct pg_migrations *m,
    const struct store_postgres_config *config, bool is_main,
    struct store_migration *done, struct err *err);

#endif
