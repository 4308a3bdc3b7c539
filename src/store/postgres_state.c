/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is asked of states.
 *
 * Each write is one statement that also tells how things stand where it was
 * not done, so that nobody has to ask a second time.
 */
#include <stdio.h>
#include <string.h>

#include "store/postgres_private.h"

/* Columns of every row, the body last. */
enum {
	AT_ID, AT_HOME, AT_ALLOWED, AT_EPOCH, AT_VERSION, AT_OP, AT_DONE,
	AT_TENANT, AT_FLOW, AT_CREATED, AT_UPDATED, AT_EXPIRES, AT_MOVING,
	AT_BODY, AT_STAYS, AT_LEFT_EPOCH, AT_LEFT_TO, AT_SUCCESSOR,
	AT_BASE
};

/* Columns of the answer to a write. */
enum { AT_NOW_EPOCH, AT_NOW_VERSION, AT_WRITTEN, AT_NOW_MOVING };

static void
take_row(const PGresult *r, int at, struct store_row *row)
{
	memset(row, 0, sizeof(*row));
	pg_id(r, at, AT_ID, row->id);
	pg_text(r, at, AT_HOME, row->home, sizeof(row->home));
	row->allowed = (store_regions)pg_number(r, at, AT_ALLOWED);
	row->token.epoch = (uint32_t)pg_number(r, at, AT_EPOCH);
	row->token.version = (uint64_t)pg_number(r, at, AT_VERSION);
	pg_id(r, at, AT_OP, row->op);
	row->done = pg_bool(r, at, AT_DONE);
	pg_id(r, at, AT_TENANT, row->tenant);
	pg_id(r, at, AT_FLOW, row->flow);
	row->created_ms = pg_number(r, at, AT_CREATED);
	row->updated_ms = pg_number(r, at, AT_UPDATED);
	row->expires_ms = pg_number(r, at, AT_EXPIRES);
}

/* --- writes ---------------------------------------------------------------------- */

static void
answer_row(struct pg_job *job)
{
	if (job->goal->writes)
		job->row.body = (struct slice){ NULL, 0 };
	job->fn.row(job->arg, job->end, job->has_row ? &job->row : NULL);
}

/* missing: what it means that there is no such row. */
static void
take_written(struct pg_job *job, const PGresult *r, enum store_end missing)
{
	job->has_row = PQntuples(r) > 0;
	job->end = missing;
	if (!job->has_row)
		return;
	job->row.token.epoch = (uint32_t)pg_number(r, 0, AT_NOW_EPOCH);
	job->row.token.version = (uint64_t)pg_number(r, 0, AT_NOW_VERSION);
	pg_text(r, 0, AT_NOW_MOVING, job->found.moving_to,
	    sizeof(job->found.moving_to));
	job->end = pg_bool(r, 0, AT_WRITTEN) ? STORE_OK :
	    job->found.moving_to[0] != '\0' ? STORE_MOVING : STORE_CONFLICT;
}

static void
take_changed(struct pg_job *job, const PGresult *r)
{
	take_written(job, r, STORE_CONFLICT);
}

static void
take_found(struct pg_job *job, const PGresult *r)
{
	take_written(job, r, STORE_NOT_FOUND);
}

static void
bind_create(struct pg_job *job, struct pg_params *p)
{
	const struct store_row *row = &job->row;

	pg_add_id(p, row->id);
	pg_add_big(p, (int64_t)row->allowed);
	pg_add_op(p, row->op);
	pg_add_bool(p, row->done);
	pg_add_id(p, row->tenant);
	pg_add_id(p, row->flow);
	pg_add_big(p, row->created_ms);
	pg_add_big(p, row->updated_ms);
	pg_add_big(p, row->expires_ms);
	pg_add_bytes(p, row->body);
}

static void
bind_token(struct pg_job *job, struct pg_params *p)
{
	pg_add_id(p, job->row.id);
	pg_add_int(p, (int32_t)job->token.epoch);
	pg_add_big(p, (int64_t)job->token.version);
}

static void
bind_save(struct pg_job *job, struct pg_params *p)
{
	const struct store_row *row = &job->row;

	bind_token(job, p);
	pg_add_op(p, row->op);
	pg_add_bool(p, row->done);
	pg_add_big(p, row->updated_ms);
	pg_add_big(p, row->expires_ms);
	pg_add_bytes(p, row->body);
}

static void
bind_restrict(struct pg_job *job, struct pg_params *p)
{
	bind_token(job, p);
	pg_add_big(p, (int64_t)job->regions);
}

static void
bind_expire(struct pg_job *job, struct pg_params *p)
{
	pg_add_big(p, job->now_ms);
	pg_add_int(p, (int32_t)job->limit);
}

static void
take_count(struct pg_job *job, const PGresult *r)
{
	job->number = (uint64_t)pg_number(r, 0, 0);
	job->end = STORE_OK;
}

static void
bind_restrict_flow(struct pg_job *job, struct pg_params *p)
{
	pg_add_id(p, job->query.tenant);
	pg_add_id(p, job->query.flow);
	pg_add_big(p, (int64_t)job->row.allowed);
	pg_add_int(p, (int32_t)job->query.limit);
}

