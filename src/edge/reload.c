/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Generations come and go: one is loaded by a helper thread (a database takes
 * a while to verify and compile, and probes must not wait for it), turned
 * into a plan and published by the control thread, and freed by it when the
 * last worker has let go.  Where they share a worker's core its requests do
 * not wait for any of it either (base/gentle.h).  Whatever goes wrong before
 * it is published leaves the one in service as it is.
 */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/gentle.h"
#include "base/must.h"
#include "edge/process.h"
#include "net/lent_files.h"

struct loading {
	struct edge	*edge;
	pthread_t	 thread;
	const struct generation *before;	/* held by edge->plan's base */
	struct file_identity restrictions;	/* as they were before reading */
	struct generation *result;
	struct mistakes	 mistakes;
	struct handed	 handed;	/* sockets of its listeners ... */
	bool		 refused;	/* ... or why there are none */
	struct err	 err;
};

void
edge_tell_master(const struct edge *edge, const char *line)
{
	size_t len = strlen(line);

	if (edge->notify_fd >= 0 &&
	    write(edge->notify_fd, line, len) != (ssize_t)len)
		log_warn("the master process does not listen any more");
}

/* --- what is up --------------------------------------------------------------- */

static void
set_bits(_Atomic uint16_t *to, struct region_set set)
{
	atomic_store_explicit(to, set.bits, memory_order_relaxed);
}

void
edge_count_up(struct edge *edge)
{
	for (struct plan *p = edge->plans; p != NULL; p = p->older) {
		struct overrides_sets sets = overrides_sets(&edge->overrides,
		    p->generation->policy.map);
		struct region_set up = backends_up(&p->backends);

		set_bits(&p->drained, sets.drain);
		set_bits(&p->forced, sets.up);
		set_bits(&p->by_hand, (struct region_set){ sets.up.bits |
		    sets.down.bits | sets.drain.bits });
		/* Who drains is up: for what has begun there. */
		sets.drain.bits = 0;
		set_bits(&p->up, overrides_apply(&sets, up, -1));
	}
}

/* --- the end of a plan -------------------------------------------------------- */

/* The last one of its generation, with all that was read for it. */
static void
free_whole(void *arg)
{
	struct plan *plan = arg;

	plan_free(&plan, plan->edge->upstreams);
}

static void
free_plan(struct edge *edge, struct plan *plan)
{
	struct plan **at = &edge->plans, *base = plan->base;

	while (*at != plan)
		at = &(*at)->older;
	*at = plan->older;
	log_debug("generation %llu is not in use any more",
	    (unsigned long long)plan->generation->id);
	if (base == NULL)
		gentle_do(free_whole, plan);
	else
		plan_free(&plan, edge->upstreams);
	if (base != NULL && generation_release(base->generation))
		free_plan(edge, base);
}

static void
on_retired(void *arg)
{
	struct plan *plan = arg;

	free_plan(plan->edge, plan);
}

void
edge_retire(struct edge *edge, struct plan *plan)
{
	loop_post(edge->loop, on_retired, plan);
}

/* The control thread's own holder. */
static void
release(struct edge *edge, struct plan *plan)
{
	if (generation_release(plan->generation))
		free_plan(edge, plan);
}

/*
 * Nobody is left to let go of anything, but messages about plans that were
 * retired at the very end may not have been read: all go.
 */
void
edge_unload(struct edge *edge)
{
	struct loading *l = edge->loading;

	edge_keep_end(edge);
	edge_try_end(edge);
	if (l != NULL) {
		must(pthread_join(l->thread, NULL) == 0);
		if (l->result != NULL)
			generation_free(&l->result);
		handed_close(&l->handed);
		mistakes_fini(&l->mistakes);
		free(l);
	}
	edge->plan = NULL;
	while (edge->plans != NULL)
		free_plan(edge, edge->plans);
}

/* --- publishing ------------------------------------------------------------------ */

static void
list_plan(struct edge *edge, struct plan *plan)
{
	plan->edge = edge;
	plan->older = edge->plans;
	edge->plans = plan;
}

/* The feed's restrictions in it, if they come from there; the plan itself is
 * then held by that one alone. */
static struct plan *
with_feed(struct edge *edge, struct plan *plan)
{
	struct plan *with = feed_take(edge->feed, plan);

	if (with != plan) {
		list_plan(edge, with);
		generation_release(plan->generation);
	}
	return with;
}

/* NULL and *err if it cannot be had; the generation is gone then. */
static struct plan *
make_plan(struct edge *edge, struct generation *generation, struct err *err)
{
	struct plan *plan = plan_new(generation, edge->upstreams,
	    &edge->listenings, &edge->writers, err);

	if (plan == NULL)
		return NULL;
	list_plan(edge, plan);
	plan = with_feed(edge, plan);
	edge_count_up(edge);
	return plan;
}

