/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The end of a copy that is a server: the states that are at home in its
 * region, and the metadata.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/copy_private.h"
#include "store/postgres_admin.h"

struct copy_postgres {
	struct copy_end	 base;
	PGconn		*conn;
	char		 table[STORE_HOME_MAX + 16];	/* flow.state_gb */
	bool		 sends;		/* in pipeline mode: see tell() */
	/* Rows read before they were asked for, in the order of ids. */
	PGresult	*ahead;
	int		 at;		/* of those, the next */
	int		 most;		/* rows of the next such answer */
};

enum { AHEAD_MOST = 128, AHEAD_BYTES = 4 * 1024 * 1024 };

static struct copy_postgres *
postgres_of(struct copy_end *end)
{
	return list_entry(end, struct copy_postgres, base);
}

/* A result that was read, whose error is the first; false: that was all. */
static bool
take_sent(struct copy_postgres *end, bool *good, struct err *err)
{
	PGresult *r = PQgetResult(end->conn);
	ExecStatusType status = PQresultStatus(r);
	bool last = status == PGRES_PIPELINE_SYNC ||
	    PQstatus(end->conn) != CONNECTION_OK;

	if (*good && (last ? status != PGRES_PIPELINE_SYNC : r != NULL &&
	    status != PGRES_COMMAND_OK))
		*good = pg_failed(end->conn, err);
	PQclear(r);
	return !last;
}

/* What was sent is done, or *err is of the first that failed. */
static bool
settle(struct copy_postgres *end, struct err *err)
{
	bool good = true;

	if (!end->sends)
		return true;
	end->sends = false;
	if (PQpipelineSync(end->conn) != 1)
		return pg_failed(end->conn, err);
	while (take_sent(end, &good, err))
		;
	return (PQexitPipelineMode(end->conn) == 1 || !good ||
	    pg_failed(end->conn, err)) && good;
}

/* Its answer is not waited for: a server that is far away would be asked row by
 * row.  What becomes of it settle() says, before the next question and before
 * the transaction ends. */
static bool
tell(struct copy_postgres *end, const char *sql, const struct pg_params *p,
    struct err *err)
{
	if (!end->sends && PQenterPipelineMode(end->conn) != 1)
		return pg_failed(end->conn, err);
	end->sends = true;
	return PQsendQueryParams(end->conn, sql, p->count, NULL, p->values,
	    p->lengths, p->formats, 1) == 1 || pg_failed(end->conn, err);
}

/* Rows, or NULL with *err. */
static PGresult *
ask(struct copy_postgres *end, const char *sql, const struct pg_params *p,
    struct err *err)
{
	return !settle(end, err) ? NULL : pg_rows(end->conn, PQexecParams(
	    end->conn, sql, p->count, NULL, p->values, p->lengths, p->formats,
	    1), err);
}

static bool
ask_number(struct copy_postgres *end, const char *sql,
    const struct pg_params *p, uint64_t *number, struct err *err)
{
	PGresult *r = ask(end, sql, p, err);

	if (r == NULL)
		return false;
	*number = PQntuples(r) > 0 ? (uint64_t)pg_number(r, 0, 0) : 0;
	PQclear(r);
	return true;
}

/* --- reading ------------------------------------------------------------------------ */

/* Where a state is in two partitions, between two homes, the later epoch is
 * what counts. */
static bool
postgres_states(struct copy_end *base, const struct copy_from *from,
    struct copy_head *heads, size_t *count, struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	struct pg_params p = { .count = 0 };
	PGresult *r;

	pg_add_id(&p, from->id);
	pg_add_int(&p, COPY_PAGE);
	r = ask(end, "select distinct on (s.id) s.id, s.epoch, s.version,"
	    " s.home <> h.code, s.moving_to is not null from flow.state s,"
	    " flow.here h where s.id >= $1::uuid order by s.id, s.epoch desc"
	    " limit $2::int", &p, err);
	*count = r == NULL ? 0 : (size_t)PQntuples(r);
	for (int i = 0; i < (int)*count; i++) {
		struct copy_head *head = &heads[i];

		memset(head, 0, sizeof(*head));
		pg_id(r, i, 0, head->id);
		head->token.epoch = (uint32_t)pg_number(r, i, 1);
		head->token.version = (uint64_t)pg_number(r, i, 2);
		head->elsewhere = pg_bool(r, i, 3);
		head->moving = pg_bool(r, i, 4);
	}
	PQclear(r);
	return r != NULL;
}

