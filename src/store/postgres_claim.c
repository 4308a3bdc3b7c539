/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A save from another region than the home brings the state here (claims it),
 * so that whoever works on it has it near; one that moved often of late stays,
 * and the save is forwarded.
 */
#include <stdio.h>
#include <string.h>

#include "store/postgres_route.h"

/* --- saves ------------------------------------------------------------------------- */

/* Where it is at home it may be held. */
static bool
may_stay(const struct pg_job *job, const struct pg_side *home)
{
	return home == NULL || (job->row.allowed & home->bit) != 0;
}

/* Where it is to be, by what the caller knows of its regions. */
static struct pg_side *
goes_to(const struct pg_job *job)
{
	return job->row.database == 0 || !pg_is_allowed(job) ?
	    job->store->here : pg_place(job, job->row.allowed);
}

void
pg_route_save(struct pg_job *job)
{
	struct pg_store *store = job->store;
	struct pg_side *here = store->here, *home = here, *to = goes_to(job);
	bool under_way;

	/* A row that was never loaded is at home here. */
	if (job->row.home[0] != '\0')
		home = pg_side_of(store, job->row.home);
	pg_aim(job, home, to, job->row.allowed);
	under_way = home != here && !pg_is_allowed(job) ? pg_elsewhere(job) :
	    pg_hop(job, to == here && (home == here || (may_stay(job, home) &&
	    (job->row.stays || here->successors[0] != '\0'))) ? &pg_save :
	    &pg_freeze, home);
	if (!under_way)
		pg_job_done(job);
}

/* There is no such row in the database that the caller had it from: it may have
 * moved to another.  Its token says whether it is the same there. */
static bool
follow(struct pg_job *job)
{
	struct pg_side *next;

	if (job->store->sets == NULL || job->end != STORE_CONFLICT ||
	    job->has_row)
		return false;
	next = pg_next_here(job, job->row.allowed);
	return next != NULL && pg_hop(job, &pg_save, next);
}

bool
pg_after_save(struct pg_job *job)
{
	if (job->end == STORE_OK && job->asked != job->asked->store->here)
		job->store->forwards++;
	if (job->end != STORE_MOVING)
		return follow(job);
	/* Somebody takes it elsewhere: there, then. */
	pg_aim(job, NULL, pg_word_side(job->asked, job->found.moving_to), 0);
	snprintf(job->move.word, sizeof(job->move.word), "%s",
	    job->found.moving_to);
	return job->move.to == NULL ? pg_ends(job, STORE_UNAVAILABLE) :
	    pg_hop(job, &pg_freeze, job->asked);
}

/* --- steps of a move: it is frozen --------------------------------------------------- */

/* The row was frozen for another database; whoever wrote the words knew who may
 * have it there. */
static bool
is_for_another_database(struct pg_job *job)
{
	return pg_word_regions(job->found.moving_to, &job->move.row.allowed);
}

/* Who saves may know of a restriction that its home has not heard of, and the
 * other way round. */
static bool
may_come(struct pg_job *job)
{
	const struct pg_side *here = job->store->here;

	if (!is_for_another_database(job) && job->move.to == here)
		job->move.row.allowed &= job->row.allowed;
	return (job->move.row.allowed & here->bit) != 0;
}

static bool
frozen_for_save(struct pg_job *job)
{
	struct pg_side *here = job->store->here;

	if (job->end == STORE_CONFLICT && !job->has_row && job->asked != here)
		/* It has left.  If that was ours, and only the answer was
		 * lost, it is here, with our op. */
		return pg_hop(job, &pg_save, here);
	if (job->end != STORE_MOVING)
		return follow(job);
	if (!may_come(job))
		return pg_elsewhere(job);
	if (job->found.moving_to[0] == '\0')
		/* It has to stay. */
		return may_stay(job, job->asked) &&
		    pg_hop(job, &pg_save, job->asked);
	job->move.from = job->asked;
	job->move.to = pg_word_side(job->asked, job->found.moving_to);
	snprintf(job->move.word, sizeof(job->move.word), "%s",
	    job->found.moving_to);
	return pg_hop(job, &pg_arrive, job->move.to);
}

