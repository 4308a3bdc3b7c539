/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Connections and the requests on them.  An idle connection is one small
 * struct; a request's, which is larger, exists from its head to its end.
 * Both are recycled, so a request costs no malloc.
 */
#ifndef SERVE_SERVE_PRIVATE_H
#define SERVE_SERVE_PRIVATE_H

#include "http/write.h"
#include "net/chunk.h"
#include "serve/serve.h"

enum {
	DISCARD_BYTES = 64 * 1024,	/* of a body nobody wants, to keep the
					   connection */
	LINGER_BYTES = 1024 * 1024,	/* and before closing it ... */
	LINGER_MS = 2000,		/* ... so that the client sees the answer */
	RATE_GRACE_MS = 5000,
	DRAIN_GRACE_MS = 1000,		/* for the first request, when draining */
	COPY_BYTES = 4096,		/* of a body, into one send with its head */
};

enum conn_state {
	CONN_PROXY,			/* the PROXY header has to come first */
	CONN_OPENING,			/* TLS handshake */
	CONN_IDLE,			/* not a byte of the next request is here */
	CONN_HEAD,			/* some are */
	CONN_BUSY,			/* a request is being answered or its body
					   thrown away */
	CONN_LINGER,			/* answered for the last time */
};

/* Of a connection that must begin with a PROXY header; after that only if the
 * header named the client. */
struct conn_proxy {
	struct tls_context *tls;	/* to go on with; NULL: plain */
	struct serve_proxy told;
};

struct conn {
	struct stream	 stream;
	struct list	 node;		/* of the server's connections */
	struct server	*server;
	void		*listener;
	struct active	*active;	/* NULL unless BUSY */
	struct conn_proxy *proxy;	/* NULL: the peer is the socket's */
	struct chunk	*held;		/* input that waits: part of a head, or
					   requests behind the current one */
	size_t		 seen;		/* of a head, by the parser */
	struct timer	 timer;		/* at or before the next deadline */
	struct task	 task;		/* conn_run() */
	uint64_t	 since_ms;	/* when this state began */
	uint64_t	 began_us;	/* when the head's first byte came */
	uint32_t	 requests;	/* on this connection */
	uint32_t	 lingered;	/* bytes thrown away before closing */
	struct addr	 peer;
	uint16_t	 peer_port;
	uint8_t		 peer_kind;	/* enum endpoint_kind */
	uint8_t		 state;		/* enum conn_state */
	bool		 ended;		/* the client sends no more */
};

enum body_out { OUT_NOTHING, OUT_LENGTH, OUT_CHUNKED, OUT_RAW };

struct active {
	struct list	 node;		/* of the server's spare ones */
	struct conn	*conn;
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

enum { SPARE_CONNS = 1024, SPARE_ACTIVES = 256 };

struct server_private {
	struct list	 conns;
	struct list	 spare_conns, spare_actives;
	unsigned	 nspare_conns, nspare_actives;
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
struct conn *conn_new(struct server *server);
void conn_recycle(struct conn *c);
struct active *active_new(struct conn *c);
void active_recycle(struct active *a);

/* conn.c: what a connection does next. */
extern const struct stream_ops conn_stream_ops;

void conn_start(struct conn *c, int fd, const struct serve_accept *how);
/* The state that it begins with, or goes on with after a PROXY header. */
void conn_open(struct conn *c, enum conn_state state);
/* Soon, from the loop: something of the request has changed. */
void conn_wake(struct conn *c);
/* Ends everything on it; cut: so that the client cannot take what it got for
 * the whole.  The connection is gone afterwards. */
void conn_close(struct conn *c, enum serve_end end, bool cut);
void conn_update_reading(struct conn *c);

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
};
bool body_read(struct active *a, struct slice *in, struct body_fault *fault);
/* The client of a tunnel has ended its sending. */
void body_end_tunnel(struct active *a);

/* proxy.c: the header before everything else. */
void conn_proxy_begin(struct conn *c, struct tls_context *tls);
void conn_proxy_read(struct conn *c);
/* Closes and tells the handler. */
void conn_proxy_refuse(struct conn *c, const char *reason);
void conn_proxy_free(struct conn *c);

/* deadline.c */
void conn_on_timer(struct timer *timer);
void conn_arm(struct conn *c);

/* conn.c, for deadline.c: refuses the request that is there or was to come. */
void conn_refuse(struct conn *c, const struct body_fault *fault);

#endif
