/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is asked of states, on the threads of the store.
 */
#include <string.h>

#include "store/sqlite_private.h"

static const uint8_t no_op[16];

static void
answer_row(struct job *job)
{
	if (job->kind->writes)
		job->row.body = (struct slice){ NULL, 0 };
	job->fn.row(job->arg, job->end, job->has_row ? &job->row : NULL);
}

/* --- writes ------------------------------------------------------------------------ */

/* The row as it stands in the way of a write; same: that write itself put it
 * there, and comes again. */
static bool
look_at_token(struct connection *c, struct job *job, bool *same)
{
	sqlite3_stmt *s = c->statements[STATEMENT_TOKEN];
	uint8_t op[16];
	int rc;

	*same = false;
	bind_id(s, 1, job->row.id);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return connection_failed(c, s);
	job->has_row = rc == SQLITE_ROW;
	if (job->has_row) {
		job->row.token = column_token(s, 0);
		*same = column_id(s, 2, op) &&
		    memcmp(op, no_op, sizeof(op)) != 0 &&
		    memcmp(op, job->row.op, sizeof(op)) == 0;
	}
	done_with(s);
	return true;
}

static bool
after_conflict(struct connection *c, struct job *job)
{
	struct store_token next = { job->token.epoch,
	    job->token.version + 1 };
	bool same;

	if (!look_at_token(c, job, &same))
		return false;
	job->end = same && job->row.token.epoch == next.epoch &&
	    job->row.token.version == next.version ? STORE_OK :
	    STORE_CONFLICT;
	return true;
}

static bool
run_create(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_CREATE];
	const struct store_row *row = &job->row;
	int rc;

	bind_id(s, 1, row->id);
	bind_text(s, 2, store->home);
	bind_integer(s, 3, (int64_t)row->allowed);
	bind_op(s, 4, row->op);
	bind_integer(s, 5, row->done);
	bind_id(s, 6, row->tenant);
	bind_id(s, 7, row->flow);
	bind_integer(s, 8, row->created_ms);
	bind_integer(s, 9, row->updated_ms);
	bind_integer(s, 10, row->expires_ms);
	bind_bytes(s, 11, row->body);
	rc = connection_run(c, STATEMENT_CREATE);
	job->token = (struct store_token){ 1, 0 };
	if (rc == SQLITE_CONSTRAINT)
		return after_conflict(c, job);
	job->row.token = (struct store_token){ 1, 1 };
	memcpy(job->row.home, store->home, sizeof(job->row.home));
	job->has_row = true;
	job->end = STORE_OK;
	return rc == SQLITE_DONE;
}

static bool
run_save(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_SAVE];
	const struct store_row *row = &job->row;

	(void)store;
	job->row.token = job->token;
	bind_id(s, 1, row->id);
	bind_integer(s, 2, row->token.epoch);
	bind_integer(s, 3, (int64_t)row->token.version);
	bind_op(s, 4, row->op);
	bind_integer(s, 5, row->done);
	bind_integer(s, 6, row->updated_ms);
	bind_integer(s, 7, row->expires_ms);
	bind_bytes(s, 8, row->body);
	if (connection_run(c, STATEMENT_SAVE) != SQLITE_DONE)
		return false;
	if (sqlite3_changes(c->db) == 0)
		return after_conflict(c, job);
	job->row.token.version++;
	job->has_row = true;
	job->end = STORE_OK;
	return true;
}

/* Nothing was there with this id and token. */
static bool
after_nothing(struct connection *c, struct job *job)
{
	bool same;

	if (!look_at_token(c, job, &same))
		return false;
	job->end = job->has_row ? STORE_CONFLICT : STORE_NOT_FOUND;
	return true;
}

static bool
run_remove(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_REMOVE];

	(void)store;
	bind_id(s, 1, job->row.id);
	bind_integer(s, 2, job->token.epoch);
	bind_integer(s, 3, (int64_t)job->token.version);
	if (connection_run(c, STATEMENT_REMOVE) != SQLITE_DONE)
		return false;
	if (sqlite3_changes(c->db) == 0)
		return after_nothing(c, job);
	job->end = STORE_OK;
	return true;
}

static bool
run_restrict(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_RESTRICT];
	bool same;

	(void)store;
	bind_id(s, 1, job->row.id);
	bind_integer(s, 2, job->token.epoch);
	bind_integer(s, 3, (int64_t)job->token.version);
	bind_integer(s, 4, (int64_t)job->row.allowed);
	if (connection_run(c, STATEMENT_RESTRICT) != SQLITE_DONE)
		return false;
	if (sqlite3_changes(c->db) == 0)
		return after_nothing(c, job);
	job->end = STORE_OK;
	return look_at_token(c, job, &same);
}

