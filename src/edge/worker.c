/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/worker_private.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "edge/passage.h"
#include "edge/request.h"
#include "http/h2.h"

enum {
	TICK_MS = 1000,
	CLIENT_GROWTH = 8,		/* of a window that never stands still */
	CLIENT_WINDOWS = 16,		/* that all bodies may fill */
	LINK_STREAMS = 1000,		/* at a time, of another edge's thread */
	LINK_PATIENCE = 1000 * 1000,
	SPARE_EACH = 64 * 1024,		/* a buffer that grew larger is freed */
	SPARE_ALL = 2 * 1024 * 1024,	/* of memory that waits for requests */
};

/* --- lent buffers ----------------------------------------------------------- */

struct buf
worker_lend(struct worker *w)
{
	struct buf b;

	if (w->nspare == 0)
		return (struct buf){ NULL, 0, 0 };
	b = w->spare[--w->nspare];
	w->spare_bytes -= b.cap;
	return b;
}

void
worker_take_back(struct worker *w, struct buf *b)
{
	if (b->p == NULL)
		return;
	if (w->nspare == SPARE_BUFS || b->cap > SPARE_EACH ||
	    w->spare_bytes + b->cap > SPARE_ALL) {
		buf_fini(b);
		return;
	}
	buf_clear(b);
	w->spare_bytes += b->cap;
	w->spare[w->nspare++] = *b;
	*b = (struct buf){ NULL, 0, 0 };
}

/* --- plans ------------------------------------------------------------------ */

struct pin *
worker_pin(struct worker *w)
{
	w->pin->requests++;
	return w->pin;
}

static void
let_go(struct worker *w, struct pin *pin)
{
	struct plan *plan = pin->plan;

	free(pin);
	if (generation_release(plan->generation))
		edge_retire(w->edge, plan);
}

void
worker_unpin(struct worker *w, struct pin *pin)
{
	if (--pin->requests == 0 && pin != w->pin)
		let_go(w, pin);
}

static void
take_limits(struct worker *w, const struct config *config)
{
	const struct config_timeouts *t = &config->timeouts;
	const struct config_limits *l = &config->limits;

	w->serve_limits = (struct serve_limits){
		.head_ms = t->head_ms, .idle_ms = t->idle_ms,
		.body_idle_ms = t->body_idle_ms,
		.send_idle_ms = t->send_idle_ms,
		.tunnel_idle_ms = t->tunnel_idle_ms,
		.body_bytes = l->body_bytes,
		.min_body_rate = l->min_body_rate,
		.requests = l->requests_per_connection,
	};
	w->h2_clients = (struct serve_h2){ .streams = l->h2_streams,
	    .window = (uint32_t)l->h2_window,
	    .window_most = (uint32_t)l->h2_window * CLIENT_GROWTH,
	    .connection_window = (uint32_t)l->h2_window * CLIENT_WINDOWS,
	    .resets = l->h2_resets, .glitches = l->h2_glitches };
	/* Another edge sends what its many clients do. */
	w->h2_links = (struct serve_h2){ .streams = LINK_STREAMS,
	    .window = POOL_LINK_WINDOW,
	    .window_most = (uint32_t)l->link_window,
	    .connection_window = POOL_LINK_HELD,
	    .resets = LINK_PATIENCE, .glitches = LINK_PATIENCE };
	w->pool_limits = (struct pool_limits){
		.idle = l->idle_upstream, .idle_ms = t->upstream_idle_ms,
		.connect_ms = t->connect_ms,
		.response_head_ms = t->response_head_ms,
		.response_idle_ms = t->response_idle_ms,
		.tunnel_idle_ms = t->tunnel_idle_ms,
		.link_h2 = config->link.h2,
		.link_window = (uint32_t)l->link_window,
	};
}

/* --- from the control thread ---------------------------------------------------- */

static void
take_plan(void *arg)
{
	struct worker *w = arg;
	struct plan *plan = atomic_exchange(&w->next, NULL);
	struct pin *old = w->pin;

	if (plan == NULL)
		return;			/* taken already */
	w->pin = xcalloc(1, sizeof(*w->pin));
	w->pin->plan = plan;
	/* Where only the restrictions are others, all this is the same. */
	if (old == NULL || plan_base(plan) != plan_base(old->plan)) {
		take_limits(w, plan->config);
		worker_take_connections(w, plan);
		worker_take_listeners(w, plan);
	}
	/* Lines of requests that began under the old one follow at once:
	 * log_request(). */
	if (old != NULL)
		plan_flush(old->plan, w->number);
	if (old != NULL && old->requests == 0)
		let_go(w, old);
}

