/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What has to be seen to every few seconds, whoever of a region's engines does
 * it: moves that nobody ended, and regions that the map calls lost.
 *
 * That a region is lost is said by a person, in the map: a region that is cut
 * off and goes on, and another that takes its states over because it hears
 * nothing, would make two pasts of each.  Who is named its successor takes over
 * what it has copies of.  Each region that reads of it tells the lost one's
 * server, as soon as that can be reached, that nothing is to be written there,
 * whatever map its own engines may have come back with.
 */
#include <stdio.h>
#include <string.h>

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

static void
fence(struct pg_store *store, struct pg_side *lost)
{
	struct pg_job *job = pg_job_new(&store->base, &pg_fence, NULL);

	snprintf(job->names, sizeof(job->names), "%s", lost->successors);
	pg_send(lost, job);
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

/* This one, and after a NUL all that are. */
static void
name_lost(const struct pg_store *store, const struct pg_side *lost,
    char names[2 * STORE_NAMES_MAX])
{
	size_t len = strlen(lost->home) + 1, from = len;

	memcpy(names, lost->home, len);
	for (size_t i = 0; i < store->nsides; i++)
		if (store->sides[i].successors[0] != '\0' && len +
		    STORE_HOME_MAX + 1 < 2 * STORE_NAMES_MAX)
			len += (size_t)sprintf(names + len, "%s%s",
			    len > from ? "," : "", store->sides[i].home);
}

static void
adopt(struct pg_store *store, struct pg_side *lost, store_regions before)
{
	struct pg_job *job = pg_job_new(&store->base, &pg_adopt, lost);

	store->adopting = true;
	name_lost(store, lost, job->names);
	job->regions = before;
	job->fn.count = on_adopted;
	pg_send(store->here, job);
}

static void
on_tended(void *arg, enum store_end end, uint64_t count)
{
	struct pg_store *store = arg;

	(void)end, (void)count;
	store->tending = false;
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
	for (size_t i = 0; i < store->nsides; i++) {
		struct pg_side *side = &store->sides[i];
		store_regions before;

		if (side->successors[0] == '\0')
			continue;
		if (side->conninfo != NULL)
			fence(store, side);
		if (side != store->here && !store->adopting &&
		    is_heir(store, side->successors, &before))
			adopt(store, side, before);
	}
	if (!store->tending)
		tend(store);
}
