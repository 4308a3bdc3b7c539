/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/balance.h"

#include <math.h>

#include "base/must.h"

/* xorshift64* (Vigna 2016): a few nanoseconds, and good enough to deal. */
uint64_t
balance_next(struct balance_random *random)
{
	uint64_t x = random->state;

	must(x != 0);
	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* Of 0 .. below - 1; the high bits are the random ones. */
static uint64_t
random_below(struct balance_random *random, uint64_t below)
{
	return (uint64_t)((unsigned __int128)balance_next(random) *
	    below >> 64);
}

static bool
is_usable(const struct balance_choice *choices, unsigned i, uint64_t usable)
{
	return (usable >> i & 1) != 0 && choices[i].weight > 0;
}

static uint64_t
sum_of_weights(const struct balance_choice *choices, unsigned count,
    uint64_t usable)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < count; i++)
		if (is_usable(choices, i, usable))
			sum += choices[i].weight;
	return sum;
}

/* One of the usable ones, by weight; there is one. */
static unsigned
draw(const struct balance_choice *choices, unsigned count, uint64_t usable,
    uint64_t sum, struct balance_random *random)
{
	uint64_t at = random_below(random, sum);

	for (unsigned i = 0; i < count; i++) {
		if (!is_usable(choices, i, usable))
			continue;
		if (at < choices[i].weight)
			return i;
		at -= choices[i].weight;
	}
	must(false);
	return 0;
}

/* Load is requests per weight; where it is equal, the draw has decided. */
static bool
is_less_loaded(const struct balance_choice *a, const struct balance_choice *b)
{
	return (uint64_t)a->outstanding * b->weight <
	    (uint64_t)b->outstanding * a->weight;
}

int
balance_pick(const struct balance_choice *choices, unsigned count,
    uint64_t usable, struct balance_random *random)
{
	uint64_t sum;
	unsigned a, b;

	must(count <= BALANCE_MAX);
	if (usable != 0 && (usable & (usable - 1)) == 0)	/* no choice */
		return choices[__builtin_ctzll(usable)].weight > 0 ?
		    __builtin_ctzll(usable) : -1;
	sum = sum_of_weights(choices, count, usable);
	if (sum == 0)
		return -1;
	a = draw(choices, count, usable, sum, random);
	usable &= ~(UINT64_C(1) << a);
	sum -= choices[a].weight;
	if (sum == 0)
		return (int)a;
	b = draw(choices, count, usable, sum, random);
	return is_less_loaded(&choices[b], &choices[a]) ? (int)b : (int)a;
}

/* --- by key ----------------------------------------------------------------- */

/* splitmix64's last step (Steele et al. 2014). */
static uint64_t
mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Rendezvous hashing with weights (Schindelhauer and Schomaker 2005): the
 * highest wins, with a chance that is its weight's. */
static double
score(const struct balance_choice *choice, uint64_t key)
{
	double u = ((double)(mix(key ^ choice->name) >> 11) + 0.5) *
	    0x1p-53;

	return choice->weight / -log(u);
}

/* Bounded loads (Mirrokni et al. 2018), with room for a quarter more. */
static bool
has_room(const struct balance_choice *choice, uint64_t in_hand, uint64_t sum)
{
	uint64_t share = ((in_hand + 1) * choice->weight * 5 + 4 * sum - 1) /
	    (4 * sum);

	return choice->outstanding < share;
}

int
balance_by_key(const struct balance_choice *choices, unsigned count,
    uint64_t usable, uint64_t key)
{
	uint64_t sum = sum_of_weights(choices, count, usable), in_hand = 0;
	double best = -1;
	int at = -1;

	must(count <= BALANCE_MAX);
	for (unsigned i = 0; i < count; i++)
		if (is_usable(choices, i, usable))
			in_hand += choices[i].outstanding;
	for (unsigned i = 0; i < count; i++) {
		double s;

		if (!is_usable(choices, i, usable) ||
		    !has_room(&choices[i], in_hand, sum))
			continue;
		s = score(&choices[i], key);
		if (s > best) {
			best = s;
			at = (int)i;
		}
	}
	return at;
}
