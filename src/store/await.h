/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * The store's calls for code on a fiber: they return when the answer is
 * there, and copy into arena what the caller keeps.
 *
 * Writes of states get an op id of their own.  One whose answer was lost, or
 * that met a handover, is repeated for a while before the caller hears of it.
 */
#ifndef STORE_AWAIT_H
#define STORE_AWAIT_H

#include "base/arena.h"
#include "store/store.h"

/* Lets others run for at least this long. */
void await_ms(struct loop *loop, uint64_t ms);

/* row's token, home and op are written. */
enum store_end await_create(struct store *store, struct store_row *row);
enum store_end await_load(struct store *store, struct arena *arena,
    const uint8_t id[16], int64_t now_ms, store_regions permitted,
    struct store_row *row);
/* row's token becomes the new one. */
enum store_end await_save(struct store *store, struct store_row *row);
enum store_end await_remove(struct store *store, const uint8_t id[16],
    struct store_token token, store_regions permitted);
enum store_end await_restrict_to(struct store *store, const uint8_t id[16],
    struct store_token token, store_regions allowed);
enum store_end await_restrict_flow(struct store *store,
    const struct store_query *query, store_regions allowed,
    uint64_t *changed);
enum store_end await_strays(struct store *store, struct arena *arena,
    const struct store_query *query, store_regions allowed,
    struct store_row **rows, size_t *count);
/* tenant and flow become the next; STORE_NOT_FOUND at the end. */
enum store_end await_next_flow(struct store *store, uint8_t tenant[16],
    uint8_t flow[16]);
/* *next: "" at the end of the list. */
enum store_end await_list(struct store *store, struct arena *arena,
    const struct store_query *query, struct store_row **rows, size_t *count,
    const char **next);
enum store_end await_expire(struct store *store, int64_t now_ms,
    unsigned limit, uint64_t *removed);
enum store_end await_doc_get(struct store *store, struct arena *arena,
    const char *kind, const char *key, struct store_doc *doc);
/* doc's revision becomes the new one. */
enum store_end await_doc_put(struct store *store, struct store_doc *doc);

struct await_docs {
	struct store_doc *list;
	size_t		 count;
	uint64_t	 newest;	/* revision of the store */
};

enum store_end await_docs_since(struct store *store, struct arena *arena,
    uint64_t revision, unsigned limit, struct await_docs *docs);

#endif