static bool
postgres_docs(struct copy_end *base, const struct copy_from *from,
    struct copy_head *heads, size_t *count, struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	struct pg_params p = { .count = 0 };
	PGresult *r;

	pg_add_big(&p, (int64_t)from->revision);
	pg_add_int(&p, COPY_PAGE);
	r = ask(end, "select rev, kind, key from flow.meta where rev >="
	    " $1::bigint order by rev limit $2::int", &p, err);
	*count = r == NULL ? 0 : (size_t)PQntuples(r);
	for (int i = 0; i < (int)*count; i++) {
		struct copy_head *head = &heads[i];

		memset(head, 0, sizeof(*head));
		head->revision = (uint64_t)pg_number(r, i, 0);
		pg_text(r, i, 1, head->kind, sizeof(head->kind));
		pg_text(r, i, 2, head->key, sizeof(head->key));
	}
	PQclear(r);
	return r != NULL;
}

static bool
postgres_doc_revision(struct copy_end *base, const char *kind,
    const char *key, uint64_t *revision, struct err *err)
{
	struct pg_params p = { .count = 0 };

	pg_add_text(&p, kind);
	pg_add_text(&p, key);
	return ask_number(postgres_of(base), "select rev from flow.meta where"
	    " kind = $1::text and key = $2::text", &p, revision, err);
}

static bool
postgres_newest(struct copy_end *base, uint64_t *revision, struct err *err)
{
	const struct pg_params none = { .count = 0 };

	return ask_number(postgres_of(base), "select coalesce(max(rev), 0)"
	    " from flow.meta_rev", &none, revision, err);
}

static bool
postgres_conflicts(struct copy_end *base, uint64_t *count, struct err *err)
{
	const struct pg_params none = { .count = 0 };

	return ask_number(postgres_of(base), "select count(*) from"
	    " flow.state_conflict", &none, count, err);
}

static struct slice
keep(struct arena *arena, struct slice bytes)
{
	return (struct slice){ arena_copy(arena, bytes), bytes.len };
}

/* As long as rows are asked for one after the other more and more come at once;
 * who skips some is not sent what he does not want. */
static bool
read_ahead(struct copy_postgres *end, const uint8_t id[16], struct err *err)
{
	struct pg_params p = { .count = 0 };
	char sql[640];

	end->most = end->ahead == NULL || end->at < PQntuples(end->ahead) ? 1 :
	    end->most >= AHEAD_MOST / 4 ? AHEAD_MOST : end->most * 4;
	PQclear(end->ahead);
	pg_add_id(&p, id);
	pg_add_int(&p, end->most);
	snprintf(sql, sizeof(sql), "select id, allowed, epoch, version,"
	    " last_op, done, tenant, flow, created_ms, updated_ms, expires_ms,"
	    " body from (select t.*, sum(length(body)) over (order by id) -"
	    " length(body) as before from (select * from %s where id >="
	    " $1::uuid order by id limit $2::int) t) d where before <= %d"
	    " order by id", end->table, AHEAD_BYTES);
	end->ahead = ask(end, sql, &p, err);
	end->at = 0;
	return end->ahead != NULL;
}

/* Among what was read already; those before it are not wanted. */
static bool
is_ahead(struct copy_postgres *end, const uint8_t id[16])
{
	uint8_t next[16];
	int order = -1;

	while (end->ahead != NULL && end->at < PQntuples(end->ahead) &&
	    order < 0) {
		pg_id(end->ahead, end->at, 0, next);
		order = memcmp(next, id, sizeof(next));
		if (order < 0) {
			end->at++;
			end->most = 1;
		}
	}
	return order == 0;
}

