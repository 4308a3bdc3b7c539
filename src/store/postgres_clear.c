/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whether this region was given over while it was away.
 *
 * Its own map may be an old one.  So after a start, and after the server was
 * away, the others are asked before any state is served.  Nothing is taken over
 * before all regions that live have been told, so the word of one that is sure
 * of itself is enough; one that has just come back itself is not, unless all of
 * them say the same.  If none answers, this region goes on where its server
 * does not know of any time that it was away; else it waits, and says why.
 * Lost regions, by the map that there is, are not asked.
 *
 * What they say is about one run of this region's server.  So that is asked
 * first when it began, and told under that name: if it has begun anew in
 * between, all are asked again.
 */
#include <string.h>

#include "base/log.h"
#include "store/postgres_private.h"

enum {
	AGAIN_MS = 1000,
	LOOK_MS = 250,
	/* What a peer answers, as a job's number. */
	LOST = 0, NOT_LOST = 1, NOT_LOST_AND_SURE = 2,
};

/* --- what waits for it ---------------------------------------------------------- */

static struct pg_job *
job_at(struct list *node)
{
	return list_entry(node, struct pg_job, node);
}

static void
refuse(struct pg_job *job)
{
	struct pg_store *store = job->store;

	job->end = STORE_UNAVAILABLE;
	list_append(&store->done, &job->node);
	task_set(store->base.loop, &store->answering);
}

static void
refuse_held(struct pg_store *store)
{
	struct list *node;

	while ((node = list_pop(&store->held)) != NULL)
		refuse(job_at(node));
}

static void
release_held(struct pg_store *store)
{
	struct list *node;

	while ((node = list_pop(&store->held)) != NULL)
		pg_begin(job_at(node));
}

void
pg_clear_hold(struct pg_store *store, struct pg_job *job)
{
	if (store->unsure_told || pg_link_is_down(&store->here->writers[0])) {
		refuse(job);
		return;
	}
	job->due_ms = store->base.loop->now_ms + PG_ANSWER_MS;
	list_append(&store->held, &job->node);
	if (!timer_is_set(&store->hold))
		timer_set(store->base.loop, &store->hold, LOOK_MS);
}

/* In the order in which they came. */
static void
on_hold(struct timer *timer)
{
	struct pg_store *store = list_entry(timer, struct pg_store, hold);

	while (!list_empty(&store->held) && job_at(store->held.next)->due_ms <=
	    store->base.loop->now_ms)
		refuse(job_at(list_pop(&store->held)));
	if (!list_empty(&store->held))
		timer_set(store->base.loop, timer, LOOK_MS);
}

/* --- this region's server is told --------------------------------------------------- */

static void
is_sure(struct pg_store *store)
{
	store->sure = store->was_sure = true;
	store->unsure_told = false;
	release_held(store);
}

static void
ask_later(struct pg_store *store)
{
	if (!store->closing && !timer_is_set(&store->ask_again))
		timer_set(store->base.loop, &store->ask_again, AGAIN_MS);
}

static void
on_fenced(void *arg, enum store_end end, uint64_t number)
{
	struct pg_store *store = arg;

	(void)number;
	if (end == STORE_OK)
		is_sure(store);		/* and its server refuses all writes */
	else
		ask_later(store);
}

static void
fence(struct pg_store *store)
{
	struct pg_job *job = pg_job_new(&store->base, &pg_fence, store);
	size_t len = strlen(store->here->home) + 1;

	memcpy(job->names, store->here->home, len);
	memcpy(job->names + len, store->lost_to, strlen(store->lost_to) + 1);
	job->fn.count = on_fenced;
	pg_send(store->here, job);
}

static void
clear(struct pg_store *store, const struct pg_kind *kind, bool known)
{
	struct pg_job *job = pg_job_new(&store->base, kind, NULL);

	job->known = known;
	job->began = store->began;
	job->round = store->round;
	pg_send(store->here, job);
}

/* --- the others are asked ------------------------------------------------------------- */

/* All have answered, or will not. */
static void
end_asking(struct pg_store *store)
{
	if (store->lost_to[0] != '\0')
		fence(store);
	else if (!store->answered_sure)
		clear(store, &pg_clear, store->answered == store->asked);
}

