/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whoever answers HTTP: the edge, an engine, the console.  This floor reads
 * requests and writes responses on accepted streams, and hands the requests
 * to the handler that registered; it knows nothing of regions.
 *
 * Framing, keep-alive, pipelining (one request at a time, in order), limits,
 * deadlines, draining and back-pressure are settled here; so is HTTP/2, whose
 * requests come as if they were HTTP/1.1's, many at a time.
 */
#ifndef SERVE_SERVE_H
#define SERVE_SERVE_H

#include "base/buf.h"
#include "http/h1.h"
#include "net/listener.h"
#include "net/stream.h"

struct request;
struct server;

/* How a request ended; goes to gone(). */
enum serve_end {
	SERVE_DONE,			/* answered to the last byte */
	SERVE_REFUSED,			/* answered by refuse(): a bad head or body,
					   or a deadline */
	SERVE_CLIENT_LEFT,		/* closed or reset before the answer's end */
	SERVE_SEND_TIMEOUT,		/* the client took nothing for too long */
	SERVE_ABORTED,			/* by request_abort() */
	SERVE_TUNNEL_IDLE,		/* a tunnel in which nothing moved */
	SERVE_CUT,			/* by the server's end */
};

/* A client whose TLS is not for us. */
struct serve_passed {
	int		 fd;		/* the callee's; nothing of it was read */
	void		*listener;
	const struct endpoint *peer, *local;	/* as the PROXY header says, or the
						   socket */
	struct slice	 name;		/* that it asks for, lower case */
};

/* Who answers the requests of a server.  All calls come from the loop, and
 * none comes from inside a call of the handler's own. */
struct handler_ops {
	const char	*name;		/* for logs only */
	size_t		 request_bytes;	/* of request->user; zeroed for each */
	bool		 auto_continue;	/* 100 Continue is sent by serve as soon as
					   head() returned without an answer; else
					   the handler calls request_continue() */
	/* The head is complete.  request->head is good during the call only. */
	void		(*head)(struct request *);
	/* A piece of the body, in order; good during the call only.  With last
	 * (maybe empty) request->trailers is filled.  Not called for a request
	 * without body (head->framing H1_NO_BODY, or length 0). */
	void		(*body)(struct request *, struct slice bytes, bool last);
	/* May be NULL.  At least most bytes of a large body are still to come,
	 * on from: moves some on by stream_splice(), whose answer it returns.
	 * After STREAM_CANNOT they come to body(), as does the end, empty. */
	ssize_t		(*splice)(struct request *, struct stream *from,
			    size_t most);
	/* What was waiting has fallen below the low mark: go on. */
	void		(*drained)(struct request *);
	/* No valid request can be had: answer with status (the connection
	 * closes after it).  head() may have been called before (a bad chunk,
	 * a body that is too slow) or not (request->head is NULL, unless the
	 * head was good and only its Content-Length too large).  No body()
	 * comes any more.  If the answer has begun already this is not called:
	 * one that is complete is sent, then the connection closes; one
	 * that is not is cut. */
	void		(*refuse)(struct request *, unsigned status,
			    const char *rule, const char *sentence);
	/* Once, and last; free what user holds.  Whatever is called on the
	 * request before this, even after its end, does no harm. */
	void		(*gone)(struct request *, enum serve_end end);
	/* A connection has ended for want of a good PROXY header, unanswered;
	 * reason ends a sentence ("the PROXY header ...").  May be NULL. */
	void		(*unproxied)(struct server *, void *listener,
			    const struct endpoint *peer, const char *reason);
	/* A TLS handshake failed; reason is static.  May be NULL. */
	void		(*handshake_failed)(struct server *, void *listener,
			    const struct endpoint *peer, const char *reason);
	/* What came over HTTP/2 broke a rule of it before it was a request, or
	 * within its body; the stream is reset, or the connection ends.  Both
	 * texts are static.  May be NULL. */
	void		(*malformed)(struct server *, void *listener,
			    const struct endpoint *peer, const char *rule,
			    const char *sentence);
	/* Only where serve_accept.passes is set: a client's ClientHello is
	 * here, whole, and nothing of it was read.  True: the client is to be
	 * passed on, and is the handler's with pass().  Its reason otherwise
	 * goes to unheard(): what came was no hello, and it was closed. */
	bool		(*passes)(struct server *, struct slice name);
	void		(*pass)(struct server *, const struct serve_passed *);
	void		(*unheard)(struct server *, void *listener,
			    const struct endpoint *peer, const char *reason);
};

