/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Answers over HTTP/2.  A stream keeps what was given to it until the
 * client's windows and the socket let it go, and tells the handler to stop
 * when that is too much.
 */
#include "http/h2_text.h"
#include "net/websocket.h"
#include "serve/h2_conn.h"

/* Of all answers that wait for one client; beyond it each may keep less. */
enum { CONNECTION_HIGH = 1024 * 1024 };

static void
push(struct h2_active *s, struct slice bytes, bool last)
{
	struct active *a = s->active;
	struct loop *loop = h2_active_loop(s);

	if (!answer_within_length(a, bytes.len, last)) {
		request_abort(&a->request);
		return;
	}
	if (a->out == OUT_NOTHING)
		bytes.len = 0;
	if (s->out.len == 0)
		s->sent_ms = loop->now_ms;
	queue_add(&s->out, loop, bytes);
	a->conn->h2->waiting += bytes.len;
	a->moved_ms = loop->now_ms;
	a->request.sent_bytes += bytes.len;
	s->stream.waiting = s->out.len;
	s->stream.last = a->answer_done = last;
	h2_more(&s->stream);
	h2_request_arm(s);
	conn_wake(a->conn);
}

static struct slice
write_lines(struct request *r, const struct answer *answer, int64_t length)
{
	struct buf *out = &r->server->private->out;

	buf_clear(out);
	buf_slice(out, answer->fields);
	if (length >= 0 && answer->status != 204) {
		buf_slice(out, SLICE("content-length: "));
		buf_u64(out, (uint64_t)length);
		buf_slice(out, SLICE("\r\n"));
	}
	if (!answer->has_date)
		buf_slice(out, server_date_line(r->server));
	return buf_all(out);
}

static void
on_answer(struct request *r, const struct answer *answer, int64_t length,
    struct slice bytes, bool last)
{
	struct active *a = active_of(r);
	struct slice lines = write_lines(r, answer, length);
	bool bare = last && (a->out == OUT_NOTHING || bytes.len == 0);

	if (!answer_within_length(a, 0, bare)) {
		request_abort(r);
		return;
	}
	h2_answer(&a->h2->stream, answer->status, lines, bare);
	r->sent_bytes += lines.len;
	if (!bare) {
		push(a->h2, bytes, last);
		return;
	}
	a->answer_done = true;
	conn_wake(r->conn);
}

static bool
is_high(const struct h2_active *s)
{
	return s->out.len > STREAM_HIGH || (s->out.len > STREAM_LOW &&
	    s->active->conn->h2->waiting > CONNECTION_HIGH);
}

static bool
on_send(struct request *r, struct slice bytes)
{
	struct active *a = active_of(r);

	if (bytes.len > 0)
		push(a->h2, bytes, false);
	a->high = is_high(a->h2);
	return !a->high;
}

/* Frames do not go from socket to socket. */
static ssize_t
on_splice(struct request *r, struct stream *from, size_t most, bool *full)
{
	(void)r;
	(void)from;
	(void)most;
	(void)full;
	return STREAM_CANNOT;
}

static void
on_send_last(struct request *r, struct slice bytes, struct slice trailers)
{
	struct h2_active *s = active_of(r)->h2;

	if (s->active->out != OUT_NOTHING && !r->tunnel) {
		buf_slice(&s->trailers, trailers);
		s->stream.trailers = buf_all(&s->trailers);
	}
	push(s, bytes, true);
}

static void
on_inform(struct request *r, unsigned status, struct slice fields)
{
	h2_inform(&active_of(r)->h2->stream, status, fields);
	conn_wake(r->conn);
}

/* --- tunnels (RFC 8441) ------------------------------------------------- */

/* The handshake is between us and the engine: what of it would go to the
 * client is checked here, and left out. */
static bool
take_accept(struct h2_active *s, struct slice fields, struct buf *lines)
{
	struct slice name, value;
	bool accepted = false;

	buf_clear(lines);
	while (h2_text_next(&fields, &name, &value)) {
		if (slice_eq_nocase(name, SLICE("Sec-WebSocket-Accept"))) {
			accepted = websocket_accepts(s->key, value);
			continue;
		}
		h1_write_field(lines, name, value);
	}
	return accepted;
}

static void
on_turn(struct request *r, struct slice fields)
{
	struct active *a = active_of(r);
	struct h2_active *s = a->h2;
	struct buf *lines = &r->server->private->out;

	if (!s->connect || !take_accept(s, fields, lines)) {
		request_abort(r);
		return;
	}
	r->tunnel = r->has_body = true;
	r->body_done = false;
	a->out = OUT_RAW;
	a->moved_ms = r->server->loop->now_ms;
	h2_answer(&s->stream, 200, buf_all(lines), false);
	h2_make_ready(s);
}

/* --- back-pressure and giving up ---------------------------------------- */

/* The windows do it: what is not consumed is not given back to them. */
static void
on_paused(struct request *r)
{
	(void)r;
}

static void
on_resumed(struct request *r)
{
	h2_make_ready(active_of(r)->h2);
}

/* Never END_STREAM: the client must not take what it has for the whole. */
static void
on_aborted(struct request *r)
{
	h2_reset(&active_of(r)->h2->stream, r->tunnel ? H2_CANCEL :
	    H2_INTERNAL_ERROR);
	conn_wake(r->conn);
}

const struct transport h2_transport = {
	.answer = on_answer,
	.send = on_send,
	.splice = on_splice,
	.send_last = on_send_last,
	.inform = on_inform,
	.turn = on_turn,
	.paused = on_paused,
	.resumed = on_resumed,
	.aborted = on_aborted,
};

/* --- what leaves -------------------------------------------------------- */

void
h2_answer_copy(struct h2_stream *stream, char *to, size_t len)
{
	struct h2_active *s = h2_active_of(stream);
	struct active *a = s->active;
	struct loop *loop = h2_active_loop(s);

	queue_take(&s->out, loop, to, len);
	a->conn->h2->waiting -= len;
	s->sent_ms = loop->now_ms;
	if (a->high && s->out.len <= STREAM_LOW)
		h2_make_ready(s);
}

/*
 * RFC 9113 8.1: answered in full, so the rest of the request may stay where it
 * is.  Not at once: a short rest is on its way already, and there are clients
 * that forget an answer when their stream is reset.
 */
void
h2_answer_sent(struct h2_stream *stream)
{
	struct h2_active *s = h2_active_of(stream);

	s->all_sent = true;
	s->sent_ms = h2_active_loop(s)->now_ms;
	if (s->in_ended)
		return;
	if (s->active->request.tunnel)
		h2_reset(stream, H2_NO_ERROR);
	else
		h2_request_arm(s);
}
