/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "upstream/h2_link.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "upstream/upstream_private.h"

enum {
	WRITE_BYTES = 64 * 1024,	/* framed at once */
	CONNECTION_WINDOW = 16 * 1024 * 1024,	/* a gigabit for 100 ms */
	SILENCE_MS = 5000,		/* then it is asked whether it lives */
	H1_MS = 60000,			/* how long an edge that does not speak
					   it is asked no more */
	CONNECTING_MOST = 100,		/* streams, before it says how many */
	INFORMS_MAX = 16,		/* 1xx before the answer */
};

static const struct stream_ops link_stream_ops;
static const struct h2_ops link_h2_ops;

static struct h2_link *
link_of(struct stream *s)
{
	return list_entry(s, struct h2_link, stream);
}

static void
wake(struct h2_link *l)
{
	task_set(l->pools->loop, &l->task);
}

/* To h2_link_deliver(), by the task. */
static void
make_ready(struct link_stream *ls)
{
	if (list_empty(&ls->ready))
		list_append(&ls->link->ready, &ls->ready);
	wake(ls->link);
}

/* --- streams ------------------------------------------------------------ */

static void
stream_free(struct link_stream *ls)
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
	wake(l);
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
h2_link_part(struct exchange *ex)
{
	struct link_stream *ls = ex->stream;

	ex->stream = NULL;
	ls->ex = NULL;
	release(ls->link, ls->body.len);
	buf_clear(&ls->body);
	if (!ls->asked || ls->over)
		stream_free(ls);
	else if (!ls->in_ended || !ls->stream.last || ls->out.len > 0)
		h2_reset(&ls->stream, H2_CANCEL);
	/* else it is closed as soon as its last frame has left */
}

static struct slice
no_bytes(void)
{
	return (struct slice){ NULL, 0 };
}

static void
ask(struct link_stream *ls)
{
	struct exchange *ex = ls->ex;
	bool bare = ls->stream.last && ls->out.len == 0 &&
	    ls->trailers.len == 0;

	ls->asked = true;
	ex->sent = true;
	ex->state = EX_HEAD;
	h2_ask(ls->link->h2, &ls->stream, ex->request.head, bare);
	exchange_rearm(ex);
	wake(ls->link);
}

void
h2_link_send_last(struct exchange *ex, struct slice bytes,
    struct slice trailers)
{
	struct link_stream *ls = ex->stream;

	h2_link_send(ex, bytes);
	buf_slice(&ls->trailers, trailers);
	ls->stream.trailers = buf_all(&ls->trailers);
	ls->stream.last = ex->request_done = true;
	ex->blocked = false;
	if (!ls->asked)
		return;
	h2_more(&ls->stream);
	wake(ls->link);
	exchange_rearm(ex);
}

bool
h2_link_send(struct exchange *ex, struct slice bytes)
{
	struct link_stream *ls = ex->stream;

	queue_add(&ls->out, ls->link->pools->loop, bytes);
	ls->stream.waiting = ls->out.len;
	ex->blocked = ls->out.len > STREAM_HIGH;
	if (!ls->asked)
		return !ex->blocked;
	h2_more(&ls->stream);
	wake(ls->link);
	if (ex->blocked)
		exchange_rearm(ex);
	return !ex->blocked;
}

/* --- connections -------------------------------------------------------- */

static void on_task(struct task *task);
static void on_timer(struct timer *timer);
static void deliver_all(struct h2_link *l);

static struct h2_link *
link_new(struct pool *pool)
{
	struct h2_link *l = xcalloc(1, sizeof(*l));

	l->pools = pool->pools;
	l->pool = pool;
	list_init(&l->streams);
	list_init(&l->ready);
	list_append(&pool->links, &l->node);
	list_append(&l->pools->links, &l->of_all);
	task_init(&l->task, on_task);
	timer_init(&l->timer, on_timer);
	l->since_ms = l->pools->loop->now_ms;
	l->began_us = l->pools->loop->now_us;
	return l;
}

static void
link_free(struct h2_link *l)
{
	must(list_empty(&l->streams));
	list_remove(&l->node);
	list_remove(&l->of_all);
	task_cancel(&l->task);
	timer_cancel(&l->timer);
	stream_close(&l->stream);
	h2_free(&l->h2);
	free(l);
}

