/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A connection, whatever is spoken on it: its beginning and its end, the
 * requests that begin on it, and which file is told of an event.
 */
#include "serve/h2_conn.h"

void
conn_enter(struct conn *c, enum conn_state state)
{
	c->state = (uint8_t)state;
	c->since_ms = c->server->loop->now_ms;
}

void
conn_open(struct conn *c, enum conn_state state)
{
	conn_enter(c, state);
	conn_arm(c);
}

/* --- the end ------------------------------------------------------------- */

void
active_tell_gone(struct active *a, enum serve_end end)
{
	if (a->gone)
		return;
	a->gone = true;
	a->request.server->handler->gone(&a->request, end);
}

void
conn_end_request(struct conn *c, enum serve_end end)
{
	active_tell_gone(c->active, end);
	active_recycle(c->active);
	c->active = NULL;
}

void
conn_close(struct conn *c, enum serve_end end, bool cut)
{
	if (c->active != NULL)
		conn_end_request(c, end);
	if (c->h2 != NULL)
		h2_conn_free(c, end);
	timer_cancel(&c->timer);
	task_cancel(&c->task);
	if (c->held != NULL)
		chunk_give(c->server->loop, c->held);
	conn_proxy_free(c);
	tls_context_free(&c->tls);
	if (cut) {
		stream_cut(&c->stream);
	} else {
		if (stream_is_tls(&c->stream))
			stream_finish(&c->stream);	/* close_notify */
		stream_close(&c->stream);
	}
	conn_recycle(c);
}

/* --- a request begins ---------------------------------------------------- */

struct active *
conn_begin_request(struct conn *c)
{
	struct active *a = active_new(c);

	c->requests++;
	c->server->requests++;
	a->peer.kind = (enum endpoint_kind)c->peer_kind;
	a->peer.addr = c->peer;
	a->peer.port = c->peer_port;
	a->moved_ms = a->body_since_ms = c->server->loop->now_ms;
	a->continued = true;
	a->request.began_us = c->began_us;
	a->request.major = a->request.minor = 1;
	return a;
}

void
active_take_head(struct active *a, const struct h1_head *head, struct slice bytes)
{
	struct request *r = &a->request;

	r->head = head;
	r->head_bytes = bytes;
	r->minor = head->minor;
	r->method = head->method;
	r->has_body = head->framing == H1_CHUNKED ||
	    (head->framing == H1_LENGTH && head->content_length > 0);
	r->body_done = !r->has_body;
	r->expects_continue = r->has_body && head->expect_continue;
	a->continued = !r->expects_continue;
	a->is_chunked = head->framing == H1_CHUNKED;
	a->in_left = head->content_length;
	a->keep = head->keep_alive;
	if (a->is_chunked)
		h1_chunked_init(&a->chunked);
}

/* --- events -------------------------------------------------------------- */

static void
on_readable(struct stream *s)
{
	struct conn *c = list_entry(s, struct conn, stream);

	switch ((enum conn_state)c->state) {
	case CONN_PROXY:
		conn_proxy_read(c);
		break;
	case CONN_HELLO:
		conn_hello_read(c);
		break;
	case CONN_H2:
		h2_conn_on_readable(c);
		break;
	default:
		h1_conn_on_readable(c);
		break;
	}
}

static void
on_opened(struct stream *s)
{
	struct conn *c = list_entry(s, struct conn, stream);

	/* Over TLS HTTP/2 is agreed upon, never guessed (RFC 9113 3.2). */
	if (c->may_h2 && slice_is(stream_alpn(s), "h2")) {
		h2_conn_begin(c, (struct slice){ NULL, 0 });
		return;
	}
	c->may_h2 = false;
	conn_open(c, CONN_IDLE);
}

static void
on_drained(struct stream *s)
{
	struct conn *c = list_entry(s, struct conn, stream);

	if (c->state == CONN_H2)
		h2_conn_turn(c);
	else
		h1_conn_on_drained(c);
}

static void
tell_no_handshake(const struct conn *c, const char *reason)
{
	const struct endpoint peer = { .kind = (enum endpoint_kind)c->peer_kind,
	    .addr = c->peer, .port = c->peer_port };

	if (c->server->handler->handshake_failed != NULL)
		c->server->handler->handshake_failed(c->server, c->listener,
		    &peer, reason);
}

/* As browsers and tools say it that were given a wrong address. */
bool
conn_is_plain_http(struct slice first)
{
	return h1_method_begun(first) != METHOD_OTHER ||
	    h2_preface_begun(first);
}

/* What was asked for is not read: it may hold what TLS was to keep secret. */
static void
refuse_plain(struct conn *c, struct slice first)
{
	const struct body_fault plain = { .status = 400,
	    .rule = "plain-http", .sentence = "this port speaks TLS and the "
	    "request came without it; ask for https:// instead",
	    .method = h1_method_begun(first) };

	stream_turn_plain(&c->stream);
	tell_no_handshake(c, "a plain HTTP request came");
	c->began_us = c->server->loop->now_us;
	if (plain.method == METHOD_OTHER)
		h2_conn_refuse_plain(c, plain.sentence);
	else
		h1_conn_refuse(c, &plain);
}

static void
on_failed(struct stream *s, enum stream_end end)
{
	struct conn *c = list_entry(s, struct conn, stream);

	if (end == STREAM_TLS_FAILED && conn_is_plain_http(stream_first(s))) {
		refuse_plain(c, stream_first(s));
		return;
	}
	/* Nobody was served, so no line of the access log will say it. */
	if (end == STREAM_TLS_FAILED)
		tell_no_handshake(c, s->refusal != NULL ? s->refusal :
		    "no memory");
	conn_close(c, SERVE_CLIENT_LEFT, false);
}

static const struct stream_ops conn_stream_ops = {
	.opened = on_opened,
	.readable = on_readable,
	.drained = on_drained,
	.failed = on_failed,
};

static void
on_task(struct task *task)
{
	struct conn *c = list_entry(task, struct conn, task);

	if (c->state == CONN_H2)
		h2_conn_turn(c);
	else
		h1_conn_turn(c);
}

void
conn_wake(struct conn *c)
{
	task_set(c->server->loop, &c->task);
}

void
conn_start(struct conn *c, int fd, const struct serve_accept *how)
{
	const bool passes = how->passes && how->tls != NULL &&
	    c->peer_kind == ENDPOINT_IP;

	timer_init(&c->timer, conn_on_timer);
	task_init(&c->task, on_task);
	c->may_h2 = how->h2 != NULL;
	c->h2_limits = how->h2;
	stream_accept(&c->stream, c->server->loop, fd,
	    how->proxied || passes ? NULL : how->tls, &conn_stream_ops);
	stream_watch(&c->stream);
	if (how->proxied)
		conn_proxy_begin(c, how);
	else if (passes)
		conn_hello_begin(c, how->tls);
	else
		conn_open(c, how->tls == NULL ? CONN_IDLE : CONN_OPENING);
}
