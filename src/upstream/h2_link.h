/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Exchanges that share a connection: to the edge of another region, far away,
 * many requests travel as streams of HTTP/2 over one connection (of each
 * thread; a second when the first is full).  Whether the other edge speaks it
 * shows when the connection is up; where it does not, its exchanges go on as
 * others do, by HTTP/1.1.
 */
#ifndef UPSTREAM_H2_LINK_H
#define UPSTREAM_H2_LINK_H

#include "http/h2.h"
#include "net/stream.h"
#include "upstream/exchange.h"

struct h2_link {
	struct stream	 stream;	/* first, as in struct upstream_conn */
	struct list	 node;		/* of the pool's, while it takes more */
	struct list	 of_all;	/* of the thread's */
	struct pools	*pools;
	struct pool	*pool;
	struct h2	*h2;		/* NULL while connecting */
	struct list	 streams;	/* struct link_stream */
	struct list	 ready;		/* those with something for their owner */
	unsigned	 nstreams;
	size_t		 held;		/* bytes of bodies, not yet taken ... */
	size_t		 owed;		/* ... and for which the window of all
					   was not opened again */
	struct task	 task;		/* writes what has gathered in a turn */
	struct timer	 timer;		/* idleness; silence */
	uint64_t	 since_ms;	/* idle, or the last that was heard */
	uint64_t	 began_us;
	bool		 used;		/* it has carried an answer */
	bool		 pinged;
	bool		 leaving;
	bool		 lost;		/* only complete answers are left */
};

/* Whether this one, to a link, may travel so. */
bool h2_link_suits(const struct pool *pool,
    const struct exchange_request *request);

/* Something is to be written, or told to an owner: at the end of the turn. */
void h2_link_wake(struct h2_link *link);

/* Puts ex on a connection, which may have to be made first. */
void h2_link_join(struct exchange *ex);

/* The pool leads elsewhere now: what is open goes on, nothing new begins. */
void h2_links_leave(struct pool *pool);
/* Shared connections with and without exchanges, and how many share. */
void h2_links_count(const struct pools *pools, unsigned *busy,
    unsigned *idle, unsigned *sharing);
/* All of a thread, at once; no exchange is left. */
void h2_links_free(struct pools *pools);

#endif
