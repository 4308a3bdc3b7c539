/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "upstream/link_stream.h"

#include <stdlib.h>

#include "base/must.h"
#include "upstream/upstream_private.h"

enum { INFORMS_MAX = 16 };		/* 1xx before the answer */

/* To link_stream_deliver(), by the task. */
static void
make_ready(struct link_stream *ls)
{
	if (list_empty(&ls->ready))
		list_append(&ls->link->ready, &ls->ready);
	h2_link_wake(ls->link);
}

void
link_stream_free(struct link_stream *ls)
{
	struct h2_link *l = ls->link;

	must(ls->ex == NULL);
	list_remove(&ls->node);
	list_remove(&ls->ready);
	queue_clear(&ls->out, l->pools->loop);
	buf_fini(&ls->trailers);
	buf_fini(&ls->heads);
	buf_fini(&ls->body);
	free(ls);
	if (--l->nstreams == 0)
		l->since_ms = l->pools->loop->now_ms;
	h2_link_wake(l);
}

/*
 * The window of all streams is opened again as soon as bytes are here, so that
 * one whose owner does not take them leaves room for the others; but no more
 * when too much is held altogether.
 */
static void
keep(struct h2_link *l, size_t len)
{
	l->held += len;
	if (l->held <= POOL_LINK_HELD)
		h2_consume_connection(l->h2, len);
	else
		l->owed += len;
}

static void
release(struct h2_link *l, size_t len)
{
	size_t due = len < l->owed ? len : l->owed;

	l->held -= len;
	l->owed -= due;
	if (due > 0)
		h2_consume_connection(l->h2, due);
}

void
link_stream_part(struct exchange *ex)
{
	struct link_stream *ls = ex->stream;

	ex->stream = NULL;
	ls->ex = NULL;
	release(ls->link, ls->body.len);
	buf_clear(&ls->body);
	if (!ls->asked || ls->over)
		link_stream_free(ls);
	else if (!ls->in_ended || !ls->stream.last || ls->out.len > 0)
		h2_reset(&ls->stream, H2_CANCEL);
	/* else it is closed as soon as its last frame has left */
}

void
link_stream_ask(struct link_stream *ls)
{
	struct exchange *ex = ls->ex;
	bool bare = ls->stream.last && ls->out.len == 0 &&
	    ls->trailers.len == 0;

	ls->asked = true;
	ex->sent = true;
	ex->state = EX_HEAD;
	h2_ask(ls->link->h2, &ls->stream, ex->request.head, bare);
	exchange_rearm(ex);
	h2_link_wake(ls->link);
}

void
link_stream_send_last(struct exchange *ex, struct slice bytes,
    struct slice trailers)
{
	struct link_stream *ls = ex->stream;

	link_stream_send(ex, bytes);
	buf_slice(&ls->trailers, trailers);
	ls->stream.trailers = buf_all(&ls->trailers);
	ls->stream.last = ex->request_done = true;
	ex->blocked = false;
	if (!ls->asked)
		return;
	h2_more(&ls->stream);
	h2_link_wake(ls->link);
	exchange_rearm(ex);
}

bool
link_stream_send(struct exchange *ex, struct slice bytes)
{
	struct link_stream *ls = ex->stream;

	queue_add(&ls->out, ls->link->pools->loop, bytes);
	ls->stream.waiting = ls->out.len;
	ex->blocked = ls->out.len > STREAM_HIGH;
	if (!ls->asked)
		return !ex->blocked;
	h2_more(&ls->stream);
	h2_link_wake(ls->link);
	if (ex->blocked)
		exchange_rearm(ex);
	return !ex->blocked;
}

/* --- what comes --------------------------------------------------------- */

static struct link_stream *
of_stream(struct h2_stream *s)
{
	return list_entry(s, struct link_stream, stream);
}

/* Heads are kept with their length before them: interim ones may come with
 * the final one. */
static void
on_answer(struct h2_stream *s, struct slice text, bool ended)
{
	struct link_stream *ls = of_stream(s);

	if (ls->ex == NULL)
		return;
	ls->link->used = true;
	ls->ex->heard = true;
	buf_add(&ls->heads, &text.len, sizeof(text.len));
	buf_slice(&ls->heads, text);
	ls->in_ended = ended;
	make_ready(ls);
}

static void
on_body(struct h2_stream *s, struct slice bytes)
{
	struct link_stream *ls = of_stream(s);

	if (ls->ex == NULL) {
		h2_consume_connection(ls->link->h2, bytes.len);
		return;
	}
	buf_slice(&ls->body, bytes);
	keep(ls->link, bytes.len);
	if (ls->ex->paused)
		h2_stall(s);
	make_ready(ls);
}

static void
on_ended(struct h2_stream *s, struct slice trailers)
{
	struct link_stream *ls = of_stream(s);

	ls->in_ended = true;
	if (ls->ex == NULL)
		return;
	buf_slice(&ls->ex->trailers, trailers);
	make_ready(ls);
}

static void
on_closed(struct h2_stream *s, enum h2_error error)
{
	struct link_stream *ls = of_stream(s);

	ls->over = true;
	ls->error = error;
	if (ls->ex == NULL)
		link_stream_free(ls);
	else
		make_ready(ls);
}

