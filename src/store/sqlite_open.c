/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A connection to the file: opened in WAL mode with synchronous=FULL, so that
 * each commit waits for the disk, and with the schema that this program knows.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/must.h"
#include "store/sqlite_private.h"

/*
 * What leads from one version of the schema to the next; never changed, only
 * added to.  Columns as in the replicated store.  allowed: bit per region, -1
 * for no restriction.  The body comes last, so that lists need not read past
 * it.
 */
static const char *const migrations[] = {
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
	"CREATE INDEX state_expiry ON state (expires_at)"
	"  WHERE expires_at > 0;"
	"CREATE TABLE here (home TEXT NOT NULL) STRICT;",

	"CREATE TABLE state_new ("
	"  id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
	"  home TEXT NOT NULL,"
	"  allowed INTEGER NOT NULL DEFAULT -1,"
	"  epoch INTEGER NOT NULL,"
	"  version INTEGER NOT NULL,"
	"  last_op BLOB,"
	"  done INTEGER NOT NULL DEFAULT 0,"
	"  tenant BLOB NOT NULL,"
	"  flow BLOB NOT NULL,"
	"  created_at INTEGER NOT NULL,"
	"  updated_at INTEGER NOT NULL,"
	"  expires_at INTEGER NOT NULL,"
	"  body BLOB NOT NULL"
	") STRICT;"
	"INSERT INTO state_new (id, home, allowed, epoch, version, tenant,"
	"  flow, created_at, updated_at, expires_at, body) SELECT id, home,"
	"  allowed, epoch, version, tenant, flow, created_at, updated_at,"
	"  expires_at, body FROM state;"
	"DROP TABLE state;"
	"ALTER TABLE state_new RENAME TO state;"
	"CREATE INDEX state_list ON state (tenant, flow, created_at, id);"
	"CREATE INDEX state_expiry ON state (expires_at)"
	"  WHERE expires_at > 0;"
	"CREATE TABLE doc ("
	"  kind TEXT NOT NULL,"
	"  key TEXT NOT NULL,"
	"  revision INTEGER NOT NULL UNIQUE,"
	"  deleted INTEGER NOT NULL,"
	"  body BLOB NOT NULL,"
	"  PRIMARY KEY (kind, key)"
	") STRICT;",

	"CREATE INDEX state_allowed ON state (tenant, flow, allowed);",
};

enum { SCHEMA_VERSION = sizeof(migrations) / sizeof(migrations[0]) };

