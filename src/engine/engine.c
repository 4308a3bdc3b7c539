/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The life of an engine worker.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fiber.h"
#include "base/log.h"
#include "base/must.h"
#include "conf/value.h"
#include "engine/engine_private.h"
#include "engine/json_text.h"
#include "engine/keeping.h"
#include "net/lent_files.h"
#include "net/listener.h"
#include "store/open.h"

enum {
	DRAIN_LOOK_MS = 50,
	OPEN_LOOK_MS = 20,
	OPEN_WITHIN_MS = 3000,
	END_WITHIN_MS = 3000,		/* after a second signal */
};

static void
tell(const struct engine *e, const char *line)
{
	size_t len = strlen(line);

	if (e->options->notify_fd >= 0 &&
	    write(e->options->notify_fd, line, len) != (ssize_t)len)
		log_warn("whoever started this engine does not listen");
}

/* --- configuration and flows ----------------------------------------------------- */

/* The keys that are lent to us stay open: some are read when they are needed.
 */
static struct generation *
load_generation(const struct engine_options *options,
    const struct generation *before)
{
	struct mistakes mistakes;
	struct generation *g;

	lent_files_receive(options->notify_fd);
	mistakes_init(&mistakes);
	g = generation_load(options->config_file, LOAD_KEYS, before,
	    &mistakes);
	for (size_t i = 0; g == NULL && i < mistakes.count; i++) {
		struct buf line = { 0 };

		mistake_print(&mistakes.list[i], &line);
		log_error("%s", buf_cstr(&line));
		buf_fini(&line);
	}
	mistakes_fini(&mistakes);
	return g;
}

static const struct region *
own_region(const struct engine *e, const struct generation *g)
{
	const struct region_map *map = g->policy.map;
	const char *id = e->options->region != NULL ? e->options->region :
	    g->config->region;
	int at = region_find(map, slice_of(id));

	if (at >= 0)
		return &map->regions[at];
	log_error("region %s is not in the region map %s", id, map->file);
	return NULL;
}

static void
complain(const char *sentence)
{
	log_error("%s", sentence);
}

static struct flows *
load_flows(const struct engine *e, const struct generation *g, size_t *bad)
{
	const char *dir = e->options->flows_dir != NULL ?
	    e->options->flows_dir : g->config->engines.flows_dir;
	struct flows *flows;
	struct err err;

	flows = flows_load(dir, complain, bad, &err);
	if (flows == NULL)
		log_error("flows: %s", err.text);
	return flows;
}

struct edition *
edition_hold(struct edition *edition)
{
	edition->holders++;
	return edition;
}

void
edition_release(struct edition **edition)
{
	struct edition *old = *edition;

	*edition = NULL;
	if (old == NULL || --old->holders > 0)
		return;
	flows_free(&old->flows);
	generation_free(&old->generation);
	free(old->store_allow);
	free(old);
}

/* Where a service may be called a store may stand, and at the one address of
 * this machine that is named for stores. */
static void
guard_stores(struct edition *edition)
{
	const char *plain =
	    edition->generation->config->engines.external_plain;
	struct call_guard *guard = &edition->store_guard;
	struct err err;

	*guard = edition->guard;
	if (plain == NULL)
		return;
	edition->store_allow = xcalloc(guard->nallow + 1,
	    sizeof(*edition->store_allow));
	if (guard->nallow > 0)
		memcpy(edition->store_allow, guard->allow,
		    guard->nallow * sizeof(*edition->store_allow));
	guard->allow = edition->store_allow;
	if (value_cidr(&edition->store_allow[guard->nallow],
	    slice_of(plain), &err))
		guard->nallow++;
}

/* Services are called as this edition says, from now on. */
static void
call_out_from(struct engine *e, struct edition *edition)
{
	const struct config_services *s = &edition->generation->config->services;
	const struct http_client_options options = {
		.guard = &edition->guard,
		.ca_file = s->ca,
		.connect_ms = s->connect_ms,
	};

	edition->guard = (struct call_guard){
		.allow = s->allow, .nallow = s->nallow,
		.refuse = s->refuse, .nrefuse = s->nrefuse,
		.refuse_hosts = s->refuse_hosts,
		.nrefuse_hosts = s->nrefuse_hosts,
	};
	if (e->http == NULL)
		e->http = http_client_new(e->loop, &options);
	else
		http_client_change(e->http, &options);
	guard_stores(edition);
	keeping_change(e->keeping, edition);
}

static const char *
store_dir(const struct engine *e, const struct generation *g)
{
	return e->options->store_dir != NULL ? e->options->store_dir :
	    g->config->engines.store_dir;
}

static bool
load_keys(const struct engine *e, const struct generation *g,
    struct seal_keys *keys)
{
	struct err err;

	if (token_keys_read(&g->config->engines, store_dir(e, g), keys, &err))
		return true;
	log_error("keys of tokens: %s", err.text);
	return false;
}