static bool
postgres_read_state(struct copy_end *base, struct arena *arena,
    const uint8_t id[16], struct store_row *row, bool *there, struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	const PGresult *r;
	int at;

	memset(row, 0, sizeof(*row));
	*there = is_ahead(end, id);
	if (!*there && !read_ahead(end, id, err))
		return false;
	*there = *there || is_ahead(end, id);
	if (!*there)
		return true;
	r = end->ahead;
	at = end->at++;
	memcpy(row->id, id, 16);
	row->allowed = (store_regions)pg_number(r, at, 1);
	row->token.epoch = (uint32_t)pg_number(r, at, 2);
	row->token.version = (uint64_t)pg_number(r, at, 3);
	pg_id(r, at, 4, row->op);
	row->done = pg_bool(r, at, 5);
	pg_id(r, at, 6, row->tenant);
	pg_id(r, at, 7, row->flow);
	row->created_ms = pg_number(r, at, 8);
	row->updated_ms = pg_number(r, at, 9);
	row->expires_ms = pg_number(r, at, 10);
	row->body = keep(arena, pg_bytes(r, at, 11));
	return true;
}

static bool
postgres_read_doc(struct copy_end *base, struct arena *arena,
    const struct copy_head *head, struct store_doc *doc, bool *there,
    struct err *err)
{
	struct pg_params p = { .count = 0 };
	PGresult *r;

	pg_add_text(&p, head->kind);
	pg_add_text(&p, head->key);
	r = ask(postgres_of(base), "select rev, deleted, body from flow.meta"
	    " where kind = $1::text and key = $2::text", &p, err);
	if (r == NULL)
		return false;
	memset(doc, 0, sizeof(*doc));
	*there = PQntuples(r) > 0;
	if (*there) {
		snprintf(doc->kind, sizeof(doc->kind), "%s", head->kind);
		snprintf(doc->key, sizeof(doc->key), "%s", head->key);
		doc->revision = (uint64_t)pg_number(r, 0, 0);
		doc->deleted = pg_bool(r, 0, 1);
		doc->body = keep(arena, pg_bytes(r, 0, 2));
	}
	PQclear(r);
	return true;
}

/* --- writing ------------------------------------------------------------------------- */

static bool
postgres_begin(struct copy_end *base, struct err *err)
{
	return pg_admin_execute(postgres_of(base)->conn, "begin", err);
}

static bool
postgres_commit(struct copy_end *base, struct err *err)
{
	struct copy_postgres *end = postgres_of(base);

	return settle(end, err) && pg_admin_execute(end->conn, "commit", err);
}

static bool
postgres_write_state(struct copy_end *base, const struct store_row *row,
    struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	struct pg_params p = { .count = 0 };
	char sql[1024];

	pg_add_id(&p, row->id);
	pg_add_big(&p, (int64_t)row->allowed);
	pg_add_int(&p, (int32_t)row->token.epoch);
	pg_add_big(&p, (int64_t)row->token.version);
	pg_add_op(&p, row->op);
	pg_add_bool(&p, row->done);
	pg_add_id(&p, row->tenant);
	pg_add_id(&p, row->flow);
	pg_add_big(&p, row->created_ms);
	pg_add_big(&p, row->updated_ms);
	pg_add_big(&p, row->expires_ms);
	pg_add_bytes(&p, row->body);
	snprintf(sql, sizeof(sql), "insert into %s as t (id, home, allowed,"
	    " epoch, version, last_op, done, tenant, flow, created_ms,"
	    " updated_ms, expires_ms, body) select $1::uuid, code, $2::bigint,"
	    " $3::int, $4::bigint, $5::uuid, $6::bool, $7::uuid, $8::uuid,"
	    " $9::bigint, $10::bigint, $11::bigint, $12::bytea from flow.here"
	    " on conflict (id) do update set allowed = excluded.allowed,"
	    " epoch = excluded.epoch, version = excluded.version, last_op ="
	    " excluded.last_op, done = excluded.done, tenant ="
	    " excluded.tenant, flow = excluded.flow, created_ms ="
	    " excluded.created_ms, updated_ms = excluded.updated_ms,"
	    " expires_ms = excluded.expires_ms, body = excluded.body where"
	    " (t.epoch, t.version) < (excluded.epoch, excluded.version) and"
	    " t.moving_to is null", end->table);
	return tell(end, sql, &p, err);
}

static bool
postgres_remove_state(struct copy_end *base, const struct copy_head *head,
    struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	struct pg_params p = { .count = 0 };
	char sql[160];

	pg_add_id(&p, head->id);
	pg_add_int(&p, (int32_t)head->token.epoch);
	pg_add_big(&p, (int64_t)head->token.version);
	snprintf(sql, sizeof(sql), "delete from %s where id = $1::uuid and"
	    " epoch = $2::int and version = $3::bigint and moving_to is null",
	    end->table);
	return tell(end, sql, &p, err);
}