static const char *const statement_text[] = {
	[STATEMENT_CREATE] =
	    "INSERT INTO state (id, home, allowed, epoch, version, last_op,"
	    " done, tenant, flow, created_at, updated_at, expires_at, body)"
	    " VALUES (?1, ?2, ?3, 1, 1, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
	[STATEMENT_LOAD] =
	    "SELECT home, allowed, epoch, version, last_op, done, tenant,"
	    " flow, created_at, updated_at, expires_at, id, body FROM state"
	    " WHERE id = ?1 AND (expires_at = 0 OR expires_at > ?2)",
	[STATEMENT_SAVE] =
	    "UPDATE state SET version = version + 1, last_op = ?4, done = ?5,"
	    " updated_at = ?6, expires_at = ?7, body = ?8"
	    " WHERE id = ?1 AND epoch = ?2 AND version = ?3",
	[STATEMENT_TOKEN] =
	    "SELECT epoch, version, last_op FROM state WHERE id = ?1",
	[STATEMENT_REMOVE] =
	    "DELETE FROM state WHERE id = ?1 AND"
	    " ((epoch = ?2 AND version = ?3) OR (?2 = 0 AND ?3 = 0))",
	[STATEMENT_RESTRICT] =
	    "UPDATE state SET version = version + 1, allowed = ?4,"
	    " last_op = NULL WHERE id = ?1 AND"
	    " ((epoch = ?2 AND version = ?3) OR (?2 = 0 AND ?3 = 0))",
	/* Two ranges of the index that is there for it. */
	[STATEMENT_RESTRICT_FLOW] =
	    "UPDATE state SET allowed = ?3 WHERE rowid IN (SELECT rowid FROM"
	    " state WHERE tenant = ?1 AND flow = ?2 AND allowed < ?3 UNION ALL"
	    " SELECT rowid FROM state WHERE tenant = ?1 AND flow = ?2 AND"
	    " allowed > ?3 LIMIT ?4)",
	[STATEMENT_NEXT_FLOW] =
	    "SELECT tenant, flow FROM state WHERE (tenant, flow) > (?1, ?2)"
	    " ORDER BY tenant, flow LIMIT 1",
	[STATEMENT_EXPIRE] =
	    "DELETE FROM state WHERE rowid IN (SELECT rowid FROM state"
	    " WHERE expires_at > 0 AND expires_at <= ?1 LIMIT ?2)",
	[STATEMENT_LIST] =
	    "SELECT home, allowed, epoch, version, last_op, done, tenant,"
	    " flow, created_at, updated_at, expires_at, id FROM state"
	    " WHERE tenant = ?1 AND (flow, created_at, id) > (?2, ?3, ?4)"
	    " ORDER BY flow, created_at, id LIMIT ?5",
	[STATEMENT_LIST_FLOW] =
	    "SELECT home, allowed, epoch, version, last_op, done, tenant,"
	    " flow, created_at, updated_at, expires_at, id FROM state"
	    " WHERE tenant = ?1 AND flow = ?2 AND (created_at, id) > (?3, ?4)"
	    " ORDER BY created_at, id LIMIT ?5",
	[STATEMENT_DOC_GET] =
	    "SELECT revision, deleted, kind, key, body FROM doc"
	    " WHERE kind = ?1 AND key = ?2",
	[STATEMENT_DOC_PUT] =
	    "INSERT INTO doc (kind, key, revision, deleted, body)"
	    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (kind, key) DO UPDATE"
	    " SET revision = ?3, deleted = ?4, body = ?5",
	[STATEMENT_DOCS_SINCE] =
	    "SELECT revision, deleted, kind, key, body FROM doc"
	    " WHERE revision > ?1 ORDER BY revision LIMIT ?2",
	/* Nothing is ever taken out of the table: the largest one there is
	 * the last that was given. */
	[STATEMENT_NEWEST] = "SELECT coalesce(max(revision), 0) FROM doc",
	[STATEMENT_DATA_VERSION] = "PRAGMA data_version",
	[STATEMENT_BEGIN_READ] = "BEGIN",
	/* The lock at once: one that is asked for after reading is refused
	 * where others wrote in between. */
	[STATEMENT_BEGIN_WRITE] = "BEGIN IMMEDIATE",
	[STATEMENT_COMMIT] = "COMMIT",
	[STATEMENT_ROLLBACK] = "ROLLBACK",
};

/* --- statements ------------------------------------------------------------------ */

void
connection_complain(struct connection *c)
{
	snprintf(c->trouble, sizeof(c->trouble), "%s", sqlite3_errmsg(c->db));
}

int
connection_run(struct connection *c, enum statement which)
{
	sqlite3_stmt *s = c->statements[which];
	int rc = sqlite3_step(s);

	if (rc != SQLITE_DONE)
		connection_complain(c);
	done_with(s);
	return rc;
}

/* --- opening --------------------------------------------------------------------- */

static bool
fail(struct connection *c, struct err *err)
{
	return err_set(err, "%s", sqlite3_errmsg(c->db));
}