/* One holder is the control thread's. */
static void
publish(struct edge *edge, struct plan *plan)
{
	struct plan *before = edge->plan;

	edge->plan = plan;
	/* Before anyone else can see it. */
	atomic_store(&plan->generation->holders, (int)edge->nworkers + 1);
	for (unsigned i = 0; i < edge->nworkers; i++)
		worker_publish(edge->workers[i], plan);
	listenings_keep(&edge->listenings, plan->listening,
	    plan->config->nlisteners);
	watch_config(edge->watch, plan->config);
	log_level((enum log_level)plan->config->log.level);
	edge->last_unix_ms = clock_unix_ms();
	edge_keep_files(edge);
	if (before != NULL)
		release(edge, before);
}

void
edge_publish_restrictions(struct edge *edge)
{
	struct plan *before = edge->plan;
	struct plan *plan = feed_take(edge->feed, plan_base(before));

	if (plan == plan_base(before))
		return;			/* they come from a file by now */
	list_plan(edge, plan);
	edge_count_up(edge);
	edge->plan = plan;
	atomic_store(&plan->generation->holders, (int)edge->nworkers + 1);
	for (unsigned i = 0; i < edge->nworkers; i++)
		worker_publish(edge->workers[i], plan);
	release(edge, before);
}

static void
log_mistakes(const struct mistakes *mistakes)
{
	struct buf text = { 0 };

	for (size_t i = 0; i < mistakes->count; i++) {
		buf_clear(&text);
		mistake_print(&mistakes->list[i], &text);
		(mistakes->list[i].warning ? log_warn : log_error)("%s",
		    buf_cstr(&text));
	}
	buf_fini(&text);
}

static void
count_database(struct edge *edge, const struct plan *plan, uint64_t before)
{
	if (plan->generation->database_held != NULL)
		edge->db_held++;
	else if (plan->db_epoch != before)
		edge->db_good++;
}

/* NULL with l->err if the generation is good and yet cannot be had. */
static struct plan *
plan_of_result(struct edge *edge, struct loading *l)
{
	const char *region = l->result->config->region;
	const char *ours = edge->plan->config->region;

	if (strcmp(region, ours) != 0)
		l->refused = !err_set(&l->err, "%s: region: this is the edge "
		    "of %s; to make it that of %s, restart the service",
		    l->result->config->file, ours, region);
	if (l->refused) {
		generation_free(&l->result);
		return NULL;
	}
	edge->listenings.handed = l->handed;
	l->handed = (struct handed){ 0 };
	return make_plan(edge, l->result, &l->err);
}

static bool
take_result(struct edge *edge, struct loading *l, struct buf *words)
{
	uint64_t before = edge->plan->db_epoch;
	struct plan *plan;

	mistakes_print(&l->mistakes, words);
	if (l->result == NULL)
		return false;
	plan = plan_of_result(edge, l);
	if (plan == NULL) {
		log_error("%s", l->err.text);
		buf_printf(words, "%s\n", l->err.text);
		return false;
	}
	if (fixed_settings_compare(&edge->started, plan->config, words) > 0)
		log_warn("some settings that changed stay as they are until a "
		    "restart; `portolan ctl reload` names them");
	count_database(edge, plan, before);
	edge->restrictions = l->restrictions;
	publish(edge, plan);
	return true;
}

static void
on_loaded(void *arg)
{
	struct loading *l = arg;
	struct edge *edge = l->edge;
	struct buf words = { 0 };
	bool good;

	must(pthread_join(l->thread, NULL) == 0);
	log_mistakes(&l->mistakes);
	good = take_result(edge, l, &words);
	edge->last_good = good;
	if (good) {
		edge->reloads_good++;
		log_info("generation %llu is in service",
		    (unsigned long long)edge->plan->generation->id);
	} else {
		edge->reloads_bad++;
		log_error("reload failed: generation %llu stays in service",
		    (unsigned long long)edge->plan->generation->id);
	}
	edge_tell_master(edge, good ? "RELOAD ok\n" : "RELOAD failed\n");
	control_reloaded(edge->control, edge->rounds, good, buf_all(&words));
	buf_fini(&words);
	handed_close(&l->handed);
	mistakes_fini(&l->mistakes);
	free(l);
	edge->loading = NULL;
	if (edge->load_again && !edge->ending)
		edge_reload(edge);
	else
		control_idle(edge->control);
}

/* --- loading ------------------------------------------------------------------------ */

/* Without them there is what we may read ourselves, and mistakes say what is
 * not. */
void
edge_borrow_keys(const struct edge *edge)
{
	struct err err;

	if (!lent_files_ask(edge->notify_fd, &err))
		log_warn("%s", err.text);
}

