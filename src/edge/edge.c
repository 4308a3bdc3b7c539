/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "edge/edge.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/must.h"
#include "edge/process.h"

enum { TICK_MS = 1000, HOLD_MS = 5000, HOLD_LOOK_MS = 32 };

/* --- the end ------------------------------------------------------------------ */

static void
stop_all(struct edge *edge)
{
	for (unsigned i = 0; i < edge->nworkers; i++)
		worker_stop(edge->workers[i]);
	if (!edge->serving)
		loop_stop(edge->loop);
}

static void
on_deadline(struct timer *timer)
{
	struct edge *edge = list_entry(timer, struct edge, deadline);

	log_warn("the drain's time is over: what is still open is cut");
	stop_all(edge);
}

void
edge_drain(struct edge *edge)
{
	edge->draining = true;
	for (unsigned i = 0; i < edge->nworkers; i++)
		worker_drain(edge->workers[i]);
}

static void
end(struct edge *edge)
{
	log_info("draining");
	if (!edge->serving) {
		loop_stop(edge->loop);
		return;
	}
	edge->draining = edge->ending = true;
	for (unsigned i = 0; i < edge->nworkers; i++)
		worker_end(edge->workers[i]);
	timer_set(edge->loop, &edge->deadline,
	    edge->plan->config->timeouts.drain_ms);
}

static void
on_worker_ended(void *arg)
{
	struct edge *edge = arg;

	if (--edge->running == 0)
		loop_stop(edge->loop);
}

void
edge_worker_ended(struct edge *edge, struct worker *w)
{
	(void)w;
	loop_post(edge->loop, on_worker_ended, edge);
}

/* --- signals ------------------------------------------------------------------ */

static void
on_hup(void *arg)
{
	struct edge *edge = arg;

	if (!edge->ending)
		edge_reload(edge);
}

static void
on_usr1(void *arg)
{
	struct edge *edge = arg;

	atomic_fetch_add(&edge->reopening, edge->nworkers);
	for (unsigned i = 0; i < edge->nworkers; i++)
		worker_reopen_log(edge->workers[i]);
}

void
edge_worker_flushed(struct edge *edge)
{
	if (atomic_fetch_sub(&edge->reopening, 1) == 1)
		log_writer_reopen(edge->writers.lines);
}

static void
on_quit(void *arg)
{
	struct edge *edge = arg;

	if (!edge->ending)
		end(edge);
}

static void
on_term(void *arg)
{
	struct edge *edge = arg;

	if (!edge->ending)
		end(edge);
	else
		stop_all(edge);
}

static void
on_int(void *arg)
{
	struct edge *edge = arg;

	edge->ending = true;
	stop_all(edge);
}

static void
take_signals(struct edge *edge)
{
	loop_on_signal(edge->loop, SIGHUP, on_hup, edge);
	loop_on_signal(edge->loop, SIGUSR1, on_usr1, edge);
	loop_on_signal(edge->loop, SIGQUIT, on_quit, edge);
	loop_on_signal(edge->loop, SIGTERM, on_term, edge);
	loop_on_signal(edge->loop, SIGINT, on_int, edge);
}

/* --- the start ---------------------------------------------------------------- */

static void
on_tick(struct timer *timer)
{
	struct edge *edge = list_entry(timer, struct edge, tick);

	if (!edge->ending) {
		edge_watch(edge);
		edge_overrides_look(edge);
	}
	timer_set(edge->loop, timer, TICK_MS);
}

static void
on_health(void *arg)
{
	edge_count_up(arg);
}

/* A connection costs a descriptor, a proxied one two. */
static void
raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_cur == limit.rlim_max)
		return;
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
		log_warn("the limit of descriptors cannot be raised: %s",
		    strerror(errno));
}

