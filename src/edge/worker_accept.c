/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Who may connect to a worker, and how many: its listeners, and what is done
 * when there is no room for more.
 */
#include <inttypes.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/must.h"
#include "edge/passage.h"
#include "edge/worker_private.h"

enum {
	SHED_LOOKS = 512,		/* connections at a time */
	SHED_IDLE_MS = 1000,		/* shorter is no idling */
};

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

/* A connection was closed before it was anybody's: what and why make a
 * sentence. */
static void
complain(struct worker *w, const struct listening *at,
    const struct endpoint *peer, const char *what, const char *why)
{
	char text[ADDR_TEXT_MAX];
	uint32_t suppressed;

	if (log_rate_allows(&w->unproxied, 20, &suppressed))
		log_warn("listener %s: closed a connection from %s: %s %s "
		    "suppressed=%u", at->name, addr_text(&peer->addr, text),
		    what, why, suppressed);
}

/* What is wrong with it is in bad already. */
static void
add_bad(struct worker *w, const struct listening *at,
    const struct endpoint *peer, struct bad_request bad)
{
	bad.unix_ms = (w->unix_offset_us + w->loop->now_us) / 1000;
	bad.peer = addr_canonical(&peer->addr);
	bad.peer_port = peer->port;
	bad.request_id = "";
	bad_requests_add(at->bad, &bad);
}

void
worker_unproxied(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason)
{
	struct worker *w = server->owner;

	add_bad(w, listener, peer, (struct bad_request){
	    .rule = "proxy-header", .sentence = reason,
	    .part = "connection" });
	count_one(&w->counters.proxy_refused);
	complain(w, listener, peer, "the PROXY header", reason);
}

void
worker_unheard(struct server *server, void *listener,
    const struct endpoint *peer, const char *reason)
{
	struct worker *w = server->owner;

	add_bad(w, listener, peer, (struct bad_request){
	    .rule = "client-hello", .sentence = reason,
	    .part = "connection" });
	count_one(&w->counters.hello_refused);
	complain(w, listener, peer, "the ClientHello", reason);
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
	add_bad(server->owner, listener, peer, (struct bad_request){
	    .rule = rule, .sentence = sentence, .part = "frames" });
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

bool
worker_is_full(const struct worker *w)
{
	return atomic_load_explicit(&w->shared->connections,
	    memory_order_relaxed) >= w->connections_most ||
	    atomic_load_explicit(&w->shared->pressure,
	    memory_order_relaxed) >= PRESSURE_CROWDED;
}

void
worker_become_full(struct worker *w)
{
	if (w->full)
		return;
	count_one(&w->counters.connections_paused);
	pause_clients(w, true);
	timer_set(w->loop, &w->look, WORKER_LOOK_MS);
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

uint64_t
worker_connections(const struct worker *w)
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
		complain(w, l->at, peer, "it is not in", "proxy.from");
		return;
	}
	server_accept(w->server, fd, peer, &(struct serve_accept){
	    .tls = plan->generation->listener_tls[l->index],
	    .listener = l->at, .proxied = at->nproxy_from > 0,
	    .passes = at->kind == LISTENER_CLIENT && passage_may_be(plan),
	    .h2 = !at->h2 ? NULL : at->kind == LISTENER_LINK ?
	    &w->h2_links : &w->h2_clients });
	if (worker_is_full(w))
		worker_become_full(w);
}

/*
 * What is kept for a next request is worth less than who is there; unless he is
 * one too many for the limit of open files, which may have been lowered: then
 * there would be none left to serve him with.
 */
static bool
on_scarce(void *owner)
{
	const struct worker_listener *l = owner;
	struct worker *w = l->worker;

	return atomic_load_explicit(&w->shared->connections,
	    memory_order_relaxed) < connections_of(w->pin->plan) &&
	    enter_spare_descriptors(w);
}

static const struct listener_ops listener_ops = {
	.accepted = on_accepted,
	.scarce = on_scarce,
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

void
worker_close_listeners(struct worker *w, const struct plan *but_those_of)
{
	for (size_t i = 0; i < LISTENERS_MAX; i++) {
		struct worker_listener *l = &w->listeners[i];

		if (l->listener != NULL && (but_those_of == NULL ||
		    !plan_has(but_those_of, l->at)))
			listener_free(&l->listener);
	}
}

void
worker_take_listeners(struct worker *w, struct plan *plan)
{
	worker_close_listeners(w, plan);
	for (size_t i = 0; i < plan->config->nlisteners && !w->ending; i++) {
		struct worker_listener *l = listener_at(w,
		    plan->listening[i]);

		if (l != NULL)
			l->index = i;
		else
			listen_at(w, plan->listening[i], i);
	}
}

void
worker_take_connections(struct worker *w, const struct plan *plan)
{
	uint64_t most = connections_of(plan);

	if (w->number == 0 && most < plan->config->limits.connections)
		log_warn("limits.connections is %u, but the limit of open "
		    "files allows for %" PRIu64 "; raise that "
		    "(LimitNOFILE=)", plan->config->limits.connections, most);
	w->scarce = most < plan->config->limits.connections;
	w->connections_most = most == 0 ? 1 : (unsigned)most;
}

/* --- soon again ------------------------------------------------------------------ */

void
worker_on_look(struct timer *timer)
{
	struct worker *w = list_entry(timer, struct worker, look);

	if (w->ending && worker_connections(w) == 0) {
		loop_stop(w->loop);
		return;
	}
	if (w->full && !worker_is_full(w))
		pause_clients(w, false);
	else if (w->full)
		shed(w);
	if (w->full || w->ending)
		timer_set(w->loop, timer, WORKER_LOOK_MS);
}
