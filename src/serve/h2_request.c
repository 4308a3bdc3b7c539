/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Requests that are streams of an HTTP/2 connection.  Their heads are read as
 * HTTP/1.1's are, so that both mean the same; their bodies are let in only as
 * fast as the handler takes them, since a window opens when it has.
 */
#include "net/websocket.h"
#include "serve/h2_conn.h"

static void on_stream_timer(struct timer *);

void
h2_make_ready(struct h2_active *s)
{
	struct conn *c = s->active->conn;

	if (list_empty(&s->ready))
		list_append(&c->h2->ready, &s->ready);
	conn_wake(c);
}

/* --- deadlines ---------------------------------------------------------- */

static struct deadline
stream_deadline(const struct h2_active *s)
{
	const struct active *a = s->active;
	const struct serve_limits *limits = a->request.server->limits;
	struct deadline d = { NEVER, LATE_NOT };

	if (a->request.tunnel) {
		deadline_sooner(&d, a->moved_ms + limits->tunnel_idle_ms,
		    LATE_TUNNEL);
		return d;
	}
	if (s->all_sent) {
		deadline_sooner(&d, s->sent_ms + LINGER_MS, LATE_CLOSE);
		return d;
	}
	if (s->out.len > 0)
		deadline_sooner(&d, s->sent_ms + limits->send_idle_ms,
		    LATE_SEND);
	deadline_of_body(&d, a);
	return d;
}

void
h2_request_arm(struct h2_active *s)
{
	deadline_arm(stream_deadline(s), h2_active_loop(s), &s->timer);
}

static void
cut_late(struct h2_active *s, enum serve_end why)
{
	s->is_late = true;
	s->late = why;
	h2_reset(&s->stream, H2_CANCEL);
	conn_wake(s->active->conn);
}

/* --- heads -------------------------------------------------------------- */

/* What has begun to be answered can only be cut. */
static void
refuse(struct h2_active *s, const struct body_fault *fault)
{
	struct active *a = s->active;
	struct request *r = &a->request;

	if (a->refused || a->gone)
		return;
	if (r->answered) {
		cut_late(s, SERVE_REFUSED);
		return;
	}
	a->refused = true;
	r->refused_bytes = fault->head;
	r->refused_at = fault->at;
	r->server->handler->refuse(r, fault->status, fault->rule,
	    fault->sentence);
	r->refused_bytes = (struct slice){ NULL, 0 };
}

static void
refuse_head(struct h2_active *s, struct slice text, const struct h1_end *end)
{
	static const struct body_fault unknown = { .status = 501,
	    .rule = "unknown-protocol", .sentence =
	    "the only protocol that can be connected to is websocket" };
	const struct h1_rule_info *info = h1_rule_info(end->rule);
	const struct body_fault fault = { .status = info->status,
	    .rule = info->name, .sentence = info->sentence, .head = text,
	    .at = end->offset };

	refuse(s, end->rule == H1_BAD_UPGRADE && s->connect ? &unknown :
	    &fault);
}

/* The request as it would have come over HTTP/1.1. */
static bool
read_head(struct h2_active *s, const struct h2_request *request)
{
	struct server_private *sp = s->active->request.server->private;
	struct h1_end end = { .rule = request->rule };
	size_t seen = 0;

	if (request->rule != H1_OK) {
		refuse_head(s, request->text, &end);
		return false;
	}
	switch (h1_read_request(&sp->head, request->text, &seen, &end)) {
	case H1_DONE:
		if (end.consumed == request->text.len)
			return true;
		end.rule = H1_BARE_CR_OR_LF;
		break;
	case H1_MORE:
		end.rule = H1_BARE_CR_OR_LF;
		break;
	case H1_REFUSED:
		break;
	}
	refuse_head(s, request->text, &end);
	return false;
}

static bool
is_too_large(const struct request *r, const struct h1_head *head)
{
	uint64_t most = r->server->limits->body_bytes;

	return most > 0 && head->framing == H1_LENGTH &&
	    head->content_length > most;
}

static void
hand_over(struct h2_active *s, const struct h2_request *request)
{
	struct active *a = s->active;
	struct request *r = &a->request;
	const struct h1_head *head = &r->server->private->head;

	active_take_head(a, head, request->text);
	if (is_too_large(r, head))
		refuse(s, &body_too_large);
	else
		r->server->handler->head(r);
	r->head = NULL;
	r->head_bytes = (struct slice){ NULL, 0 };
	if (!a->continued && r->server->handler->auto_continue)
		request_continue(r);
}

static struct h2_stream *
on_opened(struct h2 *h2)
{
	struct conn *c = h2_owner(h2);
	struct active *a;
	struct h2_active *s;

	c->began_us = c->server->loop->now_us;
	a = conn_begin_request(c);
	a->transport = &h2_transport;
	a->request.major = 2;
	c->server->h2_requests++;
	s = h2_active_new(a);
	timer_init(&s->timer, on_stream_timer);
	list_append(&c->h2->streams, &a->node);
	c->h2->nstreams++;
	return &s->stream;
}

static void
on_head(struct h2_stream *stream, const struct h2_request *request)
{
	struct h2_active *s = h2_active_of(stream);

	s->in_ended = request->ended;
	s->connect = request->tunnel;
	if (s->connect)
		memcpy(s->key, s->active->request.server->private->key,
		    sizeof(s->key));
	if (read_head(s, request))
		hand_over(s, request);
	h2_request_arm(s);
}