static bool
execute(struct connection *c, const char *sql, struct err *err)
{
	return sqlite3_exec(c->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
	    fail(c, err);
}

/* The first column of the first row as text; "" if there is none. */
static bool
query(struct connection *c, const char *sql, char *text, size_t cap,
    struct err *err)
{
	sqlite3_stmt *s;
	bool good;
	int rc;

	text[0] = '\0';
	if (sqlite3_prepare_v2(c->db, sql, -1, &s, NULL) != SQLITE_OK)
		return fail(c, err);
	rc = sqlite3_step(s);
	good = rc == SQLITE_ROW || rc == SQLITE_DONE;
	if (rc == SQLITE_ROW)
		snprintf(text, cap, "%s",
		    (const char *)sqlite3_column_text(s, 0));
	else if (!good)
		fail(c, err);
	sqlite3_finalize(s);
	return good;
}

static bool
settle_home(struct connection *c, const char *home, bool is_new,
    struct err *err)
{
	char text[96];

	if (is_new) {
		snprintf(text, sizeof(text), "INSERT INTO here VALUES ('%s')",
		    home);
		return execute(c, text, err);
	}
	if (!query(c, "SELECT home FROM here", text, sizeof(text), err))
		return false;
	if (strcmp(home, text) != 0)
		return err_set(err, "it holds the states of region %s; give "
		    "region %s a directory of its own", text, home);
	return true;
}

/* Under an exclusive lock, since several workers start at once. */
static bool
make_schema(struct connection *c, const char *home, struct err *err)
{
	char version[32], set[64];
	uint64_t known;

	if (!query(c, "PRAGMA user_version", version, sizeof(version), err))
		return false;
	if (!slice_to_u64(slice_of(version), &known) ||
	    known > SCHEMA_VERSION)
		return err_set(err, "its schema is version %s, this program "
		    "knows %d; use the program that wrote it, or a newer one",
		    version, SCHEMA_VERSION);
	for (uint64_t i = known; i < SCHEMA_VERSION; i++)
		if (!execute(c, migrations[i], err))
			return false;
	snprintf(set, sizeof(set), "PRAGMA user_version = %d", SCHEMA_VERSION);
	return (known == SCHEMA_VERSION || execute(c, set, err)) &&
	    settle_home(c, home, known == 0, err);
}

static bool
settle_schema(struct connection *c, const char *home, struct err *err)
{
	if (!execute(c, "BEGIN EXCLUSIVE", err))
		return false;
	if (make_schema(c, home, err) && execute(c, "COMMIT", err))
		return true;
	sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
	return false;
}

static bool
prepare_all(struct connection *c, struct err *err)
{
	for (size_t i = 0; i < STATEMENTS; i++)
		if (sqlite3_prepare_v3(c->db, statement_text[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &c->statements[i], NULL) !=
		    SQLITE_OK)
			return fail(c, err);
	return true;
}

/* Workers that start together find the file locked by whoever changes its
 * mode first; SQLite does not wait for that lock, so we do. */
static bool
enter_wal(struct connection *c, struct err *err)
{
	char mode[32];
	bool good = false;

	for (int i = 0; i < OPEN_BUSY_MS / 10 && !good; i++) {
		good = query(c, "PRAGMA journal_mode = WAL", mode,
		    sizeof(mode), err);
		if (!good && sqlite3_errcode(c->db) != SQLITE_BUSY)
			return false;
		if (!good)
			sqlite3_sleep(10);
	}
	if (good && strcmp(mode, "wal") != 0)
		return err_set(err, "its file system cannot do WAL; choose "
		    "one on a local disk");
	return good;
}

/* Somebody else commits.  SQLite's own waits grow to a tenth of a second,
 * much longer than a commit takes. */
static int
on_busy(void *arg, int count)
{
	struct connection *c = arg;
	uint64_t now = clock_ms();

	if (count == 0)
		c->busy_until_ms = now + BUSY_MS;
	if (now >= c->busy_until_ms)
		return 0;
	sqlite3_sleep(count < 10 ? 1 : 5);
	return 1;
}

static bool
open_file(struct connection *c, const char *path, const char *home,
    struct err *err)
{
	if (sqlite3_open_v2(path, &c->db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		return err_set(err, "%s", c->db == NULL ? "no memory" :
		    sqlite3_errmsg(c->db));
	sqlite3_busy_timeout(c->db, OPEN_BUSY_MS);
	/* What was deleted is overwritten, so that a state which has moved to
	 * its tenant's own store is not left behind in a free page.  What a
	 * statement over many rows sets aside stays in memory: no other file is
	 * for states, and the sandbox would refuse it. */
	if (!enter_wal(c, err) || !execute(c, "PRAGMA synchronous = FULL;"
	    "PRAGMA wal_autocheckpoint = 4000;"
	    "PRAGMA secure_delete = ON;"
	    "PRAGMA temp_store = MEMORY;"
	    "PRAGMA trusted_schema = OFF;", err) ||
	    !settle_schema(c, home, err) || !prepare_all(c, err))
		return false;
	return sqlite3_busy_handler(c->db, on_busy, c) == SQLITE_OK ||
	    fail(c, err);
}

struct connection *
connection_open(const char *path, const char *home, struct err *err)
{
	struct connection *c = xcalloc(1, sizeof(*c));

	must(strlen(home) < STORE_HOME_MAX);
	must(strpbrk(home, "'\"\\") == NULL);
	if (!open_file(c, path, home, err)) {
		err_wrap(err, "store %s", path);
		connection_close(&c);
	}
	return c;
}

void
connection_close(struct connection **connection)
{
	struct connection *c = *connection;

	*connection = NULL;
	if (c == NULL)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(c->statements[i]);
	sqlite3_close(c->db);
	free(c);
}
