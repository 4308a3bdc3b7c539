/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Copies of the files of the generation in service (conf/last_good.h).  A
 * thread writes them, since a database is large and a disk may be slow.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/gentle.h"
#include "base/must.h"
#include "edge/process.h"

enum { TOUCH_EVERY_MS = 10000 };

struct keeping {
	struct edge	*edge;
	pthread_t	 thread;
	struct files_read files;
	char		 state_dir[GOOD_PATH_MAX];
	bool		 good;
	struct err	 err;
};

/* --- writing ------------------------------------------------------------------ */

static void
on_kept(void *arg)
{
	struct keeping *k = arg;
	struct edge *edge = k->edge;

	must(pthread_join(k->thread, NULL) == 0);
	if (!k->good)
		log_warn("the files in service are not copied: %s; should the "
		    "edge crash while they are broken, it starts from older "
		    "copies or not at all", k->err.text);
	free(k);
	edge->keeping = NULL;
	if (edge->keep_again && !edge->ending)
		edge_keep_files(edge);
}

static void
write_copies(void *arg)
{
	struct keeping *k = arg;

	k->good = last_good_keep(&k->files, k->state_dir, &k->err);
}

static void *
keep(void *arg)
{
	struct keeping *k = arg;

	gentle_do(write_copies, k);
	loop_post(k->edge->loop, on_kept, k);
	return NULL;
}

void
edge_keep_files(struct edge *edge)
{
	const struct generation *g = edge->plan->generation;
	struct keeping *k;

	if (g->from_copies)
		return;			/* which are there */
	edge->keep_again = edge->keeping != NULL;
	if (edge->keep_again)
		return;
	k = xcalloc(1, sizeof(*k));
	k->edge = edge;
	k->files = *g->files;
	snprintf(k->state_dir, sizeof(k->state_dir), "%s",
	    g->config->state_dir);
	edge->keeping = k;
	must(pthread_create(&k->thread, NULL, keep, k) == 0);
}

void
edge_keep_look(struct edge *edge, bool current)
{
	if (!current || edge->plan->generation->from_copies ||
	    edge->plan->config->policy.max_staleness_ms == 0 ||
	    edge->loop->now_ms < edge->touch_ms)
		return;
	edge->touch_ms = edge->loop->now_ms + TOUCH_EVERY_MS;
	last_good_touch(edge->plan->config->state_dir);
}

void
edge_keep_end(struct edge *edge)
{
	if (edge->keeping == NULL)
		return;
	must(pthread_join(edge->keeping->thread, NULL) == 0);
	free(edge->keeping);
	edge->keeping = NULL;
}

/* --- reading ------------------------------------------------------------------- */

struct generation *
edge_load_copies(const char *config_file, const char *state_dir)
{
	struct generation *g;
	struct mistakes mistakes;
	struct last_good copies;
	char text[CLOCK_TEXT_MAX];
	struct buf words = { 0 };
	struct err err;

	if (!last_good_find(&copies, state_dir, &err)) {
		log_error("the files are broken, and there are no copies of "
		    "those that were in service: %s", err.text);
		return NULL;
	}
	mistakes_init(&mistakes);
	g = generation_load_copies(config_file, &copies, &mistakes);
	if (g == NULL) {
		mistakes_print(&mistakes, &words);
		log_error("the files are broken, and so are the copies of those "
		    "that were in service: %s", buf_cstr(&words));
	} else {
		log_error("the files are broken: the copies of those that were "
		    "in service, of %s, serve until a reload is good",
		    clock_text(copies.unix_ms, text));
	}
	buf_fini(&words);
	mistakes_fini(&mistakes);
	return g;
}
