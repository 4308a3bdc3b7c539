/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the files that follow a call from region to region have in common:
 * postgres_route.c, which steps there are; postgres_find.c, where a state is at
 * home; postgres_claim.c, how a save brings it here.
 *
 * All that return bool say whether the job is under way again; if not, its end
 * is what the caller hears.
 */
#ifndef STORE_POSTGRES_ROUTE_H
#define STORE_POSTGRES_ROUTE_H

#include "store/postgres_private.h"

/* --- steps (postgres_route.c) --- */

/* That side is asked, unless it cannot be, or too many were. */
bool pg_hop(struct pg_job *job, const struct pg_kind *kind,
    struct pg_side *side);
bool pg_ends(struct pg_job *job, enum store_end end);
/* This region may not have it; row->allowed says who may. */
bool pg_elsewhere(struct pg_job *job);
bool pg_is_allowed(const struct pg_job *job);
/* Where the next step leads, and the words for it; from NULL: those that there
 * are. */
void pg_aim(struct pg_job *job, struct pg_side *from, struct pg_side *to,
    store_regions allowed);
/* This region's place for what these may have. */
struct pg_side *pg_place(const struct pg_job *job, store_regions allowed);

/* --- what follows from an answer --- */

/* postgres_find.c: of a load, whatever it is for. */
bool pg_after_load(struct pg_job *job);
/* Of this region's databases the next that was not asked (NULL: all were):
 * those first into which only these regions come, lest what another put into
 * one hides what is in a later one. */
struct pg_side *pg_next_here(struct pg_job *job, store_regions regions);

/* postgres_claim.c: of a save, and of the steps of a move. */
bool pg_after_save(struct pg_job *job);
bool pg_after_freeze(struct pg_job *job);
bool pg_after_arrive(struct pg_job *job);
bool pg_after_depart(struct pg_job *job);
bool pg_after_yield(struct pg_job *job);

/* The last step of job's move, pg_depart or pg_yield: begun, not waited for. */
void pg_end_move(const struct pg_job *job, const struct pg_kind *kind);

#endif
