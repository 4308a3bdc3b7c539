/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/worker.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "edge/passage.h"
#include "edge/request.h"
#include "http/h2.h"

enum {
	TICK_MS = 1000,
	LOOK_MS = 50,
	SHED_LOOKS = 512,		/* connections at a time */
	SHED_IDLE_MS = 1000,		/* shorter is no idling */
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

/* --- listeners ---------------------------------------------------------------- */

/* A crowd of clients must not keep the edges of other regions out. */
static bool
is_for_clients(const struct worker_listener *l)
{
	return l->listener != NULL && l->at->kind == LISTENER_CLIENT;
}

static void
pause_clients(struct worker *w, bool pause)
{
	w->full = pause;
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		if (!is_for_clients(&w->listeners[i]))
			continue;
		if (pause)
			listener_pause(w->listeners[i].listener);
		else
			listener_resume(w->listeners[i].listener);
	}
}

void
worker_complain(struct worker *w, const struct listening *at,
    const struct endpoint *peer, const char *what, const char *why)
{
	char text[ADDR_TEXT_MAX];
	uint32_t suppressed;

	if (log_rate_allows(&w->unproxied, 20, &suppressed))
		log_warn("listener %s: closed a connection from %s: %s %s "
		    "suppressed=%u", at->name, addr_text(&peer->addr, text),
		    what, why, suppressed);
}

void
worker_unproxied(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason)
{
	struct worker *w = server->owner;
	const struct listening *at = listener;
	const struct bad_request bad = {
		.unix_ms = (w->unix_offset_us + w->loop->now_us) / 1000,
		.peer = addr_canonical(&peer->addr), .peer_port = peer->port,
		.rule = "proxy-header", .sentence = reason, .request_id = "",
	};

	bad_requests_add(at->bad, &bad);
	count_one(&w->counters.proxy_refused);
	worker_complain(w, at, peer, "the PROXY header", reason);
}

/*
 * Half of the Internet's noise looks like this, so clients are told of at info.
 * Between edges it is a certificate that somebody has to mend.
 */
void
worker_handshake_failed(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason)
{
	struct worker *w = server->owner;
	const struct listening *at = listener;
	char text[ADDR_TEXT_MAX];
	uint32_t suppressed;

	count_one(&w->counters.handshakes_failed);
	if (log_rate_allows(&w->handshakes, 20, &suppressed))
		(at->kind == LISTENER_LINK ? log_warn : log_info)(
		    "listener %s: no TLS with %s: %s suppressed=%u", at->name,
		    addr_text(&peer->addr, text), reason, suppressed);
}

void
worker_malformed(struct server *server, void *listener,
    const struct endpoint *peer, const char *rule, const char *sentence)
{
	struct worker *w = server->owner;
	const struct listening *at = listener;
	const struct bad_request bad = {
		.unix_ms = (w->unix_offset_us + w->loop->now_us) / 1000,
		.peer = addr_canonical(&peer->addr), .peer_port = peer->port,
		.rule = rule, .sentence = sentence, .request_id = "",
		.frames = true,
	};

	bad_requests_add(at->bad, &bad);
}

/* Where PROXY headers are read, only those may come who send them. */
static bool
may_connect(const struct config_listener *at, const struct endpoint *peer)
{
	struct addr addr = addr_canonical(&peer->addr);

	for (size_t i = 0; i < at->nproxy_from; i++)
		if (cidr_contains(&at->proxy_from[i], &addr))
			return true;
	return at->nproxy_from == 0;
}

static bool
is_full(const struct worker *w)
{
	return atomic_load_explicit(&w->shared->connections,
	    memory_order_relaxed) >= w->connections_most ||
	    atomic_load_explicit(&w->shared->pressure,
	    memory_order_relaxed) >= PRESSURE_CROWDED;
}

static void
become_full(struct worker *w)
{
	if (w->full)
		return;
	count_one(&w->counters.connections_paused);
	pause_clients(w, true);
	timer_set(w->loop, &w->look, LOOK_MS);
}

/* Whoever only keeps a connection makes room for those who wait. */
static void
shed(struct worker *w)
{
	count_one(&w->counters.idle_shed);
	server_shed(w->server, SHED_LOOKS, SHED_IDLE_MS);
	if (w->scarce || atomic_load_explicit(&w->shared->pressure,
	    memory_order_relaxed) >= PRESSURE_CROWDED)
		pools_drop_idle(w->pools);
}

/* Clients, whether they are served or passed on. */
static uint64_t
connections(const struct worker *w)
{
	return w->server->connections + w->npassages;
}

/*
 * What is beyond the limit waits in the kernel's queue, where it costs us
 * nothing.
 */
