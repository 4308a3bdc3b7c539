/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store of a region: its servers and the links to them, what is answered
 * and told, its beginning and its end.  postgres_calls.c is what it is asked.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "store/postgres_private.h"

/* --- jobs --------------------------------------------------------------------------- */

struct pg_job *
pg_job_new(struct store *base, const struct pg_kind *kind, void *arg)
{
	struct pg_job *job = xcalloc(1, sizeof(*job));

	list_init(&job->node);
	job->store = pg_store_of(base);
	job->kind = job->goal = kind;
	job->asked = job->store->here;
	job->arg = arg;
	return job;
}

static void
job_free(struct pg_job *job)
{
	buf_fini(&job->body);
	buf_fini(&job->move.body);
	arena_free(&job->arena);
	free(job);
}

/* Whether there was anything; who hears of it may ask again. */
bool
pg_store_answer(struct pg_store *store)
{
	struct list *node;
	bool any = false;

	while ((node = list_pop(&store->done)) != NULL) {
		struct pg_job *job = list_entry(node, struct pg_job, node);

		any = true;
		job->goal->answer(job);
		job_free(job);
	}
	return any;
}

static void
on_answering(struct task *task)
{
	pg_store_answer(list_entry(task, struct pg_store, answering));
}

static void
answer_soon(struct pg_job *job)
{
	list_append(&job->store->done, &job->node);
	task_set(job->store->base.loop, &job->store->answering);
}

void
pg_job_done(struct pg_job *job)
{
	struct pg_store *store = job->store;

	if (pg_route(job))
		return;
	if (store->sets != NULL)
		job->row.database = (uint8_t)(job->asked->store->number + 1);
	answer_soon(job);
}

void
pg_job_refuse(struct pg_job *job, enum store_end end)
{
	job->end = end;
	answer_soon(job);
}

/* --- a region's servers -------------------------------------------------------------- */

struct pg_side *
pg_side_of(struct pg_store *store, const char *home)
{
	for (size_t i = 0; i < store->nsides; i++)
		if (strcmp(store->sides[i].home, home) == 0)
			return &store->sides[i];
	return NULL;
}

/* In turn, as far as they are up. */
static void
send_read(struct pg_side *side, struct pg_job *job)
{
	struct pg_link *link = NULL;

	for (unsigned i = 0; i < PG_READERS; i++) {
		link = &side->readers[side->turn++ % PG_READERS];
		if (link->conn != NULL)
			break;
	}
	pg_link_submit(link, job);
}

/* The same state always over the same link. */
static struct pg_link *
writer_of(struct pg_side *side, const uint8_t id[16])
{
	unsigned sum = 0;

	for (int i = 0; i < 16; i++)
		sum += id[i];
	return &side->writers[sum % PG_WRITERS];
}

void
pg_send(struct pg_side *side, struct pg_job *job)
{
	job->asked = side;
	if (job->kind->writes)
		pg_link_submit(writer_of(side, job->row.id), job);
	else
		send_read(side, job);
}

static void
side_init(struct pg_side *side, struct pg_store *store,
    const struct store_region *region)
{
	must(strlen(region->id) < sizeof(side->home) &&
	    region->number < STORE_REGIONS_MAX);
	side->store = store;
	memcpy(side->home, region->id, strlen(region->id) + 1);
	side->bit = (store_regions)1 << region->number;
	if (region->conninfo != NULL)
		side->conninfo = xstrdup(region->conninfo);
	memcpy(side->successors, region->successors, sizeof(side->successors));
	for (size_t i = 0; i < PG_READERS; i++)
		pg_link_init(&side->readers[i], side, PG_READS);
	for (size_t i = 0; i < PG_WRITERS; i++)
		pg_link_init(&side->writers[i], side, PG_WRITES);
	pg_link_init(&side->listener, side, PG_LISTENS);
}

static void
close_side(struct pg_side *side)
{
	for (size_t i = 0; i < PG_READERS; i++)
		pg_link_close(&side->readers[i]);
	for (size_t i = 0; i < PG_WRITERS; i++)
		pg_link_close(&side->writers[i]);
	pg_link_close(&side->listener);
	free(side->conninfo);
}

void
pg_store_lost(struct pg_store *store,
    const struct store_postgres_config *config)
{
	for (size_t i = 0; i < config->nregions; i++) {
		const struct store_region *region = &config->regions[i];
		struct pg_side *side = pg_side_of(store, region->id);

		/* One that is new: with the next start. */
		if (side == NULL || strcmp(side->successors,
		    region->successors) == 0)
			continue;
		memcpy(side->successors, region->successors,
		    sizeof(side->successors));
		side->heard = 0;
		side->given = side->waits_told = side->taken = false;
		side->lost_ms = side->there_ms = 0;
		side->said[0] = '\0';
	}
	pg_tend_all(store);
}

/* --- changes of metadata -------------------------------------------------------- */

