/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store of one machine: SQLite in WAL mode with synchronous=FULL, so
 * that each commit waits for the disk.  Workers of a region open the same
 * file; SQLite's locks keep them apart, and the version in each row notices
 * when two saved the same state.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/must.h"
#include "store/store.h"

enum {
	SCHEMA_VERSION = 1,
	BUSY_MS = 2000,			/* another worker's commit, at most */
	OPEN_BUSY_MS = 30000,		/* the same while opening: nobody waits
					   for an answer yet */
	PATH_MAX_BYTES = 1024,
};

/*
 * Columns as in the replicated store to come.  allowed: bit per region, -1
 * for no restriction.
 */
static const char schema[] =
    "CREATE TABLE state ("
    "  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
    "  home TEXT NOT NULL,"
    "  allowed INTEGER NOT NULL DEFAULT -1,"
    "  epoch INTEGER NOT NULL,"
    "  version INTEGER NOT NULL,"
    "  tenant BLOB NOT NULL,"
    "  flow BLOB NOT NULL,"
    "  created_at INTEGER NOT NULL,"
    "  updated_at INTEGER NOT NULL,"
    "  expires_at INTEGER NOT NULL,"
    "  body BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX state_list ON state (tenant, flow, created_at, id);"
    "CREATE INDEX state_expiry ON state (expires_at) WHERE expires_at > 0;"
    "CREATE TABLE here (home TEXT NOT NULL) STRICT;"
    "PRAGMA user_version = 1;";

enum statement {
	STATEMENT_CREATE, STATEMENT_LOAD, STATEMENT_SAVE, STATEMENT_EXPIRE,
	STATEMENTS
};

static const char *const statement_text[] = {
	[STATEMENT_CREATE] =
	    "INSERT INTO state (id, home, epoch, version, tenant, flow,"
	    " created_at, updated_at, expires_at, body)"
	    " VALUES (?1, ?2, 1, 1, ?3, ?4, ?5, ?6, ?7, ?8)",
	[STATEMENT_LOAD] =
	    "SELECT epoch, version, tenant, flow, created_at, updated_at,"
	    " expires_at, body FROM state WHERE id = ?1"
	    " AND (expires_at = 0 OR expires_at > ?2)",
	[STATEMENT_SAVE] =
	    "UPDATE state SET version = version + 1, updated_at = ?4,"
	    " expires_at = ?5, body = ?6"
	    " WHERE id = ?1 AND epoch = ?2 AND version = ?3",
	[STATEMENT_EXPIRE] =
	    "DELETE FROM state WHERE rowid IN (SELECT rowid FROM state"
	    " WHERE expires_at > 0 AND expires_at <= ?1 LIMIT ?2)",
};

struct store {
	sqlite3		*db;
	sqlite3_stmt	*statements[STATEMENTS];
	char		 home[16];
	struct buf	 body;		/* of the last load */
	char		 trouble[256];
	bool		 healthy;
};

const char *
store_end_name(enum store_end end)
{
	static const char *const names[] = {
		[STORE_OK] = "ok",
		[STORE_NOT_FOUND] = "not-found",
		[STORE_CONFLICT] = "conflict",
		[STORE_TOO_BIG] = "too-big",
		[STORE_UNAVAILABLE] = "unavailable",
	};

	must((size_t)end < sizeof(names) / sizeof(names[0]));
	return names[end];
}

/* --- running statements -------------------------------------------------------- */

static sqlite3_stmt *
statement(struct store *store, enum statement which)
{
	return store->statements[which];
}

static void
done_with(sqlite3_stmt *s)
{
	sqlite3_reset(s);
	sqlite3_clear_bindings(s);
}

static enum store_end
unavailable(struct store *store)
{
	store->healthy = false;
	snprintf(store->trouble, sizeof(store->trouble), "%s",
	    sqlite3_errmsg(store->db));
	return STORE_UNAVAILABLE;
}

static void
bind_id(sqlite3_stmt *s, int at, const uint8_t id[16])
{
	must(sqlite3_bind_blob(s, at, id, 16, SQLITE_STATIC) == SQLITE_OK);
}

static void
bind_integer(sqlite3_stmt *s, int at, int64_t n)
{
	must(sqlite3_bind_int64(s, at, n) == SQLITE_OK);
}

static void
bind_body(sqlite3_stmt *s, int at, struct slice body)
{
	must(sqlite3_bind_blob(s, at, body.len == 0 ? "" : body.p,
	    (int)body.len, SQLITE_STATIC) == SQLITE_OK);
}

