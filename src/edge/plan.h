/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A generation, with what the edge made of it: who stands behind the regions,
 * where to listen, and lines of heads that are the same for every request.
 * Immutable but for what is atomic.  Its holders are the generation's.
 */
#ifndef EDGE_PLAN_H
#define EDGE_PLAN_H

#include "edge/access_log.h"
#include "edge/backends.h"
#include "edge/listening.h"
#include "policy/buckets.h"

struct edge;

/* Of access lines, and of spans. */
struct plan_writers {
	struct log_writer *lines, *spans;
};

struct plan {
	struct generation *generation;
	struct plan	*base;		/* of which it is but the restrictions;
					   NULL: it is one by itself */
	const struct restrictions *set;	/* of one with a base; held */
	const struct config *config;	/* the generation's */
	struct backends	 backends;
	struct listening *listening[LISTENERS_MAX];	/* by config->listeners */

	/* Regions that can serve: written by the control thread when a health
	 * changes, read by the workers for each request. */
	_Atomic uint16_t up;
	/* Among them, those where nothing new may begin; and those that are
	 * tried whatever their probes say.  Written and read likewise. */
	_Atomic uint16_t drained, forced;
	_Atomic uint16_t by_hand;	/* an operator has spoken of them */
	/* When the restrictions were last known to be current (monotonic):
	 * the control thread's word for the workers. */
	_Atomic uint64_t current_ms;

	/* "1.0 portolan-us", "1.1 ...", "2 ...": by the version in which a
	 * message came (RFC 9110 7.6.3). */
	struct slice	 via[3];
	struct slice	 pseudonym;	/* "portolan-us" */
	struct slice	 region_ids[REGIONS_MAX];
	struct bucket_rule client_rule, tenant_rule;	/* rate limits */
	uint64_t	 db_epoch;
	struct access_logs logs;
	struct log_sink	*audit;		/* of refusals; NULL: none are kept */
	struct log_sink	*collector;	/* of spans; NULL: none are recorded */
	struct plan_writers writers;
	unsigned	 workers;	/* that share the limits */
	struct edge	*edge;		/* whose it is */
	struct plan	*older;		/* the control thread's list of all */
	struct arena	*arena;
};

/*
 * Control thread.  The generation becomes the plan's; NULL and *err if an
 * upstream, a log or a listener cannot be had (the generation is freed then).
 */
struct plan *plan_new(struct generation *generation,
    struct upstreams *upstreams, struct listenings *listenings,
    const struct plan_writers *writers, struct err *err);

/*
 * The same with other restrictions, which were known to be current then (0:
 * nobody knows).  It holds base and set, and costs no more than its own few
 * bytes.
 */
struct plan *plan_with(struct plan *base, const struct restrictions *set,
    uint64_t current_ms);

static inline struct plan *
plan_base(struct plan *plan)
{
	return plan->base != NULL ? plan->base : plan;
}

/* After the last holder let go.  Control thread. */
void plan_free(struct plan **plan, struct upstreams *upstreams);

static inline struct region_set
plan_up(const struct plan *plan)
{
	return (struct region_set){ atomic_load_explicit(&plan->up,
	    memory_order_relaxed) };
}

/* The same for a request about a state that was begun in region born of the
 * map; -1: about none that we know. */
static inline struct region_set
plan_up_for(const struct plan *plan, int born)
{
	struct region_set up = plan_up(plan);
	uint16_t drained = atomic_load_explicit(&plan->drained,
	    memory_order_relaxed);

	if (born >= 0)
		drained &= (uint16_t)~(1u << born);
	up.bits &= (uint16_t)~drained;
	return up;
}

/* What worker has written goes on its way. */
static inline void
plan_flush(const struct plan *plan, unsigned worker)
{
	access_logs_flush(&plan->logs, worker);
	if (plan->audit != NULL)
		log_sink_flush(plan->audit, worker);
	if (plan->collector != NULL)
		log_sink_flush(plan->collector, worker);
}

/* Whether the restrictions are older than policy.max_staleness, or were never
 * known. */
static inline bool
plan_is_stale(const struct plan *plan, uint64_t now_ms)
{
	uint64_t most = plan->config->policy.max_staleness_ms;
	uint64_t current = atomic_load_explicit(&plan->current_ms,
	    memory_order_relaxed);

	return current == 0 || (most > 0 && now_ms > most + current);
}

#endif
