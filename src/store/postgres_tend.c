/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What has to be seen to every few seconds, whoever of a region's engines does
 * it: moves that nobody ended, and regions that the map calls lost.
 *
 * That a region is lost is said by a person, in the map: a region that is cut
 * off and goes on, and another that takes its states over because it hears
 * nothing, would make two pasts of each.  Who is named its successor takes over
 * what it has copies of, when all others have been told and what they had sent
 * has come; and if the lost one can still be reached, when it has said all that
 * it had to say.  Each region that reads of it tells the lost one's server, as
 * soon as that can be reached, that nothing is to be written there, whatever map
 * its own engines may have come back with.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/postgres_private.h"

/* The next of the names, and how long it is; 0: none. */
static size_t
next_name(const char **names)
{
	*names += strspn(*names, ",");
	return strcspn(*names, ",");
}

static struct pg_side *
side_named(struct pg_store *store, const char *name, size_t len)
{
	for (size_t i = 0; i < store->nsides; i++)
		if (strlen(store->sides[i].home) == len &&
		    memcmp(store->sides[i].home, name, len) == 0)
			return &store->sides[i];
	return NULL;
}

struct pg_side *
pg_successor(struct pg_store *store, const char *names,
    store_regions allowed)
{
	size_t len;

	for (; (len = next_name(&names)) > 0; names += len) {
		struct pg_side *side = side_named(store, names, len);

		if (side != NULL && side->successors[0] == '\0' &&
		    (side->bit & allowed) != 0)
			return side;
	}
	return NULL;
}

/* Whether this region is among the successors; *before: those that live and go
 * before it. */
static bool
is_heir(struct pg_store *store, const char *names, store_regions *before)
{
	size_t len;

	*before = 0;
	for (; (len = next_name(&names)) > 0; names += len) {
		struct pg_side *side = side_named(store, names, len);

		if (side == store->here)
			return side->successors[0] == '\0';
		if (side != NULL && side->successors[0] == '\0')
			*before |= side->bit;
	}
	return false;
}

/* --- giving over ----------------------------------------------------------------- */

/* Of the lost region, at side: heard is for the successor. */
static void
tell(struct pg_side *lost, const struct pg_kind *kind, struct pg_side *side,
    const char *heir)
{
	struct pg_job *job = pg_job_new(&side->store->base, kind, NULL);

	sprintf(job->names, "%s%c%s%c%s", lost->home, 0, lost->successors, 0,
	    heir);
	pg_send(side, job);
}

static bool
lives(const struct pg_side *side)
{
	return side->successors[0] == '\0' && side->conninfo != NULL;
}

/* Not here alone: whoever lives is to let nothing more arrive from it. */
static void
tell_all(struct pg_store *store, struct pg_side *lost, const char *heir)
{
	for (size_t i = 0; i < store->nsides; i++)
		if (lives(&store->sides[i]) && &store->sides[i] != store->here)
			tell(lost, &pg_lose, &store->sides[i], heir);
}

/* It lives, and what it has is still coming; or may be. */
static bool
has_more_to_say(const struct pg_store *store, const struct pg_side *lost)
{
	uint64_t since = lost->there_ms > lost->lost_ms ? lost->there_ms :
	    lost->lost_ms;

	return lost->conninfo != NULL && !lost->given &&
	    store->base.loop->now_ms - since < PG_GONE_MS;
}

/* Those who were told and are heard, or those who are not. */
static void
name_living(const struct pg_store *store, const struct pg_side *lost,
    bool heard, struct buf *names)
{
	for (size_t i = 0; i < store->nsides; i++) {
		const struct pg_side *side = &store->sides[i];

		if (lives(side) && side != store->here &&
		    ((lost->heard & side->bit) != 0) == heard)
			buf_printf(names, "%s%s", names->len > 0 ? "," : "",
			    side->home);
	}
}

/* That takes a moment, and is told if it takes longer. */
static bool
all_are_heard(struct pg_store *store, struct pg_side *lost)
{
	struct buf missing = { 0 };
	bool all;

	name_living(store, lost, false, &missing);
	all = missing.len == 0;
	if (!all && !lost->waits_told && store->base.loop->now_ms -
	    lost->lost_ms > 2 * PG_GONE_MS) {
		lost->waits_told = true;
		log_warn("the states of the lost region %s are not taken over "
		    "yet: the regions %s, which are not lost by the map, do not "
		    "answer, or what they sent has not come", lost->home,
		    buf_cstr(&missing));
	}
	buf_fini(&missing);
	return all;
}

static void adopt(struct pg_store *, struct pg_side *, store_regions before);

static void
on_adopted(void *arg, enum store_end end, uint64_t count)
{
	struct pg_side *lost = arg;
	struct pg_store *store = lost->store;
	store_regions before;

	store->adopting = false;
	if (end == STORE_OK && count == PG_ADOPT && !store->closing &&
	    is_heir(store, lost->successors, &before))
		adopt(store, lost, before);	/* there are more */
}

static void
adopt(struct pg_store *store, struct pg_side *lost, store_regions before)
{
	struct pg_job *job = pg_job_new(&store->base, &pg_adopt, lost);

	store->adopting = true;
	sprintf(job->names, "%s%c%s", lost->home, 0, lost->successors);
	for (size_t i = 0; i < store->nsides; i++)
		if (store->sides[i].successors[0] != '\0')
			buf_printf(&job->body, "%s%s", job->body.len > 0 ?
			    "," : "", store->sides[i].home);
	name_living(store, lost, true, &job->move.body);
	job->regions = before;
	job->fn.count = on_adopted;
	pg_send(store->here, job);
}

static void
give_over(struct pg_store *store, struct pg_side *lost)
{
	store_regions before;
	bool heir = lost != store->here &&
	    is_heir(store, lost->successors, &before);
	const char *name = heir ? store->here->home : "";

	if (lost->lost_ms == 0)
		lost->lost_ms = store->base.loop->now_ms;
	if (lost->conninfo != NULL)
		tell(lost, &pg_fence, lost, name);
	if (lost == store->here)
		return;
	tell(lost, &pg_lose, store->here, name);
	if (!heir)
		return;
	tell_all(store, lost, name);
	if (!store->adopting && all_are_heard(store, lost) &&
	    !has_more_to_say(store, lost))
		adopt(store, lost, before);
}

/* --- every few seconds ----------------------------------------------------------- */

static void
tell_taken(struct pg_store *store, int64_t taken)
{
	struct store *base = store->sets != NULL ? &store->sets->base :
	    &store->base;

	if (store->taken >= 0 && taken != store->taken &&
	    base->taken_over != NULL)
		base->taken_over(base->arg);
	store->taken = taken;
}

static void
on_tended(void *arg, enum store_end end, uint64_t taken)
{
	struct pg_store *store = arg;

	store->tending = false;
	if (end == STORE_OK)
		tell_taken(store, (int64_t)taken);
}

static void
tend(struct pg_store *store)
{
	struct pg_job *job = pg_job_new(&store->base, &pg_tend, store);

	store->tending = true;
	job->fn.count = on_tended;
	pg_send(store->here, job);
}

void
pg_tend_all(struct pg_store *store)
{
	if (store->closing)
		return;
	for (size_t i = 0; i < store->nsides; i++)
		if (store->sides[i].successors[0] != '\0')
			give_over(store, &store->sides[i]);
	if (!store->tending)
		tend(store);
}