static void
read_all(void *arg)
{
	struct loading *l = arg;

	l->result = generation_load(l->edge->config_file, LOAD_FULL,
	    l->before, &l->mistakes);
}

static void *
load(void *arg)
{
	struct loading *l = arg;

	edge_borrow_keys(l->edge);
	gentle_do(read_all, l);
	lent_files_return();
	if (l->result != NULL)
		l->refused = !handed_ask(&l->handed, l->edge->notify_fd,
		    false, &l->err);
	loop_post(l->edge->loop, on_loaded, l);
	return NULL;
}

/* Before the file is read: if it changes meanwhile, it counts as changed. */
static struct file_identity
restrictions_now(const struct config *config)
{
	struct file_identity none = { .exists = false };

	return config == NULL || config->policy.restrictions == NULL ? none :
	    file_identity(config->policy.restrictions);
}

uint64_t
edge_reload(struct edge *edge)
{
	struct loading *l;

	if (edge->loading != NULL || edge->trying != NULL) {
		edge->load_again = true;
		return edge->rounds + 1;
	}
	edge->load_again = false;
	edge->rounds++;
	l = xcalloc(1, sizeof(*l));
	l->edge = edge;
	/* That of the base: the feed may replace the plan meanwhile. */
	l->before = plan_base(edge->plan)->generation;
	l->restrictions = restrictions_now(edge->plan->config);
	mistakes_init(&l->mistakes);
	edge->loading = l;
	must(pthread_create(&l->thread, NULL, load, l) == 0);
	return edge->rounds;
}

static void
print_mistakes(const struct mistakes *mistakes)
{
	struct buf out = { 0 };

	mistakes_print(mistakes, &out);
	if (out.len > 0 && write(STDERR_FILENO, out.p, out.len) < 0)
		log_error("the mistakes cannot be printed");
	buf_fini(&out);
}

bool
edge_load_first(struct edge *edge, const struct edge_options *options)
{
	struct generation *generation;
	struct mistakes mistakes;
	struct err err;

	edge_borrow_keys(edge);
	mistakes_init(&mistakes);
	generation = generation_load(options->config_file, LOAD_FULL, NULL,
	    &mistakes);
	print_mistakes(&mistakes);
	mistakes_fini(&mistakes);
	if (generation == NULL && options->state_dir != NULL)
		generation = edge_load_copies(options->config_file,
		    options->state_dir);
	lent_files_return();
	if (generation == NULL)
		return false;
	/* Those of copies are not known to be all there is. */
	if (!generation->from_copies)
		edge->restrictions = restrictions_now(generation->config);
	edge->nworkers = options->threads > 0 ? options->threads :
	    config_threads(generation->config);
	fixed_settings_read(&edge->started, generation->config,
	    edge->nworkers);
	listenings_init(&edge->listenings, edge->nworkers);
	edge->writers.lines = log_writer_new(edge->nworkers);
	edge->writers.spans = log_writer_new(edge->nworkers);
	if (!handed_ask(&edge->listenings.handed, edge->notify_fd,
	    generation->from_copies, &err)) {
		log_error("%s", err.text);
		generation_free(&generation);
		return false;
	}
	edge->plan = make_plan(edge, generation, &err);
	if (edge->plan == NULL) {
		log_error("%s", err.text);
		return false;
	}
	edge->watch = watch_new(edge->plan->config->geo.settle_ms);
	for (unsigned i = 0; i < edge->nworkers; i++)
		edge->workers[i] = worker_new(edge, edge->shared, i);
	edge->last_good = !generation->from_copies;
	return true;
}

void
edge_publish_first(struct edge *edge)
{
	struct plan *first = edge->plan;

	edge->plan = NULL;		/* nothing comes before it */
	publish(edge, first);
}

/* --- files -------------------------------------------------------------------------- */

/*
 * A file says all there is to know of the restrictions as long as it is there
 * and is the one that was read.
 */
static bool
are_current(const struct edge *edge)
{
	struct file_identity now = restrictions_now(edge->plan->config);

	return edge->plan->config->policy.restrictions == NULL ||
	    (now.exists && file_identity_eq(&now, &edge->restrictions));
}

static void
check_currency(struct edge *edge)
{
	bool current;

	if (edge->plan->config->policy.source == RESTRICTIONS_OF_ENGINES) {
		feed_tick(edge->feed);
		return;
	}
	current = are_current(edge);
	edge_keep_look(edge, current);
	if (!current)
		return;
	atomic_store_explicit(&edge->plan->current_ms, edge->loop->now_ms,
	    memory_order_relaxed);
}

void
edge_watch(struct edge *edge)
{
	check_currency(edge);
	if (!watch_due(edge->watch, edge->loop->now_ms))
		return;
	log_info("%s has changed: reloading", watch_changed(edge->watch));
	edge_reload(edge);
}