/* Read anew for each request, so that a reload changes them. */
struct serve_limits {
	uint64_t	 head_ms, idle_ms, body_idle_ms, send_idle_ms, tunnel_idle_ms;
	uint64_t	 body_bytes;	/* 413 beyond; 0: no limit */
	uint64_t	 min_body_rate;	/* bytes/s after 5 s of grace; 408; 0: none */
	uint32_t	 requests;	/* of one connection; 0: no limit */
};

/* Of an HTTP/2 connection; read anew as it goes on. */
struct serve_h2 {
	uint32_t	 streams;	/* at a time */
	uint32_t	 window;	/* bytes of a request's body on their way, */
	uint32_t	 window_most;	/* up to so many, if it always goes on */
	uint32_t	 connection_window;	/* ... of all bodies */
	uint32_t	 resets;	/* streams ended early, in ten seconds */
	uint32_t	 glitches;	/* frames that move nothing, likewise */
};

/*
 * A client may end its sending after a request and still wait for the answer
 * (RFC 9112 9.6): that is not leaving.  It has left when it resets, closes
 * altogether where that shows (UNIX sockets), or ends within a request.
 *
 * An answer that ends before the request's body has: the rest is read and
 * thrown away if that is little, else the connection closes once the client
 * has had time to read the answer.
 */

struct server {
	struct loop	*loop;
	const struct handler_ops *handler;
	void		*owner;		/* the handler's: its worker */
	const struct serve_limits *limits;
	bool		 draining;	/* answers carry Connection: close, idle
					   connections are closed */
	/* counters, read by the loop's own thread or torn-free by others */
	uint64_t	 connections, accepted, requests;
	_Atomic uint32_t *shared;	/* counts the connections of several
					   servers; NULL: nobody asks */
	uint64_t	 h2_connections, h2_requests;	/* of those, ever */
	struct server_private *private;	/* connections, recycled structs */
};

struct server *server_new(struct loop *loop, const struct handler_ops *handler,
    void *owner, const struct serve_limits *limits);
void server_drain(struct server *server);	/* sets draining, closes idle ones */
/* Asks idle connections to leave, the oldest first: some of the first so many
 * that have been idle for that long. */
void server_shed(struct server *server, unsigned most, uint64_t idle_ms);
void server_free(struct server **server);	/* cuts what is open */

/* What HTTP/2 has counted so far. */
struct h2_counts;
void server_h2_counts(const struct server *server, struct h2_counts *counts);

/* How to take an accepted connection. */
struct serve_accept {
	struct tls_context *tls;	/* for this one; NULL: plain */
	void		*listener;	/* the handler's own number or pointer
					   for it: request_listener() */
	bool		 passes;	/* the handler is asked by name who may
					   begin TLS here */
	bool		 proxied;	/* a PROXY header must come before all
					   else; whoever sends none is cut off */
	const struct serve_h2 *h2;	/* HTTP/2 as well: over TLS where it is
					   agreed upon, else by its preface; as
					   long as the server.  NULL: not */
};

/* fd becomes the server's. */
void server_accept(struct server *server, int fd, const struct endpoint *peer,
    const struct serve_accept *how);

/* What refuse() is told of a body beyond a limit, with 413; and of one beyond
 * body_most by its length, the handler itself says it. */
#define SERVE_TOO_LARGE_RULE	"body-too-large"
#define SERVE_TOO_LARGE		"the body is larger than is accepted here"

