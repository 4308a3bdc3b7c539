/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a worker counts.  Each counter has one writer, its worker; the control
 * thread reads and sums them, so a relaxed store is all that is needed and
 * costs what a plain one does.
 */
#ifndef EDGE_COUNTERS_H
#define EDGE_COUNTERS_H

#include <stdatomic.h>

#include "policy/decide.h"
#include "policy/explain_token.h"

enum {
	COUNTED_REGIONS = REGIONS_MAX + 1,	/* the last: no region */
	NO_REGION = REGIONS_MAX,
	COUNTED_CODES = 48,
	DURATION_BUCKETS = 14,		/* the last: everything */
	COUNTED_RULES = 64,		/* names of refused syntax */
	COUNTED_SETS = 16,		/* of permitted regions */
	SET_USED = 1 << 16,		/* in struct counted_set */
	CLIENT_SOURCES = 4,
	PLACE_CLASSES = 3,
};

/* Which of the list that follows a forwarded request was decided by. */
enum decided_by {
	DECIDED_BY_HOST, DECIDED_BY_MAIN, DECIDED_BY_NETWORK,
	DECIDED_BY_COUNTRY, DECIDED_BY_CONTINENT, DECIDED_BY_DEFAULT,
	DECIDED_BY_FALLBACK, DECIDED_BY_NEARNESS, DECIDED_BY_STATE,
	DECIDED_BY_LINK, DECISIONS
};

enum retry_why {
	RETRY_REFUSED, RETRY_TIMEOUT, RETRY_STALE, RETRY_BROKEN,
	RETRY_MISDIRECTED, RETRY_LINK_REFUSED, RETRIES
};

/* What keeps a request from going on, or would. */
enum limit {
	LIMIT_NONE, LIMIT_CLIENT_RATE, LIMIT_TENANT_RATE,
	LIMIT_TENANT_REQUESTS, LIMIT_REGION_REQUESTS, LIMIT_ENGINE_REQUESTS,
	LIMIT_DESCRIPTORS, LIMIT_MEMORY, LIMIT_HELD_BYTES,
	LIMITS
};

struct histogram {
	_Atomic uint64_t bucket[DURATION_BUCKETS];	/* not cumulative */
	_Atomic uint64_t sum_us;
};

struct counters {
	_Atomic uint64_t requests[COUNTED_REGIONS][3][COUNTED_CODES];
	_Atomic uint64_t decided[DECISIONS][REGIONS_MAX];
	_Atomic uint64_t refused[OUTCOMES];
	_Atomic uint64_t countries[COUNTRIES + 1];
	_Atomic uint64_t classes[PLACE_CLASSES];
	_Atomic uint64_t sources[CLIENT_SOURCES];
	_Atomic uint64_t access_denied[PLACE_CLASSES];
	_Atomic uint64_t execution_denied;
	/* Requests that no region of a set could take, by the set; those
	 * beyond the first so many, together. */
	struct counted_set {
		_Atomic uint32_t bits;	/* and SET_USED */
		_Atomic uint64_t count;
	}		 unavailable[COUNTED_SETS];
	_Atomic uint64_t unavailable_others;
	_Atomic uint64_t assert_failures, link_disagreements, loops;
	_Atomic uint64_t backend_mismatches;
	_Atomic uint64_t retries[RETRIES];
	_Atomic uint64_t attempts;
	_Atomic uint64_t received_bytes, sent_bytes;
	_Atomic uint64_t explain_tokens[EXPLAIN_TOKEN_VERDICTS];
	_Atomic uint64_t limited[LIMITS], limited_dry[LIMITS], queued[LIMITS];
	_Atomic uint64_t retries_refused;	/* by the budget */
	_Atomic uint64_t idle_shed;
	_Atomic uint64_t connections_paused, proxy_refused, handshakes_failed;
	_Atomic uint64_t hello_refused, passed, pass_failed;
	_Atomic uint64_t pass_received_bytes, pass_sent_bytes;
	/* The server's own numbers, copied each second. */
	_Atomic uint64_t connections, accepted, served, passages;
	_Atomic uint64_t h2_connections, h2_requests;
	_Atomic uint64_t h2_resets, h2_glitches, h2_malformed, h2_calmed;
	_Atomic uint64_t upstream_busy, upstream_idle;	/* the pools' */
	struct histogram duration[COUNTED_REGIONS], upstream[COUNTED_REGIONS];
	/* Syntax rules by name, in order of first sight; the names are
	 * static.  A name is published after its counter was zeroed. */
	struct {
		_Atomic(const char *) name;
		_Atomic uint64_t count;
	} rules[COUNTED_RULES];
};

static inline void
count_add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter,
	    memory_order_relaxed) + n, memory_order_relaxed);
}

static inline void
count_one(_Atomic uint64_t *counter)
{
	count_add(counter, 1);
}

static inline void
count_set(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, n, memory_order_relaxed);
}

static inline uint64_t
count_read(_Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

/* Status codes that have a counter of their own; others count as theirs of
 * the same hundred.  counters_code(counters_code_index(404)) is "404". */
unsigned counters_code_index(unsigned status);
const char *counters_code(unsigned index);	/* NULL beyond the last */

void counters_rule(struct counters *c, const char *rule);
void counters_unavailable(struct counters *c, struct region_set permitted);
void counters_duration(struct histogram *h, uint64_t us);

/* Upper bounds in seconds, as Prometheus prints them; "+Inf" is the last. */
extern const char *const duration_bounds[DURATION_BUCKETS];
extern const char *const decided_by_names[DECISIONS];
extern const char *const retry_names[RETRIES];
extern const char *const limit_names[LIMITS];
extern const char *const limit_dry_names[LIMITS];	/* NULL: no trials */

#endif
