/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What a handler may call on a request.  Everything is written to the stream
 * at once; what follows from it (the end of the request, the next one) comes
 * from the loop.
 */
#include "serve/serve_private.h"

#include "base/clock.h"
#include "base/must.h"

const struct endpoint *
request_peer(const struct request *r)
{
	return &active_of(r)->peer;
}

const struct serve_proxy *
request_proxy(const struct request *r)
{
	return r->conn->proxy == NULL ? NULL : &r->conn->proxy->told;
}

void *
request_listener(const struct request *r)
{
	return r->conn->listener;
}

struct stream *
request_stream(struct request *r)
{
	return &r->conn->stream;
}

/* --- to the stream ------------------------------------------------------- */

static struct iovec
part(struct slice s)
{
	return (struct iovec){ (void *)(uintptr_t)s.p, s.len };
}

static void
send_parts(struct request *r, const struct iovec *parts, int count)
{
	struct conn *c = r->conn;

	for (int i = 0; i < count; i++)
		r->sent_bytes += parts[i].iov_len;
	active_of(r)->moved_ms = c->server->loop->now_ms;
	stream_send(&c->stream, parts, count);
	if (stream_pending(&c->stream) > 0)
		conn_arm(c);
}

static void
send_slice(struct request *r, struct slice bytes)
{
	struct iovec one = part(bytes);

	if (bytes.len > 0)
		send_parts(r, &one, 1);
}

/* --- the head of an answer ----------------------------------------------- */

/*
 * Heads are written by memcpy into room made once: a buf_add() for each of
 * their parts was a tenth of all instructions of a small request.
 */
static char *
put(char *to, const void *bytes, size_t len)
{
	memcpy(to, bytes, len);
	return to + len;
}

#define PUT(to, literal) put(to, literal, sizeof(literal) - 1)

static char *
put_u64(char *to, uint64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n != 0);
	return put(to, digits + i, sizeof(digits) - i);
}

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

static void
renew_date(struct server_private *sp, uint64_t now_ms)
{
	struct slice date;
	uint64_t unix_ms;

	if (now_ms < sp->date_until_ms)
		return;
	unix_ms = clock_unix_ms();
	date = h1_date(&sp->date, unix_ms);
	sp->date_line_len = (size_t)(PUT(put(PUT(sp->date_line, "Date: "),
	    date.p, date.len), "\r\n") - sp->date_line);
	sp->date_until_ms = now_ms + 1000 - unix_ms % 1000;
}

/* RFC 9110 6.4.1: these have no body, whatever their fields say. */
static bool
has_no_body(const struct request *r, const struct answer *answer)
{
	return answer->no_body || r->method == METHOD_HEAD ||
	    answer->status == 204 || answer->status == 304;
}

static void
choose_framing(struct request *r, const struct answer *answer, int64_t length)
{
	struct active *a = active_of(r);

	if (has_no_body(r, answer)) {
		a->out = OUT_NOTHING;
	} else if (length >= 0) {
		a->out = OUT_LENGTH;
		a->out_left = (uint64_t)length;
	} else if (r->minor >= 1) {
		a->out = OUT_CHUNKED;
	} else {
		a->out = OUT_RAW;
		a->close = true;
	}
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
	return to;
}

enum { OWN_FIELDS_MAX = 160 };		/* bytes of what put_framing() and the
					   date come to, and the empty line */

static struct buf *
write_head(struct request *r, const struct answer *answer, int64_t length)
{
	struct server_private *sp = r->server->private;
	struct slice line = status_line(sp, answer->status, answer->reason);
	struct buf *out = &sp->out;
	char *begin, *to;

	renew_date(sp, r->server->loop->now_ms);
	buf_clear(out);
	begin = buf_reserve(out, line.len + answer->fields.len +
	    OWN_FIELDS_MAX);
	to = put(begin, line.p, line.len);
	if (answer->fields.len > 0)
		to = put(to, answer->fields.p, answer->fields.len);
	to = put_framing(to, r, answer, length);
	if (!answer->has_date)
		to = put(to, sp->date_line, sp->date_line_len);
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
		send_slice(r, buf_all(out));
		return;
	}
	parts[0] = part((struct slice){ out->p, front });
	parts[1] = part(rest);
	parts[2] = part((struct slice){ out->p + front, out->len - front });
	send_parts(r, parts + (front == 0), 2 - (front == 0) +
	    (out->len > front));
}

/* False if the handler breaks the length that it told; then the client must
 * not take the answer for whole. */
static bool
within_length(struct active *a, size_t len, bool last)
{
	if (a->out != OUT_LENGTH)
		return true;
	if (len > a->out_left || (last && len < a->out_left))
		return false;
	a->out_left -= len;
	return true;
}

