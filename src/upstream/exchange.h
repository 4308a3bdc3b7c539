/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The inside of an exchange.  exchange.c lives its life, exchange_request.c
 * writes the request, exchange_answer.c reads the answer.
 */
#ifndef UPSTREAM_EXCHANGE_H
#define UPSTREAM_EXCHANGE_H

#include "base/buf.h"
#include "upstream/pool.h"

enum exchange_state {
	EX_CONNECTING,
	EX_HEAD,			/* the answer's head is awaited */
	EX_BODY,
	EX_TUNNEL,			/* after 101: bytes both ways */
	EX_ENDED,			/* done() or cancelled; resting */
};

struct exchange {
	struct exchange	*next;		/* while it rests or is free */
	struct pool	*pool;
	struct upstream_conn *conn;	/* NULL once ended ... */
	struct link_stream *stream;	/* ... or a stream of a connection that
					   it shares: h2_link.h */
	const struct exchange_ops *ops;
	void		*user;
	struct exchange_request request;
	uint8_t		 state;		/* enum exchange_state */
	uint8_t		 framing;	/* of the answer: enum h1_framing */

	/* the request's side */
	bool		 reused;	/* the connection had been used before */
	bool		 sent;		/* bytes went to the socket */
	bool		 request_done;	/* all of it was given to the stream */
	bool		 blocked;	/* the owner waits for drained() */
	bool		 probe;		/* not traffic: judges by itself */
	struct buf	 unsent;	/* framed body, while connecting */
	uint64_t	 sent_before;	/* by earlier ones on this connection */
	bool		 untaken;	/* at the end: the socket took nothing */
	bool		 refused_stream;	/* nor did a shared connection */
	bool		 silent;	/* its end is told of by another's */

	/* the answer's side */
	bool		 heard;		/* a byte of the answer came */
	bool		 paused;
	bool		 keep;		/* the peer keeps the connection */
	bool		 complete;	/* the answer's last byte was read ... */
	bool		 clean;		/* ... and the connection is reusable */
	bool		 peer_finished;	/* tunnel: the peer's end of sending */
	bool		 in_head, front_taken;
	bool		 elsewhere;	/* certificate of another region */
	uint8_t		 informs;
	const char	*refusal;	/* why a handshake failed, static text */
	struct slice	 front;
	uint64_t	 left;		/* H1_LENGTH: bytes still to come */
	struct h1_chunked chunked;
	size_t		 seen;		/* of a head that is not complete */
	struct buf	 held;		/* incomplete head, or kept by a pause */
	struct buf	 trailers;

	struct task	 task;		/* an end, or a resumption, from the loop */
	bool		 ending;	/* the task shall end it with: */
	enum exchange_end end;
	uint64_t	 began_us, connect_us;

	/* The rest stays from one exchange to the next, which only puts its
	 * timer off.  Nothing follows when that fires but if: */
	bool		 timed;
	struct timer	 timer;
	struct exchange	*made_before;	/* all that the pools have made */
};

/* What the stream reports; called by pool.c, from the loop. */
void exchange_opened(struct exchange *ex);
void exchange_drained(struct exchange *ex);
void exchange_failed(struct exchange *ex, enum stream_end end);
void exchange_readable(struct exchange *ex);		/* exchange_answer.c */

/* Reads on from what was held back by a pause. */
void exchange_read_held(struct exchange *ex);

/* Ends it and tells the owner.  From the loop only; ex rests afterwards. */
void exchange_finish(struct exchange *ex, enum exchange_end end);
/* The same in a moment, from the loop. */
void exchange_finish_later(struct exchange *ex, enum exchange_end end);

/* A connection of its own, on its way. */
void exchange_connect(struct exchange *ex);

/* The timeout that counts in this state, from now on. */
void exchange_rearm(struct exchange *ex);
void exchange_too_late(struct timer *timer);

/* Head and front of the body, and what was given while connecting. */
void exchange_send_front(struct exchange *ex);

/* The tunnel is over when both have finished sending. */
bool exchange_tunnel_over(const struct exchange *ex);

/* This one is a probe's: the traffic's counters and passive signs do not
 * take part. */
void exchange_is_probe(struct exchange *ex);

/* In done() after EXCHANGE_REFUSED: connected, but not to that region. */
bool exchange_is_elsewhere(const struct exchange *ex);
/* What TLS had against the other; NULL: nothing. */
const char *exchange_refusal(const struct exchange *ex);

#endif
