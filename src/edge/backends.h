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

/* One of the group that is up and not in skip (bit by index), as
 * policy/balance.h deals; -1 if there is none.  forced: if there is none, one
 * that is not up. */
int backends_pick(const struct backend_group *group, uint64_t skip,
    bool forced, const struct pools *pools, struct balance_random *random);

static inline bool
upstream_is_up(struct upstream *u)
{
	return atomic_load_explicit(&u->health, memory_order_relaxed) ==
	    HEALTH_UP;
}

#endif