/* A write, which is committed by itself; rows changed in *changed. */
static enum store_end
write_now(struct store *store, enum statement which, int *changed)
{
	sqlite3_stmt *s = statement(store, which);
	enum store_end end = STORE_OK;
	int rc = sqlite3_step(s);

	if (rc == SQLITE_CONSTRAINT)
		end = STORE_CONFLICT;
	else if (rc != SQLITE_DONE)
		end = unavailable(store);
	else
		store->healthy = true;
	*changed = sqlite3_changes(store->db);
	done_with(s);
	return end;
}

/* --- the four calls --------------------------------------------------------------- */

enum store_end
store_create(struct store *store, struct store_row *row)
{
	sqlite3_stmt *s = statement(store, STATEMENT_CREATE);
	enum store_end end;
	int changed;

	if (row->body.len > STORE_BODY_MAX)
		return STORE_TOO_BIG;
	bind_id(s, 1, row->id);
	must(sqlite3_bind_text(s, 2, store->home, -1, SQLITE_STATIC) ==
	    SQLITE_OK);
	bind_id(s, 3, row->tenant);
	bind_id(s, 4, row->flow);
	bind_integer(s, 5, row->created_ms);
	bind_integer(s, 6, row->updated_ms);
	bind_integer(s, 7, row->expires_ms);
	bind_body(s, 8, row->body);
	end = write_now(store, STATEMENT_CREATE, &changed);
	if (end == STORE_OK)
		row->token = (struct store_token){ 1, 1 };
	return end;
}

static bool
column_id(sqlite3_stmt *s, int at, uint8_t id[16])
{
	if (sqlite3_column_bytes(s, at) != 16)
		return false;
	memcpy(id, sqlite3_column_blob(s, at), 16);
	return true;
}

static enum store_end
take_row(struct store *store, sqlite3_stmt *s, struct store_row *row)
{
	row->token.epoch = (uint32_t)sqlite3_column_int64(s, 0);
	row->token.version = (uint64_t)sqlite3_column_int64(s, 1);
	row->created_ms = sqlite3_column_int64(s, 4);
	row->updated_ms = sqlite3_column_int64(s, 5);
	row->expires_ms = sqlite3_column_int64(s, 6);
	buf_clear(&store->body);
	buf_add(&store->body, sqlite3_column_blob(s, 7),
	    (size_t)sqlite3_column_bytes(s, 7));
	row->body = buf_all(&store->body);
	if (column_id(s, 2, row->tenant) && column_id(s, 3, row->flow))
		return STORE_OK;
	snprintf(store->trouble, sizeof(store->trouble),
	    "a row without tenant or flow");
	return STORE_UNAVAILABLE;
}

enum store_end
store_load(struct store *store, const uint8_t id[16], int64_t now_ms,
    struct store_row *row)
{
	sqlite3_stmt *s = statement(store, STATEMENT_LOAD);
	enum store_end end = STORE_NOT_FOUND;
	int rc;

	bind_id(s, 1, id);
	bind_integer(s, 2, now_ms);
	rc = sqlite3_step(s);
	if (rc == SQLITE_ROW) {
		end = take_row(store, s, row);
		memcpy(row->id, id, 16);
	} else if (rc != SQLITE_DONE) {
		end = unavailable(store);
	}
	/* At once: a read left open would hold on to what it saw, and the next
	 * write, finding that others wrote since, would be refused. */
	done_with(s);
	return end;
}

enum store_end
store_save(struct store *store, struct store_row *row)
{
	sqlite3_stmt *s = statement(store, STATEMENT_SAVE);
	enum store_end end;
	int changed;

	if (row->body.len > STORE_BODY_MAX)
		return STORE_TOO_BIG;
	bind_id(s, 1, row->id);
	bind_integer(s, 2, row->token.epoch);
	bind_integer(s, 3, (int64_t)row->token.version);
	bind_integer(s, 4, row->updated_ms);
	bind_integer(s, 5, row->expires_ms);
	bind_body(s, 6, row->body);
	end = write_now(store, STATEMENT_SAVE, &changed);
	if (end != STORE_OK)
		return end;
	if (changed == 0)
		return STORE_CONFLICT;
	row->token.version++;
	return STORE_OK;
}

enum store_end
store_expire(struct store *store, int64_t now_ms, unsigned limit,
    unsigned *removed)
{
	sqlite3_stmt *s = statement(store, STATEMENT_EXPIRE);
	enum store_end end;
	int changed;

	bind_integer(s, 1, now_ms);
	bind_integer(s, 2, limit);
	end = write_now(store, STATEMENT_EXPIRE, &changed);
	*removed = end == STORE_OK ? (unsigned)changed : 0;
	return end;
}

const char *
store_trouble(const struct store *store)
{
	return store->trouble;
}

bool
store_healthy(const struct store *store)
{
	return store->healthy;
}

/* --- opening ------------------------------------------------------------------------- */

static bool
execute(struct store *store, const char *sql, struct err *err)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return true;
	return err_set(err, "%s", sqlite3_errmsg(store->db));
}

