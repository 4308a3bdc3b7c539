/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is asked of all databases of a region, one after the other.
 */
#include <stdlib.h>
#include <string.h>

#include "store/postgres_sets.h"

/* --- one after the other ----------------------------------------------------------- */

struct pg_turn *
pg_turn_new(struct store *base, void *arg)
{
	struct pg_turn *t = xcalloc(1, sizeof(*t));

	t->sets = list_entry(base, struct pg_sets, base);
	t->arg = arg;
	return t;
}

void
pg_turn_free(struct pg_turn *t)
{
	free(t->rows);
	free(t);
}

struct store *
pg_turn_asked(const struct pg_turn *t)
{
	return &t->sets->dbs[t->at]->base;
}

void
pg_turn_keep(struct pg_turn *t, const struct store_row *rows, size_t count)
{
	if (t->nrows + count > t->room) {
		struct store_row *old = t->rows;

		t->room = t->nrows + count;
		t->rows = xcalloc(t->room, sizeof(*t->rows));
		if (t->nrows > 0)
			memcpy(t->rows, old, t->nrows * sizeof(*old));
		free(old);
	}
	if (count > 0)
		memcpy(&t->rows[t->nrows], rows, count * sizeof(*rows));
	t->nrows += count;
}

/* --- lists --- */

/* Of a state that is on its way the later epoch comes first. */
static int
by_place(const void *left, const void *right)
{
	const struct store_row *a = left, *b = right;
	int order = memcmp(a->flow, b->flow, sizeof(a->flow));

	if (order == 0)
		order = (a->created_ms > b->created_ms) -
		    (a->created_ms < b->created_ms);
	if (order == 0)
		order = memcmp(a->id, b->id, sizeof(a->id));
	return order != 0 ? order : (a->token.epoch < b->token.epoch) -
	    (a->token.epoch > b->token.epoch);
}

static void
end_list(struct pg_turn *t, enum store_end end)
{
	size_t limit = t->query.limit < STORE_LIST_MAX ? t->query.limit :
	    STORE_LIST_MAX, count = 0;
	char next[CURSOR_TEXT] = "";

	if (end == STORE_OK && t->nrows > 0)
		qsort(t->rows, t->nrows, sizeof(*t->rows), by_place);
	for (size_t i = 0; end == STORE_OK && i < t->nrows; i++)
		if (count == 0 || memcmp(t->rows[count - 1].id,
		    t->rows[i].id, sizeof(t->rows[i].id)) != 0)
			t->rows[count++] = t->rows[i];
	t->more |= count > limit;
	if (count > limit)
		count = limit;
	if (t->more && count > 0)
		cursor_text(next, &t->rows[count - 1]);
	t->fn.list(t->arg, end, t->rows, count, next);
	pg_turn_free(t);
}

static void
on_listed(void *arg, enum store_end end, const struct store_row *rows,
    size_t count, const char *next)
{
	struct pg_turn *t = arg;

	if (end == STORE_OK) {
		pg_turn_keep(t, rows, count);
		t->more |= next[0] != '\0';
	}
	if (end != STORE_OK || ++t->at == t->sets->count)
		end_list(t, end);
	else
		pg_ops.list(pg_turn_asked(t), &t->query, on_listed, t);
}

void
pg_sets_list(struct store *base, const struct store_query *query,
    store_list_fn *fn, void *arg)
{
	struct pg_turn *t = pg_turn_new(base, arg);

	t->fn.list = fn;
	t->query = *query;
	pg_ops.list(pg_turn_asked(t), &t->query, on_listed, t);
}

/* --- the next flow --- */

static int
by_flow(const struct store_row *a, const struct store_row *b)
{
	int order = memcmp(a->tenant, b->tenant, sizeof(a->tenant));

	return order != 0 ? order : memcmp(a->flow, b->flow, sizeof(a->flow));
}

static void
on_next_flow(void *arg, enum store_end end, const struct store_row *row)
{
	struct pg_turn *t = arg;

	if (end == STORE_OK && (t->nrows == 0 ||
	    by_flow(row, &t->rows[0]) < 0)) {
		t->nrows = 0;
		pg_turn_keep(t, row, 1);
	}
	if ((end != STORE_OK && end != STORE_NOT_FOUND) ||
	    ++t->at == t->sets->count) {
		if (end == STORE_OK || end == STORE_NOT_FOUND)
			end = t->nrows > 0 ? STORE_OK : STORE_NOT_FOUND;
		t->fn.row(t->arg, end, end == STORE_OK ? &t->rows[0] : NULL);
		pg_turn_free(t);
		return;
	}
	pg_ops.next_flow(pg_turn_asked(t), t->row.tenant, t->row.flow, on_next_flow,
	    t);
}

void
pg_sets_next_flow(struct store *base, const uint8_t tenant[16],
    const uint8_t flow[16], store_row_fn *fn, void *arg)
{
	struct pg_turn *t = pg_turn_new(base, arg);

	t->fn.row = fn;
	memcpy(t->row.tenant, tenant, sizeof(t->row.tenant));
	memcpy(t->row.flow, flow, sizeof(t->row.flow));
	pg_ops.next_flow(pg_turn_asked(t), t->row.tenant, t->row.flow, on_next_flow,
	    t);
}

/* --- what has expired --- */

static void
on_expired(void *arg, enum store_end end, uint64_t count)
{
	struct pg_turn *t = arg;

	if (end == STORE_OK)
		t->count += count;
	if (end != STORE_OK || t->count >= t->limit ||
	    ++t->at == t->sets->count) {
		t->fn.count(t->arg, end, t->count);
		pg_turn_free(t);
		return;
	}
	pg_ops.expire(pg_turn_asked(t), t->now_ms, t->limit - (unsigned)t->count,
	    on_expired, t);
}

void
pg_sets_expire(struct store *base, int64_t now_ms, unsigned limit,
    store_count_fn *fn, void *arg)
{
	struct pg_turn *t = pg_turn_new(base, arg);

	t->fn.count = fn;
	t->now_ms = now_ms;
	t->limit = limit;
	pg_ops.expire(pg_turn_asked(t), now_ms, limit, on_expired, t);
}
