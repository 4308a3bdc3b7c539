/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The answer on its way in.  Bytes are received into the loop's scratch and
 * handed on where they lie; they are copied (into ex->held) only when a head
 * is not complete yet or the owner pauses in the middle of them.
 *
 * Every call of the owner's may cancel the exchange, so each is followed by
 * a look at whether it still lives.  The struct does: it rests until the end
 * of the turn.
 */
#include "base/must.h"
#include "upstream/exchange.h"
#include "upstream/link_stream.h"
#include "upstream/upstream_private.h"

#define INFORMS_MAX	16		/* 1xx before the answer */

enum {
	SPLICE_LEAST = 64 * 1024,	/* of a body to come: less is cheaper read */
	SPLICE_LEAVES = 16 * 1024,
};

static void
advance(struct slice *bytes, size_t n)
{
	bytes->p += n;
	bytes->len -= n;
}

/* --- the end of an answer -------------------------------------------------- */

/*
 * rest: what came behind the last byte.  Bytes nobody asked for make the
 * connection useless: taken for the next answer they would go to the wrong
 * client.  So does a request that the peer did not wait for.
 */
static void
answer_completes(struct exchange *ex, struct slice rest)
{
	ex->complete = true;
	ex->clean = ex->keep && ex->request_done && rest.len == 0 &&
	    stream_pending(&ex->conn->stream) == 0;
}

/* The last piece, then the end; always the end of ex. */
static void
answer_last(struct exchange *ex, struct slice piece, struct slice rest)
{
	answer_completes(ex, rest);
	ex->ops->body(ex, piece, true);
	if (ex->state != EX_ENDED)
		exchange_finish(ex, EXCHANGE_DONE);
}

/* --- its head -------------------------------------------------------------- */

/* RFC 9110 7.8: nobody switches who was not asked to, nor to what else he
 * likes.  We ask for one protocol at most. */
static bool
asked_to_switch(const struct exchange *ex, struct slice protocol)
{
	static const struct slice name = SLICE("\nUpgrade:");
	struct slice head = ex->request.head, line;

	while (slice_split(&head, '\r', &line))
		if (slice_starts_nocase(line, name))
			return slice_eq_nocase(protocol, slice_trim(
			    (struct slice){ line.p + name.len,
			    line.len - name.len }));
	return false;
}

static bool
answer_informs(struct exchange *ex, const struct h1_head *head)
{
	if (++ex->informs > INFORMS_MAX) {
		exchange_finish(ex, EXCHANGE_BAD_ANSWER);
		return false;
	}
	ex->ops->inform(ex, head);
	return ex->state != EX_ENDED;
}

static bool
answer_switches(struct exchange *ex, const struct h1_head *head)
{
	if (!asked_to_switch(ex, head->upgrade)) {
		exchange_finish(ex, EXCHANGE_BAD_ANSWER);
		return false;
	}
	if (!ex->probe)
		upstream_worked(ex->pool->to);
	ex->state = EX_TUNNEL;
	ex->request_done = false;	/* our end of sending is open again */
	exchange_rearm(ex);
	ex->ops->head(ex, head);
	return ex->state != EX_ENDED;
}

/*
 * What came in the packet of the head is looked through before anybody hears
 * of an answer: one that has begun can only be cut.
 */
static bool
chunks_are_good(struct exchange *ex, struct slice bytes)
{
	struct h1_chunked chunked;
	enum h1_piece piece;
	enum h1_rule rule;
	struct slice data;

	h1_chunked_init(&chunked);
	do
		piece = h1_chunked_read(&chunked, &bytes, &data,
		    &ex->trailers, &rule);
	while (piece == H1_PIECE_DATA && bytes.len > 0);
	buf_clear(&ex->trailers);	/* they are read once more */
	return piece != H1_PIECE_BAD;
}

/* A gateway's failure is as good as a broken connection; another region's edge
 * speaks of its engines, not of itself. */
static void
judge_status(struct upstream *to, unsigned status)
{
	if (!to->spec.link && status >= 502 && status <= 504)
		upstream_failed(to);
	else
		upstream_worked(to);
}

static bool
answer_begins(struct exchange *ex, const struct h1_head *head,
    struct slice *bytes)
{
	if (head->framing == H1_CHUNKED && bytes->len > 0 &&
	    !chunks_are_good(ex, *bytes)) {
		exchange_finish(ex, EXCHANGE_BAD_ANSWER);
		return false;
	}
	ex->state = EX_BODY;
	ex->framing = head->framing;
	ex->keep = head->keep_alive && head->framing != H1_UNTIL_CLOSE;
	if (head->framing == H1_LENGTH)
		ex->left = head->content_length;
	else if (head->framing == H1_CHUNKED)
		h1_chunked_init(&ex->chunked);
	ex->front = (struct slice){ bytes->p,
	    bytes->len < ex->left ? bytes->len : (size_t)ex->left };
	if (!ex->probe)
		judge_status(ex->pool->to, head->status);
	exchange_rearm(ex);

