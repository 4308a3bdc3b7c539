/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Answers over HTTP/1.1.  Everything is written to the stream at once.
 */
#include "serve/serve_private.h"

#include "base/put.h"

/* --- to the stream ------------------------------------------------------- */

static struct iovec
part(struct slice s)
{
	return (struct iovec){ (void *)(uintptr_t)s.p, s.len };
}

static void
send_parts(struct request *r, const struct iovec *parts, int count, bool last)
{
	struct active *a = active_of(r);
	struct conn *c = r->conn;

	for (int i = 0; i < count; i++)
		r->sent_bytes += parts[i].iov_len;
	a->moved_ms = c->server->loop->now_ms;
	(last && a->close ? stream_send_last : stream_send)(&c->stream, parts,
	    count);
	if (stream_pending(&c->stream) > 0)
		conn_arm(c);
}

static void
send_slice(struct request *r, struct slice bytes, bool last)
{
	struct iovec one = part(bytes);

	if (bytes.len > 0)
		send_parts(r, &one, 1, last);
}

/* --- the head of an answer ----------------------------------------------- */

/* The last one written is kept: nearly always it is "200 OK" again. */
static struct slice
status_line(struct server_private *sp, unsigned status, struct slice reason)
{
	if (status != sp->status || !slice_eq(reason, buf_all(&sp->reason))) {
		sp->status = status;
		buf_clear(&sp->reason);
		buf_slice(&sp->reason, reason);
		buf_clear(&sp->status_line);
		h1_write_status_line(&sp->status_line, status, reason);
	}
	return buf_all(&sp->status_line);
}

/* A body of unknown length ends with a last chunk, or with the connection. */
static void
choose_framing(struct request *r)
{
	struct active *a = active_of(r);

	if (a->out != OUT_OPEN)
		return;
	a->out = r->minor >= 1 ? OUT_CHUNKED : OUT_RAW;
	if (a->out == OUT_RAW)
		a->close = true;
}

/*
 * Whether the connection ends with this answer.  A body that nobody is going
 * to read is thrown away if it is short; a client that waits for 100 Continue
 * may or may not send it now (RFC 9110 10.1.1), which cannot be told apart.
 */
static bool
is_last_answer(const struct request *r, const struct answer *answer, bool whole)
{
	const struct active *a = active_of(r);
	const struct conn *c = r->conn;
	uint32_t most = r->server->limits->requests;

	if (a->close || answer->close || !a->keep || r->server->draining ||
	    c->ended || (most > 0 && c->requests >= most))
		return true;
	return !r->body_done && (!a->continued || (whole &&
	    (a->is_chunked || a->in_left > DISCARD_BYTES)));
}

static char *
put_framing(char *to, const struct request *r, const struct answer *answer,
    int64_t length)
{
	const struct active *a = active_of(r);

	if (a->out == OUT_CHUNKED)
		to = PUT(to, "Transfer-Encoding: chunked\r\n");
	else if (length >= 0 && answer->status != 204)
		to = PUT(put_u64(PUT(to, "Content-Length: "),
		    (uint64_t)length), "\r\n");
	if (a->close)
		to = PUT(to, "Connection: close\r\n");
	else if (r->minor == 0)
		to = PUT(to, "Connection: keep-alive\r\n");
	if (answer->upgrade.len > 0 && r->minor >= 1)
		to = PUT(put(PUT(to, "Connection: Upgrade\r\nUpgrade: "),
		    answer->upgrade), "\r\n");
	return to;
}

enum { OWN_FIELDS_MAX = 160 };		/* bytes of what put_framing() and the
					   date come to without the names of
					   protocols, and the empty line */

static struct buf *
write_head(struct request *r, const struct answer *answer, int64_t length)
{
	struct server_private *sp = r->server->private;
	struct slice line = status_line(sp, answer->status, answer->reason);
	struct slice date = server_date_line(r->server);
	struct buf *out = &sp->out;
	char *begin, *to;

	buf_clear(out);
	begin = buf_reserve(out, line.len + answer->fields.len +
	    answer->upgrade.len + OWN_FIELDS_MAX);
	to = put(put(begin, line), answer->fields);
	to = put_framing(to, r, answer, length);
	if (!answer->has_date)
		to = put(to, date);
	to = PUT(to, "\r\n");
	out->len = (size_t)(to - begin);
	return out;
}

/* --- bodies -------------------------------------------------------------- */

/* Puts bytes into their frame, behind what is in out. */
static void
send_body(struct request *r, struct buf *out, struct slice bytes, bool last,
    struct slice trailers)
{
	const bool chunked = active_of(r)->out == OUT_CHUNKED;
	struct slice rest = { NULL, 0 };
	struct iovec parts[3];
	size_t front;