void
pg_store_watch_docs(struct store *base, store_count_fn *fn, void *arg)
{
	struct pg_store *store = pg_store_of(base);
	struct pg_watcher *w = xcalloc(1, sizeof(*w));

	*w = (struct pg_watcher){ store->watchers, fn, arg };
	store->watchers = w;
}

static void
on_newest(void *arg, enum store_end end, uint64_t newest)
{
	struct pg_store *store = arg;

	store->looking = false;
	if (end != STORE_OK)
		return;
	store->newest = newest;
	if (newest <= store->told)
		return;
	store->told = newest;
	for (struct pg_watcher *w = store->watchers; w != NULL; w = w->next)
		w->fn(w->arg, STORE_OK, newest);
}

void
pg_store_noted(struct pg_store *store)
{
	if (store->looking || store->closing)
		return;
	store->looking = true;
	pg_store_ask(store, &pg_newest, on_newest);
}

static void
on_look(struct timer *timer)
{
	struct pg_store *store = list_entry(timer, struct pg_store, look);

	pg_store_noted(store);
	timer_set(store->base.loop, timer, PG_WATCH_MS);
}

/* --- health -------------------------------------------------------------------------- */

void
pg_store_health(struct pg_store *store, bool good, const char *trouble)
{
	/* That something else was done does not say that there is room. */
	if (good && (store->full || store->outdated))
		return;
	store->good = good;
	snprintf(store->trouble, sizeof(store->trouble), "%s", trouble);
}

void
pg_store_tell_health(struct store *base, struct store_health *health)
{
	struct pg_store *store = pg_store_of(base);
	const struct pg_side *here = store->here;

	*health = (struct store_health){ .good = store->good,
	    .revision = store->newest, .conflicts = store->conflicts,
	    .claims = store->claims, .forwards = store->forwards };
	for (size_t i = 0; i < PG_READERS; i++)
		health->queued += here->readers[i].nwaiting;
	for (size_t i = 0; i < PG_WRITERS; i++) {
		health->queued += here->writers[i].nwaiting;
		health->ready |= here->writers[i].conn != NULL;
	}
	memcpy(health->trouble, store->trouble, sizeof(health->trouble));
	if (store->unsure_told) {
		health->good = false;
		snprintf(health->trouble, sizeof(health->trouble), "its server "
		    "was away, and no other region can be asked whether this "
		    "one was given over meanwhile; those that are lost: name "
		    "their successors in the region map");
	}
	pg_watch_health(store, health);
	if (store->given_to[0] == '\0')
		return;
	health->good = false;
	snprintf(health->trouble, sizeof(health->trouble), "this region was "
	    "given over to %.100s, and %llu of its states are not taken yet",
	    store->given_to, (unsigned long long)store->waiting);
}

/* --- beginning, end ------------------------------------------------------------------ */

struct pg_store *
pg_store_open(struct loop *loop, const struct store_postgres_config *config)
{
	struct pg_store *store = xcalloc(1, sizeof(*store));

	if (config->set != NULL)
		snprintf(store->set, sizeof(store->set), "%s", config->set);
	store->base = (struct store){ .ops = &pg_ops, .loop = loop };
	list_init(&store->done);
	list_init(&store->held);
	task_init(&store->answering, on_answering);
	timer_init(&store->look, on_look);
	snprintf(store->trouble, sizeof(store->trouble), "not connected yet");
	store->taken = -1;
	store->nsides = config->nregions;
	store->sides = xcalloc(config->nregions, sizeof(*store->sides));
	for (size_t i = 0; i < config->nregions; i++)
		side_init(&store->sides[i], store, &config->regions[i]);
	for (size_t i = 0; i < config->nregions; i++)
		store->members |= store->sides[i].bit;
	store->here = pg_side_of(store, config->home);
	must(store->here != NULL && store->here->conninfo != NULL);
	for (size_t i = 0; i < PG_READERS; i++)
		pg_link_begin(&store->here->readers[i]);
	for (size_t i = 0; i < PG_WRITERS; i++)
		pg_link_begin(&store->here->writers[i]);
	pg_link_begin(&store->here->listener);
	timer_set(loop, &store->look, PG_WATCH_MS);
	pg_watch_begin(store);
	pg_clear_begin(store);
	return store;
}

void
pg_store_stop(struct pg_store *store)
{
	store->closing = true;
	timer_cancel(&store->look);
	pg_watch_end(store);
	pg_clear_end(store);
}

void
pg_store_close_links(struct pg_store *store)
{
	for (size_t i = 0; i < store->nsides; i++)
		close_side(&store->sides[i]);
}

void
pg_store_free(struct pg_store *store)
{
	struct pg_watcher *next;

	task_cancel(&store->answering);
	for (struct pg_watcher *w = store->watchers; w != NULL; w = next) {
		next = w->next;
		free(w);
	}
	free(store->sides);
	free(store->others);
	free(store);
}

void
pg_store_end(struct store *base)
{
	struct pg_store *store = pg_store_of(base);

	pg_store_stop(store);
	pg_store_close_links(store);
	while (pg_store_answer(store))
		;
	pg_store_free(store);
}