/* The end of one exchange, as its stream's tells it. */
void
link_stream_finish(struct link_stream *ls, enum exchange_end end)
{
	struct exchange *ex = ls->ex;

	/* RFC 9113 8.7: nothing was done. */
	ex->refused_stream = ls->error == H2_REFUSED_STREAM;
	if (ex->refused_stream)
		end = EXCHANGE_STALE;
	exchange_finish(ex, end);
}

/* --- to the owner ------------------------------------------------------- */

static bool
answer_begins(struct exchange *ex, struct h1_head *head)
{
	struct link_stream *ls = ex->stream;
	struct h2_link *l = ls->link;
	struct buf front = ls->body;

	/* No length and no body: the end has come already. */
	if (head->framing == H1_UNTIL_CLOSE) {
		head->framing = H1_LENGTH;
		head->content_length = 0;
	}
	ex->state = EX_BODY;
	ex->framing = head->framing;
	if (head->framing == H1_LENGTH)
		ex->left = head->content_length;
	ex->front = buf_all(&front);
	if (ex->front.len > ex->left)
		ex->front.len = (size_t)ex->left;
	if (!ex->probe)
		upstream_worked(ex->pool->to);
	exchange_rearm(ex);
	ls->body = (struct buf){ 0 };
	ex->in_head = true;
	ex->ops->head(ex, head);
	ex->in_head = false;
	if (ex->state == EX_ENDED) {
		release(l, front.len);
		buf_fini(&front);
		return false;
	}
	ls->told_last = ex->framing == H1_NO_BODY ||
	    (ex->framing == H1_LENGTH && (ex->left == 0 ||
	    (ex->front_taken && ex->left == front.len)));
	if (ex->front_taken) {
		h2_consume_stream(&ls->stream, front.len);
		release(l, front.len);
		ex->left -= front.len;
		buf_clear(&front);
	}
	ls->body = front;
	return true;
}

/* One after the other; false when the owner has no more interest. */
static bool
tell_heads(struct exchange *ex)
{
	struct link_stream *ls = ex->stream;
	struct h1_head *head = &ex->pool->pools->head;
	struct buf heads = ls->heads;
	struct h1_end end;
	bool goes_on = true;
	size_t at = 0, len, seen;

	ls->heads = (struct buf){ 0 };
	while (goes_on && at < heads.len) {
		memcpy(&len, heads.p + at, sizeof(len));
		at += sizeof(len);
		seen = 0;
		if (h1_read_response(head, (struct slice){ heads.p + at, len },
		    &seen, ex->request.method, &end) != H1_DONE ||
		    head->status == 101) {
			h2_reset(&ls->stream, H2_PROTOCOL_ERROR);
			exchange_finish(ex, EXCHANGE_BAD_ANSWER);
			goes_on = false;
		} else if (head->status >= 200) {
			goes_on = answer_begins(ex, head);
		} else if (++ex->informs > INFORMS_MAX) {
			exchange_finish(ex, EXCHANGE_BAD_ANSWER);
			goes_on = false;
		} else {
			ex->ops->inform(ex, head);
			goes_on = ex->state != EX_ENDED;
		}
		at += len;
	}
	buf_fini(&heads);
	return goes_on;
}

static bool
tell_body(struct exchange *ex)
{
	struct link_stream *ls = ex->stream;
	struct buf body = ls->body;
	bool last = ls->in_ended;

	if (body.len == 0 && !last)
		return true;
	ls->body = (struct buf){ 0 };
	h2_consume_stream(&ls->stream, body.len);
	release(ls->link, body.len);
	exchange_rearm(ex);
	ex->complete = last;
	if (!ls->told_last)
		ex->ops->body(ex, buf_all(&body), last);
	buf_fini(&body);
	if (ex->state == EX_ENDED)
		return false;
	if (last)
		exchange_finish(ex, EXCHANGE_DONE);
	return !last;
}

/* It ended otherwise than by the answer's end. */
static void
tell_end(struct link_stream *ls)
{
	link_stream_finish(ls, ls->error == H2_PROTOCOL_ERROR ? EXCHANGE_BAD_ANSWER :
	    EXCHANGE_BROKEN);
}

void
link_stream_deliver(struct exchange *ex)
{
	struct link_stream *ls = ex->stream;

	if (ls->heads.len > 0 && !tell_heads(ex))
		return;
	if (ex->state == EX_BODY && !ex->paused && !tell_body(ex))
		return;
	if (ls->over && !(ex->paused && ls->in_ended)) {
		tell_end(ls);
		return;
	}
	if (ex->blocked && ls->out.len <= STREAM_LOW)
		exchange_drained(ex);
}

void
link_stream_resume(struct exchange *ex)
{
	make_ready(ex->stream);
}

/* --- what goes ---------------------------------------------------------- */

static void
on_copy(struct h2_stream *s, char *to, size_t len)
{
	struct link_stream *ls = of_stream(s);

	queue_take(&ls->out, ls->link->pools->loop, to, len);
	if (ls->ex != NULL && ls->ex->blocked && ls->out.len <= STREAM_LOW)
		make_ready(ls);
}

static void
on_sent(struct h2_stream *s)
{
	(void)s;
}

static void
on_ponged(struct h2 *h2)
{
	(void)h2;			/* that something came is enough */
}

const struct h2_ops link_h2_ops = {
	.answer = on_answer,
	.body = on_body,
	.ended = on_ended,
	.copy = on_copy,
	.sent = on_sent,
	.closed = on_closed,
	.ponged = on_ponged,
};