static bool
run_restrict_flow(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_RESTRICT_FLOW];

	(void)store;
	bind_id(s, 1, job->query.tenant);
	bind_id(s, 2, job->query.flow);
	bind_integer(s, 3, (int64_t)job->row.allowed);
	bind_integer(s, 4, job->query.limit);
	if (connection_run(c, STATEMENT_RESTRICT_FLOW) != SQLITE_DONE)
		return false;
	job->number = (uint64_t)sqlite3_changes(c->db);
	job->end = STORE_OK;
	return true;
}

static bool
run_expire(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_EXPIRE];

	(void)store;
	bind_integer(s, 1, job->now_ms);
	bind_integer(s, 2, job->limit);
	if (connection_run(c, STATEMENT_EXPIRE) != SQLITE_DONE)
		return false;
	job->number = (uint64_t)sqlite3_changes(c->db);
	job->end = STORE_OK;
	return true;
}

static void
answer_count(struct job *job)
{
	job->fn.count(job->arg, job->end, job->number);
}

/* --- reads ------------------------------------------------------------------------- */

static bool
run_load(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_LOAD];
	uint8_t id[16];
	int rc;

	(void)store;
	memcpy(id, job->row.id, sizeof(id));
	bind_id(s, 1, id);
	bind_integer(s, 2, job->now_ms);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return connection_failed(c, s);
	job->end = STORE_NOT_FOUND;
	if (rc == SQLITE_ROW) {
		job->has_row = column_row(s, &job->row);
		buf_slice(&job->body, column_bytes(s, 12));
		job->row.body = buf_all(&job->body);
		job->end = job->has_row ? STORE_OK : STORE_UNAVAILABLE;
	}
	done_with(s);
	return true;
}

/* All that are here are at home here. */
static bool
run_strays(struct sqlite *store, struct connection *c, struct job *job)
{
	(void)store;
	(void)c;
	job->end = STORE_OK;
	return true;
}

static bool
run_next_flow(struct sqlite *store, struct connection *c, struct job *job)
{
	sqlite3_stmt *s = c->statements[STATEMENT_NEXT_FLOW];
	uint8_t tenant[16], flow[16];
	int rc;

	(void)store;
	memcpy(tenant, job->row.tenant, sizeof(tenant));
	memcpy(flow, job->row.flow, sizeof(flow));
	bind_id(s, 1, tenant);
	bind_id(s, 2, flow);
	rc = sqlite3_step(s);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return connection_failed(c, s);
	job->has_row = rc == SQLITE_ROW && column_id(s, 0, job->row.tenant) &&
	    column_id(s, 1, job->row.flow);
	job->end = job->has_row ? STORE_OK : STORE_NOT_FOUND;
	done_with(s);
	return true;
}

/* --- lists -------------------------------------------------------------------------- */

static bool
run_list(struct sqlite *store, struct connection *c, struct job *job)
{
	const struct store_query *q = &job->query;
	struct cursor from = cursor_of(q->cursor);
	sqlite3_stmt *s = c->statements[q->flow != NULL ?
	    STATEMENT_LIST_FLOW : STATEMENT_LIST];
	unsigned limit = q->limit < STORE_LIST_MAX ? q->limit :
	    STORE_LIST_MAX;
	int rc;

	(void)store;
	job->arena = arena_new(0);
	job->rows = arena_array(job->arena, limit + 1, sizeof(*job->rows));
	bind_id(s, 1, q->tenant);
	bind_id(s, 2, q->flow != NULL ? q->flow : from.flow);
	bind_integer(s, 3, from.created_ms);
	bind_id(s, 4, from.id);
	bind_integer(s, 5, (int64_t)limit + 1);	/* is there more? */
	while ((rc = sqlite3_step(s)) == SQLITE_ROW)
		if (column_row(s, &job->rows[job->count]))
			job->count++;
	if (rc != SQLITE_DONE)
		return connection_failed(c, s);
	if (job->count > limit) {
		job->count = limit;
		if (limit > 0)
			cursor_text(job->next, &job->rows[limit - 1]);
	}
	done_with(s);
	job->end = STORE_OK;
	return true;
}

static void
answer_list(struct job *job)
{
	job->fn.list(job->arg, job->end, job->rows, job->end == STORE_OK ?
	    job->count : 0, job->next);
}

const struct job_kind job_create = { true, run_create, answer_row };
const struct job_kind job_load = { false, run_load, answer_row };
const struct job_kind job_save = { true, run_save, answer_row };
const struct job_kind job_remove = { true, run_remove, answer_row };
const struct job_kind job_restrict = { true, run_restrict, answer_row };
const struct job_kind job_restrict_flow = { true, run_restrict_flow,
    answer_count };
const struct job_kind job_strays = { false, run_strays, answer_list };
const struct job_kind job_next_flow = { false, run_next_flow, answer_row };
const struct job_kind job_list = { false, run_list, answer_list };
const struct job_kind job_expire = { true, run_expire, answer_count };