/* The end of one exchange, as its stream's tells it. */
static void
finish(struct link_stream *ls, enum exchange_end end)
{
	struct exchange *ex = ls->ex;

	/* RFC 9113 8.7: nothing was done. */
	ex->refused_stream = ls->error == H2_REFUSED_STREAM;
	if (ex->refused_stream)
		end = EXCHANGE_STALE;
	exchange_finish(ex, end);
}

static enum exchange_end
end_of_cut(const struct link_stream *ls)
{
	if (!ls->asked)
		return EXCHANGE_REFUSED;
	return ls->link->used && !ls->ex->heard ? EXCHANGE_STALE :
	    EXCHANGE_BROKEN;
}

/* All of it is here, though its owner has not taken it yet. */
static bool
is_whole(const struct link_stream *ls)
{
	return ls->ex != NULL && ls->in_ended && ls->ex->paused;
}

/* The next that ends with its connection; each frees itself, and what an owner
 * does meanwhile may free more. */
static struct link_stream *
next_lost(const struct h2_link *l)
{
	list_each(node, &l->streams) {
		struct link_stream *ls = list_entry(node, struct link_stream,
		    node);

		if (!is_whole(ls))
			return ls;
	}
	return NULL;
}

/*
 * The connection is no more, nor what it carried but for answers that are
 * complete: they are the last that it is kept for.  To the upstream that is
 * one failure, however many there are.
 */
static void
link_lost(struct h2_link *l, enum exchange_end connecting)
{
	struct link_stream *ls;
	bool first = true;

	list_remove(&l->node);
	l->lost = true;
	if (l->h2 != NULL)
		deliver_all(l);		/* what came before the end */
	list_each(each, &l->streams)
		list_entry(each, struct link_stream, node)->over = true;
	while ((ls = next_lost(l)) != NULL) {
		if (ls->ex == NULL) {
			stream_free(ls);
			continue;
		}
		ls->ex->silent = !first;
		first = false;
		finish(ls, l->h2 == NULL ? connecting : end_of_cut(ls));
	}
	if (list_empty(&l->streams)) {
		link_free(l);
		return;
	}
	timer_cancel(&l->timer);
	stream_close(&l->stream);
}

/* --- finding one -------------------------------------------------------- */

bool
h2_link_suits(const struct pool *pool, const struct exchange_request *request)
{
	const struct pools *pools = pool->pools;

	return pools->limits->link_h2 && pools->loop->now_ms >= pool->h1_until_ms &&
	    memmem(request->head.p, request->head.len, "\nUpgrade:", 9) ==
	    NULL;
}

static struct h2_link *
link_find(struct pool *pool)
{
	list_each(node, &pool->links) {
		struct h2_link *l = list_entry(node, struct h2_link, node);

		if (l->h2 == NULL ? l->nstreams < CONNECTING_MOST :
		    h2_takes_more(l->h2) && l->nstreams <
		    h2_most_streams(l->h2))
			return l;
	}
	return NULL;
}

/* NULL: there is no such place. */
static struct h2_link *
link_connect(struct pool *pool)
{
	struct tls_context *tls = NULL;
	struct endpoint at;
	struct h2_link *l;

	if (!upstream_target(pool->to, &at, &tls))
		return NULL;
	l = link_new(pool);
	stream_connect(&l->stream, l->pools->loop, &at, tls,
	    &link_stream_ops);
	stream_offer_h2(&l->stream);
	tls_context_free(&tls);
	timer_set(l->pools->loop, &l->timer, l->pools->limits->connect_ms);
	return l;
}

void
h2_link_join(struct exchange *ex)
{
	struct h2_link *l = link_find(ex->pool);
	struct link_stream *ls;

	ex->state = EX_CONNECTING;
	ex->began_us = ex->pool->pools->loop->now_us;
	if (l == NULL)
		l = link_connect(ex->pool);
	if (l == NULL) {
		exchange_finish_later(ex, EXCHANGE_REFUSED);
		return;
	}
	ls = xcalloc(1, sizeof(*ls));
	list_init(&ls->ready);
	ls->link = l;
	ls->ex = ex;
	ex->stream = ls;
	list_append(&l->streams, &ls->node);
	l->nstreams++;
	queue_add(&ls->out, l->pools->loop, ex->request.body);
	ls->stream.waiting = ls->out.len;
	ls->stream.last = ex->request_done = ex->request.body_whole;
	ex->reused = l->h2 != NULL;
	if (l->h2 != NULL)
		ask(ls);
	else
		exchange_rearm(ex);
}

