/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * What is asked of all databases of a region, one after the other.
 */
#ifndef STORE_POSTGRES_SETS_H
#define STORE_POSTGRES_SETS_H

#include "store/postgres_private.h"

/* --- of store_ops --- */

/* postgres_sets_all.c: what there is in them. */
void pg_sets_list(struct store *sets, const struct store_query *query,
    store_list_fn *fn, void *arg);
void pg_sets_next_flow(struct store *sets, const uint8_t tenant[16],
    const uint8_t flow[16], store_row_fn *fn, void *arg);
void pg_sets_expire(struct store *sets, int64_t now_ms, unsigned limit,
    store_count_fn *fn, void *arg);

/* postgres_sets_bound.c: what follows when a flow's regions change. */
void pg_sets_restrict_flow(struct store *sets, const struct store_query *query,
    store_regions allowed, store_count_fn *fn, void *arg);
void pg_sets_strays(struct store *sets, const struct store_query *query,
    store_regions allowed, store_list_fn *fn, void *arg);

/* --- one after the other (postgres_sets_all.c) --- */

struct pg_turn {
	struct pg_sets	*sets;
	size_t		 at;		/* database that is asked */
	void		*arg;
	union {
		store_row_fn	*row;
		store_list_fn	*list;
		store_count_fn	*count;
	}		 fn;
	struct store_query query;
	int64_t		 now_ms;
	unsigned	 limit;
	uint64_t	 count;
	struct store_row row;		/* whose tenant and flow are asked for */
	struct store_row *rows;		/* that were found, or a page of them */
	size_t		 nrows, room;
	bool		 more;		/* than were asked for */
	/* when a flow's regions change */
	store_regions	 allowed;
	char		 next[CURSOR_TEXT];
	size_t		 moved;		/* of rows */
};

/* Begins with that for all regions. */
struct pg_turn *pg_turn_new(struct store *sets, void *arg);
void pg_turn_free(struct pg_turn *t);
struct store *pg_turn_asked(const struct pg_turn *t);
/* Behind those that there are; their bodies are not kept. */
void pg_turn_keep(struct pg_turn *t, const struct store_row *rows,
    size_t count);

#endif