static void
answer_count(struct pg_job *job)
{
	job->fn.count(job->arg, job->end, job->number);
}

/* --- reads ----------------------------------------------------------------------- */

static void
bind_load(struct pg_job *job, struct pg_params *p)
{
	pg_add_id(p, job->row.id);
	pg_add_big(p, (int64_t)job->store->here->bit);
}

static void
take_load(struct pg_job *job, const PGresult *r)
{
	struct pg_found *f = &job->found;
	uint8_t id[16];

	memcpy(id, job->row.id, sizeof(id));
	job->has_row = !PQgetisnull(r, 0, AT_ID);
	take_row(r, 0, &job->row);
	memcpy(job->row.id, id, sizeof(id));
	job->row.stays = pg_bool(r, 0, AT_STAYS);
	pg_text(r, 0, AT_MOVING, f->moving_to, sizeof(f->moving_to));
	f->left_epoch = (uint32_t)pg_number(r, 0, AT_LEFT_EPOCH);
	pg_text(r, 0, AT_LEFT_TO, f->left_to, sizeof(f->left_to));
	pg_text(r, 0, AT_SUCCESSOR, f->successor, sizeof(f->successor));
	f->base = (uint64_t)pg_number(r, 0, AT_BASE);
	buf_clear(&job->body);
	buf_slice(&job->body, pg_bytes(r, 0, AT_BODY));
	job->row.body = buf_all(&job->body);
	job->end = job->has_row ? STORE_OK : STORE_NOT_FOUND;
}

static void
bind_next_flow(struct pg_job *job, struct pg_params *p)
{
	pg_add_id(p, job->row.tenant);
	pg_add_id(p, job->row.flow);
}

static void
take_next_flow(struct pg_job *job, const PGresult *r)
{
	job->has_row = PQntuples(r) > 0;
	job->end = job->has_row ? STORE_OK : STORE_NOT_FOUND;
	if (!job->has_row)
		return;
	pg_id(r, 0, 0, job->row.tenant);
	pg_id(r, 0, 1, job->row.flow);
}

static unsigned
limit_of(const struct pg_job *job)
{
	return job->query.limit < STORE_LIST_MAX ? job->query.limit :
	    STORE_LIST_MAX;
}

static void
bind_list(struct pg_job *job, struct pg_params *p)
{
	struct cursor from = cursor_of(job->query.cursor);

	/* The bytes have to outlive this call: the job has room for them. */
	memcpy(job->row.flow, job->query.flow != NULL ? job->query.flow :
	    from.flow, 16);
	memcpy(job->row.id, from.id, 16);
	pg_add_id(p, job->query.tenant);
	pg_add_id(p, job->row.flow);
	pg_add_big(p, from.created_ms);
	pg_add_id(p, job->row.id);
	pg_add_int(p, (int32_t)limit_of(job) + 1);	/* is there more? */
}

static void
take_list(struct pg_job *job, const PGresult *r)
{
	size_t limit = limit_of(job), count = (size_t)PQntuples(r);

	job->arena = arena_new(0);
	job->rows = arena_array(job->arena, count + 1, sizeof(*job->rows));
	job->count = count < limit ? count : limit;
	for (size_t i = 0; i < job->count; i++) {
		take_row(r, (int)i, &job->rows[i]);
		job->rows[i].database = (uint8_t)(job->store->number + 1);
	}
	if (count > limit && limit > 0)
		cursor_text(job->next, &job->rows[limit - 1]);
	job->end = STORE_OK;
}

static void
answer_list(struct pg_job *job)
{
	job->fn.list(job->arg, job->end, job->rows, job->end == STORE_OK ?
	    job->count : 0, job->next);
}

const struct pg_kind pg_create = { PG_CREATE, true, bind_create,
    take_changed, answer_row };
const struct pg_kind pg_load = { PG_LOAD, false, bind_load, take_load,
    answer_row };
const struct pg_kind pg_save = { PG_SAVE, true, bind_save, take_changed,
    answer_row };
const struct pg_kind pg_remove = { PG_REMOVE, true, bind_token, take_found,
    answer_row };
const struct pg_kind pg_restrict = { PG_RESTRICT, true, bind_restrict,
    take_found, answer_row };
const struct pg_kind pg_restrict_flow = { PG_RESTRICT_FLOW, true,
    bind_restrict_flow, take_count, answer_count };
const struct pg_kind pg_strays = { PG_STRAYS, false, bind_restrict_flow,
    take_list, answer_list };
const struct pg_kind pg_next_flow = { PG_NEXT_FLOW, false, bind_next_flow,
    take_next_flow, answer_row };
const struct pg_kind pg_list = { PG_LIST, false, bind_list, take_list,
    answer_list };
const struct pg_kind pg_list_flow = { PG_LIST_FLOW, false, bind_list,
    take_list, answer_list };
const struct pg_kind pg_expire = { PG_EXPIRE, true, bind_expire,
    take_count, answer_count };
