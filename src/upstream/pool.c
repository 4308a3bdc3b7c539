/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "upstream/exchange.h"
#include "upstream/h2_link.h"
#include "upstream/upstream_private.h"

/* Also how old the counters of struct upstream may be. */
#define SWEEP_MS	500

/* --- resting --------------------------------------------------------------- */

static void
pools_wake(struct task *task)
{
	struct pools *pools = list_entry(task, struct pools, wake);
	struct list *node;

	while ((node = list_pop(&pools->resting_conns)) != NULL)
		list_push(&pools->free_conns, node);
	if (pools->resting_exchanges == NULL)
		return;
	pools->first_to_rest->next = pools->free_exchanges;
	pools->free_exchanges = pools->resting_exchanges;
	pools->resting_exchanges = NULL;
}

struct exchange *
pools_new_exchange(struct pools *pools)
{
	struct exchange *ex = pools->free_exchanges;

	if (ex == NULL) {
		ex = xcalloc(1, sizeof(*ex));
		timer_init(&ex->timer, exchange_too_late);
		ex->made_before = pools->made;
		pools->made = ex;
	} else {
		pools->free_exchanges = ex->next;
		memset(ex, 0, offsetof(struct exchange, timer));
	}
	return ex;
}

void
pools_rest_exchange(struct pools *pools, struct exchange *ex)
{
	if (pools->resting_exchanges == NULL)
		pools->first_to_rest = ex;
	ex->next = pools->resting_exchanges;
	pools->resting_exchanges = ex;
	task_set(pools->loop, &pools->wake);
}

static void
conn_rest(struct upstream_conn *conn)
{
	struct pools *pools = conn->pool->pools;

	stream_close(&conn->stream);
	conn->ex = NULL;
	list_append(&pools->resting_conns, &conn->node);
	task_set(pools->loop, &pools->wake);
}

/* --- connections ----------------------------------------------------------- */

struct upstream_conn *
pool_new_conn(struct pool *pool)
{
	struct list *node = list_pop(&pool->pools->free_conns);
	struct upstream_conn *conn;

	if (node == NULL)
		conn = xcalloc(1, sizeof(*conn));
	else
		conn = list_entry(node, struct upstream_conn, node);
	list_init(&conn->node);
	conn->pool = pool;
	conn->way = pool->way;
	conn->ex = NULL;
	return conn;
}

/* The first idle one in the list is the one used last. */
static struct upstream_conn *
pool_pop(struct pool *pool)
{
	struct list *node = list_pop(&pool->idle);

	if (node == NULL)
		return NULL;
	pool->nidle--;
	return list_entry(node, struct upstream_conn, node);
}

/*
 * An idle connection on which something has come, or that has ended, is on its
 * way out, though its callback may come after that of whoever wants it now:
 * what nobody asked for would be the answer to his request (RFC 9112 9.2).
 */
static struct upstream_conn *
pop_silent(struct pool *pool)
{
	struct upstream_conn *conn;

	while ((conn = pool_pop(pool)) != NULL &&
	    stream_has_news(&conn->stream))
		conn_rest(conn);
	return conn;
}

struct upstream_conn *
pool_take(struct pool *pool)
{
	const struct pools *pools = pool->pools;
	struct upstream_conn *conn = pop_silent(pool);

	if (conn == NULL || pools->loop->now_ms - conn->idle_since_ms <=
	    pools->limits->idle_ms)
		return conn;
	/* The sweep is late; all others are older still. */
	conn_rest(conn);
	while ((conn = pool_pop(pool)) != NULL)
		conn_rest(conn);
	return NULL;
}

void
pool_give(struct upstream_conn *conn)
{
	struct pool *pool = conn->pool;
	struct pools *pools = pool->pools;

	conn->ex = NULL;
	if (pool->nidle >= pools->limits->idle || conn->way != pool->way) {
		conn_rest(conn);
		return;
	}
	conn->idle_since_ms = pools->loop->now_ms;
	list_push(&pool->idle, &conn->node);
	pool->nidle++;
	if (!timer_is_set(&pools->sweep))
		timer_set(pools->loop, &pools->sweep, SWEEP_MS);
}

void
pool_drop(struct upstream_conn *conn)
{
	conn_rest(conn);
}

static unsigned
pool_empty(struct pool *pool)
{
	struct upstream_conn *conn;
	unsigned n = 0;

	for (; (conn = pool_pop(pool)) != NULL; n++)
		conn_rest(conn);
	return n;
}

void
pools_connections(const struct pools *pools, unsigned *busy, unsigned *idle)
{
	unsigned sharing;

	h2_links_count(pools, busy, idle, &sharing);
	for (unsigned i = 0; i < pools->used; i++) {
		*busy += pools->of[i].outstanding;
		*idle += pools->of[i].nidle;
	}
	*busy -= sharing;
}

unsigned
pools_drop_idle(struct pools *pools)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pools->used; i++)
		n += pool_empty(&pools->of[i]);
	return n;
}

/* --- what a stream reports ------------------------------------------------- */

/* Nothing may come on an idle connection but its end; TLS may bring tickets,
 * which are no bytes to us. */
static void
idle_readable(struct upstream_conn *conn)
{
	char byte;

	if (stream_read(&conn->stream, &byte, 1) == STREAM_AGAIN)
		return;
	list_remove(&conn->node);
	conn->pool->nidle--;
	conn_rest(conn);
}