/* Every answer says which region it was made in. */
static void
put_in_service(struct engine *e, struct generation *g,
    const struct region *region, struct flows *flows)
{
	const struct config_timeouts *t = &g->config->timeouts;

	edition_release(&e->edition);
	e->edition = xcalloc(1, sizeof(*e->edition));
	*e->edition = (struct edition){ .holders = 1, .generation = g,
	    .region = region, .flows = flows };
	call_out_from(e, e->edition);
	e->limits = (struct serve_limits){
		.head_ms = t->head_ms,
		/* The edge closes idle connections, not we: it would find
		 * out only by a request that fails. */
		.idle_ms = t->upstream_idle_ms * 2 + 60000,
		.body_idle_ms = t->body_idle_ms,
		.send_idle_ms = t->send_idle_ms,
		.tunnel_idle_ms = t->tunnel_idle_ms,
		.body_bytes = CALL_BODY_MAX,
	};
	buf_clear(&e->fields);
	buf_printf(&e->fields, "X-ManyWho-Region-Backend: %s\r\n"
	    "Content-Type: application/json\r\nCache-Control: no-store\r\n",
	    region->id);
	buf_clear(&e->busy_fields);
	buf_slice(&e->busy_fields, buf_all(&e->fields));
	buf_text(&e->busy_fields, "Retry-After: 1\r\n");
}

/* A mistake anywhere leaves everything as it was. */
static bool
reload(struct engine *e)
{
	struct generation *g = load_generation(e->options,
	    e->edition->generation);
	const struct region *region = g == NULL ? NULL : own_region(e, g);
	struct flows *flows = NULL;
	struct seal_keys keys;
	size_t bad = 0;

	if (region != NULL && strcmp(region->id, e->edition->region->id) != 0)
		log_error("the region cannot change from %s to %s while the "
		    "engine runs", e->edition->region->id, region->id);
	else if (region != NULL)
		flows = load_flows(e, g, &bad);
	if (flows != NULL && bad == 0 && load_keys(e, g, &keys) &&
	    engine_certify(e, g, region)) {
		put_in_service(e, g, region, flows);
		e->edition->keys = keys;
		confine_all(e);
		store_follow_map(e->store, g->config, g->policy.map,
		    region->id);
		return true;
	}
	flows_free(&flows);
	if (g != NULL)
		generation_free(&g);
	return false;
}

static void
on_reload(void *arg)
{
	struct engine *e = arg;
	bool good = reload(e);

	if (good)
		log_info("reloaded, %zu flows", flows_count(e->edition->flows));
	else
		log_error("not reloaded, everything stays as it was");
	tell(e, good ? "RELOAD ok\n" : "RELOAD failed\n");
}

/* --- ending ------------------------------------------------------------------------- */

static void
look_drained(struct timer *timer)
{
	struct engine *e = list_entry(timer, struct engine, drain);

	/* Also for those whose client has left: they still save.  At the very
	 * end (end_calls()) there is no server any more. */
	if (((e->server == NULL || e->server->connections == 0) &&
	    fiber_count() == 0 &&
	    list_empty(&e->late)) ||
	    e->loop->now_ms >= e->drain_until_ms)
		loop_stop(e->loop);
	else
		timer_set(e->loop, timer, DRAIN_LOOK_MS);
}

static void
on_drain(void *arg)
{
	struct engine *e = arg;

	if (e->draining) {
		loop_stop(e->loop);
		return;
	}
	e->draining = true;
	metadata_end_waits(e->metadata);
	e->drain_until_ms = e->loop->now_ms +
	    e->edition->generation->config->timeouts.drain_ms;
	listener_pause(e->listener);
	server_drain(e->server);
	timer_set(e->loop, &e->drain, 0);
}

static void
on_end(void *arg)
{
	struct engine *e = arg;

	loop_stop(e->loop);
}

/* --- beginning ------------------------------------------------------------------------ */

static void
on_accepted(void *owner, int fd, const struct endpoint *peer)
{
	struct engine *e = owner;

	server_accept(e->server, fd, peer, &(struct serve_accept){
	    .tls = e->tls });
}

static bool
read_path(const struct engine *e, struct endpoint *at)
{
	must(e->options->socket != NULL);
	if ((size_t)snprintf(at->name, sizeof(at->name), "%s",
	    e->options->socket) < sizeof(at->name))
		return true;
	log_error("%s: the path is too long for a socket",
	    e->options->socket);
	return false;
}

static bool
read_address(const struct engine *e, struct endpoint *at)
{
	if (endpoint_parse(at, slice_of(e->options->listen)) &&
	    at->kind == ENDPOINT_IP && !at->url)
		return true;
	log_error("--listen: \"%s\" is no address and port; write 10.0.0.1:8443 "
	    "or [::1]:8443", e->options->listen);
	return false;
}

