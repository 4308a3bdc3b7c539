/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * One thread's connections to all upstreams, and the structs of connections
 * and exchanges that are used again and again.
 *
 * A struct that was let go rests until the end of the turn: callers further
 * up the stack may still look at it, and see that it is over.
 */
#ifndef UPSTREAM_POOL_H
#define UPSTREAM_POOL_H

#include "base/buf.h"
#include "upstream/upstream.h"

/* Of one upstream, on one thread. */
struct pool {
	struct pools	*pools;
	struct upstream	*to;
	uint64_t	 serial;	/* of the upstream that filled the slot */
	uint64_t	 way;		/* ... and to where it led */
	struct list	 idle;		/* last used first */
	unsigned	 nidle, outstanding;
	uint32_t	 requests, errors;	/* not yet told to the upstream */
	struct list	 links;		/* struct h2_link, that take more */
	uint64_t	 h1_until_ms;	/* it does not speak HTTP/2 */
};

/* A connection, idle or carrying one exchange. */
struct upstream_conn {
	struct stream	 stream;	/* first: a stream's owner is its conn */
	struct list	 node;		/* in idle, resting or free */
	struct pool	*pool;
	struct exchange	*ex;		/* NULL: idle */
	uint64_t	 way;		/* of the pool, when it was made */
	uint64_t	 idle_since_ms;
};

struct pools {
	struct loop	*loop;
	const struct pool_limits *limits;
	unsigned	 used;		/* pools beyond have no upstream */
	struct list	 free_conns, resting_conns;
	/* Chains, not rings: whoever leaves a ring touches his neighbours,
	 * which for exchanges nobody has touched for long. */
	struct exchange	*made;		/* the last; each knows the one before */
	struct exchange	*free_exchanges;	/* used last first */
	struct exchange	*resting_exchanges, *first_to_rest;
	struct list	 links;		/* struct h2_link, all of them */
	struct h2_kit	*kit;		/* with the first of them */
	struct buf	 frames;	/* of HTTP/2, on their way out */
	struct task	 wake;		/* makes the resting free */
	struct timer	 sweep;		/* expires idle ones, tells counters */
	struct h1_head	 head;		/* of the answer just being read */
	struct pool	 of[UPSTREAMS_MAX];
};

struct pool *pools_pool(struct pools *pools, struct upstream *to);

/* The idle connection that was used last, or NULL. */
struct upstream_conn *pool_take(struct pool *pool);

/* A new one, on its way; its stream is for the caller to connect. */
struct upstream_conn *pool_new_conn(struct pool *pool);

/* Back to the idle ones; it must be between two exchanges. */
void pool_give(struct upstream_conn *conn);
void pool_drop(struct upstream_conn *conn);	/* closes it */

void pool_count(struct pool *pool, bool error);

/* An exchange is zeroed; resting keeps its contents. */
struct exchange *pools_new_exchange(struct pools *pools);
void pools_rest_exchange(struct pools *pools, struct exchange *ex);

extern const struct stream_ops upstream_conn_ops;

#endif
