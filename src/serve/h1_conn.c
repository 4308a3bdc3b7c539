/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A connection of HTTP/1.1.  Whatever happens (bytes, room to write, a call of
 * the handler's, a deadline) ends in run(), which takes steps until there is
 * nothing to do but wait.  The handler's calls only leave marks, so nothing
 * here is ever entered from inside a call.
 */
#include "serve/h2_conn.h"

#include "base/must.h"

enum step { STEP_ON, STEP_WAIT, STEP_CLOSED };

static enum step
closed(struct conn *c, enum serve_end end, bool cut)
{
	conn_close(c, end, cut);
	return STEP_CLOSED;
}

/* --- a request begins ---------------------------------------------------- */

static struct request *
begin(struct conn *c)
{
	conn_enter(c, CONN_BUSY);
	c->active = conn_begin_request(c);
	c->active->transport = &h1_transport;
	return &c->active->request;
}

/*
 * The handler answers, in this call or later; then the connection closes.
 * What has begun to be answered can only be cut.
 */
static enum step
refuse(struct conn *c, const struct body_fault *fault)
{
	struct request *r;
	struct active *a;

	if (c->state != CONN_BUSY)
		begin(c)->method = fault->method;
	a = c->active;
	r = &a->request;
	if (r->answered)
		return closed(c, SERVE_REFUSED, !a->gone);
	a->refused = a->close = true;
	r->refused_bytes = fault->head;
	r->refused_at = fault->at;
	c->server->handler->refuse(r, fault->status, fault->rule,
	    fault->sentence);
	r->refused_bytes = (struct slice){ NULL, 0 };
	return STEP_ON;
}

static enum step
refuse_head(struct conn *c, struct slice *in, const struct h1_end *end)
{
	const struct h1_rule_info *info = h1_rule_info(end->rule);
	struct body_fault fault = { .status = info->status,
	    .rule = info->name, .sentence = info->sentence,
	    .method = h1_method_begun(*in), .head = *in, .at = end->offset };

	in->len = 0;			/* where it ends, nobody knows */
	return refuse(c, &fault);
}

/* Who waits for 100 Continue is asked for the body in any case. */
static struct slice
whole_body(const struct active *a, struct slice in)
{
	if (!a->request.has_body || a->is_chunked || in.len < a->in_left ||
	    a->request.expects_continue)
		return (struct slice){ NULL, 0 };
	return (struct slice){ in.p, (size_t)a->in_left };
}

static enum step
hand_over(struct conn *c, const struct h1_head *head, struct slice bytes,
    struct slice in)
{
	struct server *server = c->server;
	struct request *r = begin(c);
	uint64_t most = server->limits->body_bytes;
	enum step step = STEP_ON;

	active_take_head(c->active, head, bytes);
	r->whole_body = whole_body(c->active, in);
	c->large = head->framing == H1_LENGTH &&
	    head->content_length >= FRONT_BYTES + SPLICE_LEAST;
	if (most > 0 && head->framing == H1_LENGTH &&
	    head->content_length > most)
		step = refuse(c, &body_too_large);
	else
		server->handler->head(r);
	r->head = NULL;
	r->head_bytes = r->whole_body = (struct slice){ NULL, 0 };
	return step;
}

static enum step
head_step(struct conn *c, struct slice *in)
{
	struct server_private *sp = c->server->private;
	struct slice bytes = *in;
	struct h1_end end;

	switch (h1_read_request(&sp->head, *in, &c->seen, &end)) {
	case H1_MORE:
		return c->ended ? closed(c, SERVE_CLIENT_LEFT, false) : STEP_WAIT;
	case H1_REFUSED:
		return refuse_head(c, in, &end);
	case H1_DONE:
		break;
	}
	bytes.len = end.consumed;
	in->p += end.consumed;
	in->len -= end.consumed;
	return hand_over(c, &sp->head, bytes, *in);
}

/*
 * Whether a first request is none, but HTTP/2 without further ado (RFC 9113
 * 3.3).  False also while its first bytes are too few to tell.
 */
static bool
is_preface(struct conn *c, struct slice in, bool *perhaps)
{
	size_t n = in.len < H2_PREFACE_LEN ? in.len : H2_PREFACE_LEN;

	*perhaps = c->may_h2 && memcmp(in.p, H2_PREFACE, n) == 0;
	return *perhaps && n == H2_PREFACE_LEN;
}

/* STEP_CLOSED: to what speaks HTTP/1.1. */
static enum step
turn_to_h2(struct conn *c, struct slice *in)
{
	struct chunk *held = c->held;

	c->held = NULL;
	h2_conn_begin(c, *in);
	if (held != NULL)
		chunk_give(c->server->loop, held);
	return STEP_CLOSED;
}

static enum step
first_step(struct conn *c, struct slice *in)
{
	bool perhaps;

	if (is_preface(c, *in, &perhaps))
		return turn_to_h2(c, in);
	if (perhaps)
		return c->ended ? closed(c, SERVE_CLIENT_LEFT, false) :
		    STEP_WAIT;
	c->may_h2 = false;
	return head_step(c, in);
}

/*
 * Who asked a moment ago is about to ask again, and might just be doing so:
 * told by the answer to that it loses nothing.
 */
static bool
has_to_end(const struct conn *c)
{
	return c->server->draining && c->requests > 0 &&
	    (c->peer_kind == ENDPOINT_UNIX ||
	    c->server->loop->now_ms - c->since_ms >= DRAIN_GRACE_MS);
}

static enum step
idle_step(struct conn *c, struct slice *in)
{
	if (in->len > 0) {
		c->unwanted = false;
		conn_enter(c, CONN_HEAD);
		c->began_us = c->server->loop->now_us;
		c->seen = 0;
		return c->may_h2 ? first_step(c, in) : head_step(c, in);
	}
	if (c->ended || c->unwanted || has_to_end(c))
		return closed(c, SERVE_CLIENT_LEFT, false);
	return STEP_WAIT;
}

/* --- a request is being answered ----------------------------------------- */

bool
active_wants_body(const struct active *a)
{
	if (a->request.body_done)
		return false;
	if (a->answer_done && !a->request.tunnel)
		return a->in_discarded < LINGER_BYTES;
	return !a->paused && !a->refused;
}

static enum step
body_step(struct conn *c, struct slice *in)
{
	struct active *a = c->active;
	struct body_fault fault;

	if (!a->refused && body_read(a, in, &fault))
		return STEP_ON;
	if (a->refused) {
		a->in_discarded += in->len;
		in->len = 0;
		return STEP_ON;
	}
	in->len = 0;
	/* Answered without it, for good: that answer is the client's. */
	if (a->answer_done && !a->request.tunnel) {
		a->refused = a->close = true;
		return STEP_ON;
	}
	return refuse(c, &fault);
}

/* The last answer is with the client: a connection closed with input unread
 * would be reset, and the answer lost with it. */
static enum step
leave_step(struct conn *c, struct slice *in)
{
	bool all_read = c->active->request.body_done && in->len == 0;

	conn_end_request(c, SERVE_DONE);
	if (all_read || c->ended)
		return closed(c, SERVE_DONE, false);
	stream_finish(&c->stream);
	in->len = 0;
	conn_enter(c, CONN_LINGER);
	return STEP_WAIT;
}

static enum step
answered_step(struct conn *c, struct slice *in)
{
	struct active *a = c->active;

	active_tell_gone(a, a->refused ? SERVE_REFUSED : SERVE_DONE);
	if (a->close || a->in_discarded > DISCARD_BYTES)
		return leave_step(c, in);
	if (!a->request.body_done)	/* the client may never send the rest */
		return c->ended && in->len == 0 ?
		    closed(c, SERVE_DONE, false) : STEP_WAIT;
	conn_end_request(c, SERVE_DONE);
	conn_enter(c, CONN_IDLE);
	return STEP_ON;
}

/* The front of a large body has been taken: the rest need not wait for the
 * next turn, so that its head does not travel alone. */
static enum step
more_step(struct conn *c, struct slice *in)
{
	ssize_t n;

	c->more = false;
	n = conn_receive(c, in);
	if (n == 0)
		c->ended = true;
	return STEP_ON;
}

/* The client sends no more, and all it sent has been taken. */
static enum step
ended_step(struct conn *c)
{
	struct active *a = c->active;

	if (a->request.body_done)
		return STEP_WAIT;
	if (a->request.tunnel) {
		if (a->paused)
			return STEP_WAIT;
		body_deliver(a, (struct slice){ NULL, 0 }, true, NULL);
		return STEP_ON;
	}
	if (a->answer_done && stream_pending(&c->stream) > 0)
		return STEP_WAIT;
	return closed(c, SERVE_CLIENT_LEFT, a->request.answered);
}

static enum step
busy_step(struct conn *c, struct slice *in)
{
	struct active *a = c->active;
	struct request *r = &a->request;

	if (a->aborted)
		return closed(c, SERVE_ABORTED, true);
	if (stream_has_failed(&c->stream))
		return STEP_WAIT;	/* for on_failed(), whatever was "sent" */
	if (!a->continued && in->len == 0 && r->server->handler->auto_continue)
		request_continue(r);
	if (in->len > 0 && active_wants_body(a))
		return body_step(c, in);
	if (c->more && in->len == 0 && active_wants_body(a))
		return more_step(c, in);
	if (a->answer_done && (!r->tunnel || r->body_done)) {
		if (stream_pending(&c->stream) == 0)
			return answered_step(c, in);
		stream_tell_empty(&c->stream);
	}
	if (c->ended && in->len == 0)
		return ended_step(c);
	return STEP_WAIT;
}

/* --- after the last answer ----------------------------------------------- */

static enum step
linger_step(struct conn *c, struct slice *in)
{
	c->lingered += (uint32_t)in->len;
	in->len = 0;
	if (c->ended || c->lingered > LINGER_BYTES)
		return closed(c, SERVE_DONE, false);
	return STEP_WAIT;
}

/* --- the steps in turn --------------------------------------------------- */

static enum step
take_step(struct conn *c, struct slice *in)
{
	switch ((enum conn_state)c->state) {
	case CONN_PROXY:
	case CONN_HELLO:
	case CONN_OPENING:
	case CONN_H2:
		return STEP_WAIT;
	case CONN_IDLE:
		return idle_step(c, in);
	case CONN_HEAD:
		return c->may_h2 ? first_step(c, in) : head_step(c, in);
	case CONN_BUSY:
		return busy_step(c, in);
	case CONN_LINGER:
		return linger_step(c, in);
	}
	return STEP_WAIT;
}

/* What was not taken waits in a chunk of its own. */
static void
hold(struct conn *c, struct slice rest)
{
	struct loop *loop = c->server->loop;

	if (c->held != NULL) {
		c->held->begin = c->held->end - (uint32_t)rest.len;
		if (rest.len > 0)
			return;
		chunk_give(loop, c->held);
		c->held = NULL;
	} else if (rest.len > 0) {
		c->held = chunk_take(loop, rest.len);
		must(chunk_add(c->held, rest.p, rest.len) == rest.len);
	}
}

static bool
wants_reading(const struct conn *c)
{
	if (c->state != CONN_BUSY)
		return true;
	if (c->held != NULL)
		return false;
	/* With the body done: the next request, or the client's leaving. */
	return c->active->request.body_done || active_wants_body(c->active);
}

void
h1_conn_update_reading(struct conn *c)
{
	if (wants_reading(c))
		stream_resume(&c->stream);
	else
		stream_pause(&c->stream);
}

static void
run(struct conn *c, struct slice in)
{
	enum step step;

	do
		step = take_step(c, &in);
	while (step == STEP_ON);
	if (step == STEP_CLOSED)
		return;
	c->more = false;
	task_cancel(&c->task);
	hold(c, in);
	h1_conn_update_reading(c);
	conn_arm(c);
}

static struct slice
held_bytes(const struct conn *c)
{
	return c->held == NULL ? (struct slice){ NULL, 0 } :
	    chunk_all(c->held);
}

/* --- events -------------------------------------------------------------- */

void
h1_conn_on_readable(struct conn *c)
{
	struct slice in;
	ssize_t n = conn_receive(c, &in);

	if (n < 0)
		return;			/* an error is told by on_failed() */
	if (n == 0)
		c->ended = true;
	run(c, in);
}

void
h1_conn_on_drained(struct conn *c)
{
	struct active *a = c->active;

	if (a != NULL && a->high && !a->answer_done) {
		a->high = false;
		c->server->handler->drained(&a->request);
	}
	run(c, held_bytes(c));
}

/*
 * An edge that keeps a connection to an engine may just be about to use it: it
 * is to find out before its request is gone.  Whatever is here already is
 * served, so the front of one that is still coming must not be cut off.
 */
static void
shut_out(struct conn *c)
{
	char first;

	if (c->peer_kind == ENDPOINT_UNIX && c->requests > 0 &&
	    !stream_is_tls(&c->stream) &&
	    stream_peek(&c->stream, &first, 1) == STREAM_AGAIN)
		stream_take_no_more(&c->stream);
}

/* An idle connection that has to leave may have a request in its socket. */
void
h1_conn_turn(struct conn *c)
{
	struct slice in = held_bytes(c);

	if (c->state == CONN_IDLE && (c->server->draining || c->unwanted)) {
		shut_out(c);
		if (conn_receive(c, &in) == 0)
			c->ended = true;
	}
	run(c, in);
}

void
h1_conn_refuse(struct conn *c, const struct body_fault *fault)
{
	struct slice in = held_bytes(c);
	struct body_fault found = *fault;

	if (c->state == CONN_HEAD) {
		found.method = h1_method_begun(in);
		found.head = in;
		found.at = in.len;
	} else if (c->state == CONN_BUSY) {
		found.at = c->active->request.body_bytes;
	}
	if (refuse(c, &found) == STEP_CLOSED)
		return;
	in.len = 0;
	run(c, in);
}
