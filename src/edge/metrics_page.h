/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The page of metrics in Prometheus' text format, as its two files write it:
 * metrics.c what the traffic counts, metrics_state.c how things stand.
 * Nothing has a label that a client can choose (addresses, tenants, flows), so
 * their number is bounded.
 */
#ifndef EDGE_METRICS_PAGE_H
#define EDGE_METRICS_PAGE_H

#include "edge/process.h"

struct page {
	const struct edge *edge;
	struct buf	*out;
};

static inline void
family(struct page *p, const char *name, const char *type, const char *help)
{
	buf_printf(p->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

static inline void
sample(struct page *p, const char *name, const char *labels, uint64_t value)
{
	buf_printf(p->out, "%s%s ", name, labels);
	buf_u64(p->out, value);
	buf_char(p->out, '\n');
}

/* Of a counter at the same place in each worker's struct counters. */
uint64_t metrics_sum_at(const struct page *page, size_t offset);

#define SUM(p, member)	metrics_sum_at((p), offsetof(struct counters, member))
/* Of one element of an array member; its index is not a constant. */
#define SUM_OF(p, member, index) metrics_sum_at((p), \
	offsetof(struct counters, member) + (size_t)(index) * \
	sizeof(_Atomic uint64_t))

/* How the edge, its upstreams and its process stand. */
void metrics_write_state(struct page *page);

#endif