	ex->in_head = true;
	ex->ops->head(ex, head);
	ex->in_head = false;
	if (ex->state == EX_ENDED)
		return false;
	if (ex->front_taken) {
		advance(bytes, ex->front.len);
		ex->left -= ex->front.len;
	}
	if (ex->framing != H1_NO_BODY &&
	    (ex->framing != H1_LENGTH || ex->left > 0))
		return true;
	answer_completes(ex, *bytes);
	exchange_finish(ex, EXCHANGE_DONE);
	return false;
}

/* As the other read_ functions: false when no more can be done with bytes. */
static bool
read_head(struct exchange *ex, struct slice *bytes)
{
	struct h1_head *head = &ex->pool->pools->head;
	struct h1_end end;

	switch (h1_read_response(head, *bytes, &ex->seen, ex->request.method,
	    &end)) {
	case H1_MORE:
		return false;
	case H1_REFUSED:
		exchange_finish(ex, EXCHANGE_BAD_ANSWER);
		return false;
	case H1_DONE:
		break;
	}
	advance(bytes, end.consumed);
	ex->seen = 0;
	if (head->status == 101)
		return answer_switches(ex, head);
	if (head->status < 200)
		return answer_informs(ex, head);
	return answer_begins(ex, head, bytes);
}

struct slice
exchange_take_front(struct exchange *ex, bool *last)
{
	must(ex->in_head);
	*last = ex->framing == H1_NO_BODY ||
	    (ex->framing == H1_LENGTH && ex->front.len == ex->left);
	if (ex->front_taken || ex->framing != H1_LENGTH)
		return (struct slice){ NULL, 0 };
	ex->front_taken = true;
	return ex->front;
}

/* --- its body -------------------------------------------------------------- */

static bool
read_length(struct exchange *ex, struct slice *bytes)
{
	struct slice piece = *bytes;

	if (piece.len == 0)
		return false;
	if (piece.len > ex->left)
		piece.len = (size_t)ex->left;
	advance(bytes, piece.len);
	ex->left -= piece.len;
	if (ex->left == 0) {
		answer_last(ex, piece, *bytes);
		return false;
	}
	ex->ops->body(ex, piece, false);
	return ex->state != EX_ENDED;
}

/* Most chunked answers end in the same packet as their last chunk: saying so
 * at once saves their client a packet of its own for the end. */
static bool
ends_here(struct exchange *ex, struct slice *bytes)
{
	enum h1_rule rule;
	struct slice nothing;

	return slice_eq(*bytes, SLICE("\r\n0\r\n\r\n")) &&
	    h1_chunked_read(&ex->chunked, bytes, &nothing, &ex->trailers,
	    &rule) == H1_PIECE_END;
}

static bool
read_chunked(struct exchange *ex, struct slice *bytes)
{
	struct slice piece;
	enum h1_rule rule;

	switch (h1_chunked_read(&ex->chunked, bytes, &piece, &ex->trailers,
	    &rule)) {
	case H1_PIECE_MORE:
		return false;
	case H1_PIECE_BAD:
		exchange_finish(ex, EXCHANGE_BAD_ANSWER);
		return false;
	case H1_PIECE_END:
		answer_last(ex, (struct slice){ NULL, 0 }, *bytes);
		return false;
	case H1_PIECE_DATA:
		break;
	}
	if (ends_here(ex, bytes)) {
		answer_last(ex, piece, *bytes);
		return false;
	}
	ex->ops->body(ex, piece, false);
	return ex->state != EX_ENDED;
}

/* Until close, and in a tunnel. */
static bool
read_raw(struct exchange *ex, struct slice *bytes)
{
	struct slice piece = *bytes;

	if (piece.len == 0)
		return false;
	advance(bytes, piece.len);
	ex->ops->body(ex, piece, false);
	return ex->state != EX_ENDED;
}

static bool
read_some(struct exchange *ex, struct slice *bytes)
{
	if (ex->state == EX_HEAD)
		return bytes->len > 0 && read_head(ex, bytes);
	if (ex->paused)
		return false;
	if (ex->state == EX_TUNNEL || ex->framing == H1_UNTIL_CLOSE)
		return read_raw(ex, bytes);
	if (ex->framing == H1_CHUNKED)
		return bytes->len > 0 && read_chunked(ex, bytes);
	return read_length(ex, bytes);
}

