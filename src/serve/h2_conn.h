/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a connection has, and each request on it, when it speaks HTTP/2.
 */
#ifndef SERVE_H2_CONN_H
#define SERVE_H2_CONN_H

#include "http/h2.h"
#include "net/queue.h"
#include "serve/serve_private.h"

/* The connection's part of HTTP/2. */
struct h2_conn {
	struct h2	*h2;
	struct conn	*conn;
	struct list	 streams;	/* struct active */
	struct list	 ready;		/* struct h2_active: something is to be
					   delivered to the handler */
	unsigned	 nstreams;
	size_t		 waiting;	/* bytes of all answers */
	uint64_t	 head_ms;	/* since when a head is incomplete; 0 */
	uint64_t	 leaving_ms;	/* since when the end is announced */
	bool		 leaving;
	bool		 closed;	/* to new streams */
};

/* A stream's. */
struct h2_active {
	struct h2_stream stream;
	struct active	*active;
	struct list	 ready;		/* or of the server's spare ones */
	struct queue	 in;		/* of the body, while paused */
	struct queue	 out;		/* of the answer */
	struct buf	 trailers;	/* of the answer */
	struct timer	 timer;		/* at or before the next deadline */
	uint64_t	 sent_ms;	/* when some of out moved, or it began */
	bool		 connect;	/* asks for a tunnel */
	bool		 in_ended;	/* the client's END_STREAM came */
	bool		 all_sent;	/* ours went */
	bool		 is_late;	/* why: */
	enum serve_end	 late;
	char		 key[25];	/* its Sec-WebSocket-Key */
};

/* server.c: recycled memory. */
struct h2_active *h2_active_new(struct active *a);
void h2_active_recycle(struct h2_active *s);

static inline struct h2_active *
h2_active_of(struct h2_stream *stream)
{
	return list_entry(stream, struct h2_active, stream);
}

static inline struct loop *
h2_active_loop(const struct h2_active *s)
{
	return s->active->conn->server->loop;
}

/* --- the connection (h2_conn.c) --- */

void h2_conn_begin(struct conn *c, struct slice bytes);
/* It came in clear where TLS is spoken: told so, and no more. */
void h2_conn_refuse_plain(struct conn *c, const char *sentence);
void h2_conn_on_readable(struct conn *c);
/* Whatever else has happened: delivers, writes, leaves. */
void h2_conn_turn(struct conn *c);
void h2_conn_deadline(const struct conn *c, struct deadline *d);
void h2_conn_on_late(struct conn *c);
void h2_conn_on_pong(struct h2 *h2);
void h2_conn_on_malformed(struct h2 *h2, const char *rule,
    const char *sentence);
/* Its streams end so; nothing is sent. */
void h2_conn_free(struct conn *c, enum serve_end end);

/* --- the streams (h2_request.c) --- */

extern const struct h2_ops h2_stream_ops;

/* What waited goes to the handler, as far as that takes it now. */
void h2_deliver(struct h2_active *s);
/* To h2_deliver(), from the loop. */
void h2_make_ready(struct h2_active *s);
/* Its timer, after a deadline may have come nearer. */
void h2_request_arm(struct h2_active *s);
void h2_request_end(struct h2_active *s, enum serve_end end);

/* --- their answers, when the client's windows let some go (h2_answer.c) --- */

void h2_answer_copy(struct h2_stream *stream, char *to, size_t len);
void h2_answer_sent(struct h2_stream *stream);

#endif
