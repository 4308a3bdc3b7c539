/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * A connection that speaks HTTP/2.  What comes is fed to the session as it is
 * read; what is to go is collected to the end of the loop's turn, so that the
 * frames of many streams leave in one write.  No more is framed than the
 * socket takes: the rest waits with its stream, where the client's windows
 * and the handler's back-pressure can get at it.
 */
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "serve/h2_conn.h"

enum {
	READ_BYTES = 64 * 1024,		/* at once */
	TURN_BYTES = 256 * 1024,	/* written, before others have a turn */
};

static struct h2_settings
settings_of(const struct conn *c)
{
	const struct serve_h2 *l = c->h2_limits;

	return (struct h2_settings){ .streams = l->streams,
	    .window = l->window, .window_most = l->window_most,
	    .connection_window = l->connection_window,
	    .resets = l->resets, .glitches = l->glitches };
}

/* --- the beginning ------------------------------------------------------ */

static void
feed(struct conn *c, struct slice bytes)
{
	struct h2_conn *hc = c->h2;
	uint64_t now_ms = c->server->loop->now_ms;

	h2_feed(hc->h2, bytes, now_ms);
	if (!h2_is_mid_head(hc->h2))
		hc->head_ms = 0;
	else if (hc->head_ms == 0)
		hc->head_ms = now_ms;
	conn_wake(c);
}

void
h2_conn_begin(struct conn *c, struct slice bytes)
{
	struct server_private *sp = c->server->private;
	const struct h2_settings settings = settings_of(c);
	struct h2_conn *hc = xcalloc(1, sizeof(*hc));

	if (sp->kit == NULL)
		sp->kit = h2_kit_new(&h2_stream_ops);
	list_init(&hc->streams);
	list_init(&hc->ready);
	hc->conn = c;
	hc->h2 = h2_new(sp->kit, c, &settings);
	c->h2 = hc;
	c->server->h2_connections++;
	conn_enter(c, CONN_H2);
	feed(c, bytes);
	conn_arm(c);
}

void
h2_conn_on_readable(struct conn *c)
{
	char *bytes = c->server->loop->scratch;
	ssize_t n = stream_read(&c->stream, bytes, READ_BYTES);

	if (n == 0)			/* RFC 9113 has no half-closed connection */
		conn_close(c, SERVE_CLIENT_LEFT, false);
	else if (n > 0)
		feed(c, (struct slice){ bytes, (size_t)n });
	/* else an error is told by on_failed() */
}

/* --- the end ------------------------------------------------------------ */

void
h2_conn_free(struct conn *c, enum serve_end end)
{
	struct h2_conn *hc = c->h2;

	list_each(node, &hc->streams)
		h2_request_end(list_entry(node, struct active, node)->h2, end);
	h2_free(&hc->h2);
	free(hc);
	c->h2 = NULL;
}

/* All is said: the client has time to read it, and closes. */
static void
linger(struct conn *c)
{
	stream_finish(&c->stream);
	conn_enter(c, CONN_LINGER);
	conn_arm(c);
}

static void
leave(struct conn *c)
{
	h2_conn_free(c, SERVE_CLIENT_LEFT);
	linger(c);
}

/*
 * RFC 9113 6.8: first the announcement; then, when what the client had on its
 * way before it heard has come, how far it will be served.
 */
static void
begin_leaving(struct h2_conn *hc, uint64_t now_ms)
{
	hc->leaving = true;
	hc->leaving_ms = now_ms;
	h2_say_shutdown(hc->h2);
	h2_ping(hc->h2);
}

static void
close_to_new(struct h2_conn *hc)
{
	if (hc->closed)
		return;
	hc->closed = true;
	h2_goaway(hc->h2, H2_NO_ERROR);
}

static bool
has_to_leave(const struct conn *c)
{
	uint32_t most = c->server->limits->requests;

	return c->server->draining || c->unwanted ||
	    (most > 0 && c->requests >= most);
}

/* --- a turn ------------------------------------------------------------- */

