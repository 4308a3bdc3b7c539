/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * Whitelists, each once.  A million flows share some hundred of them, so a
 * set's records point into a table: that is less memory, and what a request
 * asks of its whitelist is in the cache.
 *
 * All sets that descend from one another have one table.  A whitelist lives
 * as long as some record has it; what no record has any more goes when room is
 * needed.
 */
#ifndef POLICY_RESTRICTION_TABLE_H
#define POLICY_RESTRICTION_TABLE_H

#include "policy/restrictions.h"

struct restriction_table;

/* With one holder; any thread may hold and release it.  arena NULL: of the
 * heap.  One in an arena is never released. */
struct restriction_table *restriction_table_new(struct arena *arena);
struct restriction_table *restriction_table_hold(
    struct restriction_table *table);
void restriction_table_release(struct restriction_table **table);

size_t restriction_table_bytes(struct restriction_table *table);

/* The table's own, written out, until it is given back; NULL for NULL.  What
 * is asked for may be the table's own.  Any thread. */
const struct restriction *restriction_take(struct restriction_table *table,
    const struct restriction *r);

/* Once for each that was taken; any thread.  NULL is nothing. */
void restriction_give(const struct restriction *r);

#endif