static void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	struct worker_listener *l = owner;
	struct worker *w = l->worker;
	const struct plan *plan = w->pin->plan;
	const struct config_listener *at = &plan->config->listeners[l->index];

	if (!may_connect(at, peer)) {
		close(fd);
		count_one(&w->counters.proxy_refused);
		worker_complain(w, l->at, peer, "it is not in", "proxy.from");
		return;
	}
	server_accept(w->server, fd, peer, &(struct serve_accept){
	    .tls = plan->generation->listener_tls[l->index],
	    .listener = l->at, .proxied = at->nproxy_from > 0,
	    .passes = at->kind == LISTENER_CLIENT && passage_may_be(plan),
	    .h2 = !at->h2 ? NULL : at->kind == LISTENER_LINK ?
	    &w->h2_links : &w->h2_clients });
	if (is_full(w))
		become_full(w);
}

static const struct listener_ops listener_ops = {
	.accepted = on_accepted,
};

static struct worker_listener *
listener_at(struct worker *w, const struct listening *at)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++)
		if (w->listeners[i].listener != NULL &&
		    w->listeners[i].at == at)
			return &w->listeners[i];
	return NULL;
}

static void
listen_at(struct worker *w, struct listening *at, size_t index)
{
	int fd = listening_take(at, w->number);

	if (fd < 0)
		return;			/* gone again before we woke */
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		struct worker_listener *l = &w->listeners[i];

		if (l->listener != NULL)
			continue;
		*l = (struct worker_listener){ .at = at, .index = index,
		    .worker = w };
		l->listener = listener_new(w->loop, fd, &listener_ops, l);
		if (w->full && is_for_clients(l))
			listener_pause(l->listener);
		return;
	}
	must(false);
}

static bool
plan_has(const struct plan *plan, const struct listening *at)
{
	for (size_t i = 0; i < plan->config->nlisteners; i++)
		if (plan->listening[i] == at)
			return true;
	return false;
}

static void
close_listeners(struct worker *w, const struct plan *but_those_of)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		struct worker_listener *l = &w->listeners[i];

		if (l->listener != NULL && (but_those_of == NULL ||
		    !plan_has(but_those_of, l->at)))
			listener_free(&l->listener);
	}
}

static void
take_listeners(struct worker *w, struct plan *plan)
{
	close_listeners(w, plan);
	for (size_t i = 0; i < plan->config->nlisteners && !w->ending; i++) {
		struct worker_listener *l = listener_at(w,
		    plan->listening[i]);

		if (l != NULL)
			l->index = i;
		else
			listen_at(w, plan->listening[i], i);
	}
}

/* --- how many clients ----------------------------------------------------------- */

enum {
	OWN_DESCRIPTORS = 24,		/* of the process ... */
	WORKER_DESCRIPTORS = 8,		/* ... and of each worker */
};

/*
 * Of all workers.  Each may need a descriptor more for the way to the
 * engines: a client that waits to be accepted is better off than one whose
 * request cannot be sent.
 */
static uint64_t
connections_of(const struct plan *plan)
{
	uint64_t own = OWN_DESCRIPTORS +
	    (uint64_t)plan->workers * WORKER_DESCRIPTORS;
	uint64_t most = plan->config->limits.connections, room;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == RLIM_INFINITY)
		return most;
	room = limit.rlim_cur < own ? 0 : (limit.rlim_cur - own) / 2;
	return room < most ? room : most;
}

static void
take_connections(struct worker *w, const struct plan *plan)
{
	uint64_t most = connections_of(plan);

	if (w->number == 0 && most < plan->config->limits.connections)
		log_warn("limits.connections is %u, but the limit of open "
		    "files allows for %" PRIu64 "; raise that "
		    "(LimitNOFILE=)", plan->config->limits.connections, most);
	w->scarce = most < plan->config->limits.connections;
	w->connections_most = most == 0 ? 1 : (unsigned)most;
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
		take_connections(w, plan);
		take_listeners(w, plan);
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

	if (is_full(w))
		become_full(w);
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
	close_listeners(w, NULL);
	drain(w);
	timer_set(w->loop, &w->look, LOOK_MS);
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
	count_set(&w->counters.connections, connections(w));
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

static void
on_look(struct timer *timer)
{
	struct worker *w = list_entry(timer, struct worker, look);

	if (w->ending && connections(w) == 0) {
		loop_stop(w->loop);
		return;
	}
	if (w->full && !is_full(w))
		pause_clients(w, false);
	else if (w->full)
		shed(w);
	if (w->full || w->ending)
		timer_set(w->loop, timer, LOOK_MS);
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
	timer_init(&w->look, on_look);
	return w;
}

static void *
worker_main(void *arg)
{
	struct worker *w = arg;

	on_tick(&w->tick);
	take_plan(w);
	loop_run(w->loop);
	close_listeners(w, NULL);
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
