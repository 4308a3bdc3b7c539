/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Values, states and documents as SQLite's statements take and give them.
 */
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "store/sqlite_private.h"

void
done_with(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

void
bind_id(sqlite3_stmt *s, int at, const uint8_t id[16])
{
	must(sqlite3_bind_blob(s, at, id, 16, SQLITE_STATIC) == SQLITE_OK);
}

void
bind_integer(sqlite3_stmt *s, int at, int64_t n)
{
	must(sqlite3_bind_int64(s, at, n) == SQLITE_OK);
}

void
bind_text(sqlite3_stmt *s, int at, const char *text)
{
	must(sqlite3_bind_text(s, at, text, -1, SQLITE_STATIC) == SQLITE_OK);
}

void
bind_bytes(sqlite3_stmt *s, int at, struct slice bytes)
{
	must(sqlite3_bind_blob(s, at, bytes.len == 0 ? "" : bytes.p,
	    (int)bytes.len, SQLITE_STATIC) == SQLITE_OK);
}

void
bind_op(sqlite3_stmt *s, int at, const uint8_t op[16])
{
	static const uint8_t none[16];

	if (memcmp(op, none, sizeof(none)) == 0)
		must(sqlite3_bind_null(s, at) == SQLITE_OK);
	else
		bind_id(s, at, op);
}

bool
column_id(sqlite3_stmt *s, int at, uint8_t id[16])
{
	if (sqlite3_column_bytes(s, at) != 16)
		return false;
	memcpy(id, sqlite3_column_blob(s, at), 16);
	return true;
}

struct store_token
column_token(sqlite3_stmt *s, int at)
{
	return (struct store_token){ (uint32_t)sqlite3_column_int64(s, at),
	    (uint64_t)sqlite3_column_int64(s, at + 1) };
}

void
column_text(sqlite3_stmt *s, int at, char *to, size_t cap)
{
	snprintf(to, cap, "%s", (const char *)sqlite3_column_text(s, at));
}

struct slice
column_bytes(sqlite3_stmt *s, int at)
{
	const char *bytes = sqlite3_column_blob(s, at);

	return (struct slice){ bytes, (size_t)sqlite3_column_bytes(s, at) };
}

bool
column_row(sqlite3_stmt *s, struct store_row *row)
{
	bool good;

	memset(row, 0, sizeof(*row));
	column_text(s, 0, row->home, sizeof(row->home));
	row->allowed = (store_regions)sqlite3_column_int64(s, 1);
	row->token = column_token(s, 2);
	column_id(s, 4, row->op);
	row->done = sqlite3_column_int64(s, 5) != 0;
	row->created_ms = sqlite3_column_int64(s, 8);
	row->updated_ms = sqlite3_column_int64(s, 9);
	row->expires_ms = sqlite3_column_int64(s, 10);
	good = column_id(s, 6, row->tenant);
	good = column_id(s, 7, row->flow) && good;
	return column_id(s, 11, row->id) && good;
}

void
column_doc(sqlite3_stmt *s, struct store_doc *doc)
{
	doc->revision = (uint64_t)sqlite3_column_int64(s, 0);
	doc->deleted = sqlite3_column_int64(s, 1) != 0;
	column_text(s, 2, doc->kind, sizeof(doc->kind));
	column_text(s, 3, doc->key, sizeof(doc->key));
}