/* --- a connection is up ------------------------------------------------- */

/*
 * What waited goes on by HTTP/1.1: the front of the body is sent with the
 * head as always, what came since is given once more.
 */
static void
go_on_by_h1(struct link_stream *ls)
{
	struct exchange *ex = ls->ex;
	struct loop *loop = ls->link->pools->loop;
	struct buf body = { 0 }, trailers = ls->trailers;
	bool last = ls->stream.last && !ex->request.body_whole;

	buf_reserve(&body, ls->out.len + 1);
	body.len = ls->out.len;
	queue_take(&ls->out, loop, body.p, body.len);
	buf_consume(&body, ex->request.body.len);
	ls->trailers = (struct buf){ 0 };
	h2_link_part(ex);
	ex->request_done = false;
	exchange_connect(ex);
	if (!ex->ending && body.len > 0)
		exchange_send(ex, buf_all(&body));
	if (!ex->ending && last)
		exchange_send_last(ex, no_bytes(), buf_all(&trailers));
	buf_fini(&body);
	buf_fini(&trailers);
}

static void
fall_back(struct h2_link *l)
{
	l->pool->h1_until_ms = l->pools->loop->now_ms + H1_MS;
	list_remove(&l->node);
	list_each(node, &l->streams)
		go_on_by_h1(list_entry(node, struct link_stream, node));
	link_free(l);
}

static bool
is_elsewhere(const struct h2_link *l)
{
	char region[STREAM_REGION_MAX];

	return !stream_peer_region(&l->stream, region) ||
	    strcmp(region, l->pool->to->spec.region) != 0;
}

static void
on_opened(struct stream *s)
{
	struct h2_link *l = link_of(s);
	struct pools *pools = l->pools;
	const struct h2_settings settings = {
		.window = POOL_LINK_WINDOW,
		.window_most = pools->limits->link_window,
		.connection_window = CONNECTION_WINDOW };

	if (is_elsewhere(l)) {
		upstream_is_elsewhere(l->pool->to);
		list_each(node, &l->streams)
			list_entry(node, struct link_stream, node)->ex->
			    elsewhere = true;
		link_lost(l, EXCHANGE_REFUSED);
		return;
	}
	if (!slice_is(stream_alpn(s), "h2")) {
		fall_back(l);
		return;
	}
	if (pools->kit == NULL)
		pools->kit = h2_kit_new(&link_h2_ops);
	l->h2 = h2_new_client(pools->kit, l, &settings);
	l->since_ms = pools->loop->now_ms;
	list_each(node, &l->streams) {
		struct link_stream *ls = list_entry(node, struct link_stream,
		    node);

		ls->ex->connect_us = pools->loop->now_us - ls->ex->began_us;
		ask(ls);
	}
	timer_set(pools->loop, &l->timer, SILENCE_MS);
	wake(l);
}

/* --- what comes --------------------------------------------------------- */

static void
on_readable(struct stream *s)
{
	struct h2_link *l = link_of(s);
	struct loop *loop = l->pools->loop;
	ssize_t n = stream_read(s, loop->scratch, LOOP_SCRATCH);

	if (n == STREAM_AGAIN)
		return;
	if (n <= 0) {
		link_lost(l, EXCHANGE_REFUSED);
		return;
	}
	l->pinged = false;
	l->since_ms = loop->now_ms;
	h2_feed(l->h2, (struct slice){ loop->scratch, (size_t)n },
	    loop->now_ms);
	wake(l);
}

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
		stream_free(ls);
	else
		make_ready(ls);
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
	finish(ls, ls->error == H2_PROTOCOL_ERROR ? EXCHANGE_BAD_ANSWER :
	    EXCHANGE_BROKEN);
}

void
h2_link_deliver(struct exchange *ex)
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
h2_link_resume(struct exchange *ex)
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

