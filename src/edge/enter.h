/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * How many requests may be under way at a time: of a tenant, to a region, to
 * an engine.  What is one too many waits for a moment in a short queue; what
 * finds no room there, or waits too long, is answered with 503.
 *
 * Each worker has a queue of its own, in order of arrival; how many wait, and
 * how many are under way, counts for the whole process.  Who gives a place
 * back wakes his own worker's queue, or else one that somebody waits in.
 *
 * Also how many of a region's requests are repetitions: if an engine fails,
 * the others must not get all of its load twice.
 */
#ifndef EDGE_ENTER_H
#define EDGE_ENTER_H

#include "base/list.h"
#include "edge/counters.h"
#include "net/loop.h"

struct edge_request;
struct shared;
struct worker;

/* Of a worker. */
struct entry {
	struct list	 waiting;	/* edge_request.entry_node */
	struct task	 wake;		/* somebody may go on */
	struct timer	 late;		/* somebody waits for too long */
	atomic_bool	 hungry;	/* somebody waits; others read it ... */
	atomic_bool	 poked;		/* ... and have told us of a free place */
	atomic_bool	 dropping;	/* idle connections, for others */
	/* Under way to each region, and how many of them are repetitions:
	 * this worker writes, all read. */
	_Atomic uint64_t active[REGIONS_MAX], retrying[REGIONS_MAX];
};

void entry_init(struct worker *w);

/* Of all workers. */
uint64_t entry_active(const struct shared *shared, unsigned region);

/* What a request holds of the limits. */
struct entered {
	struct list	 node;		/* in a queue */
	uint64_t	 until_ms;	/* it waits so long; 0: never waited */
	uint64_t	 since_us;	/* it waits now */
	_Atomic uint64_t *tenant;
	_Atomic uint32_t *region, *engine;	/* places; NULL: none */
	size_t		 held_bytes;	/* of its body, to look inside */
	uint8_t		 waits_for;	/* enum limit */
	int8_t		 in;		/* region that counts it; -1: none */
	bool		 retrying;
};

/* A place with an engine: false, and it is full. */
bool enter_engine(struct edge_request *er, unsigned index);

/* None is left to connect with, here or anywhere in the process: all idle
 * connections are closed, and it waits for what that brings.  False: it
 * cannot wait. */
bool enter_descriptors(struct edge_request *er);
/* The same for a client who waits to be accepted; whether it brought some
 * already. */
bool enter_spare_descriptors(struct worker *w);

/* So much more of a body is held back: false, and it is too much. */
bool enter_held(struct edge_request *er, size_t bytes);

/* All engines that are up are full: queues it, or finds that it cannot. */
bool enter_queue(struct edge_request *er, enum limit limit);

/* Whether the region's budget allows for one more repetition. */
bool enter_again(struct edge_request *er);

/* It waits no longer, if it did. */
void leave_queue(struct edge_request *er);
void leave_engine(struct edge_request *er);
/* All that it holds, its place in the queue included. */
void leave_all(struct edge_request *er);

#endif
