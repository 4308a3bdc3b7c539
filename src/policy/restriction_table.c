/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/restriction_table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/must.h"

enum { SLOTS_FIRST = 64 };

struct entry {
	struct restriction r;		/* first: it is what others point to */
	atomic_uint	 uses;
	struct entry	*next;		/* of the same slot */
};

struct restriction_table {
	atomic_int	 holders;
	struct arena	*arena;		/* NULL: the heap */
	pthread_mutex_t	 lock;		/* of what follows; only edits take it */
	struct entry	**slots;
	size_t		 mask, count, bytes;
};

static void *
get_memory(struct restriction_table *table, size_t bytes)
{
	table->bytes += bytes;
	return table->arena != NULL ? arena_alloc(table->arena, bytes) :
	    xcalloc(1, bytes);
}

static void
drop_memory(struct restriction_table *table, void *memory, size_t bytes)
{
	if (table->arena != NULL)
		return;			/* it goes with the arena */
	table->bytes -= bytes;
	free(memory);
}

static void
make_slots(struct restriction_table *table, size_t count)
{
	table->slots = get_memory(table, count * sizeof(struct entry *));
	table->mask = count - 1;
}

struct restriction_table *
restriction_table_new(struct arena *arena)
{
	struct restriction_table *table = arena != NULL ?
	    arena_alloc(arena, sizeof(*table)) : xcalloc(1, sizeof(*table));

	atomic_init(&table->holders, 1);
	table->arena = arena;
	table->bytes = sizeof(*table);
	must(pthread_mutex_init(&table->lock, NULL) == 0);
	make_slots(table, SLOTS_FIRST);
	return table;
}

struct restriction_table *
restriction_table_hold(struct restriction_table *table)
{
	atomic_fetch_add(&table->holders, 1);
	return table;
}

void
restriction_table_release(struct restriction_table **table_p)
{
	struct restriction_table *table = *table_p;
	struct entry *next;

	*table_p = NULL;
	if (table == NULL || table->arena != NULL ||
	    atomic_fetch_sub(&table->holders, 1) > 1)
		return;
	for (size_t i = 0; i <= table->mask; i++)
		for (struct entry *e = table->slots[i]; e != NULL; e = next) {
			next = e->next;
			free(e);
		}
	pthread_mutex_destroy(&table->lock);
	free(table->slots);
	free(table);
}

size_t
restriction_table_bytes(struct restriction_table *table)
{
	size_t bytes;

	pthread_mutex_lock(&table->lock);
	bytes = table->bytes;
	pthread_mutex_unlock(&table->lock);
	return bytes;
}

/* --- finding room ------------------------------------------------------------- */

static uint64_t
hash_of(const struct restriction *r)
{
	uint64_t h = (uint64_t)r->continents << 8 | r->unions;

	for (size_t i = 0; i < sizeof(r->countries) / sizeof(uint64_t); i++)
		h = (h ^ r->countries[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return h >> 32;
}

static bool
is_equal(const struct restriction *a, const struct restriction *b)
{
	return a->continents == b->continents && a->unions == b->unions &&
	    memcmp(a->countries, b->countries, sizeof(a->countries)) == 0;
}

/* Nobody can begin to use what nobody uses meanwhile: that needs the lock. */
static void
drop_unused(struct restriction_table *table)
{
	for (size_t i = 0; i <= table->mask; i++)
		for (struct entry **at = &table->slots[i]; *at != NULL;) {
			struct entry *e = *at;

			if (atomic_load(&e->uses) > 0) {
				at = &e->next;
				continue;
			}
			*at = e->next;
			table->count--;
			drop_memory(table, e, sizeof(*e));
		}
}

static void
make_room(struct restriction_table *table)
{
	struct entry **old = table->slots, *next;
	size_t size = table->mask + 1;

	if (table->count < size)
		return;
	drop_unused(table);
	if (table->count < size / 2)
		return;
	make_slots(table, 2 * size);
	for (size_t i = 0; i < size; i++)
		for (struct entry *e = old[i]; e != NULL; e = next) {
			struct entry **slot =
			    &table->slots[hash_of(&e->r) & table->mask];

			next = e->next;
			e->next = *slot;
			*slot = e;
		}
	drop_memory(table, old, size * sizeof(*old));
}

static struct entry *
find_or_add(struct restriction_table *table, const struct restriction *r)
{
	struct entry **slot = &table->slots[hash_of(r) & table->mask], *e;

	for (e = *slot; e != NULL; e = e->next)
		if (is_equal(&e->r, r))
			return e;
	e = get_memory(table, sizeof(*e));
	e->r = *r;
	e->next = *slot;
	*slot = e;
	table->count++;
	return e;
}

const struct restriction *
restriction_take(struct restriction_table *table, const struct restriction *r)
{
	struct restriction whole;
	struct entry *e;

	if (r == NULL)
		return NULL;
	restriction_copy(&whole, r);
	pthread_mutex_lock(&table->lock);
	make_room(table);
	e = find_or_add(table, &whole);
	atomic_fetch_add(&e->uses, 1);
	pthread_mutex_unlock(&table->lock);
	return &e->r;
}

void
restriction_give(const struct restriction *r)
{
	struct entry *e = (struct entry *)(uintptr_t)r;

	if (e != NULL)
		must(atomic_fetch_sub(&e->uses, 1) > 0);
}
