/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How many requests of each key are under way, in a table that never grows.
 * Shared by all threads without a lock: a place is one atomic number, which
 * holds 48 bits of the key and how often it was taken.  A place is the key's
 * while anything is taken; where others have all four places that a key can
 * have, it is not counted, and not limited.
 */
#ifndef POLICY_TALLIES_H
#define POLICY_TALLIES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { TALLY_MOST = 0xffff };

struct tallies;

/* Of 2^bits places, 8 bytes each; bits from 2. */
struct tallies *tallies_new(unsigned bits);
void tallies_free(struct tallies **tallies);

/*
 * False if most (from 1, at most TALLY_MOST) are under way already.  Else
 * *held is for tally_give(), or NULL where there was no place.  Any thread.
 */
bool tallies_take(struct tallies *tallies, uint64_t key, unsigned most,
    _Atomic uint64_t **held);

/* Nulls *held; NULL does nothing.  Any thread. */
void tally_give(_Atomic uint64_t **held);

#endif