static void
write_all(struct h2_link *l)
{
	struct buf *out = &l->pools->frames;

	while (stream_pending(&l->stream) <= STREAM_HIGH &&
	    !stream_has_failed(&l->stream)) {
		struct iovec all;

		buf_clear(out);
		buf_reserve(out, WRITE_BYTES + H2_FRAME_MAX);
		h2_take(l->h2, out, WRITE_BYTES);
		if (out->len == 0)
			return;
		all = (struct iovec){ out->p, out->len };
		stream_send(&l->stream, &all, 1);
	}
}

static void
deliver_all(struct h2_link *l)
{
	struct list now, *node;

	list_init(&now);
	while ((node = list_pop(&l->ready)) != NULL)
		list_append(&now, node);
	while ((node = list_pop(&now)) != NULL) {
		struct link_stream *ls = list_entry(node, struct link_stream,
		    ready);

		if (ls->ex != NULL)
			h2_link_deliver(ls->ex);
	}
}

/* Always the last thing that is done with it. */
static void
turn(struct h2_link *l)
{
	if (l->h2 == NULL)
		return;			/* connecting */
	deliver_all(l);
	if (l->lost) {
		if (list_empty(&l->streams))
			link_free(l);
		return;
	}
	write_all(l);
	if (h2_is_done(l->h2) || (l->leaving && l->nstreams == 0)) {
		link_lost(l, EXCHANGE_REFUSED);
		return;
	}
	if (!list_empty(&l->ready))
		wake(l);
}

static void
on_task(struct task *task)
{
	turn(list_entry(task, struct h2_link, task));
}

static void
on_drained(struct stream *s)
{
	wake(link_of(s));
}

static void
on_failed(struct stream *s, enum stream_end end)
{
	struct h2_link *l = link_of(s);

	if (end == STREAM_NO_DESCRIPTORS)
		pools_drop_idle(l->pools);
	link_lost(l, end == STREAM_NO_DESCRIPTORS ? EXCHANGE_NO_DESCRIPTORS :
	    EXCHANGE_REFUSED);
}

/*
 * A path that has died takes all its requests with it, and TCP would be long
 * in finding out: who is silent is asked.
 */
static void
on_timer(struct timer *timer)
{
	struct h2_link *l = list_entry(timer, struct h2_link, timer);
	const struct pool_limits *limits = l->pools->limits;
	uint64_t silent_ms = l->pools->loop->now_ms - l->since_ms;

	if (l->h2 == NULL || (l->pinged && l->nstreams > 0)) {
		link_lost(l, EXCHANGE_CONNECT_TIMEOUT);
		return;
	}
	if (l->nstreams == 0 && silent_ms >= limits->idle_ms) {
		h2_goaway(l->h2, H2_NO_ERROR);
		write_all(l);
		link_lost(l, EXCHANGE_REFUSED);
		return;
	}
	if (l->nstreams > 0 && silent_ms >= SILENCE_MS) {
		l->pinged = true;
		h2_ping(l->h2);
		wake(l);
	}
	timer_set(l->pools->loop, timer, SILENCE_MS);
}

static const struct stream_ops link_stream_ops = {
	.opened = on_opened,
	.readable = on_readable,
	.drained = on_drained,
	.failed = on_failed,
};

static const struct h2_ops link_h2_ops = {
	.answer = on_answer,
	.body = on_body,
	.ended = on_ended,
	.copy = on_copy,
	.sent = on_sent,
	.closed = on_closed,
	.ponged = on_ponged,
};

/* --- the end ------------------------------------------------------------ */

void
h2_links_leave(struct pool *pool)
{
	struct list *node;

	while ((node = list_pop(&pool->links)) != NULL) {
		struct h2_link *l = list_entry(node, struct h2_link, node);

		l->leaving = true;
		wake(l);
	}
}

void
h2_links_count(const struct pools *pools, unsigned *busy, unsigned *idle,
    unsigned *sharing)
{
	*busy = *idle = *sharing = 0;
	list_each(node, &pools->links) {
		const struct h2_link *l = list_entry(node, struct h2_link,
		    of_all);
		unsigned before = *sharing;

		list_each(each, &l->streams)
			*sharing += list_entry(each, struct link_stream,
			    node)->ex != NULL;
		*busy += *sharing > before;
		*idle += *sharing == before;
	}
}

void
h2_links_free(struct pools *pools)
{
	list_each(node, &pools->links)
		link_lost(list_entry(node, struct h2_link, of_all),
		    EXCHANGE_REFUSED);
	must(list_empty(&pools->links));
}
