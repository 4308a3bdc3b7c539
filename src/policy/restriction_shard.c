/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/restriction_shard.h"

#include <stdlib.h>

#include "base/must.h"
#include "base/slab.h"

static void
sum_one(struct restriction *sum, const struct restriction **at,
    const struct restriction *r)
{
	if (r == NULL)
		return;
	if (*at == NULL)
		restriction_copy(sum, r);
	else
		restriction_intersect(sum, sum, r);
	*at = sum;
}

void
restriction_sum_add(struct restriction_sum *sum, struct restriction_pair pair)
{
	sum_one(&sum->access, &sum->pair.access, pair.access);
	sum_one(&sum->execution, &sum->pair.execution, pair.execution);
}

/* --- making ------------------------------------------------------------------- */

static int
by_tag(const void *a, const void *b)
{
	const struct shard_item *x = a, *y = b;
	uint32_t of_x = hash_tag(x->hash), of_y = hash_tag(y->hash);
	size_t least = x->tenant.len < y->tenant.len ? x->tenant.len :
	    y->tenant.len;
	int order;

	if (of_x != of_y)
		return of_x < of_y ? -1 : 1;
	order = least == 0 ? 0 : memcmp(x->tenant.p, y->tenant.p, least);
	if (order != 0)
		return order;
	return (x->tenant.len > y->tenant.len) -
	    (x->tenant.len < y->tenant.len);
}

/* A third stays free: what is looked for stands in the first or second cell,
 * mostly, and the search for what is not there ends soon. */
static size_t
cells_for(size_t count)
{
	return count + count / 2 + 1;
}

static bool
keys_fit(const struct shard_item *item, unsigned npairs)
{
	return (size_t)item->tenant.len + item->name.len <= RECORD_KEYS -
	    npairs * sizeof(struct restriction_pair);
}

static size_t
text_bytes(const struct shard_item *item, unsigned npairs)
{
	return (keys_fit(item, npairs) ? 0 : item->tenant.len +
	    item->name.len) + item->text.len + 1;
}

/* Where the parts of the one block stand. */
struct layout {
	size_t		 hashes, places, texts, end;
};

static struct layout
lay_out(const struct shard_item *items, size_t count, unsigned npairs)
{
	struct layout at;

	at.hashes = sizeof(struct shard) + cells_for(count) * RECORD_BYTES;
	at.places = at.hashes + count * sizeof(uint64_t);
	at.texts = at.places + count * sizeof(uint32_t);
	at.end = at.texts;
	for (size_t i = 0; i < count; i++)
		at.end += text_bytes(&items[i], npairs);
	return at;
}

static struct shard *
make_block(struct arena *arena, size_t bytes)
{
	char *p;

	if (arena == NULL)
		return slab_alloc(bytes);
	p = arena_alloc(arena, bytes + RECORD_BYTES);
	return (struct shard *)(void *)(p + (RECORD_BYTES -
	    (uintptr_t)p % RECORD_BYTES) % RECORD_BYTES);
}

/* Where a record with this hash goes. */
static struct record *
free_cell(struct shard *s, uint64_t hash)
{
	struct record *r = (struct record *)(uintptr_t)shard_cell(
	    shard_ref(s), hash);

	while (r->text_at != 0)
		r = r + 1 == s->cells + s->ncells ? s->cells : r + 1;
	return r;
}

static char *
put_text(char *to, struct slice text)
{
	if (text.len > 0)
		memcpy(to, text.p, text.len);
	return to + text.len;
}

/* Returns where the next one's text goes. */
static char *
fill_record(struct record *r, const struct shard_item *item, unsigned npairs,
    struct restriction_table *table, char *text)
{
	struct restriction_pair *pairs =
	    (struct restriction_pair *)(void *)(r + 1);
	char *keys = r->rest;