/* The load that follows ends the move. */
static bool
frozen_for_change(struct pg_job *job)
{
	const struct pg_store *store = job->store;
	bool comes;

	if (job->end != STORE_MOVING)
		return false;
	comes = may_come(job);
	if (store->sets == NULL && !comes)
		return pg_elsewhere(job);
	return job->found.moving_to[0] != '\0' && pg_hop(job, &pg_load,
	    store->sets != NULL ? job->asked : store->here);
}

bool
pg_after_freeze(struct pg_job *job)
{
	return job->goal == &pg_save ? frozen_for_save(job) :
	    frozen_for_change(job);
}

/* --- it leaves --------------------------------------------------------------------- */

/* Nobody waits for the third step, and if it is not done, what replication
 * brings to the old home does it. */
void
pg_end_move(const struct pg_job *job, const struct pg_kind *kind)
{
	const struct pg_move *m = &job->move;
	struct pg_job *last;

	if (m->from == NULL || m->from->conninfo == NULL ||
	    job->store->closing)
		return;
	last = pg_job_new(&job->store->base, kind, NULL);
	last->row = job->row;
	last->row.body = (struct slice){ NULL, 0 };
	last->found.base = job->found.base;
	last->token.epoch = m->row.token.epoch - 1;
	snprintf(last->names, sizeof(last->names), "%s", m->word);
	pg_send(m->from, last);
}

/* The third step between two databases, which a change of a state's regions
 * waits for: who asks where a flow's states are finds each once. */
static bool
leave(struct pg_job *job, const struct pg_kind *kind)
{
	const struct pg_move *m = &job->move;

	job->token.epoch = m->row.token.epoch - 1;
	snprintf(job->names, sizeof(job->names), "%s", m->word);
	return pg_hop(job, kind, m->from);
}

/* Where it has arrived it goes on, left or not. */
bool
pg_after_depart(struct pg_job *job)
{
	job->move.known = false;
	return job->goal == &pg_restrict &&
	    pg_hop(job, &pg_load, job->move.to);
}

/* What is there was not changed, whether that which is not taken has gone or
 * stays for the next look. */
bool
pg_after_yield(struct pg_job *job)
{
	job->has_row = true;
	return pg_ends(job, STORE_CONFLICT);
}

/* --- it has arrived ------------------------------------------------------------------ */

static bool
arrived_for_save(struct pg_job *job)
{
	if (job->end != STORE_OK)
		return false;
	pg_end_move(job, &pg_depart);
	memcpy(job->row.home, job->asked->home, sizeof(job->row.home));
	if (job->asked == job->asked->store->here)
		job->store->claims++;
	else
		job->store->forwards++;
	return false;
}

/* There it is looked for once more, and found. */
static bool
look_there(struct pg_job *job)
{
	job->move.known = false;
	job->has_row = false;
	if (job->end == STORE_UNKNOWN)
		return pg_ends(job, STORE_UNAVAILABLE);
	return job->end != STORE_UNAVAILABLE &&
	    pg_hop(job, &pg_load, job->asked);
}

/* What it was to give way to stands where it came. */
static bool
gives_way(struct pg_job *job)
{
	const struct pg_move *m = &job->move;

	memcpy(job->row.home, m->to->home, sizeof(job->row.home));
	if (job->goal == &pg_restrict)
		return (m->from != NULL && leave(job, &pg_yield)) ||
		    pg_after_yield(job);
	pg_end_move(job, &pg_yield);
	return look_there(job);
}

static bool
arrived_for_change(struct pg_job *job)
{
	const struct pg_move *m = &job->move;

	if (job->end == STORE_OK && job->goal == &pg_restrict &&
	    m->from != NULL && m->from->store != m->to->store &&
	    leave(job, &pg_depart))
		return true;
	if (job->end == STORE_OK)
		pg_end_move(job, &pg_depart);
	return m->stands ? gives_way(job) : look_there(job);
}

bool
pg_after_arrive(struct pg_job *job)
{
	return job->goal == &pg_save ? arrived_for_save(job) :
	    arrived_for_change(job);
}
