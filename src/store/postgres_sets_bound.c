/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What follows when a flow's regions change, where there is a database for each
 * set of regions.
 *
 * A flow's states belong into one database.  From every other, those that are
 * at home here move there, one by one; there they are given their regions, all
 * at once.
 *
 * What a frozen row holds is read by those alone who may have it: so where this
 * region may not, and is to again, it is made one of them before; and in a
 * database of a set all of its regions are, since they get the row whatever it
 * says, and refuse what they may not have.
 */
#include <stdio.h>
#include <string.h>

#include "store/postgres_sets.h"

static struct pg_side *
here_of(const struct pg_sets *sets)
{
	return sets->dbs[0]->here;
}

static const struct pg_store *
belongs(const struct pg_turn *t)
{
	return pg_sets_place(t->sets, t->allowed);
}

static bool
is_for_here(const struct pg_turn *t)
{
	return (t->allowed & here_of(t->sets)->bit) != 0;
}

/* Regions that may have it have to fetch it, and can from where it is alone. */
static bool
waits_for_others(const struct pg_turn *t)
{
	return !is_for_here(t) && t->allowed != STORE_NO_REGIONS &&
	    (belongs(t)->members & t->allowed) == 0;
}

static void
bound_end(struct pg_turn *t, enum store_end end)
{
	t->fn.count(t->arg, end, t->count);
	pg_turn_free(t);
}

static void on_page(void *, enum store_end, const struct store_row *, size_t,
    const char *);
static void bound_next(struct pg_turn *);

/* next: where, "" for the first. */
static void
ask_page(struct pg_turn *t, store_list_fn *fn)
{
	t->query.cursor = t->next[0] != '\0' ? t->next : NULL;
	pg_ops.list(pg_turn_asked(t), &t->query, fn, t);
}

static void move_next(struct pg_turn *);
static void on_moved(void *, enum store_end, const struct store_row *);

static struct pg_job *
change_of(struct pg_turn *t, const struct store_row *row, store_row_fn *fn)
{
	struct pg_job *job = pg_job_new(pg_turn_asked(t), &pg_restrict, t);

	job->fn.row = fn;
	memcpy(job->row.id, row->id, sizeof(job->row.id));
	return job;
}

static void
move_row(struct pg_turn *t, const struct store_row *row)
{
	struct pg_job *job = change_of(t, row, on_moved);

	job->regions = t->allowed;
	pg_route_restrict(job);
}

static void
on_made_readable(void *arg, enum store_end end, const struct store_row *row)
{
	struct pg_turn *t = arg;

	(void)row;
	if (end == STORE_OK)
		move_row(t, &t->rows[t->moved - 1]);
	else
		on_moved(t, end, NULL);
}

/* Nobody here could have it until now. */
static void
make_readable(struct pg_turn *t, const struct store_row *row)
{
	struct pg_job *job = change_of(t, row, on_made_readable);

	job->regions = t->at == 0 ? t->allowed :
	    t->allowed | t->sets->dbs[t->at]->members;
	pg_send(t->sets->dbs[t->at]->here, job);
}

/* Of the page's rows the next that is at home here; then the next page. */
static void
move_next(struct pg_turn *t)
{
	const struct pg_side *here = here_of(t->sets);
	const struct store_row *row;

	while (t->moved < t->nrows &&
	    strcmp(t->rows[t->moved].home, here->home) != 0)
		t->moved++;
	if (t->count >= t->limit) {
		bound_end(t, STORE_OK);
	} else if (t->moved < t->nrows) {
		row = &t->rows[t->moved++];
		if (is_for_here(t) && (row->allowed & here->bit) == 0)
			make_readable(t, row);
		else
			move_row(t, row);
	} else if (t->next[0] != '\0') {
		ask_page(t, on_page);
	} else {
		t->at++;
		bound_next(t);
	}
}

/* What others changed or ended just then is theirs to see to. */
static void
on_moved(void *arg, enum store_end end, const struct store_row *row)
{
	struct pg_turn *t = arg;

	(void)row;
	t->count += end == STORE_OK;
	if (end == STORE_OK || end == STORE_NOT_FOUND ||
	    end == STORE_CONFLICT || end == STORE_ELSEWHERE)
		move_next(t);
	else
		bound_end(t, end);
}

