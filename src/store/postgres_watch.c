/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the store looks at by itself, every few seconds: who replicates from
 * this region's server, how replication stands both ways, and, after writes
 * were refused for want of room, whether they are taken again; and now and
 * then, whether the schema still is what was made.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/must.h"
#include "store/postgres_admin.h"

enum {
	TRY_MS = 1000,
	SHAPE_MS = 60000,
	/* What was last known of replication is not told after so long. */
	PAIRS_STALE_MS = 6 * PG_GUARD_MS,
};

/* Columns of flow.pairs(), after the schema's version. */
enum {
	AT_SCHEMA, AT_NAME, AT_OUTGOING, AT_THERE, AT_ENABLED, AT_RUNNING,
	AT_WAITING, AT_ERRORS, AT_FAILING, AT_SILENT, AT_LAG, AT_WAL, AT_KEPT,
	AT_BEHIND, AT_ROOM, AT_GROWTH
};

/* --- pairs -------------------------------------------------------------------------- */

void
pg_take_pair(const PGresult *r, int row, struct store_pair *pair)
{
	*pair = (struct store_pair){
		.outgoing = pg_bool(r, row, AT_OUTGOING),
		.there = pg_bool(r, row, AT_THERE),
		.enabled = pg_bool(r, row, AT_ENABLED),
		.running = pg_bool(r, row, AT_RUNNING),
		.failing = pg_bool(r, row, AT_FAILING),
		.tables_waiting = (unsigned)pg_number(r, row, AT_WAITING),
		.errors = (uint64_t)pg_number(r, row, AT_ERRORS),
		.silent_ms = PQgetisnull(r, row, AT_SILENT) ?
		    STORE_PAIR_NEVER : (uint64_t)pg_number(r, row, AT_SILENT),
		.lag_ms = (uint64_t)pg_number(r, row, AT_LAG),
		.behind_bytes = (uint64_t)pg_number(r, row, AT_BEHIND),
		.kept_bytes = (uint64_t)pg_number(r, row, AT_KEPT),
		.room_bytes = PQgetisnull(r, row, AT_ROOM) ?
		    STORE_PAIR_NEVER : (uint64_t)pg_number(r, row, AT_ROOM),
		.growth = pg_number(r, row, AT_GROWTH),
	};
	pg_text(r, row, AT_NAME, pair->name, sizeof(pair->name));
	pg_text(r, row, AT_WAL, pair->wal_status, sizeof(pair->wal_status));
	/* Two clocks, or two looks, that are not quite one. */
	if ((int64_t)pair->silent_ms < 0 &&
	    pair->silent_ms != STORE_PAIR_NEVER)
		pair->silent_ms = 0;
	if ((int64_t)pair->room_bytes < 0 &&
	    pair->room_bytes != STORE_PAIR_NEVER)
		pair->room_bytes = 0;
}

static void
bind_pairs(struct pg_job *job, struct pg_params *p)
{
	pg_add_text(p, job->store->others);
}

/* A schema that changed under us: a newer one may be worked with, once. */
static void
look_at_schema(struct pg_store *store, int64_t version)
{
	char text[120];

	store->outdated = version < PG_SCHEMA || version > PG_SCHEMA + 1;
	if (!store->outdated)
		return;
	snprintf(text, sizeof(text), "its schema is version %lld by now, this "
	    "program knows %d", (long long)version, PG_SCHEMA);
	pg_store_health(store, false, text);
}

static void
take_pairs(struct pg_job *job, const PGresult *r)
{
	struct pg_store *store = job->store;

	store->npairs = 0;
	for (int i = 0; i < PQntuples(r) && i < STORE_PAIRS_MAX; i++)
		if (!PQgetisnull(r, i, AT_NAME))
			pg_take_pair(r, i, &store->pairs[store->npairs++]);
	store->pairs_ms = store->base.loop->now_ms;
	look_at_schema(store, pg_number(r, 0, AT_SCHEMA));
	job->end = STORE_OK;
}

static void
answer_nothing(struct pg_job *job)
{
	job->fn.count(job->arg, job->end, job->number);
}

const struct pg_kind pg_pairs = { PG_PAIRS, false, bind_pairs, take_pairs,
    answer_nothing };

void
pg_watch_health(const struct pg_store *store, struct store_health *health)
{
	health->cut = store->cut;
	memcpy(health->warning, store->strange, sizeof(health->warning));
	health->pairs = store->pairs;
	health->npairs = store->base.loop->now_ms - store->pairs_ms <
	    PAIRS_STALE_MS ? store->npairs : 0;
}

/* --- who replicates ---------------------------------------------------------------- */