static void
send_piece(struct request *r, struct buf *out, struct slice bytes, bool last,
    struct slice trailers)
{
	struct active *a = active_of(r);

	if (!within_length(a, bytes.len, last)) {
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

void
request_answer(struct request *r, const struct answer *answer,
    struct slice bytes, bool last)
{
	struct active *a = active_of(r);
	int64_t length = answer->length;
	struct buf *out;

	must(!r->answered || a->gone);
	if (a->gone)
		return;
	r->answered = true;
	if (last && length < 0 && !has_no_body(r, answer))
		length = (int64_t)bytes.len;
	choose_framing(r, answer, length);
	a->close = is_last_answer(r, answer, last);
	out = write_head(r, answer, length);
	send_piece(r, out, bytes, last, (struct slice){ NULL, 0 });
}

bool
request_send(struct request *r, struct slice bytes)
{
	struct active *a = active_of(r);
	struct buf *out = &r->server->private->out;

	must(r->answered || a->gone);
	if (a->gone || a->answer_done || a->aborted)
		return true;
	if (stream_has_failed(&r->conn->stream))
		return false;		/* gone() is on its way */
	if (bytes.len > 0) {
		buf_clear(out);
		send_piece(r, out, bytes, false, (struct slice){ NULL, 0 });
	}
	a->high = stream_pending(&r->conn->stream) > STREAM_HIGH;
	return !a->high;
}

ssize_t
request_splice(struct request *r, struct stream *from, size_t most, bool *full)
{
	struct active *a = active_of(r);
	struct conn *c = r->conn;
	ssize_t n;

	*full = false;
	if (a->gone || a->answer_done || a->aborted || a->out != OUT_LENGTH ||
	    most > a->out_left)
		return STREAM_CANNOT;
	n = stream_splice(from, &c->stream, most);
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

void
request_send_last(struct request *r, struct slice bytes, struct slice trailers)
{
	struct active *a = active_of(r);
	struct buf *out = &r->server->private->out;

	must(r->answered || a->gone);
	if (a->gone || a->answer_done || a->aborted)
		return;
	buf_clear(out);
	send_piece(r, out, bytes, true, trailers);
}

/* --- interim answers and tunnels ----------------------------------------- */

void
request_inform(struct request *r, unsigned status, struct slice fields)
{
	struct buf *out = &r->server->private->out;

	must(status >= 100 && status < 200 && status != 101);
	if (status == 100) {
		request_continue(r);
		return;
	}
	if (r->minor == 0 || r->answered || active_of(r)->gone)
		return;			/* RFC 9110 15.2: never to HTTP/1.0 */
	buf_clear(out);
	h1_write_status_line(out, status, (struct slice){ NULL, 0 });
	buf_slice(out, fields);
	h1_write_end(out);
	send_slice(r, buf_all(out));
}

void
request_continue(struct request *r)
{
	struct active *a = active_of(r);

	if (a->continued || r->answered || a->gone || a->refused)
		return;
	a->continued = true;
	send_slice(r, SLICE(H1_CONTINUE));
	a->body_since_ms = a->moved_ms;
	conn_wake(r->conn);		/* its body is awaited from now on */
}

void
request_switch(struct request *r, struct slice fields)
{
	struct active *a = active_of(r);
	struct buf *out = &r->server->private->out;

	must(!r->answered || a->gone);
	if (a->gone)
		return;
	r->answered = true;
	if (!r->body_done) {
		request_abort(r);	/* its rest would pass for tunnelled bytes */
		return;
	}
	buf_clear(out);
	h1_write_status_line(out, 101, (struct slice){ NULL, 0 });
	buf_slice(out, SLICE("Connection: Upgrade\r\n"));
	buf_slice(out, fields);
	h1_write_end(out);
	r->tunnel = r->has_body = true;
	r->body_done = a->is_chunked = false;
	a->out = OUT_RAW;
	a->close = true;
	send_slice(r, buf_all(out));
	conn_wake(r->conn);
}

/* --- back-pressure and giving up ----------------------------------------- */

void
request_pause(struct request *r)
{
	struct active *a = active_of(r);

	if (a->paused || a->gone)
		return;
	a->paused = true;
	a->paused_ms = r->server->loop->now_ms;
	conn_update_reading(r->conn);
}

/* The time of the pause is not the client's. */
void
request_resume(struct request *r)
{
	struct active *a = active_of(r);
	uint64_t now_ms = r->server->loop->now_ms;

	if (!a->paused || a->gone)
		return;
	a->paused = false;
	a->moved_ms = now_ms;
	a->body_since_ms += now_ms - a->paused_ms;
	conn_wake(r->conn);
}

void
request_abort(struct request *r)
{
	struct active *a = active_of(r);

	if (a->gone)
		return;
	a->aborted = true;
	conn_wake(r->conn);
}