static void
on_page(void *arg, enum store_end end, const struct store_row *rows,
    size_t count, const char *next)
{
	struct pg_turn *t = arg;

	if (end != STORE_OK) {
		bound_end(t, end);
		return;
	}
	t->nrows = t->moved = 0;
	pg_turn_keep(t, rows, count);
	snprintf(t->next, sizeof(t->next), "%s", next);
	move_next(t);
}

static void
on_bound(void *arg, enum store_end end, uint64_t count)
{
	struct pg_turn *t = arg;

	t->count += end == STORE_OK ? count : 0;
	if (t->count > t->limit)
		t->count = t->limit;	/* there may be more */
	bound_end(t, end);
}

/* The next database where none of them belongs; in the end that where they do.
 * That for all regions filters what it publishes. */
static void
bound_next(struct pg_turn *t)
{
	const struct pg_store *to = belongs(t);

	t->next[0] = '\0';
	if (t->at == to->number)
		t->at++;
	if (waits_for_others(t) || t->at >= t->sets->count)
		pg_ops.restrict_flow(waits_for_others(t) ?
		    &t->sets->dbs[0]->base : &t->sets->dbs[to->number]->base,
		    &t->query, t->allowed, on_bound, t);
	else
		ask_page(t, on_page);
}

void
pg_sets_restrict_flow(struct store *base, const struct store_query *query,
    store_regions allowed, store_count_fn *fn, void *arg)
{
	struct pg_turn *t = pg_turn_new(base, arg);

	t->fn.count = fn;
	t->query = *query;
	t->limit = query->limit;
	t->allowed = allowed;
	bound_next(t);
}

/* --- strays --- */

static void strays_next(struct pg_turn *);

static void
strays_end(struct pg_turn *t, enum store_end end)
{
	t->fn.list(t->arg, end, t->rows, end == STORE_OK ? t->nrows : 0, "");
	pg_turn_free(t);
}

static void
on_strays(void *arg, enum store_end end, const struct store_row *rows,
    size_t count, const char *next)
{
	struct pg_turn *t = arg;

	(void)next;
	if (end != STORE_OK) {
		strays_end(t, end);
		return;
	}
	pg_turn_keep(t, rows, count);
	strays_next(t);
}

/* There it may not be at home any more. */
static bool
is_stray(const struct pg_turn *t, const struct store_row *row)
{
	const struct pg_side *home = pg_side_of(t->sets->dbs[t->at],
	    row->home);

	return home != NULL && (home->bit & t->allowed) == 0;
}

static void
on_copies(void *arg, enum store_end end, const struct store_row *rows,
    size_t count, const char *next)
{
	struct pg_turn *t = arg;

	if (end != STORE_OK) {
		strays_end(t, end);
		return;
	}
	for (size_t i = 0; i < count && t->nrows < t->limit; i++)
		if (is_stray(t, &rows[i]))
			pg_turn_keep(t, &rows[i], 1);
	snprintf(t->next, sizeof(t->next), "%s", next);
	if (t->next[0] != '\0' && t->nrows < t->limit)
		ask_page(t, on_copies);
	else
		strays_next(t);
}

static void
strays_next(struct pg_turn *t)
{
	t->next[0] = '\0';
	if (++t->at == belongs(t)->number)
		t->at++;
	if (t->at >= t->sets->count || t->nrows >= t->limit)
		strays_end(t, STORE_OK);
	else
		ask_page(t, on_copies);
}

/* In that for all regions a state's home says who may have it; in one of a set
 * it cannot, if it is not one of them. */
void
pg_sets_strays(struct store *base, const struct store_query *query,
    store_regions allowed, store_list_fn *fn, void *arg)
{
	struct pg_turn *t = pg_turn_new(base, arg);

	t->fn.list = fn;
	t->query = *query;
	t->limit = query->limit;
	t->allowed = allowed;
	pg_ops.strays(pg_turn_asked(t), &t->query, allowed, on_strays, t);
}
