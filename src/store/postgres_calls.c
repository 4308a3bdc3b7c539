/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a store is asked, on PostgreSQL: each call becomes a job, and goes to
 * the region whose word counts.
 */
#include "base/must.h"
#include "store/postgres_private.h"

/* Whether it may go anywhere; else it has its end. */
static bool
is_good(struct pg_job *job)
{
	if (job->store->closing)
		pg_job_refuse(job, STORE_UNAVAILABLE);
	else if (job->row.body.len > STORE_BODY_MAX ||
	    job->doc.body.len > STORE_BODY_MAX)
		pg_job_refuse(job, STORE_TOO_BIG);
	else
		return true;
	return false;
}

static void
send_here(struct pg_job *job)
{
	if (is_good(job))
		pg_send(job->store->here, job);
}

/* Of all databases that it may come to; NULL: there is none. */
static struct pg_store *
unsure(struct pg_store *store)
{
	if (store->sets == NULL)
		return store->sure ? NULL : store;
	for (size_t i = 0; i < store->sets->count; i++)
		if (!store->sets->dbs[i]->sure)
			return store->sets->dbs[i];
	return NULL;
}

void
pg_begin(struct pg_job *job)
{
	struct pg_store *waits_for = unsure(job->store);

	if (waits_for != NULL && !job->store->closing)
		pg_clear_hold(waits_for, job);
	else if (job->goal == &pg_save)
		pg_route_save(job);
	else if (job->goal == &pg_restrict)
		pg_route_restrict(job);
	else
		pg_send(job->store->here, job);
}

/* States, not metadata. */
static void
send_state(struct pg_job *job)
{
	if (is_good(job))
		pg_begin(job);
}

static void
pg_do_create(struct store *base, const struct store_row *row,
    store_row_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_create, arg);
	struct pg_side *here = job->store->here;

	job->fn.row = fn;
	job->row = *row;
	memcpy(job->row.home, here->home, sizeof(here->home));
	if ((row->allowed & here->bit) == 0)
		pg_job_refuse(job, STORE_ELSEWHERE);
	else
		send_state(job);
}

static void
pg_do_load(struct store *base, const uint8_t id[16], int64_t now_ms,
    store_regions permitted, store_row_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_load, arg);

	job->fn.row = fn;
	memcpy(job->row.id, id, 16);
	job->now_ms = now_ms;
	job->regions = permitted;
	send_state(job);
}

static void
pg_do_save(struct store *base, const struct store_row *row, store_row_fn *fn,
    void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_save, arg);

	job->fn.row = fn;
	job->row = *row;
	job->token = row->token;
	send_state(job);
}

static void
pg_do_remove(struct store *base, const uint8_t id[16],
    struct store_token token, store_regions permitted, store_row_fn *fn,
    void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_remove, arg);

	job->fn.row = fn;
	memcpy(job->row.id, id, 16);
	job->token = token;
	job->regions = permitted;
	send_state(job);
}

static void
pg_do_restrict(struct store *base, const uint8_t id[16],
    struct store_token token, store_regions allowed, store_row_fn *fn,
    void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_restrict, arg);

	job->fn.row = fn;
	memcpy(job->row.id, id, 16);
	job->token = token;
	job->regions = allowed;
	if ((allowed & job->store->here->bit) == 0)
		pg_job_refuse(job, STORE_ELSEWHERE);
	else
		send_state(job);
}

static void
pg_do_restrict_flow(struct store *base, const struct store_query *query,
    store_regions allowed, store_count_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_restrict_flow, arg);

	job->fn.count = fn;
	job->query = *query;
	job->row.allowed = allowed;
	send_state(job);
}

static void
pg_do_strays(struct store *base, const struct store_query *query,
    store_regions allowed, store_list_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_strays, arg);

	job->fn.list = fn;
	job->query = *query;
	job->row.allowed = allowed;
	send_here(job);
}

static void
pg_do_next_flow(struct store *base, const uint8_t tenant[16],
    const uint8_t flow[16], store_row_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_next_flow, arg);

	job->fn.row = fn;
	memcpy(job->row.tenant, tenant, 16);
	memcpy(job->row.flow, flow, 16);
	send_here(job);
}

static void
pg_do_list(struct store *base, const struct store_query *query,
    store_list_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, query->flow != NULL ?
	    &pg_list_flow : &pg_list, arg);

	job->fn.list = fn;
	job->query = *query;
	send_here(job);
}

static void
pg_do_expire(struct store *base, int64_t now_ms, unsigned limit,
    store_count_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_expire, arg);

	job->fn.count = fn;
	job->now_ms = now_ms;
	job->limit = limit;
	send_state(job);
}

static void
pg_do_doc_get(struct store *base, const char *kind, const char *key,
    store_doc_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_doc_get, arg);

	must(strlen(kind) < sizeof(job->doc.kind) &&
	    strlen(key) < sizeof(job->doc.key));
	job->fn.doc = fn;
	memcpy(job->doc.kind, kind, strlen(kind) + 1);
	memcpy(job->doc.key, key, strlen(key) + 1);
	send_here(job);
}

static void
pg_do_doc_put(struct store *base, const struct store_doc *doc,
    store_doc_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_doc_put, arg);

	job->fn.doc = fn;
	job->doc = *doc;
	job->revision = doc->revision;
	send_here(job);
}

static void
pg_do_docs_since(struct store *base, uint64_t revision, unsigned limit,
    store_docs_fn *fn, void *arg)
{
	struct pg_job *job = pg_job_new(base, &pg_docs_since, arg);

	job->fn.docs = fn;
	job->revision = revision;
	job->limit = limit < STORE_LIST_MAX ? limit : STORE_LIST_MAX;
	send_here(job);
}

void
pg_store_ask(struct pg_store *store, const struct pg_kind *kind,
    store_count_fn *fn)
{
	struct pg_job *job = pg_job_new(&store->base, kind, store);

	job->fn.count = fn;
	send_here(job);
}

const struct store_ops pg_ops = {
	.name = "postgres",
	.close = pg_store_end,
	.create = pg_do_create,
	.load = pg_do_load,
	.save = pg_do_save,
	.remove = pg_do_remove,
	.restrict_to = pg_do_restrict,
	.restrict_flow = pg_do_restrict_flow,
	.strays = pg_do_strays,
	.next_flow = pg_do_next_flow,
	.list = pg_do_list,
	.expire = pg_do_expire,
	.doc_get = pg_do_doc_get,
	.doc_put = pg_do_doc_put,
	.docs_since = pg_do_docs_since,
	.docs_watch = pg_store_watch_docs,
	.health = pg_store_tell_health,
};