bool
copy_postgres_drop_older(struct copy_end *base, const struct store_row *row,
    struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	struct pg_params p = { .count = 0 };
	char sql[160];

	pg_add_id(&p, row->id);
	pg_add_int(&p, (int32_t)row->token.epoch);
	pg_add_big(&p, (int64_t)row->token.version);
	snprintf(sql, sizeof(sql), "delete from %s where id = $1::uuid and"
	    " (epoch, version) <= ($2::int, $3::bigint) and moving_to is null",
	    end->table);
	return tell(end, sql, &p, err);
}

/* With the store's newest revision: who follows sees both or neither. */
static bool
postgres_write_doc(struct copy_end *base, const struct store_doc *doc,
    struct err *err)
{
	struct copy_postgres *end = postgres_of(base);
	struct pg_params p = { .count = 0 }, newest = { .count = 0 };

	pg_add_text(&p, doc->kind);
	pg_add_text(&p, doc->key);
	pg_add_big(&p, (int64_t)doc->revision);
	pg_add_bool(&p, doc->deleted);
	pg_add_bytes(&p, doc->body);
	pg_add_big(&newest, (int64_t)doc->revision);
	return tell(end, "insert into flow.meta as t (kind, key, rev,"
	    " deleted, body) values ($1::text, $2::text, $3::bigint, $4::bool,"
	    " $5::bytea) on conflict (kind, key) do update set rev ="
	    " excluded.rev, deleted = excluded.deleted, body = excluded.body",
	    &p, err) && tell(end, "update flow.meta_rev set rev = $1::bigint"
	    " where rev < $1::bigint", &newest, err);
}

/* --- opening ------------------------------------------------------------------------- */

static void
postgres_close(struct copy_end *base)
{
	struct copy_postgres *end = postgres_of(base);

	PQclear(end->ahead);
	PQfinish(end->conn);
	free(end);
}

static const struct copy_ops postgres_ops = {
	.close = postgres_close,
	.states = postgres_states,
	.docs = postgres_docs,
	.doc_revision = postgres_doc_revision,
	.newest = postgres_newest,
	.conflicts = postgres_conflicts,
	.read_state = postgres_read_state,
	.read_doc = postgres_read_doc,
	.begin = postgres_begin,
	.commit = postgres_commit,
	.write_state = postgres_write_state,
	.remove_state = postgres_remove_state,
	.write_doc = postgres_write_doc,
};

/* One at a time; and who may not do all of it is told before any of it. */
static bool
may_write(PGconn *conn, struct err *err)
{
	char user[80], may[8];

	if (!pg_admin_ask(conn, "select pg_try_advisory_lock(7067, 5)", may,
	    sizeof(may), err))
		return false;
	if (strcmp(may, "t") != 0)
		return err_set(err, "another copy into it is under way");
	if (!pg_admin_ask(conn, "select has_table_privilege('flow.meta', "
	    "'insert')", may, sizeof(may), err) || !pg_admin_ask(conn,
	    "select current_user", user, sizeof(user), err))
		return false;
	return strcmp(may, "t") == 0 || err_set(err, "%s may not write "
	    "metadata; name a superuser of the database: --to \"postgres:"
	    "host=... dbname=... user=postgres\"", user);
}

struct copy_end *
copy_postgres_open(const char *conninfo, const char *home, const char *set,
    bool writes, struct err *err)
{
	PGconn *conn = pg_admin_connect(conninfo, err);
	struct copy_postgres *end;

	if (conn == NULL)
		return NULL;
	if (!pg_server_is_good(conn, home, err) ||
	    !pg_set_is_good(conn, set, err) ||
	    (writes && !may_write(conn, err))) {
		PQfinish(conn);
		return NULL;
	}
	end = xcalloc(1, sizeof(*end));
	end->base.ops = &postgres_ops;
	end->conn = conn;
	snprintf(end->table, sizeof(end->table), "flow.state_%s", home);
	for (char *c = end->table; *c != '\0'; c++)
		*c = (char)tolower((unsigned char)*c);
	return &end->base;
}
