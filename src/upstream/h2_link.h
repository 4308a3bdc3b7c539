/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Exchanges that share a connection: to the edge of another region, far away,
 * many requests travel as streams of HTTP/2 over one connection (of each
 * thread; a second when the first is full).  Whether the other edge speaks it
 * shows when the connection is up; where it does not, its exchanges go on as
 * others do, by HTTP/1.1.
 *
 * exchange.c asks here wherever an exchange has a stream.
 */
#ifndef UPSTREAM_H2_LINK_H
#define UPSTREAM_H2_LINK_H

#include "http/h2.h"
#include "net/queue.h"
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

/* An exchange's part; outlives it until the stream is closed. */
struct link_stream {
	struct h2_stream stream;
	struct list	 node, ready;
	struct h2_link	*link;
	struct exchange	*ex;		/* NULL: nobody is interested any more */
	struct queue	 out;		/* of the request's body */
	struct buf	 trailers;	/* of the request */
	struct buf	 heads;		/* of the answer, not yet told */
	struct buf	 body;		/* likewise */
	bool		 asked;
	bool		 in_ended;	/* the answer is complete */
	bool		 told_last;	/* the owner knows already */
	bool		 over;		/* the stream is closed: */
	enum h2_error	 error;
};

/* Whether this one, to a link, may travel so. */
bool h2_link_suits(const struct pool *pool,
    const struct exchange_request *request);

/* Puts ex on a connection, which may have to be made first. */
void h2_link_join(struct exchange *ex);

/* More of the request's body; false: stop until drained(). */
bool h2_link_send(struct exchange *ex, struct slice bytes);
void h2_link_send_last(struct exchange *ex, struct slice bytes,
    struct slice trailers);

/* To the owner, from the loop, what came and is not held back by a pause. */
void h2_link_deliver(struct exchange *ex);
/* The owner takes more again. */
void h2_link_resume(struct exchange *ex);

/* The exchange is over; what of it is on its way is of no use. */
void h2_link_part(struct exchange *ex);

/* The pool leads elsewhere now: what is open goes on, nothing new begins. */
void h2_links_leave(struct pool *pool);
/* Shared connections with and without exchanges, and how many share. */
void h2_links_count(const struct pools *pools, unsigned *busy,
    unsigned *idle, unsigned *sharing);
/* All of a thread, at once; no exchange is left. */
void h2_links_free(struct pools *pools);

#endif
