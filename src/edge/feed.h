/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The restrictions as this region's engines tell them (policy.source:
 * engines): asked for all the time, put into service as they change, and
 * kept on disk, so that an edge can start alone.
 *
 * Control thread.  Only the copy is written by a thread of its own, from a
 * set that no longer changes.
 */
#ifndef EDGE_FEED_H
#define EDGE_FEED_H

#include "edge/plan.h"

struct feed;

struct feed *feed_new(struct edge *edge);
void feed_free(struct feed **feed);

/*
 * A plan whose restrictions are the feed's, made of one that was just loaded,
 * which it owns from then on; or the plan itself where they come from a file.
 */
struct plan *feed_take(struct feed *feed, struct plan *plan);

/* Each second: the plan in service is asked for, the copy brought up to
 * date. */
void feed_tick(struct feed *feed);

/* For metrics and status. */
struct feed_state {
	uint64_t	 revision;	/* of the store, or the generation */
	uint64_t	 age_ms;	/* since it was known to be current; since
					   the process began: never was */
	size_t		 count, bytes;	/* of the set in service */
	uint64_t	 pages, failures, copies;
	const char	*trouble;	/* of the last question; "" if none */
};

void feed_look(const struct feed *feed, struct feed_state *state);

#endif
