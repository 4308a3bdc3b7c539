/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the engines of this region tell of the store that they share, and of its
 * replication with the other regions': for metrics and readyz.  Control thread.
 */
#ifndef EDGE_STORES_H
#define EDGE_STORES_H

#include "edge/process.h"
#include "store/pair.h"

struct stores {
	struct store_pair pairs[STORE_PAIRS_MAX];	/* of the first engine that
						   knows of any */
	size_t		 npairs;
	uint64_t	 cut;		/* subscriptions, by any of them */
	uint64_t	 conflicts;	/* of states, as the server has them */
	uint64_t	 claims, forwards;	/* by all of them */
};

void stores_read(const struct edge *edge, struct stores *stores);

/* What an engine's store is like, in its engine's words. */
struct store_words {
	bool		 good;
	uint64_t	 cut, conflicts, claims, forwards;	/* store.h */
	struct slice	 trouble;	/* there may be some though it is good */
};

/* False: it told nothing. */
bool store_told(const struct upstream *up, struct store_words *words);

/* The lines of /readyz?verbose. */
void stores_write(const struct edge *edge, struct buf *out);

/* The families of /metrics. */
void stores_metrics(const struct edge *edge, struct buf *out);

#endif
