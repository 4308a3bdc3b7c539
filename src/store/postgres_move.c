/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The steps by which a state changes its home: what they ask, and what is
 * answered.  What follows from which answer stands in postgres_claim.c; why it
 * holds whoever ends in between, in data/postgres-4.sql, -5.sql and -8.sql.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "policy/guid.h"
#include "store/postgres_private.h"

static void
answer_nothing(struct pg_job *job)
{
	(void)job;
}

/* Where anybody wants to know. */
static void
answer_done(struct pg_job *job)
{
	if (job->fn.count != NULL)
		job->fn.count(job->arg, job->end, job->number);
}

static void
answer_row(struct pg_job *job)
{
	job->row.body = (struct slice){ NULL, 0 };
	job->fn.row(job->arg, job->end, job->has_row ? &job->row : NULL);
}

/* --- freeze ---------------------------------------------------------------------- */

enum {
	AT_EPOCH, AT_VERSION, AT_BASE, AT_OP, AT_MOVING, AT_ALLOWED, AT_TENANT, AT_FLOW,
	AT_CREATED, AT_MOVES, AT_SINCE
};

static void
bind_freeze(struct pg_job *job, struct pg_params *p)
{
	pg_add_id(p, job->row.id);
	pg_add_int(p, (int32_t)job->token.epoch);
	pg_add_big(p, (int64_t)job->token.version);
	pg_add_text(p, job->move.word);
	pg_add_big(p, (int64_t)job->move.to->bit);
}

/* What the old home knows goes along; what is saved comes from who saves. */
static void
take_frozen(struct pg_job *job, const PGresult *r)
{
	struct pg_move *m = &job->move;

	m->row = job->row;
	m->base = job->token.version;
	m->row.token.epoch++;
	m->row.token.version = m->base + 1;
	m->row.allowed = (store_regions)pg_number(r, 0, AT_ALLOWED);
	pg_id(r, 0, AT_TENANT, m->row.tenant);
	pg_id(r, 0, AT_FLOW, m->row.flow);
	m->row.created_ms = pg_number(r, 0, AT_CREATED);
	m->moves = (int32_t)pg_number(r, 0, AT_MOVES);
	m->moves_since_ms = pg_number(r, 0, AT_SINCE);
}

/* Whether a later epoch came right after an earlier one of the same line:
 * data/postgres-5.sql. */
static bool
pg_epoch_follows(uint32_t later, uint32_t epoch)
{
	uint32_t turn = later / PG_TURN;
	uint32_t back = later % PG_TURN / PG_TURN_STEPS;

	return later == epoch + 1 || (turn > 0 && later % PG_TURN_STEPS == 0 &&
	    turn - back == epoch / PG_TURN);
}

/* Whether the row, but for what came on top, is what the token is of. */
static bool
is_of_token(const struct pg_job *job, uint64_t base)
{
	const struct store_token *now = &job->row.token;

	return now->epoch == job->token.epoch ||
	    (pg_epoch_follows(now->epoch, job->token.epoch) &&
	    base == job->token.version);
}

static bool
is_own_op(const struct pg_job *job, const PGresult *r)
{
	static const uint8_t none[16];
	uint8_t op[16];

	pg_id(r, 0, AT_OP, op);
	return memcmp(op, none, 16) != 0 && memcmp(op, job->row.op, 16) == 0;
}

static void
take_freeze(struct pg_job *job, const PGresult *r)
{
	struct store_token *now = &job->row.token;

	job->has_row = PQntuples(r) > 0;
	job->end = STORE_CONFLICT;
	job->found.moving_to[0] = '\0';
	if (!job->has_row)
		return;
	now->epoch = (uint32_t)pg_number(r, 0, AT_EPOCH);
	now->version = (uint64_t)pg_number(r, 0, AT_VERSION);
	pg_text(r, 0, AT_MOVING, job->found.moving_to,
	    sizeof(job->found.moving_to));
	if (!is_of_token(job, (uint64_t)pg_number(r, 0, AT_BASE)))
		return;
	if (now->version == job->token.version) {
		job->end = STORE_MOVING;
		take_frozen(job, r);
	} else if (now->version == job->token.version + 1 &&
	    is_own_op(job, r)) {
		job->end = STORE_OK;	/* forwarded, when it was asked first */
	}
}

/* --- arrive ---------------------------------------------------------------------- */

/* Databases: 0, not between two; 1; 2 where whoever may come into that which it
 * leaves may come into the other as well. */
static int32_t
between(const struct pg_move *m, const struct pg_side *to)
{
	const struct pg_side *from = m->from;

	if (m->turn != 0)
		return 1;
	if (from == NULL || from->store == to->store)
		return 0;
	return (from->store->members & ~to->store->members) == 0 ? 2 : 1;
}