/* Signals are for the control thread's loop alone. */
static void
start_workers(struct edge *edge)
{
	sigset_t all, before;

	sigfillset(&all);
	/* But the sandbox's: blocked, it would end the process. */
	sigdelset(&all, SIGSYS);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	for (unsigned i = 0; i < edge->nworkers; i++)
		must(worker_start(edge->workers[i]));
	edge->running = edge->nworkers;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void
begin_serving(struct edge *edge)
{
	edge->serving = true;
	edge_publish_first(edge);
	start_workers(edge);
	log_info("the edge of %s serves with %u threads",
	    edge->plan->config->region, edge->nworkers);
	/* The sockets have been listening since the plan was made. */
	edge_tell_master(edge, "READY\n");
	timer_set(edge->loop, &edge->tick, TICK_MS);
	edge_gauge_start(edge);
}

/*
 * Connections that wait are the former edge's until we accept them: that is
 * worth a moment, so that none meets a region of which we know nothing yet.
 */
static void
on_hold(struct timer *timer)
{
	struct edge *edge = list_entry(timer, struct edge, hold);

	if (backends_known(&edge->plan->backends) ||
	    edge->loop->now_ms >= edge->hold_until_ms)
		begin_serving(edge);
	else
		timer_set(edge->loop, timer, HOLD_LOOK_MS);
}

static bool
start(struct edge *edge, const struct edge_options *options)
{
	struct err err;

	edge->upstreams = upstreams_new(edge->loop, on_health, edge);
	edge->feed = feed_new(edge);
	if (!edge_load_first(edge, options))
		return false;
	/* The master makes it; alone, we do. */
	if (mkdir(edge->plan->config->run_dir, 0755) != 0 && errno != EEXIST)
		log_warn("%s: %s", edge->plan->config->run_dir,
		    strerror(errno));
	edge->control = control_new(edge, &err);
	if (edge->control == NULL) {
		log_error("%s", err.text);
		return false;
	}
	edge_overrides_read(edge);
	take_signals(edge);
	loop_read_time(edge->loop);
	edge->hold_until_ms = edge->loop->now_ms + HOLD_MS;
	if (edge->heir)
		timer_set(edge->loop, &edge->hold, HOLD_LOOK_MS);
	else
		begin_serving(edge);
	return true;
}

static void
serve(struct edge *edge)
{
	loop_run(edge->loop);
	for (unsigned i = 0; edge->serving && i < edge->nworkers; i++)
		pthread_join(edge->workers[i]->thread, NULL);
}

static void
clean_up(struct edge *edge)
{
	for (unsigned i = 0; i < edge->nworkers; i++)
		if (edge->workers[i] != NULL)
			worker_free(&edge->workers[i]);
	if (edge->control != NULL)
		control_free(&edge->control);
	feed_free(&edge->feed);
	edge_unload(edge);
	if (edge->writers.lines != NULL)
		log_writer_free(&edge->writers.lines);
	if (edge->writers.spans != NULL)
		log_writer_free(&edge->writers.spans);
	if (edge->watch != NULL)
		watch_free(&edge->watch);
	upstreams_free(&edge->upstreams);
	shared_free(&edge->shared);
	if (edge->nworkers > 0)
		listenings_fini(&edge->listenings);
	loop_free(&edge->loop);
}

int
edge_main(const struct edge_options *options)
{
	struct edge *edge = xcalloc(1, sizeof(*edge));
	int code = 1;

	log_name("edge");
	raise_descriptors();
	edge->config_file = options->config_file;
	edge->notify_fd = options->notify_fd;
	edge->heir = options->heir;
	edge->sandbox = options->sandbox == NULL ? "none" : options->sandbox;
	edge->began_unix_ms = clock_unix_ms();
	edge->loop = loop_new();
	edge->shared = shared_new();
	timer_init(&edge->tick, on_tick);
	timer_init(&edge->deadline, on_deadline);
	timer_init(&edge->hold, on_hold);
	if (start(edge, options)) {
		serve(edge);
		code = 0;
	}
	clean_up(edge);
	free(edge);
	return code;
}
