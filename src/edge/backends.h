/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who stands behind each region, from the point of view of this edge: its own
 * region's engines, and for other regions their edges.
 */
#ifndef EDGE_BACKENDS_H
#define EDGE_BACKENDS_H

#include "conf/generation.h"
#include "policy/balance.h"
#include "upstream/upstream.h"

struct backend_group {
	struct upstream	**list;		/* into all of struct backends */
	unsigned	 count;
};

struct backends {
	struct backend_group regions[REGIONS_MAX];
	unsigned	 nregions;
	struct upstream	**all;
	size_t		 count;
};

/*
 * Control thread.  The lists live in arena; the upstreams are held until
 * backends_release().  False if one cannot be had, with *err saying why.
 */
bool backends_find(struct backends *backends, struct arena *arena,
    const struct generation *generation, struct upstreams *upstreams,
    struct err *err);
void backends_release(struct backends *backends, struct upstreams *upstreams);

/* Whether each has been probed once. */
bool backends_known(const struct backends *backends);

/* Regions with somebody up behind them.  Any thread. */
struct region_set backends_up(const struct backends *backends);

/* Who is wanted of a group. */
struct backend_wish {
	uint64_t	 skip;		/* not these, a bit by index */
	bool		 forced;	/* if none is up, one that is not */
	uint64_t	 key;		/* 0: whoever has least to do */
	uint64_t	 slow_start_ms, now_ms;
};

/* As policy/balance.h deals; -1 if there is none. */
int backends_pick(const struct backend_group *group,
    const struct backend_wish *wish, const struct pools *pools,
    struct balance_random *random);

/* It fails requests, but is in service: there are too few others. */
static inline bool
upstream_is_kept(struct upstream *u, uint64_t now_ms)
{
	return atomic_load_explicit(&u->kept_until_ms, memory_order_relaxed) >
	    now_ms && atomic_load_explicit(&u->health,
	    memory_order_relaxed) == HEALTH_UP;
}

static inline bool
upstream_is_up(struct upstream *u)
{
	return atomic_load_explicit(&u->health, memory_order_relaxed) ==
	    HEALTH_UP;
}

#endif