/* bytes follow what is held.  Afterwards ex may have ended. */
static void
exchange_feed(struct exchange *ex, struct slice bytes)
{
	bool from_held = ex->held.len > 0;

	if (from_held) {
		buf_slice(&ex->held, bytes);
		bytes = buf_all(&ex->held);
	}
	while (read_some(ex, &bytes))
		;
	if (ex->state == EX_ENDED)
		return;
	if (!from_held)
		buf_slice(&ex->held, bytes);
	else if (bytes.len > 0)
		buf_consume(&ex->held, ex->held.len - bytes.len);
	else
		buf_fini(&ex->held);
}

/* --- the stream ------------------------------------------------------------ */

static void
answer_ends_early(struct exchange *ex)
{
	exchange_finish(ex, ex->reused && !ex->heard ? EXCHANGE_STALE :
	    EXCHANGE_BROKEN);
}

/* The peer has closed its side. */
static void
exchange_eof(struct exchange *ex)
{
	struct slice nothing = { NULL, 0 };

	if (ex->state == EX_BODY && ex->framing == H1_UNTIL_CLOSE) {
		answer_last(ex, nothing, nothing);
		return;
	}
	if (ex->state != EX_TUNNEL) {
		answer_ends_early(ex);
		return;
	}
	/* It stays readable for ever. */
	stream_pause(&ex->conn->stream);
	ex->peer_finished = true;
	ex->ops->body(ex, nothing, true);
	if (ex->state != EX_ENDED && exchange_tunnel_over(ex))
		exchange_finish(ex, EXCHANGE_DONE);
}

/* Leaves some to be read, since only who reads sees what nobody asked for
 * behind the last byte. */
static ssize_t
splice_some(struct exchange *ex)
{
	ssize_t n;

	if (ex->ops->splice == NULL || ex->state != EX_BODY ||
	    ex->framing != H1_LENGTH || ex->left < SPLICE_LEAST)
		return STREAM_CANNOT;
	n = ex->ops->splice(ex, &ex->conn->stream,
	    (size_t)ex->left - SPLICE_LEAVES);
	if (n > 0) {
		ex->left -= (uint64_t)n;
		exchange_rearm(ex);
	}
	return n;
}

void
exchange_readable(struct exchange *ex)
{
	struct loop *loop = ex->pool->pools->loop;
	ssize_t n;

	/* Resumed, and the task that reads on has not run yet. */
	exchange_read_held(ex);
	if (ex->state == EX_ENDED || ex->paused)
		return;
	/* Once: if there is more, the stream calls again. */
	n = splice_some(ex);
	if (n > 0 || n == STREAM_AGAIN)
		return;
	if (n == STREAM_CANNOT)
		n = stream_read(&ex->conn->stream, loop->scratch,
		    LOOP_SCRATCH);
	if (n == STREAM_AGAIN)
		return;
	if (n == STREAM_ERROR) {
		answer_ends_early(ex);
		return;
	}
	if (n == 0) {
		exchange_eof(ex);
		return;
	}
	ex->heard = true;
	if (ex->state != EX_HEAD)
		exchange_rearm(ex);
	exchange_feed(ex, (struct slice){ loop->scratch, (size_t)n });
}

/* --- back-pressure --------------------------------------------------------- */

void
exchange_read_held(struct exchange *ex)
{
	if (ex->state > EX_HEAD && !ex->paused && ex->held.len > 0)
		exchange_feed(ex, (struct slice){ NULL, 0 });
}

void
exchange_pause(struct exchange *ex)
{
	/* Before its head there is no body to hold back. */
	if (ex->paused || ex->state < EX_BODY || ex->state == EX_ENDED)
		return;
	ex->paused = true;
	if (ex->stream == NULL)		/* else its window is not opened */
		stream_pause(&ex->conn->stream);
	exchange_rearm(ex);
}

void
exchange_resume(struct exchange *ex)
{
	if (!ex->paused || ex->state == EX_ENDED)
		return;
	ex->paused = false;
	if (ex->stream != NULL) {
		link_stream_resume(ex);
		exchange_rearm(ex);
		return;
	}
	if (!ex->peer_finished)
		stream_resume(&ex->conn->stream);
	exchange_rearm(ex);
	if (ex->held.len > 0)
		task_set(ex->pool->pools->loop, &ex->task);
}
