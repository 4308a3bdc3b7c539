/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What the engines of this region tell of the store that they share, and of its
 * replication with the other regions': for metrics and readyz.  Control thread.
 */
#ifndef EDGE_STORES_H
#define EDGE_STORES_H

#include "edge/process.h"

/* The lines of /readyz?verbose. */
void stores_write(const struct edge *edge, struct buf *out);

/* The families of /metrics. */
void stores_metrics(const struct edge *edge, struct buf *out);

#endif