	if (chunked && bytes.len > 0)
		out->len += h1_chunk_head(buf_reserve(out, 24), bytes.len);
	if (bytes.len <= COPY_BYTES && out->len > 0)
		buf_slice(out, bytes);
	else
		rest = bytes;
	front = out->len;
	if (chunked && bytes.len > 0)
		h1_write_end(out);
	if (chunked && last)
		h1_write_last_chunk(out, trailers);
	if (rest.len == 0) {
		send_slice(r, buf_all(out), last);
		return;
	}
	parts[0] = part((struct slice){ out->p, front });
	parts[1] = part(rest);
	parts[2] = part((struct slice){ out->p + front, out->len - front });
	send_parts(r, parts + (front == 0), 2 - (front == 0) +
	    (out->len > front), last);
}

static void
send_piece(struct request *r, struct buf *out, struct slice bytes, bool last,
    struct slice trailers)
{
	struct active *a = active_of(r);

	if (!answer_within_length(a, bytes.len, last)) {
		request_abort(r);
		return;
	}
	if (a->out == OUT_NOTHING)
		bytes.len = 0;
	send_body(r, out, bytes, last, trailers);
	if (last) {
		a->answer_done = true;
		if (r->tunnel)
			stream_finish(&r->conn->stream);
		conn_wake(r->conn);
	}
}

static void
on_answer(struct request *r, const struct answer *answer, int64_t length,
    struct slice bytes, bool last)
{
	struct buf *out;

	choose_framing(r);
	active_of(r)->close = is_last_answer(r, answer, last);
	out = write_head(r, answer, length);
	send_piece(r, out, bytes, last, (struct slice){ NULL, 0 });
}

static bool
on_send(struct request *r, struct slice bytes)
{
	struct active *a = active_of(r);
	struct buf *out = &r->server->private->out;

	if (stream_has_failed(&r->conn->stream))
		return false;		/* gone() is on its way */
	if (bytes.len > 0) {
		buf_clear(out);
		send_piece(r, out, bytes, false, (struct slice){ NULL, 0 });
	}
	a->high = stream_pending(&r->conn->stream) > STREAM_HIGH;
	return !a->high;
}

static ssize_t
on_splice(struct request *r, struct stream *from, size_t most, bool *full)
{
	struct active *a = active_of(r);
	struct conn *c = r->conn;
	ssize_t n = stream_splice(from, &c->stream, most);

	if (n <= 0)
		return n;
	a->out_left -= (uint64_t)n;
	a->moved_ms = c->server->loop->now_ms;
	r->sent_bytes += (uint64_t)n;
	*full = a->high = stream_pending(&c->stream) > 0;
	if (*full)
		conn_arm(c);
	return n;
}

static void
on_send_last(struct request *r, struct slice bytes, struct slice trailers)
{
	struct buf *out = &r->server->private->out;

	buf_clear(out);
	send_piece(r, out, bytes, true, trailers);
}

/* --- interim answers and tunnels ----------------------------------------- */

static void
on_inform(struct request *r, unsigned status, struct slice fields)
{
	struct buf *out = &r->server->private->out;

	buf_clear(out);
	h1_write_status_line(out, status, (struct slice){ NULL, 0 });
	buf_slice(out, fields);
	h1_write_end(out);
	send_slice(r, buf_all(out), false);
}

static void
on_turn(struct request *r, struct slice fields)
{
	struct active *a = active_of(r);
	struct buf *out = &r->server->private->out;

	buf_clear(out);
	h1_write_status_line(out, 101, (struct slice){ NULL, 0 });
	buf_slice(out, SLICE("Connection: Upgrade\r\n"));
	buf_slice(out, fields);
	h1_write_end(out);
	r->tunnel = r->has_body = true;
	r->body_done = a->is_chunked = false;
	a->out = OUT_RAW;
	a->close = true;
	send_slice(r, buf_all(out), false);
	conn_wake(r->conn);
}

/* --- back-pressure and giving up ----------------------------------------- */

static void
on_paused(struct request *r)
{
	h1_conn_update_reading(r->conn);
}

static void
on_changed(struct request *r)
{
	conn_wake(r->conn);
}

const struct transport h1_transport = {
	.answer = on_answer,
	.send = on_send,
	.splice = on_splice,
	.send_last = on_send_last,
	.inform = on_inform,
	.turn = on_turn,
	.paused = on_paused,
	.resumed = on_changed,
	.aborted = on_changed,
};
