/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Connections and the requests on them.  An idle connection is one small
 * struct; a request's, which is larger, exists from its head to its end.
 * Both are recycled, so a request costs no malloc.
 *
 *	server.c	who answers; the memory that is recycled
 *	conn.c		a connection, whatever is spoken on it
 *	proxy.c		the PROXY header before everything else
 *	hello.c		whom the ClientHello asks for, before TLS begins
 *	h1_conn.c	HTTP/1.1: what the connection does next
 *	receive.c	... how much is read at a time, and where to
 *	h1_answer.c	... answers
 *	h2_conn.c	HTTP/2: the connection
 *	h2_request.c	... its streams
 *	h2_answer.c	... their answers
 *	body.c		a body, out of its framing and to the handler
 *	request.c	what a handler may call, over either
 *	deadline.c	how long a client may take
 */
#ifndef SERVE_SERVE_PRIVATE_H
#define SERVE_SERVE_PRIVATE_H

#include "http/h1.h"
#include "http/write.h"
#include "net/chunk.h"
#include "serve/serve.h"

enum {
	DISCARD_BYTES = 64 * 1024,	/* of a body nobody wants, to keep the
					   connection */
	LINGER_BYTES = 1024 * 1024,	/* and before closing it ... */
	LINGER_MS = 2000,		/* ... so that the client sees the answer */
	RATE_GRACE_MS = 5000,
	DRAIN_GRACE_MS = 1000,		/* for the first or the next request, when
					   draining */
	COPY_BYTES = 4096,		/* of a body, into one send with its head */
	FRONT_BYTES = 8 * 1024,		/* read with a head before a large body,
					   whose rest is spliced ... */
	SPLICE_LEAST = 32 * 1024,	/* ... if that is so much */
};

enum conn_state {
	CONN_PROXY,			/* the PROXY header has to come first */
	CONN_HELLO,			/* whom it asks for is looked at, not taken */
	CONN_OPENING,			/* TLS handshake */
	CONN_IDLE,			/* not a byte of the next request is here */
	CONN_HEAD,			/* some are */
	CONN_BUSY,			/* a request is being answered or its body
					   thrown away */
	CONN_H2,			/* from here on it is h2_conn.c's */
	CONN_LINGER,			/* answered for the last time */
};

/* Of a connection that must begin with a PROXY header; after that only if the
 * header named the client. */
struct conn_proxy {
	struct tls_context *tls;	/* to go on with; NULL: plain */
	bool		 passes;
	struct serve_proxy told;
};

struct conn {
	struct stream	 stream;
	struct list	 node;		/* of the server's connections */
	struct server	*server;
	void		*listener;
	struct active	*active;	/* NULL unless BUSY */
	struct h2_conn	*h2;		/* NULL unless H2 */
	struct conn_proxy *proxy;	/* NULL: the peer is the socket's */
	struct tls_context *tls;	/* while its hello is looked at */
	struct chunk	*held;		/* input that waits: part of a head, or
					   requests behind the current one */
	size_t		 seen;		/* of a head, by the parser */
	struct timer	 timer;		/* at or before the next deadline */
	struct task	 task;		/* conn_wake() */
	uint64_t	 since_ms;	/* when this state began */
	uint64_t	 began_us;	/* when the head's first byte came */
	uint32_t	 requests;	/* on this connection */
	uint32_t	 lingered;	/* bytes thrown away before closing */
	struct addr	 peer;
	uint16_t	 peer_port;
	uint8_t		 peer_kind;	/* enum endpoint_kind */
	uint8_t		 state;		/* enum conn_state */
	bool		 ended;		/* the client sends no more */
	bool		 more;		/* while it runs: not all was read that
					   is here */
	bool		 large;		/* the last request had a large body: the
					   next may well have one */
	bool		 may_h2;	/* its first bytes may say so */
	bool		 unwanted;	/* others need its place: it leaves, idle */
	const struct serve_h2 *h2_limits;
};

/* OPEN: of unknown length, to be framed as the transport can. */
enum body_out { OUT_NOTHING, OUT_LENGTH, OUT_OPEN, OUT_CHUNKED, OUT_RAW };

