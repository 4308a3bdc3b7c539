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

#endif
