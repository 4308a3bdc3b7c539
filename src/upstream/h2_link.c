/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "upstream/h2_link.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "upstream/link_stream.h"
#include "upstream/upstream_private.h"

enum {
	WRITE_BYTES = 64 * 1024,	/* framed at once */
	CONNECTION_WINDOW = 16 * 1024 * 1024,	/* a gigabit for 100 ms */
	SILENCE_MS = 5000,		/* then it is asked whether it lives */
	H1_MS = 60000,			/* how long an edge that does not speak
					   it is asked no more */
	CONNECTING_MOST = 100,		/* streams, before it says how many */
};

static const struct stream_ops link_stream_ops;

static struct h2_link *
link_of(struct stream *s)
{
	return list_entry(s, struct h2_link, stream);
}

void
h2_link_wake(struct h2_link *l)
{
	task_set(l->pools->loop, &l->task);
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
			link_stream_free(ls);
			continue;
		}
		ls->ex->silent = !first;
		ls->ex->refusal = l->stream.refusal;
		first = false;
		link_stream_finish(ls, l->h2 == NULL ? connecting : end_of_cut(ls));
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
		link_stream_ask(ls);
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
	link_stream_part(ex);
	ex->request_done = false;
	exchange_connect(ex);
	if (!ex->ending && body.len > 0)
		exchange_send(ex, buf_all(&body));
	if (!ex->ending && last)
		exchange_send_last(ex, (struct slice){ NULL, 0 },
		    buf_all(&trailers));
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
		link_stream_ask(ls);
	}
	timer_set(pools->loop, &l->timer, SILENCE_MS);
	h2_link_wake(l);
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
	h2_link_wake(l);
}

/* --- what goes ---------------------------------------------------------- */

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
			link_stream_deliver(ls->ex);
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
		h2_link_wake(l);
}

static void
on_task(struct task *task)
{
	turn(list_entry(task, struct h2_link, task));
}

static void
on_drained(struct stream *s)
{
	h2_link_wake(link_of(s));
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
		h2_link_wake(l);
	}
	timer_set(l->pools->loop, timer, SILENCE_MS);
}

static const struct stream_ops link_stream_ops = {
	.opened = on_opened,
	.readable = on_readable,
	.drained = on_drained,
	.failed = on_failed,
};

/* --- the end ------------------------------------------------------------ */

void
h2_links_leave(struct pool *pool)
{
	struct list *node;

	while ((node = list_pop(&pool->links)) != NULL) {
		struct h2_link *l = list_entry(node, struct h2_link, node);

		l->leaving = true;
		h2_link_wake(l);
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
