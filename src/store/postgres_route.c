/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whose word counts.  Of each state one region at a time is the home, and
 * decides; the others have copies which may be behind.  So one who asks may
 * have to go from region to region: what one knows (a copy, a frozen row, word
 * of where it left for) says whom to ask next.  Each answer is of a later epoch
 * than the last, or the end.
 *
 * A save from another region than the home brings the state here (claims it),
 * so that whoever works on it has it near; one that moved often of late stays,
 * and the save is forwarded.
 */
#include <stdio.h>
#include <string.h>

#include "policy/guid.h"
#include "policy/state_id.h"
#include "store/postgres_private.h"

/* --- on the way ------------------------------------------------------------------ */

static bool
ends(struct pg_job *job, enum store_end end)
{
	job->end = end;
	return false;
}

/* True: under way. */
static bool
ask(struct pg_job *job, const struct pg_kind *kind, struct pg_side *side)
{
	const struct pg_sets *sets = job->store->sets;

	job->has_row = false;
	if (job->hops++ >= PG_HOPS_MAX + (sets != NULL ? 2 * sets->count : 0))
		return ends(job, STORE_MOVING);
	if (side == NULL || side->conninfo == NULL || job->store->closing)
		return ends(job, STORE_UNAVAILABLE);
	job->kind = kind;
	job->alone = false;
	pg_send(side, job);
	return true;
}

/* The region that has what a lost one had; one that is not lost, itself. */
static struct pg_side *
living(struct pg_job *job, struct pg_side *side)
{
	if (side == NULL || side->successors[0] == '\0')
		return side;
	return pg_successor(side->store, side->successors, job->has_row ?
	    job->row.allowed : STORE_ALL_REGIONS);
}

/* Where the next step leads, and the words for it. */
static void
aim(struct pg_job *job, struct pg_side *from, struct pg_side *to,
    store_regions allowed)
{
	job->move.to = to;
	if (from != NULL)
		pg_word_write(job->move.word, from, to, allowed);
}

/* This region's place for what these may have. */
static struct pg_side *
place(const struct pg_job *job, store_regions allowed)
{
	const struct pg_sets *sets = job->store->sets;

	return sets == NULL ? job->store->here :
	    pg_sets_place(sets, allowed)->here;
}

static bool
is_elsewhere_in_store(const struct pg_side *a, const struct pg_side *b)
{
	return a->store != b->store;
}

/* --- loads, and the look for the home of what is to be removed -------------------- */

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

/* Of a region's databases, those that were not asked: all that are here, then
 * where it was made. */
static struct pg_side *
next_database(struct pg_job *job)
{
	const struct pg_sets *sets = job->store->sets;

	job->tried |= UINT32_C(1) << job->asked->store->number;
	for (size_t i = 0; i < sets->count; i++)
		if ((job->tried >> sets->order[i]->number & 1) == 0)
			return sets->order[i]->here;
	for (size_t i = 0; i < sets->count; i++) {
		struct pg_side *side = (job->born >> i & 1) != 0 ? NULL :
		    birth_side(job, sets->dbs[i]);

		job->born |= UINT32_C(1) << i;
		if (side != NULL && side != sets->dbs[i]->here)
			return side;
	}
	return NULL;
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

static bool
not_found(struct pg_job *job)
{
	job->has_row = false;
	return ends(job, STORE_NOT_FOUND);
}

static bool
is_over(const struct pg_job *job)
{
	return job->row.expires_ms != 0 && job->row.expires_ms <= job->now_ms;
}

static bool
elsewhere(struct pg_job *job)
{
	job->row.body = (struct slice){ NULL, 0 };
	return ends(job, STORE_ELSEWHERE);
}

static bool
is_allowed(const struct pg_job *job)
{
	return (job->row.allowed & job->store->here->bit) != 0;
}

/* A home that may not have it any longer, once it is restricted, cannot be the
 * one that does it: it comes here first. */
static bool
bring_and_restrict(struct pg_job *job)
{
	const struct store_token *now = &job->row.token;

	if (job->token.version != 0 && (now->version != job->token.version ||
	    now->epoch != job->token.epoch))
		return ends(job, STORE_CONFLICT);
	job->token = *now;
	job->move.known = false;
	aim(job, job->asked, place(job, job->regions), job->regions);
	return ask(job, &pg_freeze, job->asked);
}

/* Who may have it, once it is restricted, does not meet there. */
static bool
must_be_brought(const struct pg_job *job)
{
	return (job->store->sets == NULL &&
	    (job->regions & job->asked->bit) == 0) ||
	    (job->store->sets != NULL && (is_elsewhere_in_store(job->asked,
	    place(job, job->regions)) || ((job->regions & job->asked->bit) ==
	    0 && job->asked != job->asked->store->here)));
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
		return ends(job, STORE_OK);
	if (job->goal != &pg_load)
		return ask(job, job->goal, job->asked);
	if (is_over(job))
		return not_found(job);
	return is_allowed(job) ? ends(job, STORE_OK) : elsewhere(job);
}

static bool
near(struct pg_job *job)
{
	if (job->has_row && !is_over(job)) {
		job->row.stale = strcmp(job->row.home,
		    job->store->here->home) != 0;
		return is_allowed(job) ? ends(job, STORE_OK) : elsewhere(job);
	}
	return not_found(job);
}

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
	return ask(job, &pg_arrive, job->asked);
}

