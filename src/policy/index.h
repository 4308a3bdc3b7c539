/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

/*
 * From a hash to the items that have it: open addressing in an arena, made
 * once for a known number of items and only read afterwards.  The caller
 * compares keys itself, so an item may have any kind of key.
 */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include "base/arena.h"
#include "base/must.h"

struct index_slot {
	uint64_t	 hash;
	void		*item;		/* NULL: free */
};

struct index {
	struct index_slot *slots;
	size_t		 mask;
	size_t		 left;		/* items that may still be put */
};

static inline void
index_init(struct arena *arena, struct index *index, size_t most)
{
	size_t size = 4;

	while (size < most * 2)
		size *= 2;
	index->slots = arena_array(arena, size, sizeof(*index->slots));
	index->mask = size - 1;
	index->left = most;
}

static inline void
index_put(struct index *index, uint64_t hash, void *item)
{
	size_t at = hash & index->mask;

	must(index->left-- > 0);
	while (index->slots[at].item != NULL)
		at = (at + 1) & index->mask;
	index->slots[at] = (struct index_slot){ hash, item };
}

/* Items with this hash in turn; start with *at = 0; NULL after the last. */
static inline void *
index_next(const struct index *index, uint64_t hash, size_t *at)
{
	for (;;) {
		const struct index_slot *s =
		    &index->slots[(hash + (*at)++) & index->mask];

		if (s->item == NULL)
			return NULL;
		if (s->hash == hash)
			return s->item;
	}
}

#endif