static void
answer_lost_to(struct pg_job *job)
{
	struct pg_store *store = job->store;

	/* They have been asked anew: this server was away in between, maybe,
	 * and what was true before it need not be so any more. */
	if (job->round != store->round)
		return;
	store->asking--;
	store->answered += job->end == STORE_OK;
	if (store->closing)
		return;
	/* The others need not be waited for. */
	if (job->end == STORE_OK && job->number == NOT_LOST_AND_SURE &&
	    !store->answered_sure && store->lost_to[0] == '\0') {
		store->answered_sure = true;
		clear(store, &pg_clear, true);
	}
	if (store->asking == 0)
		end_asking(store);
}

static void
ask(struct pg_store *store, struct pg_side *side)
{
	struct pg_job *job = pg_job_new(&store->base, &pg_lost_to, store);

	job->round = store->round;
	store->asked++;
	store->asking++;
	pg_send(side, job);
}

/* Whoever is still silent from the last time is not waited for: it may be the
 * one that never answers. */
static void
ask_others(struct pg_store *store)
{
	store->asking = store->asked = store->answered = 0;
	store->answered_sure = false;
	store->lost_to[0] = '\0';
	for (size_t i = 0; i < store->nsides; i++) {
		struct pg_side *side = &store->sides[i];

		if (side != store->here && side->conninfo != NULL &&
		    side->successors[0] == '\0')
			ask(store, side);
	}
	if (store->asked == 0)
		end_asking(store);
}

/* If nothing but the connection was away, there is nobody else to ask. */
static void
answer_began(struct pg_job *job)
{
	struct pg_store *store = job->store;

	if (job->round != store->round || store->closing)
		return;
	if (job->end != STORE_OK) {
		ask_later(store);
	} else if (job->number != 0 && store->was_sure) {
		is_sure(store);
	} else {
		store->began = job->began;
		ask_others(store);
	}
}

/* What is still on its way from the last time does not count any more. */
static void
ask_all(struct pg_store *store)
{
	if (store->closing)
		return;
	timer_cancel(&store->ask_again);
	store->round++;
	clear(store, &pg_began, false);
}

static void
answer_clear(struct pg_job *job)
{
	struct pg_store *store = job->store;

	if (job->round != store->round)
		return;
	if (job->end != STORE_OK) {
		ask_later(store);
	} else if (job->number != 0) {
		is_sure(store);
	} else if (job->began != store->began) {
		ask_all(store);
	} else {
		store->unsure_told = true;
		refuse_held(store);
		ask_later(store);
	}
}

static void
on_ask_again(struct timer *timer)
{
	ask_all(list_entry(timer, struct pg_store, ask_again));
}

void
pg_clear_begin(struct pg_store *store)
{
	timer_init(&store->hold, on_hold);
	timer_init(&store->ask_again, on_ask_again);
	ask_all(store);
}

void
pg_clear_again(struct pg_store *store)
{
	store->sure = false;
	ask_all(store);
}

void
pg_clear_end(struct pg_store *store)
{
	timer_cancel(&store->hold);
	timer_cancel(&store->ask_again);
	release_held(store);
}

/* --- jobs ------------------------------------------------------------------------------ */

static void
bind_lost_to(struct pg_job *job, struct pg_params *p)
{
	pg_add_text(p, job->store->here->home);
}

static void
take_lost_to(struct pg_job *job, const PGresult *r)
{
	char successor[STORE_NAMES_MAX];

	pg_text(r, 0, 0, successor, sizeof(successor));
	job->number = successor[0] != '\0' ? LOST : pg_bool(r, 0, 1) ?
	    NOT_LOST_AND_SURE : NOT_LOST;
	if (job->number == LOST && job->round == job->store->round)
		memcpy(job->store->lost_to, successor, sizeof(successor));
	job->end = STORE_OK;
}

static void
bind_clear(struct pg_job *job, struct pg_params *p)
{
	pg_add_bool(p, job->known);
	pg_add_big(p, job->began);
}

static void
take_clear(struct pg_job *job, const PGresult *r)
{
	job->number = pg_bool(r, 0, 0);
	job->began = pg_number(r, 0, 1);
	job->end = STORE_OK;
}

const struct pg_kind pg_lost_to = { PG_LOST_TO, false, bind_lost_to,
    take_lost_to, answer_lost_to };
const struct pg_kind pg_began = { PG_CLEAR, false, bind_clear, take_clear,
    answer_began };
const struct pg_kind pg_clear = { PG_CLEAR, false, bind_clear, take_clear,
    answer_clear };