static struct slice
on_key(struct h2 *h2)
{
	struct conn *c = h2_owner(h2);
	char *key = c->server->private->key;

	websocket_key(key);
	return slice_of(key);
}

/* --- bodies of requests ------------------------------------------------- */

/* Nobody wants them any more. */
static bool
is_unwanted(const struct active *a)
{
	return a->refused || a->aborted || a->gone ||
	    (a->answer_done && !a->request.tunnel);
}

static bool
has_to_wait(const struct h2_active *s)
{
	return s->active->paused ||
	    (s->connect && !s->active->request.tunnel);
}

/* The request was answered in full, and its client sends on and on. */
static void
stop_rest(struct h2_active *s)
{
	h2_reset(&s->stream, H2_NO_ERROR);
	conn_wake(s->active->conn);
}

static void
deliver(struct h2_active *s, struct slice bytes, bool last)
{
	struct active *a = s->active;
	struct body_fault fault;

	if (!a->request.body_done && !is_unwanted(a) &&
	    !body_deliver(a, bytes, last, &fault))
		refuse(s, &fault);
	h2_consume(&s->stream, bytes.len);
	if (!s->all_sent || a->request.tunnel)
		return;
	a->in_discarded += bytes.len;
	if (a->in_discarded > DISCARD_BYTES)
		stop_rest(s);
}

static void
hold(struct h2_active *s, struct slice bytes)
{
	queue_add(&s->in, h2_active_loop(s), bytes);
	h2_stall(&s->stream);
}

static void
on_body(struct h2_stream *stream, struct slice bytes)
{
	struct h2_active *s = h2_active_of(stream);

	if (!is_unwanted(s->active) && (has_to_wait(s) || s->in.len > 0))
		hold(s, bytes);
	else
		deliver(s, bytes, false);
}

/* What waited, as far as it may go on now. */
static void
deliver_body(struct h2_active *s)
{
	while (s->in.len > 0 && !has_to_wait(s)) {
		deliver(s, queue_front(&s->in), false);
		queue_drop_front(&s->in, h2_active_loop(s));
	}
	if (s->in_ended && s->in.len == 0 && !has_to_wait(s))
		deliver(s, (struct slice){ NULL, 0 }, true);
}

static void
on_ended(struct h2_stream *stream, struct slice trailers)
{
	struct h2_active *s = h2_active_of(stream);

	s->in_ended = true;
	if (!s->active->request.tunnel)
		buf_slice(&s->active->request.trailers, trailers);
	deliver_body(s);
}

void
h2_deliver(struct h2_active *s)
{
	struct active *a = s->active;

	deliver_body(s);
	if (a->high && s->out.len <= STREAM_LOW && !a->answer_done &&
	    !a->aborted) {
		a->high = false;
		a->request.server->handler->drained(&a->request);
	}
	h2_request_arm(s);
}

/* --- the end ------------------------------------------------------------ */

static enum serve_end
end_of(const struct h2_active *s)
{
	const struct active *a = s->active;

	if (s->is_late)
		return s->late;
	if (a->aborted)
		return SERVE_ABORTED;
	if (s->all_sent)
		return a->refused ? SERVE_REFUSED : SERVE_DONE;
	return SERVE_CLIENT_LEFT;
}

void
h2_request_end(struct h2_active *s, enum serve_end end)
{
	struct active *a = s->active;
	struct conn *c = a->conn;
	struct loop *loop = c->server->loop;

	s->stream.closed = true;
	active_tell_gone(a, end);
	timer_cancel(&s->timer);
	h2_consume_connection(c->h2->h2, s->in.len);
	c->h2->waiting -= s->out.len;
	queue_clear(&s->in, loop);
	queue_clear(&s->out, loop);
	list_remove(&a->node);
	h2_active_recycle(s);
	active_recycle(a);
	if (--c->h2->nstreams == 0)
		conn_enter(c, CONN_H2);	/* idle from now on */
	conn_wake(c);
}

static void
on_closed(struct h2_stream *stream, enum h2_error error)
{
	struct h2_active *s = h2_active_of(stream);

	(void)error;
	h2_request_end(s, end_of(s));
}

static void
refuse_late(struct h2_active *s, enum late late)
{
	struct body_fault fault = *deadline_fault(late);

	fault.at = s->active->request.body_bytes;
	refuse(s, &fault);
}

static void
on_stream_timer(struct timer *timer)
{
	struct h2_active *s = list_entry(timer, struct h2_active, timer);
	struct deadline d = stream_deadline(s);

	if (d.at_ms > h2_active_loop(s)->now_ms) {
		h2_request_arm(s);
		return;
	}
	switch (d.late) {
	case LATE_SEND:
		cut_late(s, SERVE_SEND_TIMEOUT);
		break;
	case LATE_TUNNEL:
		cut_late(s, SERVE_TUNNEL_IDLE);
		break;
	case LATE_CLOSE:
		stop_rest(s);
		break;
	default:
		refuse_late(s, d.late);
		break;
	}
}

const struct h2_ops h2_stream_ops = {
	.opened = on_opened,
	.head = on_head,
	.body = on_body,
	.ended = on_ended,
	.copy = h2_answer_copy,
	.sent = h2_answer_sent,
	.closed = on_closed,
	.ponged = h2_conn_on_pong,
	.key = on_key,
	.malformed = h2_conn_on_malformed,
};