void
worker_publish(struct worker *w, struct plan *plan)
{
	struct plan *unread = atomic_exchange(&w->next, plan);

	/* The worker never woke for the one before: give it back. */
	if (unread != NULL && generation_release(unread->generation))
		edge_retire(w->edge, unread);
	loop_post(w->loop, take_plan, w);
}

static void
reopen_log(void *arg)
{
	struct worker *w = arg;

	plan_flush(w->pin->plan, w->number);
	edge_worker_flushed(w->edge);
}

void
worker_reopen_log(struct worker *w)
{
	loop_post(w->loop, reopen_log, w);
}

static void
press(void *arg)
{
	struct worker *w = arg;

	if (worker_is_full(w))
		worker_become_full(w);
}

void
worker_press(struct worker *w)
{
	loop_post(w->loop, press, w);
}

static void
drain(void *arg)
{
	struct worker *w = arg;

	w->draining = true;
	server_drain(w->server);
}

void
worker_drain(struct worker *w)
{
	loop_post(w->loop, drain, w);
}

static void
end(void *arg)
{
	struct worker *w = arg;

	w->ending = true;
	worker_close_listeners(w, NULL);
	drain(w);
	timer_set(w->loop, &w->look, WORKER_LOOK_MS);
}

void
worker_end(struct worker *w)
{
	loop_post(w->loop, end, w);
}

void
worker_stop(struct worker *w)
{
	loop_stop(w->loop);
}

/* --- timers ----------------------------------------------------------------------- */

static void
count_h2(struct worker *w)
{
	struct h2_counts h2;

	server_h2_counts(w->server, &h2);
	count_set(&w->counters.h2_connections, w->server->h2_connections);
	count_set(&w->counters.h2_requests, w->server->h2_requests);
	count_set(&w->counters.h2_resets, h2.resets);
	count_set(&w->counters.h2_glitches, h2.glitches);
	count_set(&w->counters.h2_malformed, h2.malformed);
	count_set(&w->counters.h2_calmed, h2.calmed);
}

static void
on_tick(struct timer *timer)
{
	struct worker *w = list_entry(timer, struct worker, tick);
	unsigned busy, idle;

	if (w->pin != NULL)
		plan_flush(w->pin->plan, w->number);
	count_set(&w->counters.connections, worker_connections(w));
	count_set(&w->counters.passages, w->npassages);
	count_set(&w->counters.accepted, w->server->accepted);
	count_set(&w->counters.served, w->server->requests);
	count_h2(w);
	pools_connections(w->pools, &busy, &idle);
	count_set(&w->counters.upstream_busy, busy);
	count_set(&w->counters.upstream_idle, idle);
	w->unix_offset_us = clock_unix_ms() * 1000 - w->loop->now_us;
	timer_set(w->loop, timer, TICK_MS);
}

/* --- the thread --------------------------------------------------------------------- */

struct worker *
worker_new(struct edge *edge, struct shared *shared, unsigned number)
{
	struct worker *w = xcalloc(1, sizeof(*w));

	w->edge = edge;
	w->shared = shared;
	shared->workers[number] = w;
	shared->nworkers = number + 1;
	entry_init(w);
	w->number = number;
	list_init(&w->passages);
	w->loop = loop_new();
	w->server = server_new(w->loop, &edge_handler, w, &w->serve_limits);
	w->server->shared = &shared->connections;
	w->pools = pools_new(w->loop, &w->pool_limits);
	ids_init(&w->ids);
	w->balance.state = ids_next(&w->ids) | 1;
	timer_init(&w->tick, on_tick);
	timer_init(&w->look, worker_on_look);
	return w;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	on_tick(&w->tick);
	take_plan(w);
	loop_run(w->loop);
	worker_close_listeners(w, NULL);
	passages_cut(w);
	server_free(&w->server);
	pools_free(&w->pools);
	if (w->pin != NULL)
		let_go(w, w->pin);
	w->pin = NULL;
	edge_worker_ended(w->edge, w);
	return NULL;
}

bool
worker_start(struct worker *w)
{
	return pthread_create(&w->thread, NULL, worker_main, w) == 0;
}

void
worker_free(struct worker **worker)
{
	struct worker *w = *worker;
	struct plan *unread = atomic_exchange(&w->next, NULL);

	*worker = NULL;
	if (unread != NULL && generation_release(unread->generation))
		edge_retire(w->edge, unread);
	/* By its thread already, if that was ever started. */
	server_free(&w->server);
	pools_free(&w->pools);
	while (w->nspare > 0)
		buf_fini(&w->spare[--w->nspare]);
	buf_fini(&w->fields);
	buf_fini(&w->body);
	loop_free(&w->loop);
	free(w);
}