/*
 * How answers travel: over HTTP/1.1 (h1_answer.c), or as one of many streams of
 * HTTP/2 (h2_answer.c).  request.c calls these when what it promises holds.
 */
struct transport {
	/* length: of the body, -1 if not known; active->out says what it is */
	void		(*answer)(struct request *, const struct answer *,
			    int64_t length, struct slice bytes, bool last);
	bool		(*send)(struct request *, struct slice bytes);
	ssize_t		(*splice)(struct request *, struct stream *from,
			    size_t most, bool *full);
	void		(*send_last)(struct request *, struct slice bytes,
			    struct slice trailers);
	void		(*inform)(struct request *, unsigned status,
			    struct slice fields);
	void		(*turn)(struct request *, struct slice fields);
	void		(*paused)(struct request *);
	void		(*resumed)(struct request *);
	void		(*aborted)(struct request *);
};

extern const struct transport h1_transport, h2_transport;

struct active {
	struct list	 node;		/* of the server's spare ones, or of the
					   connection's streams */
	struct conn	*conn;
	const struct transport *transport;
	struct h2_active *h2;		/* a stream's; NULL over HTTP/1.1 */
	struct endpoint	 peer;
	/* the request's body */
	bool		 is_chunked;
	struct h1_chunked chunked;
	uint64_t	 in_left;	/* bytes to come, by Content-Length */
	uint64_t	 in_framed;	/* bytes of it with its chunks, so far */
	uint64_t	 in_discarded;	/* after the answer's end */
	uint64_t	 moved_ms;	/* last bytes either way; body deadlines */
	uint64_t	 body_since_ms;	/* less the time of pauses */
	uint64_t	 paused_ms;	/* since when */
	bool		 paused;
	bool		 continued;	/* 100 Continue was sent or is not wanted */
	/* the answer */
	enum body_out	 out;
	uint64_t	 out_left;
	bool		 answer_done;	/* the last byte was given to the stream */
	bool		 high;		/* request_send() said stop */
	/* how it all ends */
	bool		 keep;		/* the client would like to go on */
	bool		 close;		/* the connection will not */
	bool		 refused;
	bool		 aborted;
	bool		 gone;		/* the handler has been told */
	struct request	 request;	/* the last: the handler's bytes follow */
};

enum { SPARE_CONNS = 1024, SPARE_ACTIVES = 512, SPARE_STREAMS = 256 };

struct server_private {
	struct list	 conns;
	struct list	 spare_conns, spare_actives, spare_streams;
	unsigned	 nspare_conns, nspare_actives, nspare_streams;
	struct h2_kit	*kit;		/* with the first that speaks HTTP/2 */
	struct buf	 frames;	/* of HTTP/2, on their way out */
	char		 key[25];	/* of the stream that begins */
	struct h1_head	 head;		/* good during head() */
	struct buf	 out;		/* a head being written */
	unsigned	 status;	/* of status_line, with this reason */
	struct buf	 reason, status_line;
	struct h1_date	 date;
	char		 date_line[64];
	size_t		 date_line_len;
	uint64_t	 date_until_ms;
};

static inline struct active *
active_of(const struct request *r)
{
	return (struct active *)((char *)(uintptr_t)r -
	    offsetof(struct active, request));
}

/* server.c: recycled memory. */
void conn_recycle(struct conn *c);
struct active *active_new(struct conn *c);
void active_recycle(struct active *a);

/* receive.c: what is here, behind what was held; as stream_read().  More than 0
 * without a byte to look at: it is with the handler already. */
ssize_t conn_receive(struct conn *c, struct slice *in);

/* conn.c: a connection, whatever is spoken on it. */
void conn_start(struct conn *c, int fd, const struct serve_accept *how);
/* The state that it begins with, or goes on with after a PROXY header. */
void conn_open(struct conn *c, enum conn_state state);
/* Whether what came first where TLS is due is HTTP, to be told so in clear. */
bool conn_is_plain_http(struct slice first);
/* Soon, from the loop: something of the request has changed. */
void conn_wake(struct conn *c);
/* Ends everything on it; cut: so that the client cannot take what it got for
 * the whole.  The connection is gone afterwards. */
