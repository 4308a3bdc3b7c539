/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The end of a copy that is a file.  Engines may have it open beside us.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/copy_private.h"
#include "store/sqlite_private.h"

enum at {
	AT_STATES, AT_DOCS, AT_DOC_REVISION, AT_STATE, AT_DOC, AT_WRITE_STATE,
	AT_REMOVE_STATE, AT_WRITE_DOC, ATS
};

static const char *const texts[ATS] = {
	[AT_STATES] = "SELECT id, epoch, version FROM state WHERE id >= ?1"
	    " ORDER BY id LIMIT ?2",
	[AT_DOCS] = "SELECT revision, kind, key FROM doc WHERE revision >= ?1"
	    " ORDER BY revision LIMIT ?2",
	[AT_DOC_REVISION] = "SELECT revision FROM doc WHERE kind = ?1 AND"
	    " key = ?2",
	[AT_STATE] = "SELECT home, allowed, epoch, version, last_op, done,"
	    " tenant, flow, created_at, updated_at, expires_at, id, body"
	    " FROM state WHERE id = ?1",
	[AT_DOC] = "SELECT revision, deleted, kind, key, body FROM doc"
	    " WHERE kind = ?1 AND key = ?2",
	[AT_WRITE_STATE] = "INSERT INTO state (id, home, allowed, epoch,"
	    " version, last_op, done, tenant, flow, created_at, updated_at,"
	    " expires_at, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
	    " ?10, ?11, ?12, ?13) ON CONFLICT (id) DO UPDATE SET allowed = ?3,"
	    " epoch = ?4, version = ?5, last_op = ?6, done = ?7, tenant = ?8,"
	    " flow = ?9, created_at = ?10, updated_at = ?11, expires_at = ?12,"
	    " body = ?13 WHERE (epoch, version) < (?4, ?5)",
	[AT_REMOVE_STATE] = "DELETE FROM state WHERE id = ?1 AND epoch = ?2"
	    " AND version = ?3",
	[AT_WRITE_DOC] = "INSERT INTO doc (kind, key, revision, deleted, body)"
	    " VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (kind, key) DO UPDATE"
	    " SET revision = ?3, deleted = ?4, body = ?5",
};

struct copy_sqlite {
	struct copy_end	 base;
	struct connection *connection;
	sqlite3_stmt	*statements[ATS];
	char		 home[STORE_HOME_MAX];
};

static struct copy_sqlite *
sqlite_of(struct copy_end *end)
{
	return list_entry(end, struct copy_sqlite, base);
}

static bool
failed(struct copy_sqlite *end, struct err *err)
{
	return err_set(err, "%s", sqlite3_errmsg(end->connection->db));
}

/* One row, or none; the statement is to be given back by the caller. */
static bool
step(struct copy_sqlite *end, sqlite3_stmt *s, bool *there, struct err *err)
{
	int rc = sqlite3_step(s);

	*there = rc == SQLITE_ROW;
	if (rc == SQLITE_ROW || rc == SQLITE_DONE)
		return true;
	failed(end, err);
	done_with(s);
	return false;
}

/* --- reading ------------------------------------------------------------------------ */

static struct slice
kept_bytes(struct arena *arena, sqlite3_stmt *s, int at)
{
	struct slice b = column_bytes(s, at);

	return (struct slice){ arena_copy(arena, b), b.len };
}

static void
take_state_head(sqlite3_stmt *s, struct copy_head *head)
{
	column_id(s, 0, head->id);
	head->token = column_token(s, 1);
}

static void
take_doc_head(sqlite3_stmt *s, struct copy_head *head)
{
	head->revision = (uint64_t)sqlite3_column_int64(s, 0);
	column_text(s, 1, head->kind, sizeof(head->kind));
	column_text(s, 2, head->key, sizeof(head->key));
}

static bool
take_heads(struct copy_sqlite *end, sqlite3_stmt *s,
    void (*take)(sqlite3_stmt *, struct copy_head *), struct copy_head *heads,
    size_t *count, struct err *err)
{
	bool there;

	bind_integer(s, 2, COPY_PAGE);
	*count = 0;
	while (step(end, s, &there, err)) {
		if (!there) {
			done_with(s);
			return true;
		}
		memset(&heads[*count], 0, sizeof(*heads));
		take(s, &heads[(*count)++]);
	}
	return false;
}

static bool
file_states(struct copy_end *base, const struct copy_from *from,
    struct copy_head *heads, size_t *count, struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_STATES];

	bind_id(s, 1, from->id);
	return take_heads(end, s, take_state_head, heads, count, err);
}

static bool
file_docs(struct copy_end *base, const struct copy_from *from,
    struct copy_head *heads, size_t *count, struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_DOCS];

	bind_integer(s, 1, (int64_t)from->revision);
	return take_heads(end, s, take_doc_head, heads, count, err);
}

static bool
file_doc_revision(struct copy_end *base, const char *kind, const char *key,
    uint64_t *revision, struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_DOC_REVISION];
	bool there;

	bind_text(s, 1, kind);
	bind_text(s, 2, key);
	if (!step(end, s, &there, err))
		return false;
	*revision = there ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
	done_with(s);
	return true;
}

static bool
file_newest(struct copy_end *base, uint64_t *revision, struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);

	return newest_revision(end->connection, revision) || failed(end, err);
}

/* One machine has nobody to conflict with. */
static bool
file_conflicts(struct copy_end *base, uint64_t *count, struct err *err)
{
	(void)base;
	(void)err;
	*count = 0;
	return true;
}

