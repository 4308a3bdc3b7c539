/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * An exchange's part of a shared connection (h2_link.h): its request goes out
 * as a stream of HTTP/2, and what comes is kept until its owner takes it.
 *
 * The files of an exchange ask here wherever it has a stream.
 */
#ifndef UPSTREAM_LINK_STREAM_H
#define UPSTREAM_LINK_STREAM_H

#include "net/queue.h"
#include "upstream/h2_link.h"

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

/* What is done with what comes by the connection's session. */
extern const struct h2_ops link_h2_ops;

/* The connection is up: the request goes out. */
void link_stream_ask(struct link_stream *stream);

/* Its exchange ends, the stream after it. */
void link_stream_finish(struct link_stream *stream, enum exchange_end end);

/* It is closed, and nobody is interested. */
void link_stream_free(struct link_stream *stream);

/* More of the request's body; false: stop until drained(). */
bool link_stream_send(struct exchange *ex, struct slice bytes);
void link_stream_send_last(struct exchange *ex, struct slice bytes,
    struct slice trailers);

/* To the owner, from the loop, what came and is not held back by a pause. */
void link_stream_deliver(struct exchange *ex);
/* The owner takes more again. */
void link_stream_resume(struct exchange *ex);

/* The exchange is over; what of it is on its way is of no use. */
void link_stream_part(struct exchange *ex);

#endif
