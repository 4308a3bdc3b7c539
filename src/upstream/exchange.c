/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The life of an exchange: connect or reuse, send, be answered, end.  Ends
 * that are found inside a call of the owner's wait for a task, so that
 * done() always comes from the loop.
 */
#include "base/must.h"
#include "upstream/exchange.h"
#include "upstream/h2_link.h"
#include "upstream/link_stream.h"
#include "upstream/upstream_private.h"

const char *
exchange_end_name(enum exchange_end end)
{
	static const char *const names[] = {
		[EXCHANGE_DONE] = "done",
		[EXCHANGE_REFUSED] = "connection-refused",
		[EXCHANGE_CONNECT_TIMEOUT] = "connect-timeout",
		[EXCHANGE_NO_DESCRIPTORS] = "no-descriptors",
		[EXCHANGE_STALE] = "stale-connection",
		[EXCHANGE_BROKEN] = "connection-broken",
		[EXCHANGE_BAD_ANSWER] = "bad-answer",
		[EXCHANGE_HEAD_TIMEOUT] = "response-head-timeout",
		[EXCHANGE_BODY_TIMEOUT] = "response-body-timeout",
	};

	must((size_t)end < sizeof(names) / sizeof(names[0]));
	return names[end];
}

/* --- the end ------------------------------------------------------------ */

/* Lets go of everything but the struct itself. */
static void
exchange_detach(struct exchange *ex, bool keep)
{
	struct pools *pools = ex->pool->pools;
	struct upstream_conn *conn = ex->conn;

	must(ex->state != EX_ENDED);
	ex->state = EX_ENDED;
	ex->conn = NULL;
	ex->pool->outstanding--;
	ex->timed = false;
	task_cancel(&ex->task);
	buf_fini(&ex->unsent);
	buf_fini(&ex->held);
	if (ex->stream != NULL)
		link_stream_part(ex);
	if (conn != NULL) {
		if (keep && ex->paused)
			stream_resume(&conn->stream);
		/* Nobody else's request may go where a client was named. */
		if (keep && !ex->pool->to->spec.proxy)
			pool_give(conn);
		else
			pool_drop(conn);
	}
	pools_rest_exchange(pools, ex);
}

/*
 * What an end says about the upstream.  A late answer does not: some
 * requests take long, and a client could provoke it.  A closed connection
 * that had been idle says nothing either, nor does a tunnel's end.
 */
static void
exchange_judge(const struct exchange *ex, enum exchange_end end)
{
	if (ex->probe || ex->elsewhere || ex->silent ||
	    ex->state == EX_TUNNEL)
		return;
	if (end == EXCHANGE_REFUSED || end == EXCHANGE_CONNECT_TIMEOUT ||
	    end == EXCHANGE_BROKEN)
		upstream_failed(ex->pool->to);
}

void
exchange_finish(struct exchange *ex, enum exchange_end end)
{
	exchange_judge(ex, end);
	/* What TLS had begun to send is not counted. */
	ex->untaken = ex->refused_stream || (ex->conn != NULL &&
	    !stream_is_tls(&ex->conn->stream) &&
	    ex->conn->stream.sent == ex->sent_before);
	if (!ex->probe)
		pool_count(ex->pool, end != EXCHANGE_DONE);
	exchange_detach(ex, end == EXCHANGE_DONE && ex->clean);
	ex->ops->done(ex, end);
	buf_fini(&ex->trailers);
}

void
exchange_finish_later(struct exchange *ex, enum exchange_end end)
{
	ex->ending = true;
	ex->end = end;
	task_set(ex->pool->pools->loop, &ex->task);
}

static void
exchange_task(struct task *task)
{
	struct exchange *ex = list_entry(task, struct exchange, task);

	if (ex->ending)
		exchange_finish(ex, ex->end);
	else if (ex->stream == NULL)
		exchange_read_held(ex);
}

void
exchange_cancel(struct exchange **ex_p)
{
	struct exchange *ex = *ex_p;

	*ex_p = NULL;
	if (ex == NULL || ex->state == EX_ENDED)
		return;
	if (!ex->probe)
		pool_count(ex->pool, false);
	exchange_detach(ex, ex->complete && ex->clean);
	buf_fini(&ex->trailers);
}

