/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the workers of the process share on the way of a request: limits that
 * would mean something else if each worker had its own.  All of it is atomic,
 * and what a setting switches off is not touched.
 */
#ifndef EDGE_SHARED_H
#define EDGE_SHARED_H

#include <stdalign.h>

#include "conf/fixed.h"
#include "edge/counters.h"
#include "edge/pressure.h"
#include "policy/buckets.h"
#include "policy/tallies.h"
#include "upstream/upstream.h"

/* On a cache line of its own. */
struct shared_count {
	alignas(64) _Atomic uint32_t count;
};

struct shared {
	/* The workers; all are there before the first one starts. */
	struct worker	*workers[CONFIG_THREADS_MAX];
	unsigned	 nworkers;

	_Atomic uint32_t connections;	/* of clients and edges */
	_Atomic uint64_t held_bytes;	/* of bodies being looked into */
	/* The control thread writes: enum pressure, and the enum limit that it
	 * comes from. */
	_Atomic uint8_t pressure, pressed_by;

	/* rates */
	struct buckets	*clients, *tenants;
	struct buckets	*retries;	/* by region, those that are always free */

	/* requests under way, counted while there is a limit */
	struct tallies	*tenants_active;
	struct shared_count regions[REGIONS_MAX];
	struct shared_count engines[UPSTREAMS_MAX];	/* by upstream.index */
	_Atomic uint32_t waiting[LIMITS];	/* for a place of that kind */
};

struct shared *shared_new(void);
void shared_free(struct shared **shared);

#endif
