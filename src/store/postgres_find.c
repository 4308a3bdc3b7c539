/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The look for a state's home: for a load, and on behalf of a call that does
 * not say where it is.
 */
#include <stdio.h>
#include <string.h>

#include "policy/guid.h"
#include "policy/state_id.h"
#include "store/postgres_route.h"

/* --- whom to ask next ------------------------------------------------------------ */

/* The region that has what a lost one had; one that is not lost, itself. */
static struct pg_side *
living(struct pg_job *job, struct pg_side *side)
{
	if (side == NULL || side->successors[0] == '\0')
		return side;
	return pg_successor(side->store, side->successors, job->has_row ?
	    job->row.allowed : STORE_ALL_REGIONS);
}

/* Where to ask next; NULL: nowhere. */
static struct pg_side *
next_side(struct pg_job *job)
{
	struct pg_store *store = job->asked->store;
	const struct pg_found *f = &job->found;
	struct pg_side *home;

	/* It was here, and where it went is later than what copies say. */
	if (f->left_epoch > 0 && (!job->has_row ||
	    f->left_epoch >= job->row.token.epoch)) {
		job->has_row = false;
		return f->left_to[0] == '\0' ? NULL :
		    living(job, pg_word_side(job->asked, f->left_to));
	}
	if (f->moving_to[0] != '\0')
		return living(job, pg_word_side(job->asked, f->moving_to));
	home = pg_side_of(store, job->row.home);
	if (home != job->asked || f->successor[0] == '\0')
		return living(job, home);
	return pg_successor(store, f->successor, job->row.allowed);
}

/* Nothing here: the id says where it was born, and a copy may be behind. */
static struct pg_side *
birth_side(struct pg_job *job, struct pg_store *store)
{
	char text[GUID_TEXT];
	struct state_id id;

	if (!state_id_parse(&id, slice_of(guid_text(job->row.id, text))))
		return NULL;
	for (size_t i = 0; i < store->nsides; i++) {
		struct pg_side *side = &store->sides[i];

		if (side->bit == (store_regions)1 << id.region &&
		    side->conninfo != NULL)
			return living(job, side);
	}
	return NULL;
}

/* The first that was not asked, of those here into which only these regions
 * come, and this one. */
static struct pg_side *
here_within(const struct pg_job *job, store_regions regions)
{
	const struct pg_sets *sets = job->store->sets;
	store_regions others = ~(regions | job->store->here->bit);

	for (size_t i = 0; i < sets->count; i++) {
		const struct pg_store *db = sets->order[i];

		if ((job->tried >> db->number & 1) == 0 &&
		    (db->members & others) == 0)
			return db->here;
	}
	return NULL;
}

struct pg_side *
pg_next_here(struct pg_job *job, store_regions regions)
{
	struct pg_side *side;

	job->tried |= UINT32_C(1) << job->asked->store->number;
	side = here_within(job, regions);
	return side != NULL ? side : here_within(job, STORE_ALL_REGIONS);
}

/* Of a region's databases, those that were not asked: all that are here, then
 * where it was made. */
static struct pg_side *
next_database(struct pg_job *job)
{
	const struct pg_sets *sets = job->store->sets;
	struct pg_side *side = pg_next_here(job, job->regions);

	for (size_t i = 0; i < sets->count && side == NULL; i++) {
		if ((job->born >> i & 1) == 0)
			side = birth_side(job, sets->dbs[i]);
		job->born |= UINT32_C(1) << i;
		if (side == sets->dbs[i]->here)
			side = NULL;
	}
	return side;
}

/* Nothing is known of it where it was asked for. */
static struct pg_side *
another_side(struct pg_job *job)
{
	struct pg_store *store = job->store;

	if (store->sets != NULL)
		return next_database(job);
	return job->asked != store->here ? NULL : birth_side(job, store);
}

/* --- what a home does with it ------------------------------------------------------ */

static bool
not_found(struct pg_job *job)
{
	job->has_row = false;
	return pg_ends(job, STORE_NOT_FOUND);
}