/* --- time --------------------------------------------------------------- */

void
exchange_too_late(struct timer *timer)
{
	struct exchange *ex = list_entry(timer, struct exchange, timer);

	if (!ex->timed)
		return;
	switch (ex->state) {
	case EX_CONNECTING:
		exchange_finish(ex, EXCHANGE_CONNECT_TIMEOUT);
		break;
	case EX_HEAD:
		exchange_finish(ex, EXCHANGE_HEAD_TIMEOUT);
		break;
	default:
		exchange_finish(ex, EXCHANGE_BODY_TIMEOUT);
	}
}

/*
 * Before the head, the peer's time runs only when it is its turn: it has all
 * of the request, or does not take more of it.  A client that sends slowly
 * has its own deadline.
 */
void
exchange_rearm(struct exchange *ex)
{
	const struct pool_limits *limits = ex->pool->pools->limits;
	uint64_t ms = 0;

	switch (ex->state) {
	case EX_CONNECTING:
		ms = limits->connect_ms;
		break;
	case EX_HEAD:
		if (ex->request_done || ex->blocked)
			ms = limits->response_head_ms;
		break;
	case EX_BODY:
		if (!ex->paused)
			ms = limits->response_idle_ms;
		break;
	default:
		ms = limits->tunnel_idle_ms;
	}
	ex->timed = ms > 0;
	if (ex->timed)
		timer_set(ex->pool->pools->loop, &ex->timer, ms);
}

/* --- the beginning ------------------------------------------------------ */

static void
tell_client(struct exchange *ex)
{
	static const struct proxy_told our_own = { .local = true };
	char bytes[PROXY_WRITE_MAX];
	size_t len = proxy_header_write(bytes, ex->request.told != NULL ?
	    ex->request.told : &our_own);

	stream_preface(&ex->conn->stream, (struct slice){ bytes, len });
	ex->request.told = NULL;
}

void
exchange_connect(struct exchange *ex)
{
	struct pools *pools = ex->pool->pools;
	struct tls_context *tls = NULL;
	struct endpoint at;

	ex->state = EX_CONNECTING;
	if (!upstream_target(ex->pool->to, &at, &tls)) {
		exchange_finish_later(ex, EXCHANGE_REFUSED);
		return;
	}
	ex->conn = pool_new_conn(ex->pool);
	ex->conn->ex = ex;
	ex->began_us = pools->loop->now_us;
	exchange_rearm(ex);
	stream_connect(&ex->conn->stream, pools->loop, &at, tls,
	    &upstream_conn_ops);
	if (ex->pool->to->spec.proxy)
		tell_client(ex);
	tls_context_free(&tls);
}

/* A connection of its own, or a stream of one that is shared: what passes is
 * kept by them. */
static void
start_anew(struct exchange *ex, bool shared)
{
	struct slice passing = { NULL, 0 };
	bool whole = ex->request.body_whole;

	ex->request.body_follows = false;	/* by the time it is connected */
	if (ex->request.body_passes) {
		passing = ex->request.body;
		ex->request.body = (struct slice){ NULL, 0 };
		ex->request.body_whole = false;
	}
	if (shared)
		h2_link_join(ex);
	else
		exchange_connect(ex);
	if (!ex->request.body_passes)
		return;
	if (whole)
		exchange_send_last(ex, passing, (struct slice){ NULL, 0 });
	else
		exchange_send(ex, passing);
}

static void
start_on(struct exchange *ex, struct upstream_conn *conn)
{
	ex->conn = conn;
	conn->ex = ex;
	ex->reused = true;
	ex->sent_before = conn->stream.sent;
	ex->state = EX_HEAD;
	exchange_send_front(ex);
	if (!ex->request.body_passes)
		return;
	ex->request.body = (struct slice){ NULL, 0 };
	ex->blocked = !ex->request_done &&
	    stream_pending(&conn->stream) > STREAM_HIGH;
	if (ex->blocked)
		exchange_rearm(ex);
}

