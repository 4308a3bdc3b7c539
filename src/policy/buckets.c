/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/buckets.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

#define NS_PER_S	UINT64_C(1000000000)

enum {
	WAYS = 4,			/* places for a key ... */
	LINE = 64,			/* ... in a cache line */
	TRIES = 4,
};

/*
 * The generic cell rate algorithm: what is stored is not how much is in the
 * bucket but when it will be full.  Workers meet here: the key is changed by
 * whoever takes the place, full_ns by whoever takes a token.  Between the two
 * a stranger's debt may be charged, or a token be given too much; that is one
 * request, once.
 */
struct bucket {
	_Atomic uint64_t key;		/* 0: never used */
	_Atomic uint64_t full_ns;
};

struct buckets {
	uint64_t	 sets;		/* a power of two */
	_Atomic uint64_t lost;
	struct bucket	*all;
	void		*memory;	/* what all stands in */
};

struct bucket_rule
bucket_rule_of(double rate, uint32_t burst)
{
	struct bucket_rule rule = { 0, 0 };

	must(rate >= 0 && rate <= 1e6);
	if (rate == 0)
		return rule;
	if (burst == 0)
		burst = rate < 1 ? 1 : (uint32_t)rate;
	rule.interval_ns = (uint64_t)((double)NS_PER_S / rate);
	rule.depth_ns = rule.interval_ns * (burst - 1);
	return rule;
}

struct buckets *
buckets_new(unsigned bits)
{
	struct buckets *b = xcalloc(1, sizeof(*b));

	must(bits >= 2 && bits < 32);
	b->sets = (UINT64_C(1) << bits) / WAYS;
	/* Zeroed pages that nobody touches cost nothing where there is no
	 * limit; so not aligned_alloc() and a loop. */
	b->memory = xcalloc((b->sets + 1) * WAYS, sizeof(struct bucket));
	b->all = (struct bucket *)(((uintptr_t)b->memory + LINE - 1) &
	    ~(uintptr_t)(LINE - 1));
	return b;
}

void
buckets_free(struct buckets **buckets)
{
	if (*buckets == NULL)
		return;
	free((*buckets)->memory);
	free(*buckets);
	*buckets = NULL;
}

/* The place of the key, or the one to take for it. */
static struct bucket *
look_up(struct bucket *set, uint64_t key, bool *found)
{
	struct bucket *soonest = set;
	uint64_t soonest_ns = UINT64_MAX;

	for (unsigned i = 0; i < WAYS; i++) {
		uint64_t full = atomic_load_explicit(&set[i].full_ns,
		    memory_order_relaxed);

		*found = atomic_load_explicit(&set[i].key,
		    memory_order_relaxed) == key;
		if (*found)
			return &set[i];
		if (full < soonest_ns) {
			soonest = &set[i];
			soonest_ns = full;
		}
	}
	return soonest;
}

/* NULL if others are always faster: who fights for places is not limited for
 * that moment. */
static struct bucket *
bucket_of(struct buckets *b, uint64_t key, uint64_t now_ns)
{
	struct bucket *set = &b->all[(key >> 32 & (b->sets - 1)) * WAYS];

	for (int i = 0; i < TRIES; i++) {
		bool found;
		struct bucket *at = look_up(set, key, &found);
		uint64_t old;

		if (found)
			return at;
		old = atomic_load_explicit(&at->key, memory_order_relaxed);
		if (!atomic_compare_exchange_strong_explicit(&at->key, &old,
		    key, memory_order_relaxed, memory_order_relaxed))
			continue;
		if (atomic_exchange_explicit(&at->full_ns, 0,
		    memory_order_relaxed) > now_ns)
			atomic_fetch_add_explicit(&b->lost, 1,
			    memory_order_relaxed);
		return at;
	}
	return NULL;
}

bool
buckets_take(struct buckets *buckets, uint64_t key,
    const struct bucket_rule *rule, uint64_t now_ns, uint64_t *wait_ns)
{
	struct bucket *at = bucket_of(buckets, key | 1, now_ns);
	uint64_t full, from;

	if (at == NULL || rule->interval_ns == 0)
		return true;
	full = atomic_load_explicit(&at->full_ns, memory_order_relaxed);
	do {
		from = full > now_ns ? full : now_ns;
		if (from - now_ns > rule->depth_ns) {
			*wait_ns = from - now_ns - rule->depth_ns;
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&at->full_ns, &full,
	    from + rule->interval_ns, memory_order_relaxed,
	    memory_order_relaxed));
	return true;
}

uint64_t
buckets_lost(const struct buckets *buckets)
{
	return atomic_load_explicit(&buckets->lost, memory_order_relaxed);
}