static bool
file_read_state(struct copy_end *base, struct arena *arena,
    const uint8_t id[16], struct store_row *row, bool *there, struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_STATE];

	bind_id(s, 1, id);
	if (!step(end, s, there, err))
		return false;
	memset(row, 0, sizeof(*row));
	if (*there) {
		column_row(s, row);
		row->body = kept_bytes(arena, s, 12);
	}
	done_with(s);
	return true;
}

static bool
file_read_doc(struct copy_end *base, struct arena *arena,
    const struct copy_head *head, struct store_doc *doc, bool *there,
    struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_DOC];

	bind_text(s, 1, head->kind);
	bind_text(s, 2, head->key);
	if (!step(end, s, there, err))
		return false;
	memset(doc, 0, sizeof(*doc));
	if (*there) {
		column_doc(s, doc);
		doc->body = kept_bytes(arena, s, 4);
	}
	done_with(s);
	return true;
}

/* --- writing ------------------------------------------------------------------------- */

static bool
run(struct copy_sqlite *end, sqlite3_stmt *s, struct err *err)
{
	bool there, good = step(end, s, &there, err);

	if (good)
		done_with(s);
	return good;
}

static bool
run_known(struct copy_end *base, enum statement which, struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);

	return connection_run(end->connection, which) == SQLITE_DONE ||
	    err_set(err, "%s", end->connection->trouble);
}

static bool
file_begin(struct copy_end *base, struct err *err)
{
	return run_known(base, STATEMENT_BEGIN_WRITE, err);
}

static bool
file_commit(struct copy_end *base, struct err *err)
{
	return run_known(base, STATEMENT_COMMIT, err);
}

static bool
file_write_state(struct copy_end *base, const struct store_row *row,
    struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_WRITE_STATE];

	bind_id(s, 1, row->id);
	bind_text(s, 2, end->home);
	bind_integer(s, 3, (int64_t)row->allowed);
	bind_integer(s, 4, row->token.epoch);
	bind_integer(s, 5, (int64_t)row->token.version);
	bind_op(s, 6, row->op);
	bind_integer(s, 7, row->done);
	bind_id(s, 8, row->tenant);
	bind_id(s, 9, row->flow);
	bind_integer(s, 10, row->created_ms);
	bind_integer(s, 11, row->updated_ms);
	bind_integer(s, 12, row->expires_ms);
	bind_bytes(s, 13, row->body);
	return run(end, s, err);
}

static bool
file_remove_state(struct copy_end *base, const struct copy_head *head,
    struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_REMOVE_STATE];

	bind_id(s, 1, head->id);
	bind_integer(s, 2, head->token.epoch);
	bind_integer(s, 3, (int64_t)head->token.version);
	return run(end, s, err);
}

static bool
file_write_doc(struct copy_end *base, const struct store_doc *doc,
    struct err *err)
{
	struct copy_sqlite *end = sqlite_of(base);
	sqlite3_stmt *s = end->statements[AT_WRITE_DOC];

	bind_text(s, 1, doc->kind);
	bind_text(s, 2, doc->key);
	bind_integer(s, 3, (int64_t)doc->revision);
	bind_integer(s, 4, doc->deleted);
	bind_bytes(s, 5, doc->body);
	return run(end, s, err);
}

/* --- opening ------------------------------------------------------------------------- */

static void
file_close(struct copy_end *base)
{
	struct copy_sqlite *end = sqlite_of(base);

	for (size_t i = 0; i < ATS; i++)
		sqlite3_finalize(end->statements[i]);
	connection_close(&end->connection);
	free(end);
}

static const struct copy_ops sqlite_ops = {
	.close = file_close,
	.states = file_states,
	.docs = file_docs,
	.doc_revision = file_doc_revision,
	.newest = file_newest,
	.conflicts = file_conflicts,
	.read_state = file_read_state,
	.read_doc = file_read_doc,
	.begin = file_begin,
	.commit = file_commit,
	.write_state = file_write_state,
	.remove_state = file_remove_state,
	.write_doc = file_write_doc,
};

static bool
prepare_all(struct copy_sqlite *end, struct err *err)
{
	for (size_t i = 0; i < ATS; i++)
		if (sqlite3_prepare_v2(end->connection->db, texts[i], -1,
		    &end->statements[i], NULL) != SQLITE_OK)
			return failed(end, err);
	return true;
}

/* The file's path; what is read from has to be there. */
static bool
find_file(char *path, size_t cap, const char *dir, bool writes,
    struct err *err)
{
	if ((size_t)snprintf(path, cap, "%s/state.sqlite", dir) >= cap)
		return err_set(err, "store %s: the path is too long", dir);
	if (writes && mkdir(dir, 0700) < 0 && errno != EEXIST)
		return err_set(err, "store %s: cannot be made: %s", dir,
		    strerror(errno));
	return writes || access(path, R_OK | W_OK) == 0 || err_set(err,
	    "store %s: %s", path, strerror(errno));
}

struct copy_end *
copy_sqlite_open(const char *dir, const char *home, bool writes,
    struct err *err)
{
	struct copy_sqlite *end;
	struct copy_end *base;
	char path[1024];

	if (!find_file(path, sizeof(path), dir, writes, err))
		return NULL;
	end = xcalloc(1, sizeof(*end));
	base = &end->base;
	base->ops = &sqlite_ops;
	snprintf(end->home, sizeof(end->home), "%s", home);
	end->connection = connection_open(path, home, err);
	if (end->connection == NULL || !prepare_all(end, err))
		copy_end_close(&base);
	return base;
}