static void
deliver_all(struct h2_conn *hc)
{
	struct list now;
	struct list *node;

	/* Those that become ready meanwhile have the next turn. */
	list_init(&now);
	while ((node = list_pop(&hc->ready)) != NULL)
		list_append(&now, node);
	while ((node = list_pop(&now)) != NULL)
		h2_deliver(list_entry(node, struct h2_active, ready));
}

static void
write_all(struct conn *c)
{
	struct server_private *sp = c->server->private;
	struct buf *out = &sp->frames;
	size_t total = 0;

	while (stream_pending(&c->stream) <= STREAM_HIGH &&
	    !stream_has_failed(&c->stream)) {
		struct iovec all;

		if (total >= TURN_BYTES) {
			conn_wake(c);
			return;
		}
		buf_clear(out);
		buf_reserve(out, READ_BYTES + H2_FRAME_MAX);
		h2_take(c->h2->h2, out, READ_BYTES);
		if (out->len == 0)
			return;
		all = (struct iovec){ out->p, out->len };
		stream_send(&c->stream, &all, 1);
		total += out->len;
	}
}

void
h2_conn_turn(struct conn *c)
{
	struct h2_conn *hc = c->h2;
	const struct h2_settings settings = settings_of(c);

	h2_change(hc->h2, &settings);
	if (!hc->leaving && has_to_leave(c))
		begin_leaving(hc, c->server->loop->now_ms);
	deliver_all(hc);
	write_all(c);
	if (h2_is_done(hc->h2)) {
		leave(c);
		return;
	}
	if (!list_empty(&hc->ready))
		conn_wake(c);
	conn_arm(c);
}

/* --- deadlines ---------------------------------------------------------- */

void
h2_conn_deadline(const struct conn *c, struct deadline *d)
{
	const struct serve_limits *limits = c->server->limits;
	const struct h2_conn *hc = c->h2;

	if (hc->nstreams == 0)
		deadline_sooner(d, c->since_ms + limits->idle_ms, LATE_H2);
	if (hc->head_ms != 0)
		deadline_sooner(d, hc->head_ms + limits->head_ms, LATE_H2);
	if (hc->leaving && !hc->closed)
		deadline_sooner(d, hc->leaving_ms + DRAIN_GRACE_MS, LATE_H2);
	if (stream_pending(&c->stream) > 0)
		deadline_sooner(d, c->stream.sent_ms + limits->send_idle_ms,
		    LATE_SEND);
}

/* Whichever it was: this is the last that the client will hear of us. */
void
h2_conn_on_late(struct conn *c)
{
	struct h2_conn *hc = c->h2;
	uint64_t now_ms = c->server->loop->now_ms;

	if (hc->head_ms != 0 &&
	    now_ms >= hc->head_ms + c->server->limits->head_ms) {
		h2_goaway(hc->h2, H2_ENHANCE_YOUR_CALM);
		write_all(c);
		leave(c);
		return;
	}
	close_to_new(hc);
	h2_conn_turn(c);
}

/* --- what the session tells of it --------------------------------------- */

void
h2_conn_on_pong(struct h2 *h2)
{
	struct conn *c = h2_owner(h2);

	if (c->h2->leaving)
		close_to_new(c->h2);
	conn_wake(c);
}

static void
tell_malformed(const struct conn *c, const char *rule, const char *sentence)
{
	const struct endpoint peer = {
		.kind = (enum endpoint_kind)c->peer_kind,
		.addr = c->peer, .port = c->peer_port };

	if (c->server->handler->malformed != NULL)
		c->server->handler->malformed(c->server, c->listener, &peer,
		    rule, sentence);
}

void
h2_conn_on_malformed(struct h2 *h2, const char *rule, const char *sentence)
{
	tell_malformed(h2_owner(h2), rule, sentence);
}

void
h2_conn_refuse_plain(struct conn *c, const char *sentence)
{
	struct buf *out = &c->server->private->frames;
	struct iovec all;

	tell_malformed(c, "plain-http", sentence);
	buf_clear(out);
	h2_write_refusal(out, H2_INADEQUATE_SECURITY, slice_of(sentence));
	all = (struct iovec){ out->p, out->len };
	stream_send(&c->stream, &all, 1);
	linger(c);
}