static bool
is_over(const struct pg_job *job)
{
	return job->row.expires_ms != 0 && job->row.expires_ms <= job->now_ms;
}

/* Who asked for it to be read has it. */
static bool
found(struct pg_job *job)
{
	if (is_over(job))
		return not_found(job);
	return pg_is_allowed(job) ? pg_ends(job, STORE_OK) :
	    pg_elsewhere(job);
}

/* A home that may not have it any longer, once it is restricted, cannot be the
 * one that does it: it comes here first. */
static bool
bring_and_restrict(struct pg_job *job)
{
	const struct store_token *now = &job->row.token;

	if (job->token.version != 0 && (now->version != job->token.version ||
	    now->epoch != job->token.epoch))
		return pg_ends(job, STORE_CONFLICT);
	job->token = *now;
	job->move.known = false;
	pg_aim(job, job->asked, pg_place(job, job->regions), job->regions);
	return pg_hop(job, &pg_freeze, job->asked);
}

/* Who may have it, once it is restricted, does not meet there. */
static bool
must_be_brought(const struct pg_job *job)
{
	const struct pg_side *at = job->asked;
	bool may_stay = (job->regions & at->bit) != 0;

	if (job->store->sets == NULL)
		return !may_stay;
	return at->store != pg_place(job, job->regions)->store ||
	    (!may_stay && at != at->store->here);
}

/* It was brought with them, as whoever did not name a version wanted it. */
static bool
has_its_regions(const struct pg_job *job)
{
	return job->store->sets != NULL && job->goal == &pg_restrict &&
	    job->whatever && (job->row.allowed | job->asked->bit) ==
	    (job->regions | job->asked->bit);
}

/* The row of a home that lives. */
static bool
at_home(struct pg_job *job)
{
	if (job->goal == &pg_restrict && must_be_brought(job))
		return bring_and_restrict(job);
	if (has_its_regions(job))
		return pg_ends(job, STORE_OK);
	if (job->goal != &pg_load)
		return pg_hop(job, job->goal, job->asked);
	return found(job);
}

/* --- what is on its way ------------------------------------------------------------ */

/* A frozen row is what it will be wherever it is going, unless that has it
 * already: so it is kept while that one is asked. */
static void
keep_frozen(struct pg_job *job, struct pg_side *to)
{
	struct pg_move *m = &job->move;
	struct buf spare = m->body;

	m->known = true;
	m->from = pg_side_of(job->asked->store, job->row.home);
	m->to = to;
	snprintf(m->word, sizeof(m->word), "%s", job->found.moving_to);
	m->body = job->body;
	job->body = spare;
	m->row = job->row;
	pg_word_regions(m->word, &m->row.allowed);
	m->row.body = buf_all(&m->body);
	m->base = m->row.token.version;
	m->row.token.epoch++;
	m->moves = 0;
	m->moves_since_ms = 0;
	m->turn = 0;
}

/*
 * It was on its way to another database of a region that was lost, and this one
 * took over what had come of that one, all of which was heard before.  If it is
 * not among that, it goes on with the frozen row, which nobody writes again,
 * under the epoch that it would have been taken over with (data/postgres-5.sql).
 * Of two who do so, flow.place() lets one; what the lost one had saved there is
 * a conflict when it is back, as of any state that was taken over.
 */
static struct pg_side *
is_ours_to_end(struct pg_job *job)
{
	struct pg_side *lost = pg_word_side(job->asked, job->found.moving_to);
	struct pg_store *store;
	store_regions allowed;
	uint32_t by = 0, turn;

	if (lost == NULL || lost->successors[0] == '\0' ||
	    lost->store == job->asked->store ||
	    !pg_word_regions(job->found.moving_to, &allowed))
		return NULL;
	job->with_lost = true;
	job->tried |= UINT32_C(1) << job->asked->store->number;
	store = lost->store;
	for (size_t i = 0; i < store->nsides; i++)
		by += store->sides[i].successors[0] != '\0';
	turn = job->row.token.epoch / PG_TURN + by;
	if (!lost->taken || turn > PG_TURNS_MAX || pg_successor(store,
	    lost->successors, allowed) != store->here)
		return NULL;
	keep_frozen(job, store->here);
	job->move.from = NULL;		/* who does not answer */
	job->move.turn = turn * PG_TURN + by * PG_TURN_STEPS;
	return store->here;
}

