/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Token buckets by key, in a table that never grows: so many requests a
 * second of whoever the key stands for, and a burst above that.
 *
 * All threads share one table.  A share for each would be wrong for the very
 * clients that are to be limited, whose few connections the kernel deals to
 * the threads as it likes; and a bucket is one atomic number (the moment at
 * which it will be full again), next to its key in one cache line, so there
 * is no lock and no memory to allocate.
 *
 * A key can stand in four places.  Where they are taken, it gets that of the
 * bucket that is full soonest; if that is not full yet its owner gets a new
 * one with his next request, and the loss is counted.  Keys come from a keyed
 * hash, so nobody can aim at another's place.
 */
#ifndef POLICY_BUCKETS_H
#define POLICY_BUCKETS_H

#include <stdbool.h>
#include <stdint.h>

/* How fast a bucket fills, and how much it holds. */
struct bucket_rule {
	uint64_t	 interval_ns;	/* of two tokens; 0: no limit */
	uint64_t	 depth_ns;	/* of all but one */
};

/* rate: tokens a second, 0 for no limit, at most a million.  burst: tokens in
 * a full bucket; 0: those of a second, at least one. */
struct bucket_rule bucket_rule_of(double rate, uint32_t burst);

struct buckets;

/* Of 2^bits places, 16 bytes each; bits from 2. */
struct buckets *buckets_new(unsigned bits);
void buckets_free(struct buckets **buckets);

/*
 * A token from the bucket of key.  False if there is none, with the time
 * until there will be.  now_ns: of the monotonic clock; the threads' may
 * differ a little.  Any thread.
 */
bool buckets_take(struct buckets *buckets, uint64_t key,
    const struct bucket_rule *rule, uint64_t now_ns, uint64_t *wait_ns);

/* Buckets that were taken away before they were full again.  Any thread. */
uint64_t buckets_lost(const struct buckets *buckets);

#endif