static void
bind_arrive(struct pg_job *job, struct pg_params *p)
{
	const struct pg_move *m = &job->move;
	const struct store_row *row = &m->row;

	pg_add_id(p, row->id);
	pg_add_int(p, (int32_t)row->token.epoch);
	pg_add_big(p, (int64_t)m->base);
	pg_add_big(p, (int64_t)row->token.version);
	pg_add_op(p, row->op);
	pg_add_bool(p, row->done);
	pg_add_big(p, (int64_t)row->allowed);
	pg_add_id(p, row->tenant);
	pg_add_id(p, row->flow);
	pg_add_big(p, row->created_ms);
	pg_add_big(p, row->updated_ms);
	pg_add_big(p, row->expires_ms);
	pg_add_int(p, m->moves);
	pg_add_big(p, m->moves_since_ms);
	pg_add_bytes(p, row->body);
	pg_add_text(p, m->from != NULL ? m->from->home : "");
	pg_add_int(p, between(m, job->asked));
}

/* Counted as what regions send that none makes: somebody should look. */
static void
tell_double(struct pg_job *job)
{
	static _Thread_local struct log_rate rate;
	const char *set = job->asked->store->set;
	char id[GUID_TEXT];
	uint32_t suppressed;

	job->store->cut++;
	if (log_rate_allows(&rate, 10, &suppressed))
		log_error("state %s is in the database of %s%s, and a row of "
		    "it that was in another one was not taken: somebody put it "
		    "there, or its region was lost as it moved; suppressed=%u",
		    guid_text(job->row.id, id), set[0] != '\0' ? "the set " :
		    "all regions", set, suppressed);
}

static void
take_arrive(struct pg_job *job, const PGresult *r)
{
	job->has_row = !PQgetisnull(r, 0, 0);
	job->row.token.epoch = (uint32_t)pg_number(r, 0, 0);
	job->row.token.version = (uint64_t)pg_number(r, 0, 1);
	job->end = pg_bool(r, 0, 2) ? STORE_OK : pg_bool(r, 0, 4) ?
	    STORE_UNAVAILABLE : STORE_CONFLICT;
	job->move.stands = pg_bool(r, 0, 5);
	if (job->move.stands)
		tell_double(job);
}

/* --- depart ---------------------------------------------------------------------- */

static void
bind_depart(struct pg_job *job, struct pg_params *p)
{
	pg_add_id(p, job->row.id);
	pg_add_int(p, (int32_t)job->token.epoch);
	pg_add_text(p, job->names);
}

/* Where it is at home is what was found there. */
static void
bind_yield(struct pg_job *job, struct pg_params *p)
{
	bind_depart(job, p);
	pg_add_text(p, job->row.home);
	pg_add_int(p, (int32_t)job->row.token.epoch);
	pg_add_big(p, (int64_t)job->row.token.version);
	pg_add_big(p, (int64_t)job->found.base);
}

static void
take_done(struct pg_job *job, const PGresult *r)
{
	(void)r;
	job->end = STORE_OK;
}

/* --- lost regions ------------------------------------------------------------------ */

static void
bind_nothing(struct pg_job *job, struct pg_params *p)
{
	(void)job;
	p->count = 0;
}

static void
tell_conflicts(struct pg_store *store, uint64_t conflicts)
{
	if (conflicts > store->conflicts)
		log_error("%llu states were saved here by what their successors "
		    "never saw; both are kept: portolan store conflicts",
		    (unsigned long long)conflicts);
	store->conflicts = conflicts;
}

/* Nothing arrives from those; that the map does not name them any more does not
 * end it. */
static void
tell_held_for_lost(struct pg_store *store, const PGresult *r)
{
	char lost[STORE_NAMES_MAX], *at = lost, *name;

	pg_text(r, 0, 3, lost, sizeof(lost));
	if (strcmp(lost, store->held_for_lost) == 0)
		return;
	memcpy(store->held_for_lost, lost, sizeof(lost));
	while ((name = strsep(&at, ",")) != NULL) {
		const struct pg_side *side = pg_side_of(store, name);

		if (side != NULL && side->successors[0] == '\0')
			log_warn("region %s is held for lost here, and not by "
			    "the region map: when it is back, portolan store "
			    "region return, there, ends it", name);
	}
}

static void
take_tend(struct pg_job *job, const PGresult *r)
{
	struct pg_store *store = job->store;
	char given_to[STORE_NAMES_MAX];

	pg_text(r, 0, 0, given_to, sizeof(given_to));
	store->waiting = (uint64_t)pg_number(r, 0, 1);
	if (strcmp(given_to, store->given_to) != 0) {
		if (given_to[0] != '\0')
			log_error("this region was given over to %s: nothing is "
			    "written here until it is taken back, portolan "
			    "store region return", given_to);
		else
			log_warn("this region was taken back");
		memcpy(store->given_to, given_to, sizeof(given_to));
	}
	tell_conflicts(store, (uint64_t)pg_number(r, 0, 2));
	tell_held_for_lost(store, r);
	job->number = (uint64_t)pg_number(r, 0, 4);
	job->end = STORE_OK;
}

/* job->names: the lost region, its successors, and for whom it is asked, with
 * a NUL behind each. */
