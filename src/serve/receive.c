/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What comes in on a connection of HTTP/1.1: how much of it at a time, and
 * where to.  Nearly all goes through the loop's scratch; what has to wait is
 * held in a chunk; and a large body need not be read at all.
 */
#include "serve/serve_private.h"

#include "base/must.h"

/* Room behind what is held; a head needs more than a small chunk at most once. */
static void
make_room(struct conn *c)
{
	struct chunk *old = c->held, *larger;
	struct slice bytes = chunk_all(old);

	if (old->begin == 0 && chunk_room(old) > 0)
		return;
	if (bytes.len < old->size) {
		memmove(old->bytes, bytes.p, bytes.len);
		old->begin = 0;
		old->end = (uint32_t)bytes.len;
		return;
	}
	larger = chunk_take(c->server->loop, CHUNK_LARGE);
	must(bytes.len < CHUNK_LARGE);
	chunk_add(larger, bytes.p, bytes.len);
	chunk_give(c->server->loop, old);
	c->held = larger;
}

/* What may come at once: all that is left of a large body, else no more than
 * a chunk can hold if it must. */
static size_t
receive_limit(const struct conn *c)
{
	const struct active *a = c->active;

	if (a == NULL || a->is_chunked || !active_wants_body(a) || a->refused)
		return CHUNK_LARGE;
	if (a->request.tunnel || a->in_left > LOOP_SCRATCH)
		return LOOP_SCRATCH;
	return a->in_left > CHUNK_LARGE ? (size_t)a->in_left : CHUNK_LARGE;
}

/*
 * A head, and what came with it; of a body that is likely to be large only the
 * front, since what has been read must be written.  Others would pay for it
 * with a second read.
 */
static ssize_t
receive_front(struct conn *c, char *to)
{
	ssize_t n = stream_read(&c->stream, to, FRONT_BYTES), rest;
	size_t waiting;

	if (n != FRONT_BYTES)
		return n;
	waiting = stream_waiting(&c->stream);
	c->more = waiting >= SPLICE_LEAST;
	if (c->more || waiting == 0)	/* its end is for the next read */
		return n;
	rest = stream_read(&c->stream, to + n, CHUNK_LARGE - FRONT_BYTES);
	return rest > 0 ? n + rest : n;
}

static bool
reads_front(const struct conn *c)
{
	return c->large && c->state != CONN_BUSY &&
	    !stream_is_tls(&c->stream) &&
	    c->server->handler->splice != NULL;
}

/* Also more than 0, and nothing to look at: it is with the handler already. */
static ssize_t
receive_anew(struct conn *c, struct slice *in)
{
	char *to = c->server->loop->scratch;
	ssize_t n;

	*in = (struct slice){ to, 0 };
	if (c->state == CONN_BUSY && active_wants_body(c->active) &&
	    (n = body_splice(c->active)) != STREAM_CANNOT)
		return n;
	n = reads_front(c) ? receive_front(c, to) :
	    stream_read(&c->stream, to, receive_limit(c));
	if (n > 0)
		in->len = (size_t)n;
	return n;
}

ssize_t
conn_receive(struct conn *c, struct slice *in)
{
	ssize_t n;

	if (c->held == NULL)
		return receive_anew(c, in);
	make_room(c);
	n = stream_read(&c->stream, c->held->bytes + c->held->end,
	    chunk_room(c->held));
	if (n > 0)
		c->held->end += (uint32_t)n;
	*in = chunk_all(c->held);
	return n;
}
