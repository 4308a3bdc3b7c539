/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Which engine of a region takes the next request: the less loaded of two
 * that were drawn at random by weight.  Nearly as even as asking all of them,
 * and no herd runs to the one that just became free.
 */
#ifndef POLICY_BALANCE_H
#define POLICY_BALANCE_H

#include <stdbool.h>
#include <stdint.h>

enum { BALANCE_MAX = 64 };		/* choices: a bit each in a set */

struct balance_choice {
	uint32_t	 weight;	/* from 1; 0 takes nothing */
	uint32_t	 outstanding;	/* requests it has in hand */
	uint64_t	 name;		/* for balance_by_key(): stays the same */
};

/* State of a generator of its own, one a thread; any seed but zero. */
struct balance_random {
	uint64_t	 state;
};

uint64_t balance_next(struct balance_random *random);

/*
 * An index, or -1 if nothing is left.  usable: bit i is choice i; whoever is
 * down or was tried already is not in it.
 */
int balance_pick(const struct balance_choice *choices, unsigned count,
    uint64_t usable, struct balance_random *random);

/*
 * The same key meets the same choice, whoever asks, and when choices come and
 * go only those keys move that have to.  A choice that has a quarter more in
 * hand than its share takes no further ones: they meet their next best.
 */
int balance_by_key(const struct balance_choice *choices, unsigned count,
    uint64_t usable, uint64_t key);

#endif