struct request {
	struct server	*server;
	const struct h1_head *head;	/* NULL outside head() */
	struct slice	 head_bytes;	/* the head as it came; as long as head */
	struct slice	 whole_body;	/* all of a body that came with the head
					   (p NULL: it did not, or has no length);
					   as long as head: body() gets it too */
	/* During refuse(): what came of a bad head (p NULL: it was good, or
	 * there is none), and where in it, or in the body, the rule was broken. */
	struct slice	 refused_bytes;
	uint64_t	 refused_at;
	bool		 expects_continue;
	bool		 has_body;
	bool		 body_done;	/* the last piece was delivered */
	bool		 body_follows;	/* during body(): more is here, and comes
					   to splice() in this turn */
	bool		 answered;	/* request_answer() was called */
	bool		 tunnel;	/* after request_switch() */
	uint8_t		 major;		/* the client speaks HTTP/2, or ... */
	uint8_t		 minor;		/* ... HTTP/1.minor; 1 for HTTP/2 */
	enum h1_method	 method;
	struct buf	 trailers;	/* whole lines, see http/h1.h */
	uint64_t	 body_bytes;	/* of the request, so far */
	uint64_t	 body_most;	/* the handler's, who may set it in head():
					   as limits.body_bytes, which holds too */
	uint64_t	 sent_bytes;	/* of the answer, head included, so far */
	uint64_t	 began_us;	/* first byte of the head (monotonic) */
	struct conn	*conn;		/* serve's own */
	_Alignas(16) char user[];	/* the handler's */
};

/* The socket's, or who stands before the sender of a PROXY header. */
const struct endpoint *request_peer(const struct request *r);

/* What a PROXY header told besides. */
struct serve_proxy {
	struct addr	 relay;		/* who sent it: the socket's peer */
	struct addr	 destination;	/* what the client connected to */
	uint16_t	 destination_port;
	char		 vpc_endpoint[64];	/* of AWS; "": none */
};

/* NULL where request_peer() is the socket's own: no header was demanded, or
 * it named no address (a health check of the relay's, say). */
const struct serve_proxy *request_proxy(const struct request *r);
void *request_listener(const struct request *r);
struct stream *request_stream(struct request *r);	/* TLS facts only */

/* An answer's head.  Framing, Connection and Date are written by serve. */
struct answer {
	unsigned	 status;
	struct slice	 reason;	/* empty: the usual phrase */
	struct slice	 fields;	/* whole "Name: value\r\n" lines, free of
					   Connection, Content-Length, Transfer-
					   Encoding, Keep-Alive, Upgrade */
	struct slice	 upgrade;	/* what the client may ask to change to; only
					   HTTP/1.1 is told.  Empty: nothing */
	int64_t		 length;	/* of the body; -1: not known (chunked, or
					   until close for HTTP/1.0) */
	bool		 no_body;	/* HEAD, 204, 304: length is still told if >= 0 */
	bool		 has_date;	/* fields carry a Date */
	bool		 close;		/* close the connection afterwards */
};

/* Once a request.  bytes: the front of the body, sent together with the
 * head; last: that is all of it. */
void request_answer(struct request *r, const struct answer *answer,
    struct slice bytes, bool last);

/* More of the body.  Returns false when more waits than STREAM_HIGH: stop
 * feeding until drained(). */
bool request_send(struct request *r, struct slice bytes);

/*
 * More of a body whose length was told, straight from another stream: as
 * stream_splice().  *full: stop until drained().
 */
ssize_t request_splice(struct request *r, struct stream *from, size_t most,
    bool *full);

/* The end of it, with trailer lines (dropped unless chunked). */
void request_send_last(struct request *r, struct slice bytes,
    struct slice trailers);

/* An interim answer (1xx but 101), before request_answer().  100 to whoever
 * waits for it is request_continue(); others get it all the same (RFC 9110
 * 15.2: who passes answers on passes them all). */
void request_inform(struct request *r, unsigned status, struct slice fields);

/* 100 Continue, once, if the client waits for it and has sent no body yet. */
void request_continue(struct request *r);

/* 101: sends the head; from now on body() and request_send() carry raw
 * bytes, body(last) is the client's end of sending, request_send_last() ours. */
void request_switch(struct request *r, struct slice fields);

/* Back-pressure towards the client: no body() until resumed. */
void request_pause(struct request *r);
void request_resume(struct request *r);

/* The answer cannot be completed: cut the connection so that the client
 * notices.  gone() follows from the loop. */
void request_abort(struct request *r);

#endif