static void depart(const struct pg_job *);
static void yield(const struct pg_job *);

/* It did come to the end, but for the row that it left in another database:
 * there replication does not bring word of that.  Or what is here came by
 * another way, and has not all that the other has. */
static void
clear_up(struct pg_job *job)
{
	const struct pg_move *m = &job->move;

	if (m->known && m->to == job->asked && m->from != NULL &&
	    is_elsewhere_in_store(m->from, m->to)) {
		if (job->has_row)
			yield(job);
		else
			depart(job);
	}
	job->move.known = false;
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

static bool
after_load(struct pg_job *job)
{
	const char *left_to = job->found.left_to;
	struct pg_side *next, *heir;

	if (job->end != STORE_OK && job->end != STORE_NOT_FOUND) {
		job->has_row = false;
		return false;
	}
	if (job->how == STORE_READ_NEAR && job->goal == &pg_load) {
		next = job->has_row || job->store->sets == NULL ? NULL :
		    next_database(job);
		return next == NULL || next != next->store->here ? near(job) :
		    ask(job, &pg_load, next);
	}
	if (is_left_half_way(job))
		return end_it(job);
	clear_up(job);
	if (!job->has_row && job->found.left_epoch == 0) {
		next = another_side(job);
		if (next != NULL && next != job->asked)
			return ask(job, &pg_load, next);
		return job->with_lost ? ends(job, STORE_UNAVAILABLE) :
		    not_found(job);
	}
	next = next_side(job);
	if (!job->has_row && is_out_of_reach(job, left_to))
		return elsewhere(job);
	if (!job->has_row && next == NULL)
		return not_found(job);
	if (job->has_row && job->found.moving_to[0] != '\0') {
		/* Who may not have it cannot help it on, either. */
		if (!is_allowed(job))
			return elsewhere(job);
		/* To a region that was lost on the way: its successor takes it
		 * over, nobody else knows under which epoch. */
		if (next == NULL || next == pg_word_side(job->asked,
		    job->found.moving_to))
			keep_frozen(job, next);
		else if ((heir = is_ours_to_end(job)) != NULL)
			next = heir;
		if (is_left_half_way(job))
			return end_it(job);
	} else if (job->has_row && next == job->asked &&
	    strcmp(next->home, job->row.home) == 0) {
		return at_home(job);
	}
	/* A successor that has not taken it over yet. */
	if (next == job->asked)
		next = NULL;
	return ask(job, &pg_load, next);
}

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
	return job->row.database == 0 || !is_allowed(job) ?
	    job->store->here : place(job, job->row.allowed);
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
	aim(job, home, to, job->row.allowed);
	under_way = home != here && !is_allowed(job) ? elsewhere(job) :
	    ask(job, to == here && (home == here || (may_stay(job, home) &&
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
	const struct pg_sets *sets = job->store->sets;

	if (sets == NULL || job->end != STORE_CONFLICT || job->has_row)
		return false;
	job->tried |= UINT32_C(1) << job->asked->store->number;
	for (size_t i = 0; i < sets->count; i++)
		if ((job->tried >> i & 1) == 0)
			return ask(job, &pg_save, sets->dbs[i]->here);
	return false;
}

static bool
after_save(struct pg_job *job)
{
	if (job->end == STORE_OK && job->asked != job->asked->store->here)
		job->store->forwards++;
	if (job->end != STORE_MOVING)
		return follow(job);
	/* Somebody takes it elsewhere: there, then. */
	aim(job, NULL, pg_word_side(job->asked, job->found.moving_to), 0);
	snprintf(job->move.word, sizeof(job->move.word), "%s",
	    job->found.moving_to);
	return job->move.to == NULL ? ends(job, STORE_UNAVAILABLE) :
	    ask(job, &pg_freeze, job->asked);
}

/* The row was frozen for another database; whoever wrote the words knew who may
 * have it there. */
static bool
is_for_another_database(struct pg_job *job)
{
	return pg_word_regions(job->found.moving_to, &job->move.row.allowed);
}

static bool
after_freeze(struct pg_job *job)
{
	struct pg_side *here = job->store->here;

	if (job->end == STORE_CONFLICT && !job->has_row &&
	    job->asked != here && job->goal == &pg_save)
		/* It has left.  If that was ours, and only the answer was
		 * lost, it is here, with our op. */
		return ask(job, &pg_save, here);
	if (job->end != STORE_MOVING)
		return job->goal == &pg_save && follow(job);
	/* Who saves may know of a restriction that its home has not heard of,
	 * and the other way round. */
	if (!is_for_another_database(job) && job->move.to == here)
		job->move.row.allowed &= job->row.allowed;
	if (job->goal != &pg_save && job->store->sets != NULL)
		return job->found.moving_to[0] != '\0' &&
		    ask(job, &pg_load, job->asked);
	if ((job->move.row.allowed & here->bit) == 0)
		return elsewhere(job);
	if (job->goal != &pg_save)
		return job->found.moving_to[0] != '\0' &&
		    ask(job, &pg_load, here);
	if (job->found.moving_to[0] == '\0')
		/* It has to stay. */
		return may_stay(job, job->asked) &&
		    ask(job, &pg_save, job->asked);
	job->move.from = job->asked;
	job->move.to = pg_word_side(job->asked, job->found.moving_to);
	snprintf(job->move.word, sizeof(job->move.word), "%s",
	    job->found.moving_to);
	return ask(job, &pg_arrive, job->move.to);
}

/* Nobody waits for the third step, and if it is not done, what replication
 * brings to the old home does it. */
static void
end_move(const struct pg_job *job, const struct pg_kind *kind)
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

static void
depart(const struct pg_job *job)
{
	end_move(job, &pg_depart);
}

/* To what there is where it was to go. */
static void
yield(const struct pg_job *job)
{
	end_move(job, &pg_yield);
}

/* The third step between two databases, which a change of a state's regions
 * waits for: who asks where a flow's states are finds each once. */
static bool
leave(struct pg_job *job, const struct pg_kind *kind)
{
	const struct pg_move *m = &job->move;

	job->token.epoch = m->row.token.epoch - 1;
	snprintf(job->names, sizeof(job->names), "%s", m->word);
	return ask(job, kind, m->from);
}

/* Where it has arrived it goes on, left or not. */
static bool
after_leaving(struct pg_job *job)
{
	job->move.known = false;
	return job->goal == &pg_restrict &&
	    ask(job, &pg_load, job->move.to);
}

/* What is there was not changed, whether that which is not taken has gone or
 * stays for the next look. */
static bool
after_yielding(struct pg_job *job)
{
	job->has_row = true;
	return ends(job, STORE_CONFLICT);
}

static bool
after_arrive(struct pg_job *job)
{
	const struct pg_move *m = &job->move;

	if (job->end == STORE_OK && job->goal == &pg_restrict &&
	    m->from != NULL && is_elsewhere_in_store(m->from, m->to) &&
	    leave(job, &pg_depart))
		return true;
	if (job->end == STORE_OK)
		depart(job);
	if (m->stands && job->goal != &pg_save) {
		memcpy(job->row.home, m->to->home, sizeof(job->row.home));
		if (job->goal == &pg_restrict)
			return (m->from != NULL && leave(job, &pg_yield)) ||
			    after_yielding(job);
		yield(job);
	}
	if (job->goal != &pg_save) {
		job->move.known = false;
		job->has_row = false;
		if (job->end == STORE_UNKNOWN)
			return ends(job, STORE_UNAVAILABLE);
		return job->end == STORE_UNAVAILABLE ? false :
		    ask(job, &pg_load, job->asked);
	}
	if (job->end != STORE_OK)
		return false;
	memcpy(job->row.home, job->asked->home, sizeof(job->row.home));
	if (job->asked == job->asked->store->here)
		job->store->claims++;
	else
		job->store->forwards++;
	return false;
}

/* --- changes that do not say where the home is ------------------------------------ */

void
pg_route_restrict(struct pg_job *job)
{
	job->whatever = job->token.epoch == 0 && job->token.version == 0;
	/* In the wrong database nothing is to be changed. */
	if (!ask(job, job->store->sets != NULL ? &pg_load : &pg_restrict,
	    job->store->here))
		pg_job_done(job);
}

static bool
after_change(struct pg_job *job)
{
	if (job->end != STORE_NOT_FOUND && job->end != STORE_MOVING)
		return false;
	/* Asked where it is, and not there any more. */
	return ask(job, &pg_load, job->store->here);
}

bool
pg_route(struct pg_job *job)
{
	if (job->kind == &pg_load)
		return after_load(job);
	if (job->kind == &pg_save)
		return after_save(job);
	if (job->kind == &pg_freeze)
		return after_freeze(job);
	if (job->kind == &pg_arrive)
		return after_arrive(job);
	if (job->kind == &pg_depart)
		return after_leaving(job);
	if (job->kind == &pg_yield)
		return after_yielding(job);
	return (job->kind == &pg_remove || job->kind == &pg_restrict) &&
	    after_change(job);
}