static void
bind_loss(struct pg_job *job, struct pg_params *p)
{
	const char *name = job->names;

	for (int i = 0; i < 3; i++, name += strlen(name) + 1)
		pg_add_text(p, name);
}

/* Of the same region, as far as both go. */
static bool
agrees(const char *said, const char *successors)
{
	size_t a = strlen(said), b = strlen(successors), len = a < b ? a : b;

	return strncmp(said, successors, len) == 0 &&
	    (said[len] == '\0' || said[len] == ',') &&
	    (successors[len] == '\0' || successors[len] == ',');
}

static void
tell_other_successor(struct pg_side *lost, const char *where,
    const char *said)
{
	if (strcmp(lost->said, said) == 0)
		return;
	snprintf(lost->said, sizeof(lost->said), "%s", said);
	log_error("region %s was given over to %s, as region %s has it, and the "
	    "region map says %s: nothing of it is taken over here; write the "
	    "map of before", lost->home, said, where, lost->successors);
}

static void
take_loss(struct pg_job *job, const PGresult *r)
{
	pg_text(r, 0, 0, job->found.successor, sizeof(job->found.successor));
	job->known = pg_bool(r, 0, 1);
	job->end = STORE_OK;
}

/* Whether the successor has heard all that whoever was asked had to say. */
static void
note_heard(const struct pg_job *job, struct pg_side *lost)
{
	if (job->kind == &pg_fence) {
		lost->there_ms = job->store->base.loop->now_ms;
		lost->given = job->known;
	} else if (job->known) {
		lost->heard |= job->asked->bit;
	} else {
		lost->heard &= ~job->asked->bit;
	}
}

/* What was not committed has not been said there. */
static void
answer_loss(struct pg_job *job)
{
	struct pg_side *lost = pg_side_of(job->store, job->names);
	const char *said = job->found.successor;

	if (job->end == STORE_OK && lost != NULL &&
	    lost->successors[0] != '\0') {
		if (said[0] != '\0' && !agrees(said, lost->successors))
			tell_other_successor(lost, job->asked->home, said);
		note_heard(job, lost);
	}
	answer_done(job);
}

/* Who is lost and its successors in job->names; all that are, and who has been
 * heard, in its bodies. */
static void
bind_adopt(struct pg_job *job, struct pg_params *p)
{
	pg_add_text(p, job->names);
	pg_add_text(p, job->names + strlen(job->names) + 1);
	pg_add_big(p, (int64_t)job->regions);
	pg_add_int(p, PG_ADOPT);
	pg_add_text(p, buf_cstr(&job->body));
	pg_add_text(p, buf_cstr(&job->move.body));
}

static void
take_adopt(struct pg_job *job, const PGresult *r)
{
	job->number = (uint64_t)pg_number(r, 0, 0);
	job->end = STORE_OK;
}

/* So many, or why none. */
enum { ADOPT_UNHEARD = -1, ADOPT_BY_OTHERS = -2, ADOPT_NOT_NOW = -3 };

static void
tell_adopted(struct pg_side *lost, int64_t taken)
{
	if (taken == ADOPT_UNHEARD && !lost->waits_told)
		log_warn("the states of the lost region %s are not taken over "
		    "yet: this one replicates from a region that store.peers "
		    "does not name, and that cannot be told so", lost->home);
	lost->waits_told |= taken == ADOPT_UNHEARD;
	if (taken == ADOPT_BY_OTHERS)
		tell_other_successor(lost, lost->store->here->home, "others");
	if (taken > 0)
		log_warn("%llu states of the lost region %s are at home here "
		    "now", (unsigned long long)taken, lost->home);
}

static void
answer_adopt(struct pg_job *job)
{
	struct pg_side *lost = pg_side_of(job->store, job->names);
	int64_t taken = job->end == STORE_OK ? (int64_t)job->number :
	    ADOPT_NOT_NOW;

	tell_adopted(lost, taken);
	lost->taken |= taken >= 0 && taken < PG_ADOPT;
	job->fn.count(job->arg, job->end, taken < 0 ? 0 : (uint64_t)taken);
}

static void
answer_count(struct pg_job *job)
{
	job->fn.count(job->arg, job->end, job->number);
}

const struct pg_kind pg_freeze = { PG_FREEZE, true, bind_freeze, take_freeze,
    answer_row };
const struct pg_kind pg_arrive = { PG_ARRIVE, true, bind_arrive, take_arrive,
    answer_row };
const struct pg_kind pg_depart = { PG_DEPART, true, bind_depart, take_done,
    answer_nothing };
const struct pg_kind pg_yield = { PG_YIELD, true, bind_yield, take_done,
    answer_nothing };
const struct pg_kind pg_tend = { PG_TEND, true, bind_nothing, take_tend,
    answer_count };
const struct pg_kind pg_fence = { PG_FENCE, true, bind_loss, take_loss,
    answer_loss };
const struct pg_kind pg_lose = { PG_LOSE, true, bind_loss, take_loss,
    answer_loss };
const struct pg_kind pg_adopt = { PG_ADOPT_SOME, true, bind_adopt, take_adopt,
    answer_adopt };