static void
bind_nothing(struct pg_job *job, struct pg_params *p)
{
	(void)job;
	p->count = 0;
}

static void
take_guard(struct pg_job *job, const PGresult *r)
{
	for (int i = 0; i < PQntuples(r); i++) {
		char who[80], what[256];

		pg_text(r, i, 0, who, sizeof(who));
		pg_text(r, i, 1, what, sizeof(what));
		if (strncmp(who, "region ", strlen("region ")) == 0)
			log_error("replication: %s sent rows that no region "
			    "makes, and they were left out: %s", who, what);
		else
			log_error("replication cut off: %s asked this region's "
			    "server for what is not meant for it: %s", who,
			    what);
		job->store->cut++;
	}
	job->end = STORE_OK;
}

const struct pg_kind pg_guard = { PG_GUARD, true, bind_nothing, take_guard,
    answer_nothing };

/* --- whether writes are taken ------------------------------------------------------ */

static void
take_try(struct pg_job *job, const PGresult *r)
{
	(void)r;
	job->end = STORE_OK;
}

const struct pg_kind pg_try = { PG_TRY, true, bind_nothing, take_try,
    answer_nothing };

/* --- large bodies (postgres_pipeline.c) ------------------------------------------------ */

static void
bind_patience(struct pg_job *job, struct pg_params *p)
{
	pg_add_int(p, (int32_t)job->number);
}

static void
take_patience(struct pg_job *job, const PGresult *r)
{
	(void)r;
	job->end = STORE_OK;
}

static void
answer_nobody(struct pg_job *job)
{
	(void)job;
}

const struct pg_kind pg_patience = { PG_PATIENCE, false, bind_patience,
    take_patience, answer_nobody };

void
pg_store_note_room(struct pg_store *store, const struct pg_job *job)
{
	if (job->end == STORE_OK && (job->kind == &pg_create ||
	    job->kind == &pg_save || job->kind == &pg_doc_put ||
	    job->kind == &pg_try))
		store->full = false;
}

static void
on_tried(void *arg, enum store_end end, uint64_t count)
{
	struct pg_store *store = arg;

	(void)count;
	store->trying = false;
	if (end != STORE_OK && !store->closing)
		timer_set(store->base.loop, &store->try, TRY_MS);
}

static void
on_try(struct timer *timer)
{
	struct pg_store *store = list_entry(timer, struct pg_store, try);

	if (!store->full)
		return;			/* a save was quicker */
	store->trying = true;
	pg_store_ask(store, &pg_try, on_tried);
}

void
pg_store_full(struct pg_store *store)
{
	store->full = true;
	if (!store->trying && !timer_is_set(&store->try) && !store->closing)
		timer_set(store->base.loop, &store->try, TRY_MS);
}

/* --- whether the schema is what was made -------------------------------------- */

void
pg_store_strange(struct pg_store *store, const char *text)
{
	snprintf(store->strange, sizeof(store->strange), "%s", text);
}

/* The thread that connects has the time for so long a question. */
static void
on_look_again(struct timer *timer)
{
	struct pg_store *store = list_entry(timer, struct pg_store,
	    look_again);

	timer_set(store->base.loop, timer, SHAPE_MS);
	pg_link_again(&store->here->listener);
}

/* --- its life ----------------------------------------------------------------------- */

static void
on_looked(void *arg, enum store_end end, uint64_t count)
{
	struct pg_store *store = arg;

	(void)end, (void)count;
	store->watching--;
}

static void
on_watch(struct timer *timer)
{
	struct pg_store *store = list_entry(timer, struct pg_store, watch);

	timer_set(store->base.loop, timer, PG_GUARD_MS);
	pg_tend_all(store);
	if (store->watching > 0)
		return;
	store->watching = 2;
	pg_store_ask(store, &pg_guard, on_looked);
	pg_store_ask(store, &pg_pairs, on_looked);
}

void
pg_watch_begin(struct pg_store *store)
{
	struct buf others = { 0 };

	timer_init(&store->watch, on_watch);
	timer_init(&store->try, on_try);
	timer_init(&store->look_again, on_look_again);
	for (size_t i = 0; i < store->nsides; i++)
		if (&store->sides[i] != store->here)
			buf_printf(&others, "%s%s", others.len > 0 ? "," : "",
			    store->sides[i].home);
	store->others = xstrdup(buf_cstr(&others));
	buf_fini(&others);
	timer_set(store->base.loop, &store->watch, PG_WATCH_MS);
	timer_set(store->base.loop, &store->look_again, SHAPE_MS);
}

void
pg_watch_end(struct pg_store *store)
{
	timer_cancel(&store->watch);
	timer_cancel(&store->try);
	timer_cancel(&store->look_again);
}
