/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "policy/restriction_shard.h"

#include <stdlib.h>

#include "base/must.h"

/* Written out, so that those which permit the same are equal. */
static void
take(struct restriction *to, const struct restriction *from)
{
	memset(to, 0, sizeof(*to));
	memcpy(to->countries, from->countries, sizeof(to->countries));
	to->continents = from->continents;
	to->unions = from->unions;
	to->written_out = from->written_out;
	if (!to->written_out)
		restriction_write_out(to);
}

static void
sum_one(struct restriction *sum, const struct restriction **at,
    const struct restriction *r)
{
	if (r == NULL)
		return;
	if (*at == NULL)
		take(sum, r);
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

/* Each restriction once, found by its bytes. */
struct rules {
	struct restriction *list;
	uint32_t	 count;
	uint32_t	*slots;
	uint32_t	 mask;
};

static uint32_t
rule_hash(const struct restriction *r)
{
	uint64_t h = (uint64_t)r->continents << 8 | r->unions;

	for (size_t i = 0; i < sizeof(r->countries) / sizeof(uint64_t); i++)
		h = (h ^ r->countries[i]) * UINT64_C(0x9e3779b97f4a7c15);
	return (uint32_t)(h >> 32);
}

static bool
rule_eq(const struct restriction *a, const struct restriction *b)
{
	return a->continents == b->continents && a->unions == b->unions &&
	    memcmp(a->countries, b->countries, sizeof(a->countries)) == 0;
}

static uint32_t
mask_for(size_t count)
{
	uint32_t size = 4;

	while (size < count * 2)
		size *= 2;
	return size - 1;
}

/* Its number, or UINT32_MAX for none. */
static uint32_t
rule_add(struct rules *rules, const struct restriction *given)
{
	struct restriction r;
	uint32_t at;

	if (given == NULL)
		return UINT32_MAX;
	take(&r, given);
	at = rule_hash(&r) & rules->mask;
	for (; rules->slots[at] != 0; at = (at + 1) & rules->mask)
		if (rule_eq(&rules->list[rules->slots[at] - 1], &r))
			return rules->slots[at] - 1;
	rules->list[rules->count++] = r;
	rules->slots[at] = rules->count;
	return rules->count - 1;
}

static int
by_tag(const void *a, const void *b)
{
	const struct shard_item *x = a, *y = b;
	size_t least = x->tenant.len < y->tenant.len ? x->tenant.len :
	    y->tenant.len;
	int order;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	order = least == 0 ? 0 : memcmp(x->tenant.p, y->tenant.p, least);
	if (order != 0)
		return order;
	return (x->tenant.len > y->tenant.len) -
	    (x->tenant.len < y->tenant.len);
}

static size_t
aligned(size_t bytes)
{
	return (bytes + 7) & ~(size_t)7;
}

static size_t
record_bytes(const struct shard_item *item, unsigned npairs)
{
	return aligned(sizeof(struct record) +
	    npairs * sizeof(struct restriction_pair) + item->tenant.len +
	    item->name.len + item->text.len + 1);
}

/* Where the parts of the one block stand. */
struct layout {
	size_t		 records, tags, slots, rules, body, end;
};

static struct layout
lay_out(const struct shard_item *items, size_t count, unsigned npairs,
    const struct rules *rules)
{
	struct layout at;

	at.records = aligned(sizeof(struct shard));
	at.rules = at.records + count * sizeof(struct record *);
	at.tags = at.rules + rules->count * sizeof(struct restriction);
	at.slots = at.tags + count * sizeof(uint32_t);
	at.body = aligned(at.slots +
	    ((size_t)mask_for(count) + 1) * sizeof(uint32_t));
	at.end = at.body;
	for (size_t i = 0; i < count; i++)
		at.end += record_bytes(&items[i], npairs);
	return at;
}

static void
fill_record(struct record *r, const struct shard_item *item, unsigned npairs,
    const struct restriction *rules, const uint32_t *numbers)
{
	char *p = (char *)&r->pairs[npairs];

	r->hash = item->hash;
	r->count = item->count;
	r->tenant_len = (uint8_t)item->tenant.len;
	r->name_len = (uint8_t)item->name.len;
	r->text_len = (uint8_t)item->text.len;
	r->npairs = (uint8_t)npairs;
	for (unsigned i = 0; i < npairs; i++) {
		uint32_t a = numbers[2 * i], e = numbers[2 * i + 1];

		r->pairs[i].access = a == UINT32_MAX ? NULL : &rules[a];
		r->pairs[i].execution = e == UINT32_MAX ? NULL : &rules[e];
	}
	if (item->tenant.len > 0)
		memcpy(p, item->tenant.p, item->tenant.len);
	p += item->tenant.len;
	memcpy(p, item->name.p, item->name.len);
	p += item->name.len;
	memcpy(p, item->text.p, item->text.len);
	p[item->text.len] = '\0';
}

static uint32_t
slot_of(uint64_t hash)
{
	return (uint32_t)(hash >> 32);	/* the lower bits are a flow's tag */
}

/*
 * A slot says where in the block its record stands, and eight bits of the hash
 * that choose neither shard nor slot: among a million flows each place that is
 * looked at costs a cache miss, and so a record that is another's is not.
 */
enum { SLOT_UNIT = 8, SLOT_MARK_BITS = 8 };

static uint32_t
mark_of(uint64_t hash)
{
	return (uint32_t)(hash >> 24) & ((1u << SLOT_MARK_BITS) - 1);
}

static void
put_slot(struct shard *s, const struct record *r)
{
	size_t place = (size_t)((const char *)r - (const char *)s) / SLOT_UNIT;
	uint32_t at = slot_of(r->hash) & s->mask;

	must(place >> (32 - SLOT_MARK_BITS) == 0);
	while (s->slots[at] != 0)
		at = (at + 1) & s->mask;
	s->slots[at] = (uint32_t)place << SLOT_MARK_BITS | mark_of(r->hash);
}

static const struct record *
record_in(const struct shard *s, uint32_t slot)
{
	return (const struct record *)(const void *)((const char *)s +
	    (size_t)(slot >> SLOT_MARK_BITS) * SLOT_UNIT);
}

static struct shard *
make_block(struct arena *arena, const struct shard_item *items, size_t count,
    unsigned npairs, const struct rules *rules, const uint32_t *numbers)
{
	struct layout at = lay_out(items, count, npairs, rules);
	char *block = arena != NULL ? arena_alloc(arena, at.end) :
	    xcalloc(1, at.end);
	struct shard *s = (struct shard *)(void *)block;
	struct restriction *kept =
	    (struct restriction *)(void *)(block + at.rules);
	char *p = block + at.body;

	atomic_init(&s->holders, 1);
	s->in_arena = arena != NULL;
	s->count = (uint32_t)count;
	s->bytes = at.end;
	s->records = (struct record **)(void *)(block + at.records);
	s->tags = (uint32_t *)(void *)(block + at.tags);
	s->slots = (uint32_t *)(void *)(block + at.slots);
	s->mask = mask_for(count);
	if (rules->count > 0)
		memcpy(kept, rules->list, rules->count * sizeof(*kept));
	for (uint32_t i = 0; i < count; i++) {
		s->records[i] = (struct record *)(void *)p;
		s->tags[i] = items[i].tag;
		fill_record(s->records[i], &items[i], npairs, kept,
		    numbers + (size_t)2 * npairs * i);
		put_slot(s, s->records[i]);
		p += record_bytes(&items[i], npairs);
	}
	must(p == block + at.end);
	return s;
}

struct shard *
shard_make(struct arena *arena, struct shard_item *items, size_t count,
    unsigned npairs)
{
	size_t most = count * npairs * 2;
	struct rules rules = { .mask = mask_for(most) };
	struct shard *shard;
	uint32_t *numbers;

	if (count == 0)
		return NULL;
	qsort(items, count, sizeof(*items), by_tag);
	numbers = xmalloc(most * sizeof(*numbers));
	rules.list = xmalloc(most * sizeof(*rules.list));
	rules.slots = xcalloc((size_t)rules.mask + 1, sizeof(*rules.slots));
	for (size_t i = 0; i < count * npairs; i++) {
		const struct restriction_pair *pair =
		    &items[i / npairs].pairs[i % npairs];

		numbers[2 * i] = rule_add(&rules, pair->access);
		numbers[2 * i + 1] = rule_add(&rules, pair->execution);
	}
	shard = make_block(arena, items, count, npairs, &rules, numbers);
	free(rules.slots);
	free(rules.list);
	free(numbers);
	return shard;
}

struct shard_item
shard_item_of(const struct shard *shard, size_t at)
{
	const struct record *r = shard->records[at];
	struct shard_item item = {
		.hash = r->hash, .tag = shard->tags[at], .count = r->count,
		.tenant = record_tenant(r), .name = record_name(r),
		.text = { record_text(r), r->text_len },
	};

	for (unsigned i = 0; i < r->npairs; i++)
		item.pairs[i] = r->pairs[i];
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

struct shard *
shard_hold(struct shard *shard)
{
	if (shard != NULL)
		atomic_fetch_add(&shard->holders, 1);
	return shard;
}

void
shard_release(struct shard *shard)
{
	if (shard == NULL || shard->in_arena ||
	    atomic_fetch_sub(&shard->holders, 1) > 1)
		return;
	if (shard->shared_here)
		free(shard->shared);
	free(shard);
}

/* --- finding -------------------------------------------------------------------- */

const struct record *
shard_find(const struct shard *shard, uint64_t hash, struct slice tenant,
    struct slice name)
{
	if (shard == NULL)
		return NULL;
	for (uint32_t at = slot_of(hash) & shard->mask;
	    shard->slots[at] != 0; at = (at + 1) & shard->mask) {
		const struct record *r = record_in(shard, shard->slots[at]);

		if ((uint8_t)shard->slots[at] != mark_of(hash))
			continue;
		if (r->hash == hash && slice_eq(record_name(r), name) &&
		    slice_eq(record_tenant(r), tenant))
			return r;
	}
	return NULL;
}

size_t
shard_first(const struct shard *shard, uint32_t tag)
{
	size_t low = 0, high = shard->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (shard->tags[middle] < tag)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
