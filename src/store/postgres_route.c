/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whose word counts.  Of each state one region at a time is the home, and
 * decides; the others have copies which may be behind.  So one who asks may
 * have to go from region to region: what one knows (a copy, a frozen row, word
 * of where it left for) says whom to ask next.  Each answer is of a later epoch
 * than the last, or the end.
 */
#include "store/postgres_route.h"

/* --- on the way ------------------------------------------------------------------ */

bool
pg_ends(struct pg_job *job, enum store_end end)
{
	job->end = end;
	return false;
}

bool
pg_hop(struct pg_job *job, const struct pg_kind *kind, struct pg_side *side)
{
	const struct pg_sets *sets = job->store->sets;

	job->has_row = false;
	if (job->hops++ >= PG_HOPS_MAX + (sets != NULL ? 2 * sets->count : 0))
		return pg_ends(job, STORE_MOVING);
	if (side == NULL || side->conninfo == NULL || job->store->closing)
		return pg_ends(job, STORE_UNAVAILABLE);
	job->kind = kind;
	job->alone = false;
	pg_send(side, job);
	return true;
}

bool
pg_elsewhere(struct pg_job *job)
{
	job->row.body = (struct slice){ NULL, 0 };
	return pg_ends(job, STORE_ELSEWHERE);
}

bool
pg_is_allowed(const struct pg_job *job)
{
	return (job->row.allowed & job->store->here->bit) != 0;
}

void
pg_aim(struct pg_job *job, struct pg_side *from, struct pg_side *to,
    store_regions allowed)
{
	job->move.to = to;
	if (from != NULL)
		pg_word_write(job->move.word, from, to, allowed);
}

struct pg_side *
pg_place(const struct pg_job *job, store_regions allowed)
{
	const struct pg_sets *sets = job->store->sets;

	return sets == NULL ? job->store->here :
	    pg_sets_place(sets, allowed)->here;
}

/* --- changes that do not say where the home is ------------------------------------ */

void
pg_route_restrict(struct pg_job *job)
{
	job->whatever = job->token.epoch == 0 && job->token.version == 0;
	/* In the wrong database nothing is to be changed. */
	if (!pg_hop(job, job->store->sets != NULL ? &pg_load : &pg_restrict,
	    job->store->here))
		pg_job_done(job);
}

static bool
after_change(struct pg_job *job)
{
	if (job->end != STORE_NOT_FOUND && job->end != STORE_MOVING)
		return false;
	/* Asked where it is, and not there any more. */
	return pg_hop(job, &pg_load, job->store->here);
}

/* --- which step ------------------------------------------------------------------- */

static const struct {
	const struct pg_kind *asked;
	bool		(*after)(struct pg_job *);
} steps[] = {
	{ &pg_load,	pg_after_load },
	{ &pg_save,	pg_after_save },
	{ &pg_freeze,	pg_after_freeze },
	{ &pg_arrive,	pg_after_arrive },
	{ &pg_depart,	pg_after_depart },
	{ &pg_yield,	pg_after_yield },
	{ &pg_remove,	after_change },
	{ &pg_restrict,	after_change },
};

bool
pg_route(struct pg_job *job)
{
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		if (job->kind == steps[i].asked)
			return steps[i].after(job);
	return false;
}