void conn_close(struct conn *c, enum serve_end end, bool cut);
void conn_enter(struct conn *c, enum conn_state state);
/* A request begins; its head may or may not be good. */
struct active *conn_begin_request(struct conn *c);
void active_take_head(struct active *a, const struct h1_head *head,
    struct slice bytes);
void active_tell_gone(struct active *a, enum serve_end end);
/* Tells the handler so, and the connection is without a request. */
void conn_end_request(struct conn *c, enum serve_end end);

/* False if the handler breaks the length that it told; then the
 * client must not take the answer for whole. */
static inline bool
answer_within_length(struct active *a, size_t len, bool last)
{
	if (a->out != OUT_LENGTH)
		return true;
	if (len > a->out_left || (last && len < a->out_left))
		return false;
	a->out_left -= len;
	return true;
}

void server_renew_date(struct server *server);

/* Good for this turn. */
static inline struct slice
server_date_line(struct server *server)
{
	struct server_private *sp = server->private;

	if (server->loop->now_ms >= sp->date_until_ms)
		server_renew_date(server);
	return (struct slice){ sp->date_line, sp->date_line_len };
}

/*
 * body.c: takes what belongs to the request's body off the front of *in and
 * hands it to the handler (or to nobody, after the answer's end).  False when
 * the body is refused: *rule and *status say why.
 */
struct body_fault {
	unsigned	 status;
	const char	*rule, *sentence;
	struct slice	 head;		/* the bad one, and where it is bad; ... */
	uint64_t	 at;		/* ... without one: where the body is */
	enum h1_method	 method;	/* of a request whose head is not read */
};
bool body_read(struct active *a, struct slice *in, struct body_fault *fault);
/*
 * Straight from the connection to the handler's upstream, where it is a large
 * one and that can be done: as stream_splice().
 */
ssize_t body_splice(struct active *a);
/* The same for bytes without framing; last: that was all. */
bool body_deliver(struct active *a, struct slice bytes, bool last,
    struct body_fault *fault);
extern const struct body_fault body_too_large;

/* h1_conn.c: while it speaks HTTP/1.1, as all do at first. */
void h1_conn_on_readable(struct conn *c);
void h1_conn_on_drained(struct conn *c);
/* Whatever else has happened. */
void h1_conn_turn(struct conn *c);
/* Refuses the request that is there or was to come. */
void h1_conn_refuse(struct conn *c, const struct body_fault *fault);
void h1_conn_update_reading(struct conn *c);
/* Whether more of its body is to be read now, for the handler or for nobody. */
bool active_wants_body(const struct active *a);

/* proxy.c: the header before everything else. */
void conn_proxy_begin(struct conn *c, const struct serve_accept *how);
void conn_proxy_read(struct conn *c);
/* Closes and tells the handler. */
void conn_proxy_refuse(struct conn *c, const char *reason);
void conn_proxy_free(struct conn *c);

/* hello.c: whom a client asks for, before TLS begins. */
void conn_hello_begin(struct conn *c, struct tls_context *tls);
void conn_hello_read(struct conn *c);

/* deadline.c */
#define NEVER	UINT64_MAX

enum late { LATE_NOT, LATE_CLOSE, LATE_HEAD, LATE_BODY, LATE_RATE, LATE_SEND,
    LATE_TUNNEL, LATE_PROXY, LATE_H2 };

struct deadline {
	uint64_t	 at_ms;
	enum late	 late;		/* what it means; NOT: only look again */
};

static inline void
deadline_sooner(struct deadline *d, uint64_t at_ms, enum late late)
{
	if (at_ms < d->at_ms)
		*d = (struct deadline){ at_ms, late };
}

/* For the body that is awaited, if one is. */
void deadline_of_body(struct deadline *d, const struct active *a);
const struct body_fault *deadline_fault(enum late late);
/* Unless the timer fires before it, and will look again. */
void deadline_arm(struct deadline d, struct loop *loop, struct timer *timer);
void conn_on_timer(struct timer *timer);
void conn_arm(struct conn *c);

#endif