static bool
open_listener(struct engine *e)
{
	static const struct listener_ops ops = { .accepted = on_accepted };
	struct endpoint at = { .kind = ENDPOINT_UNIX };
	int fd = e->options->listen_fd;
	struct err err;

	if (fd < 0) {
		if (e->options->listen != NULL ? !read_address(e, &at) :
		    !read_path(e, &at))
			return false;
		fd = listener_bind(&at, false, 0600, &err);
		if (fd < 0) {
			log_error("%s", err.text);
			return false;
		}
	}
	e->listener = listener_new(e->loop, fd, &ops, e);
	return true;
}

static bool
open_store(struct engine *e)
{
	const struct generation *g = e->edition->generation;
	struct err err;

	e->store = store_open(e->loop, g->config, g->policy.map,
	    e->edition->region->id, e->options->store_dir, &err);
	if (e->store == NULL)
		log_error("%s", err.text);
	return e->store != NULL;
}

/* At a start, what is good is served; at a reload, all or nothing. */
static bool
begin(struct engine *e)
{
	struct generation *g = load_generation(e->options, NULL);
	const struct region *region = g == NULL ? NULL : own_region(e, g);
	struct flows *flows = NULL;
	size_t bad;

	if (region != NULL)
		flows = load_flows(e, g, &bad);
	if (flows == NULL) {
		if (g != NULL)
			generation_free(&g);
		return false;
	}
	put_in_service(e, g, region, flows);
	log_level((enum log_level)g->config->log.level);
	if (!open_store(e))
		return false;
	/* A key of the store's own stands beside the states. */
	if (!load_keys(e, g, &e->edition->keys))
		return false;
	e->metadata = metadata_new(e->store);
	return engine_certify(e, g, region) && open_listener(e);
}

/*
 * Who comes earlier waits, here or with another worker that accepts on the same
 * socket.  A store that does not answer is told to the probes in time.
 */
static void
look_open(struct timer *timer)
{
	struct engine *e = list_entry(timer, struct engine, open);

	if (e->draining)
		return;
	if (!metadata_is_ready(e->metadata) &&
	    e->loop->now_ms < e->open_by_ms) {
		timer_set(e->loop, timer, OPEN_LOOK_MS);
		return;
	}
	listener_resume(e->listener);
	follower_start(e);
	confine_start(e);
	tell(e, "READY\n");
}

static void
watch_signals(struct engine *e)
{
	loop_on_signal(e->loop, SIGHUP, on_reload, e);
	loop_on_signal(e->loop, SIGQUIT, on_drain, e);
	loop_on_signal(e->loop, SIGTERM, on_drain, e);
	loop_on_signal(e->loop, SIGINT, on_end, e);
}

/* Calls that wait have their clients gone, and are let go on to their end;
 * one that does not come to it in time goes with the process. */
static void
end_calls(struct engine *e)
{
	if (fiber_count() == 0)
		return;
	e->draining = true;
	e->drain_until_ms = clock_ms() + END_WITHIN_MS;
	timer_set(e->loop, &e->drain, 0);
	loop_run(e->loop);
	if (fiber_count() > 0) {
		log_warn("%zu calls were cut short", fiber_count());
		_exit(0);
	}
}

static void
end(struct engine *e)
{
	timer_cancel(&e->drain);
	timer_cancel(&e->open);
	store_watch_stop(e);
	follower_stop(e);
	confine_stop(e);
	if (e->metadata != NULL)
		metadata_end_waits(e->metadata);
	listener_free(&e->listener);
	server_free(&e->server);
	late_cancel_all(e);
	alarm_cancel_all(e);
	end_calls(e);
	keeping_free(&e->keeping);
	http_client_free(&e->http);
	store_close(&e->store);
	metadata_free(&e->metadata);
	follower_free(e);
	confine_free(e);
	timer_cancel(&e->expire);	/* the store's last answer sets it */
	timer_cancel(&e->drain);
	edition_release(&e->edition);
	tls_context_free(&e->tls);
	buf_fini(&e->fields);
	buf_fini(&e->busy_fields);
	loop_free(&e->loop);
}

int
engine_main(const struct engine_options *options)
{
	struct engine e = { .options = options };
	bool good;

	json_memory_begin();
	list_init(&e.turns);
	e.keeping = keeping_new(&e);
	list_init(&e.late);
	list_init(&e.alarms);
	e.loop = loop_new();
	timer_init(&e.expire, on_expire);
	timer_init(&e.drain, look_drained);
	timer_init(&e.open, look_open);
	e.server = server_new(e.loop, &api_handler, &e, &e.limits);
	good = begin(&e);
	if (good) {
		watch_signals(&e);
		timer_set(e.loop, &e.expire, 0);
		store_watch_start(&e);
		log_info("region %s, %zu flows", e.edition->region->id,
		    flows_count(e.edition->flows));
		listener_pause(e.listener);
		e.open_by_ms = clock_ms() + OPEN_WITHIN_MS;
		timer_set(e.loop, &e.open, 0);
		loop_run(e.loop);
	}
	end(&e);
	return good ? 0 : 1;
}
