/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What would come of another region map, before anybody writes it: all files
 * are read as a reload would, with these bytes in the map's place, and what
 * comes out is compared with what is in service, and thrown away.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/gentle.h"
#include "base/must.h"
#include "edge/process.h"
#include "net/lent_files.h"
#include "policy/map_changes.h"

struct trying {
	struct edge	*edge;
	pthread_t	 thread;
	const struct generation *before;	/* held by edge->plan's base */
	struct buf	 candidate;
	unsigned	 status;
	struct buf	 answer;
};

/* --- the answer -------------------------------------------------------------- */

static void
member(struct buf *out, const char *before, const char *key, const char *text)
{
	buf_printf(out, "%s\"%s\":", before, key);
	buf_json(out, slice_of(text));
}

/* What check would warn of, too. */
static void
warnings(struct buf *out, const struct mistakes *mistakes)
{
	struct buf text = { 0 };

	mistakes_print(mistakes, &text);
	member(out, ",", "warnings", buf_cstr(&text));
	buf_fini(&text);
}

static void
tell_changes(struct trying *t, const struct generation *new,
    const struct mistakes *mistakes)
{
	struct map_changes c = { .arena = new->arena,
	    .old = t->before->policy.map, .new = new->policy.map,
	    .restrictions = new->policy.restrictions };
	struct buf text = { 0 };

	if (t->before->geo != NULL && new->geo != NULL) {
		geo_table_diff(t->before->geo, new->geo, &c.shares);
		c.has_shares = true;
	}
	map_changes_find(&c);
	map_changes_text(&text, &c);
	buf_text(&t->answer, "{\"applied\":false");
	member(&t->answer, ",", "before", t->before->map_revision);
	member(&t->answer, ",", "revision", new->map_revision);
	member(&t->answer, ",", "text", buf_cstr(&text));
	warnings(&t->answer, mistakes);
	buf_text(&t->answer, ",\"changes\":");
	map_changes_json(&t->answer, &c);
	buf_text(&t->answer, "}\n");
	buf_fini(&text);
}

static void
try(void *arg)
{
	struct trying *t = arg;
	struct generation *new;
	struct mistakes mistakes;

	mistakes_init(&mistakes);
	edge_borrow_keys(t->edge);
	new = generation_load_candidate(t->edge->config_file, t->before,
	    buf_all(&t->candidate), &mistakes);
	lent_files_return();
	t->status = new == NULL ? 422 : 200;
	if (new == NULL)
		mistakes_print(&mistakes, &t->answer);
	else
		tell_changes(t, new, &mistakes);
	generation_free(&new);
	mistakes_fini(&mistakes);
}

/* --- the way there and back -------------------------------------------------- */

static void
free_trying(struct trying *t)
{
	buf_fini(&t->candidate);
	buf_fini(&t->answer);
	free(t);
}

static void
on_tried(void *arg)
{
	struct trying *t = arg;
	struct edge *edge = t->edge;

	must(pthread_join(t->thread, NULL) == 0);
	edge->trying = NULL;
	control_map_tried(edge->control, t->status, buf_all(&t->answer));
	free_trying(t);
	if (edge->load_again && !edge->ending)
		edge_reload(edge);
	else
		control_idle(edge->control);
}

static void *
run(void *arg)
{
	struct trying *t = arg;

	gentle_do(try, t);
	loop_post(t->edge->loop, on_tried, t);
	return NULL;
}

bool
edge_try_map(struct edge *edge, struct slice map)
{
	struct trying *t;

	if (edge->loading != NULL || edge->trying != NULL || edge->ending)
		return false;
	t = xcalloc(1, sizeof(*t));
	t->edge = edge;
	t->before = plan_base(edge->plan)->generation;
	buf_slice(&t->candidate, map);
	edge->trying = t;
	must(pthread_create(&t->thread, NULL, run, t) == 0);
	return true;
}

void
edge_try_end(struct edge *edge)
{
	struct trying *t = edge->trying;

	if (t == NULL)
		return;
	must(pthread_join(t->thread, NULL) == 0);
	edge->trying = NULL;
	free_trying(t);
}
