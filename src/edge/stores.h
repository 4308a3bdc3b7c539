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
};

void stores_read(const struct edge *edge, struct stores *stores);

/* "1" or "0", revisions and the like behind it: whether an engine's store is
 * good, and what is wrong with it if not.  False: it told nothing. */
bool store_told(const struct upstream *up, bool *good, struct slice *trouble);

/* The lines of /readyz?verbose. */
void stores_write(const struct edge *edge, struct buf *out);

/* The families of /metrics. */
void stores_metrics(const struct edge *edge, struct buf *out);

#endif