/* Whoever began to move it did not come to the end: asked knows of nothing
 * later than the frozen row. */
static bool
is_left_half_way(const struct pg_job *job)
{
	const struct pg_move *m = &job->move;

	/* What came of a lost one is later, and waits to be taken over. */
	return m->known && m->to == job->asked && (!job->has_row ||
	    (m->turn == 0 && job->row.token.epoch < m->row.token.epoch)) &&
	    job->found.left_epoch < m->row.token.epoch;
}

static bool
end_it(struct pg_job *job)
{
	struct pg_move *m = &job->move;

	if (m->turn != 0)
		m->row.token.epoch = m->turn;
	return pg_hop(job, &pg_arrive, job->asked);
}

/* It did come to the end, but for the row that it left in another database:
 * there replication does not bring word of that.  Or what is here came by
 * another way, and has not all that the other has. */
static void
clear_up(struct pg_job *job)
{
	const struct pg_move *m = &job->move;

	if (m->known && m->to == job->asked && m->from != NULL &&
	    m->from->store != m->to->store)
		pg_end_move(job, job->has_row ? &pg_yield : &pg_depart);
	job->move.known = false;
}

/* Whoever was asked before is not asked again: it is a successor that has not
 * taken it over yet. */
static bool
ask_next(struct pg_job *job, struct pg_side *next)
{
	return pg_hop(job, &pg_load, next == job->asked ? NULL : next);
}

/* Frozen: the region that it goes to has it, or gets it from here. */
static bool
goes_on(struct pg_job *job, struct pg_side *next)
{
	struct pg_side *heir;

	/* Who may not have it cannot help it on, either. */
	if (!pg_is_allowed(job))
		return pg_elsewhere(job);
	/* To a region that was lost on the way: its successor takes it over,
	 * nobody else knows under which epoch. */
	if (next == NULL ||
	    next == pg_word_side(job->asked, job->found.moving_to))
		keep_frozen(job, next);
	else if ((heir = is_ours_to_end(job)) != NULL)
		next = heir;
	return is_left_half_way(job) ? end_it(job) : ask_next(job, next);
}

/* It has gone where this region cannot follow it. */
static bool
is_out_of_reach(struct pg_job *job, const char *word)
{
	store_regions allowed;

	if (!pg_word_regions(word, &allowed) ||
	    pg_word_side(job->asked, word) != NULL ||
	    (allowed & job->store->here->bit) != 0)
		return false;
	job->row.allowed = allowed;
	job->has_row = true;
	return true;
}

/* --- what a load found --------------------------------------------------------------- */

/* Neither a row nor word of one. */
static bool
after_nothing(struct pg_job *job)
{
	struct pg_side *next = another_side(job);

	if (next != NULL && next != job->asked)
		return pg_hop(job, &pg_load, next);
	return job->with_lost ? pg_ends(job, STORE_UNAVAILABLE) :
	    not_found(job);
}

/* It was there. */
static bool
after_leaving(struct pg_job *job, struct pg_side *next)
{
	if (is_out_of_reach(job, job->found.left_to))
		return pg_elsewhere(job);
	return next == NULL ? not_found(job) : ask_next(job, next);
}

bool
pg_after_load(struct pg_job *job)
{
	struct pg_side *next;

	if (job->end != STORE_OK && job->end != STORE_NOT_FOUND) {
		job->has_row = false;
		return false;
	}
	if (is_left_half_way(job))
		return end_it(job);
	clear_up(job);
	if (!job->has_row && job->found.left_epoch == 0)
		return after_nothing(job);
	next = next_side(job);
	if (!job->has_row)
		return after_leaving(job, next);
	if (job->found.moving_to[0] != '\0')
		return goes_on(job, next);
	return next == job->asked && strcmp(next->home, job->row.home) == 0 ?
	    at_home(job) : ask_next(job, next);
}
