/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/tallies.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

enum { WAYS = 4, COUNT_BITS = 16 };

struct tallies {
	uint64_t	 sets;		/* a power of two */
	_Atomic uint64_t *all;
};

struct tallies *
tallies_new(unsigned bits)
{
	struct tallies *t = xcalloc(1, sizeof(*t));

	must(bits >= 2 && bits < 32);
	t->sets = (UINT64_C(1) << bits) / WAYS;
	t->all = xcalloc(t->sets * WAYS, sizeof(*t->all));
	return t;
}

void
tallies_free(struct tallies **tallies)
{
	if (*tallies == NULL)
		return;
	free((*tallies)->all);
	free(*tallies);
	*tallies = NULL;
}

static unsigned
count_of(uint64_t place)
{
	return (unsigned)(place & TALLY_MOST);
}

/* The key's place; else one that nobody has; else NULL. */
static _Atomic uint64_t *
look_up(_Atomic uint64_t *set, uint64_t tag, uint64_t *was)
{
	_Atomic uint64_t *empty = NULL;
	uint64_t empty_was = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		*was = atomic_load_explicit(&set[i], memory_order_relaxed);
		if (*was >> COUNT_BITS == tag && count_of(*was) > 0)
			return &set[i];
		if (empty == NULL && count_of(*was) == 0) {
			empty = &set[i];
			empty_was = *was;
		}
	}
	*was = empty_was;
	return empty;
}

/*
 * Two threads that come with a new key at the same moment may give it two
 * places; each counts then for as long as somebody holds it.
 */
bool
tallies_take(struct tallies *tallies, uint64_t key, unsigned most,
    _Atomic uint64_t **held)
{
	uint64_t tag = key >> COUNT_BITS;
	_Atomic uint64_t *set = &tallies->all[(key & (tallies->sets - 1)) *
	    WAYS];
	uint64_t was;

	must(most > 0 && most <= TALLY_MOST);
	do {
		*held = look_up(set, tag, &was);
		if (*held == NULL)
			return true;
		if (count_of(was) >= most) {
			*held = NULL;
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(*held, &was,
	    (tag << COUNT_BITS) | (count_of(was) + 1), memory_order_relaxed,
	    memory_order_relaxed));
	return true;
}

void
tally_give(_Atomic uint64_t **held)
{
	if (*held == NULL)
		return;
	must(count_of(atomic_fetch_sub_explicit(*held, 1,
	    memory_order_relaxed)) > 0);
	*held = NULL;
}