static void
idle_failed(struct upstream_conn *conn)
{
	list_remove(&conn->node);
	conn->pool->nidle--;
	conn_rest(conn);
}

static struct upstream_conn *
conn_of(struct stream *s)
{
	return list_entry(s, struct upstream_conn, stream);
}

static void
conn_opened(struct stream *s)
{
	must(conn_of(s)->ex != NULL);
	exchange_opened(conn_of(s)->ex);
}

static void
conn_readable(struct stream *s)
{
	struct upstream_conn *conn = conn_of(s);

	if (conn->ex != NULL)
		exchange_readable(conn->ex);
	else
		idle_readable(conn);
}

static void
conn_drained(struct stream *s)
{
	if (conn_of(s)->ex != NULL)
		exchange_drained(conn_of(s)->ex);
}

static void
conn_failed(struct stream *s, enum stream_end end)
{
	struct upstream_conn *conn = conn_of(s);

	if (conn->ex != NULL)
		exchange_failed(conn->ex, end);
	else
		idle_failed(conn);
}

const struct stream_ops upstream_conn_ops = {
	.opened = conn_opened,
	.readable = conn_readable,
	.drained = conn_drained,
	.failed = conn_failed,
};

/* --- all pools of a thread ------------------------------------------------- */

static void
pool_tell(struct pool *pool)
{
	atomic_fetch_add_explicit(&pool->to->requests, pool->requests,
	    memory_order_relaxed);
	atomic_fetch_add_explicit(&pool->to->errors, pool->errors,
	    memory_order_relaxed);
	pool->requests = pool->errors = 0;
}

static void
pool_expire(struct pool *pool)
{
	const struct pools *pools = pool->pools;

	while (pool->nidle > 0) {
		struct upstream_conn *oldest = list_entry(pool->idle.prev,
		    struct upstream_conn, node);

		if (pools->loop->now_ms - oldest->idle_since_ms <=
		    pools->limits->idle_ms)
			return;
		list_remove(&oldest->node);
		pool->nidle--;
		conn_rest(oldest);
	}
}

static void
pools_sweep(struct timer *timer)
{
	struct pools *pools = list_entry(timer, struct pools, sweep);
	bool again = false;

	for (unsigned i = 0; i < pools->used; i++) {
		struct pool *pool = &pools->of[i];

		if (pool->requests != 0 || pool->errors != 0)
			pool_tell(pool);
		pool_expire(pool);
		again |= pool->nidle > 0;
	}
	if (again)
		timer_set(pools->loop, &pools->sweep, SWEEP_MS);
}

/*
 * The shared counters are touched by the sweep alone: workers that each add
 * one for each request would fight for the cache line.
 */
void
pool_count(struct pool *pool, bool error)
{
	struct pools *pools = pool->pools;

	pool->requests++;
	pool->errors += error;
	if (!timer_is_set(&pools->sweep))
		timer_set(pools->loop, &pools->sweep, SWEEP_MS);
}

static void
pool_begin(struct pools *pools, struct pool *pool, struct upstream *to)
{
	pool->pools = pools;
	pool->to = to;
	for (; pools->used <= to->index; pools->used++) {
		list_init(&pools->of[pools->used].idle);
		list_init(&pools->of[pools->used].links);
	}
}

struct pool *
pools_pool(struct pools *pools, struct upstream *to)
{
	struct pool *pool = &pools->of[to->index];
	uint64_t way = atomic_load_explicit(&to->private->way,
	    memory_order_relaxed), serial;

	if (pool->way == way)
		return pool;
	if (pool->to == NULL)
		pool_begin(pools, pool, to);
	pool_empty(pool);		/* they lead to somebody else */
	h2_links_leave(pool);
	pool->h1_until_ms = 0;
	pool->way = way;
	serial = atomic_load_explicit(&to->private->serial,
	    memory_order_relaxed);
	if (pool->serial != serial)
		pool->requests = pool->errors = 0;
	pool->serial = serial;
	return pool;
}

unsigned
pools_outstanding(const struct pools *pools, const struct upstream *to)
{
	return pools->of[to->index].outstanding;
}

struct pools *
pools_new(struct loop *loop, const struct pool_limits *limits)
{
	struct pools *pools = xcalloc(1, sizeof(*pools));

	pools->loop = loop;
	pools->limits = limits;
	list_init(&pools->free_conns);
	list_init(&pools->resting_conns);
	list_init(&pools->links);
	task_init(&pools->wake, pools_wake);
	timer_init(&pools->sweep, pools_sweep);
	return pools;
}

void
pools_free(struct pools **pools_p)
{
	struct pools *pools = *pools_p;
	struct exchange *ex, *before;
	struct list *node;

	*pools_p = NULL;
	if (pools == NULL)
		return;
	for (ex = pools->made; ex != NULL; ex = before) {
		before = ex->made_before;
		exchange_cancel(&ex);	/* unless it has ended */
	}
	h2_links_free(pools);
	h2_kit_free(&pools->kit);
	buf_fini(&pools->frames);
	pools_drop_idle(pools);
	task_cancel(&pools->wake);
	timer_cancel(&pools->sweep);
	pools_wake(&pools->wake);
	while ((node = list_pop(&pools->free_conns)) != NULL)
		free(list_entry(node, struct upstream_conn, node));
	for (ex = pools->made; ex != NULL; ex = before) {
		before = ex->made_before;
		timer_cancel(&ex->timer);
		free(ex);
	}
	free(pools);
}