	r->count = item->count;
	r->tenant_len = (uint8_t)item->tenant.len;
	r->name_len = (uint8_t)item->name.len;
	r->npairs = (uint8_t)npairs;
	r->keys_behind = !keys_fit(item, npairs);
	if (r->keys_behind) {
		keys = text;
		text += item->tenant.len + item->name.len;
	}
	put_text(put_text(keys, item->tenant), item->name);
	r->text_at = (uint32_t)(text - (char *)r);
	for (unsigned i = 0; i < npairs; i++)
		pairs[-1 - (int)i] = (struct restriction_pair){
			restriction_take(table, item->pairs[i].access),
			restriction_take(table, item->pairs[i].execution),
		};
	return put_text(text, item->text) + 1;
}

struct shard *
shard_make(struct arena *arena, struct restriction_table *table,
    struct shard_item *items, size_t count, unsigned npairs)
{
	struct layout at;
	struct shard *s;
	char *text;

	if (count == 0)
		return NULL;
	qsort(items, count, sizeof(*items), by_tag);
	at = lay_out(items, count, npairs);
	must(at.end <= UINT32_MAX);
	s = make_block(arena, at.end);
	atomic_init(&s->holders, 1);
	s->in_arena = arena != NULL;
	s->count = (uint32_t)count;
	s->ncells = (uint32_t)cells_for(count);
	s->bytes = s->block_bytes = at.end;
	s->hashes = (uint64_t *)(void *)((char *)s + at.hashes);
	s->places = (uint32_t *)(void *)((char *)s + at.places);
	text = (char *)s + at.texts;
	for (size_t i = 0; i < count; i++) {
		struct record *r = free_cell(s, items[i].hash);

		s->hashes[i] = items[i].hash;
		s->places[i] = (uint32_t)(r - s->cells);
		text = fill_record(r, &items[i], npairs, table, text);
	}
	must(text == (char *)s + at.end);
	return s;
}

struct shard_item
shard_item_of(const struct shard *shard, size_t at)
{
	const struct record *r = shard_record(shard, at);
	struct shard_item item = {
		.hash = shard->hashes[at], .count = r->count,
		.tenant = record_tenant(r), .name = record_name(r),
		.text = slice_of(record_text(r)),
	};

	for (unsigned i = 0; i < r->npairs; i++)
		item.pairs[i] = record_pair(r, i);
	return item;
}

struct shared_tag *
shard_shared(struct arena *arena, struct shard *shard, size_t count)
{
	must(shard->shared == NULL);
	shard->nshared = (uint32_t)count;
	shard->shared_here = arena == NULL;
	shard->shared = arena != NULL ?
	    arena_array(arena, count, sizeof(*shard->shared)) :
	    xcalloc(count, sizeof(*shard->shared));
	shard->bytes += count * sizeof(*shard->shared);
	return shard->shared;
}

struct shard_ref
shard_hold(struct shard_ref ref)
{
	if (ref.shard != NULL)
		atomic_fetch_add(&ref.shard->holders, 1);
	return ref;
}

static void
give_pairs(const struct record *r)
{
	for (unsigned i = 0; i < r->npairs; i++) {
		restriction_give(record_pair(r, i).access);
		restriction_give(record_pair(r, i).execution);
	}
}

void
shard_release(struct shard *shard)
{
	if (shard == NULL || shard->in_arena ||
	    atomic_fetch_sub(&shard->holders, 1) > 1)
		return;
	for (size_t i = 0; i < shard->count; i++)
		give_pairs(shard_record(shard, i));
	if (shard->shared_here)
		free(shard->shared);
	slab_free(shard, shard->block_bytes);
}

/* --- finding -------------------------------------------------------------------- */

const struct record *
shard_find(struct shard_ref ref, uint64_t hash, struct slice tenant,
    struct slice name)
{
	const struct record *cells, *r;

	if (ref.shard == NULL)
		return NULL;
	cells = ref.shard->cells;
	for (r = shard_cell(ref, hash); r->text_at != 0;
	    r = r + 1 == cells + ref.ncells ? cells : r + 1)
		if (slice_eq(record_name(r), name) &&
		    slice_eq(record_tenant(r), tenant))
			return r;
	return NULL;
}

size_t
shard_first(const struct shard *shard, uint32_t tag)
{
	size_t low = 0, high = shard->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (shard_tag(shard, middle) < tag)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