struct exchange *
exchange_start(struct pools *pools, struct upstream *to,
    const struct exchange_request *request, const struct exchange_ops *ops,
    void *user)
{
	struct exchange *ex = pools_new_exchange(pools);
	struct upstream_conn *conn;

	ex->pool = pools_pool(pools, to);
	ex->pool->outstanding++;
	ex->ops = ops;
	ex->user = user;
	ex->request = *request;
	task_init(&ex->task, exchange_task);
	if (to->spec.link && h2_link_suits(ex->pool, request)) {
		start_anew(ex, true);
		return ex;
	}
	conn = pool_take(ex->pool);
	if (conn == NULL)
		start_anew(ex, false);
	else
		start_on(ex, conn);
	return ex;
}

/* A certificate of another region than the one we mean: not a byte to it. */
static bool
peer_is_elsewhere(const struct exchange *ex)
{
	const struct upstream_spec *spec = &ex->pool->to->spec;
	char region[STREAM_REGION_MAX];

	if ((!spec->link && !spec->endpoint.tls) || spec->named)
		return false;
	return !stream_peer_region(&ex->conn->stream, region) ||
	    strcmp(region, spec->region) != 0;
}

void
exchange_opened(struct exchange *ex)
{
	uint64_t now_us = ex->pool->pools->loop->now_us;

	ex->connect_us = now_us > ex->began_us ? now_us - ex->began_us : 1;
	if (peer_is_elsewhere(ex)) {
		ex->elsewhere = true;
		upstream_is_elsewhere(ex->pool->to);
		exchange_finish(ex, EXCHANGE_REFUSED);
		return;
	}
	ex->state = EX_HEAD;
	exchange_send_front(ex);
	/* The owner was stopped by what waited here; the stream, which never
	 * was above its mark, will not say that it may go on. */
	if (ex->blocked && stream_pending(&ex->conn->stream) <= STREAM_HIGH)
		exchange_drained(ex);
}

void
exchange_drained(struct exchange *ex)
{
	if (ex->state == EX_TUNNEL && exchange_tunnel_over(ex)) {
		exchange_finish(ex, EXCHANGE_DONE);
		return;
	}
	if (!ex->blocked)
		return;
	ex->blocked = false;
	exchange_rearm(ex);
	ex->ops->drained(ex);
}

/* --- what went wrong ---------------------------------------------------- */

static void
connect_failed(struct exchange *ex, enum stream_end end)
{
	if (end != STREAM_NO_DESCRIPTORS) {
		ex->refusal = ex->conn->stream.refusal;
		exchange_finish(ex, EXCHANGE_REFUSED);
		return;
	}
	/* The next attempt shall find some. */
	pools_drop_idle(ex->pool->pools);
	exchange_finish(ex, EXCHANGE_NO_DESCRIPTORS);
}

void
exchange_failed(struct exchange *ex, enum stream_end end)
{
	if (ex->state == EX_CONNECTING) {
		connect_failed(ex, end);
		return;
	}
	/* The peer may have answered before it closed on the rest of our
	 * request; that answer is worth more than the error. */
	if (!ex->paused)
		exchange_readable(ex);
	if (ex->state == EX_ENDED)
		return;
	exchange_finish(ex, ex->reused && !ex->heard ? EXCHANGE_STALE :
	    EXCHANGE_BROKEN);
}

/* --- questions ---------------------------------------------------------- */

bool
exchange_is_blocked(const struct exchange *ex)
{
	return ex->blocked;
}

void *
exchange_user(const struct exchange *ex)
{
	return ex->user;
}

bool
exchange_is_h2(const struct exchange *ex)
{
	return ex->stream != NULL;
}

bool
exchange_sent(const struct exchange *ex)
{
	return ex->sent;
}

bool
exchange_untaken(const struct exchange *ex)
{
	return ex->untaken;
}

uint64_t
exchange_connect_us(const struct exchange *ex)
{
	return ex->connect_us;
}

struct slice
exchange_trailers(const struct exchange *ex)
{
	return ex->complete ? buf_all(&ex->trailers) :
	    (struct slice){ NULL, 0 };
}

void
exchange_is_probe(struct exchange *ex)
{
	ex->probe = true;
}

bool
exchange_is_elsewhere(const struct exchange *ex)
{
	return ex->elsewhere;
}

const char *
exchange_refusal(const struct exchange *ex)
{
	return ex->refusal;
}