/* The first column of the first row as text; "" if there is none. */
static bool
query(struct store *store, const char *sql, char *text, size_t cap,
    struct err *err)
{
	sqlite3_stmt *s;
	bool good;
	int rc;

	text[0] = '\0';
	if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
		return err_set(err, "%s", sqlite3_errmsg(store->db));
	rc = sqlite3_step(s);
	good = rc == SQLITE_ROW || rc == SQLITE_DONE;
	if (rc == SQLITE_ROW)
		snprintf(text, cap, "%s",
		    (const char *)sqlite3_column_text(s, 0));
	else if (!good)
		err_set(err, "%s", sqlite3_errmsg(store->db));
	sqlite3_finalize(s);
	return good;
}

/* Under an exclusive lock, since several workers start at once. */
static bool
make_schema(struct store *store, struct err *err)
{
	char version[32], home[32];
	uint64_t known;

	if (!query(store, "PRAGMA user_version", version, sizeof(version),
	    err))
		return false;
	if (strcmp(version, "0") == 0) {
		char insert[96];

		snprintf(insert, sizeof(insert),
		    "INSERT INTO here VALUES ('%s')", store->home);
		return execute(store, schema, err) &&
		    execute(store, insert, err);
	}
	if (!slice_to_u64(slice_of(version), &known) ||
	    known != SCHEMA_VERSION)
		return err_set(err, "its schema is version %s, this program "
		    "knows %d; use the program that wrote it, or a newer one",
		    version, SCHEMA_VERSION);
	if (!query(store, "SELECT home FROM here", home, sizeof(home), err))
		return false;
	if (strcmp(home, store->home) != 0)
		return err_set(err, "it holds the states of region %s; give "
		    "region %s a directory of its own", home, store->home);
	return true;
}

static bool
settle_schema(struct store *store, struct err *err)
{
	if (!execute(store, "BEGIN EXCLUSIVE", err))
		return false;
	if (make_schema(store, err))
		return execute(store, "COMMIT", err);
	sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

static bool
prepare_all(struct store *store, struct err *err)
{
	for (size_t i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(store->db, statement_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL) !=
		    SQLITE_OK)
			return err_set(err, "%s", sqlite3_errmsg(store->db));
	return true;
}

/* Workers that start together find the file locked by whoever changes its
 * mode first; SQLite does not wait for that lock, so we do. */
static bool
enter_wal(struct store *store, struct err *err)
{
	char mode[32];
	bool good = false;

	for (int i = 0; i < OPEN_BUSY_MS / 10 && !good; i++) {
		good = query(store, "PRAGMA journal_mode = WAL", mode,
		    sizeof(mode), err);
		if (!good && sqlite3_errcode(store->db) != SQLITE_BUSY)
			return false;
		if (!good)
			sqlite3_sleep(10);
	}
	if (good && strcmp(mode, "wal") != 0)
		return err_set(err, "its file system cannot do WAL; choose "
		    "one on a local disk");
	return good;
}

static bool
open_file(struct store *store, const char *path, struct err *err)
{
	bool good;

	if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return err_set(err, "%s", store->db == NULL ? "no memory" :
		    sqlite3_errmsg(store->db));
	sqlite3_busy_timeout(store->db, OPEN_BUSY_MS);
	good = enter_wal(store, err) &&
	    execute(store, "PRAGMA synchronous = FULL;"
	    "PRAGMA wal_autocheckpoint = 4000;"
	    "PRAGMA trusted_schema = OFF;", err) &&
	    settle_schema(store, err) && prepare_all(store, err);
	sqlite3_busy_timeout(store->db, BUSY_MS);
	return good;
}

struct store *
store_open(const char *dir, const char *home, struct err *err)
{
	struct store *store = xcalloc(1, sizeof(*store));
	char path[PATH_MAX_BYTES];

	must(strlen(home) < sizeof(store->home));
	must(strpbrk(home, "'\"\\") == NULL);
	memcpy(store->home, home, strlen(home) + 1);
	store->healthy = true;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST) {
		err_set(err, "store %s: cannot be made: %s", dir,
		    strerror(errno));
	} else if ((size_t)snprintf(path, sizeof(path), "%s/state.sqlite",
	    dir) >= sizeof(path)) {
		err_set(err, "store %s: the path is too long", dir);
	} else if (!open_file(store, path, err)) {
		err_wrap(err, "store %s", path);
	} else {
		return store;
	}
	store_close(&store);
	return NULL;
}

void
store_close(struct store **store_p)
{
	struct store *store = *store_p;

	*store_p = NULL;
	if (store == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(store->statements[i]);
	sqlite3_close(store->db);
	buf_fini(&store->body);
	free(store);
}
