/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/geo_table.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "geo/geo_layers.h"
#include "geo/spans.h"

enum { ANSWERS_FIRST = 512 };		/* a power of two */

static const struct place nowhere = { .class = PLACE_UNKNOWN };

/*
 * Every answer the table can give, once.  There are some three hundred: one a
 * country, one a class, and those of the operators' networks.
 */
struct answers {
	struct geo_hit	*hits;
	size_t		 count, cap;
	uint32_t	*slots;		/* open addressing: number + 1, or 0 */
	size_t		 nslots;	/* a power of two, at least 2 * cap */
};

struct geo_table {
	const struct region_map *map;
	struct answers	 answers;
	struct spans4	*ip4;
	struct spans6	*ip6;
	uint64_t	 epoch;
};

/* --- answers --------------------------------------------------------------- */

static bool
hit_eq(const struct geo_hit *a, const struct geo_hit *b)
{
	return place_eq(a->place, b->place) && a->network == b->network;
}

static size_t
hit_hash(const struct geo_hit *hit)
{
	uint64_t h = (uint64_t)(uintptr_t)hit->network;

	h ^= (uint64_t)hit->place.country << 40 |
	    (uint64_t)hit->place.continent << 56 |
	    (uint64_t)hit->place.class << 60;
	h *= UINT64_C(0x9e3779b97f4a7c15);
	return (size_t)(h ^ h >> 32);
}

/* The slot of an answer, or the free one where it belongs. */
static uint32_t *
answers_slot(const struct answers *a, const struct geo_hit *hit)
{
	size_t at = hit_hash(hit) & (a->nslots - 1);

	while (a->slots[at] != 0 &&
	    !hit_eq(&a->hits[a->slots[at] - 1], hit))
		at = (at + 1) & (a->nslots - 1);
	return &a->slots[at];
}

static void
answers_resize(struct answers *a, size_t cap)
{
	a->cap = cap;
	a->hits = xrealloc(a->hits, cap * sizeof(*a->hits));
	a->nslots = cap * 2;
	free(a->slots);
	a->slots = xcalloc(a->nslots, sizeof(*a->slots));
	for (size_t i = 0; i < a->count; i++)
		*answers_slot(a, &a->hits[i]) = (uint32_t)i + 1;
}

/* What follows from a place and, maybe, an operators' network. */
static struct geo_hit
make_hit(const struct region_map *map, struct place place,
    const struct region_network *network)
{
	struct region_hit found;

	if (network != NULL && network->place.country != 0)
		place = (struct place){ .class = PLACE_LOCATED,
		    .country = network->place.country, .continent = (uint8_t)
		    country_continent(network->place.country) };
	found = region_map_place(map, place);
	if (network != NULL && network->list.count > 0)
		found = (struct region_hit){ &network->list, REGION_BY_NETWORK };
	return (struct geo_hit){ .place = place, .match = found.match,
	    .list = found.list, .network = network };
}

static uint32_t
answers_number(struct geo_table *t, struct place place,
    const struct region_network *network)
{
	struct answers *a = &t->answers;
	struct geo_hit hit = make_hit(t->map, place, network);
	uint32_t *slot = answers_slot(a, &hit);

	if (*slot != 0)
		return *slot - 1;
	if (a->count == a->cap) {
		answers_resize(a, a->cap * 2);
		slot = answers_slot(a, &hit);
	}
	a->hits[a->count++] = hit;
	*slot = (uint32_t)a->count;
	return *slot - 1;
}

/* --- building ---------------------------------------------------------------- */

/* What the layers' sweep asks for, with a memory of the last question. */
struct build {
	struct geo_table *table;
	struct place	 place;
	const struct region_network *network;
	uint32_t	 number;	/* the answer to these two */
};

static void
on_layer(void *arg, enum addr_family family, ip_number start,
    struct place place, const struct region_network *network)
{
	struct build *b = arg;

	if (!place_eq(place, b->place) || network != b->network) {
		b->number = answers_number(b->table, place, network);
		b->place = place;
		b->network = network;
	}
	if (family == ADDR_IP4)
		spans4_add(b->table->ip4, (uint32_t)start, b->number);
	else
		spans6_add(b->table->ip6, start, b->number);
}

struct geo_table *
geo_table_build(const struct mmdb *db, const struct region_map *map)
{
	struct geo_table *t = xcalloc(1, sizeof(*t));
	struct build b = { .table = t, .place = nowhere };

	t->map = map;
	t->epoch = db == NULL ? 0 : mmdb_info(db)->build_epoch;
	t->ip4 = spans4_new();
	t->ip6 = spans6_new();
	answers_resize(&t->answers, ANSWERS_FIRST);
	b.number = answers_number(t, nowhere, NULL);
	must(b.number == 0);		/* that of no address at all */
	geo_layers_sweep(db, map, on_layer, &b);
	spans4_finish(t->ip4);
	spans6_finish(t->ip6);
	free(t->answers.slots);
	t->answers.slots = NULL;
	return t;
}

void
geo_table_free(struct geo_table **table)
{
	if (*table == NULL)
		return;
	spans4_free(&(*table)->ip4);
	spans6_free(&(*table)->ip6);
	free((*table)->answers.hits);
	free(*table);
	*table = NULL;
}

/* --- reading ------------------------------------------------------------------ */

static uint64_t
high_half(const struct addr *a)
{
	uint64_t n;

	memcpy(&n, a->bytes, sizeof(n));
	return __builtin_bswap64(n);
}

static uint64_t
low_half(const struct addr *a)
{
	uint64_t n;

	memcpy(&n, a->bytes + 8, sizeof(n));
	return __builtin_bswap64(n);
}

void
geo_table_expect(const struct geo_table *t, const struct addr *client)
{
	if (client->family == ADDR_IP4)
		spans4_expect(t->ip4, addr_ip4(client));
	else if (client->family == ADDR_IP6)
		spans6_expect(t->ip6, high_half(client));
}

struct geo_hit
geo_table_find(const struct geo_table *t, const struct addr *client)
{
	struct addr a;
	uint32_t number = 0;

	/* The forms of IPv4 in IPv6 all begin with a zero byte. */
	if (client->family == ADDR_IP6 && client->bytes[0] == 0) {
		a = addr_canonical(client);
		client = &a;
	}
	if (client->family == ADDR_IP4)
		number = spans4_find(t->ip4, addr_ip4(client));
	else if (client->family == ADDR_IP6)
		number = spans6_find(t->ip6, high_half(client),
		    low_half(client));
	return t->answers.hits[number];
}

size_t
geo_table_bytes(const struct geo_table *t)
{
	return sizeof(*t) + spans4_bytes(t->ip4) + spans6_bytes(t->ip6) +
	    t->answers.cap * sizeof(*t->answers.hits);
}

uint64_t
geo_table_epoch(const struct geo_table *t)
{
	return t->epoch;
}

/* --- comparing ------------------------------------------------------------------ */

static const char *
first_region(const struct geo_table *t, const struct geo_hit *hit)
{
	return t->map->regions[hit->list->regions[0]].id;
}

/* Adds a span of so many units. */
static void
weigh(const struct geo_table *a, uint32_t in_a, const struct geo_table *b,
    uint32_t in_b, double units, struct geo_moved *sum)
{
	const struct geo_hit *old = &a->answers.hits[in_a];
	const struct geo_hit *new = &b->answers.hits[in_b];

	if (old->place.class != PLACE_LOCATED &&
	    new->place.class != PLACE_LOCATED)
		return;
	sum->located += units;
	if (strcmp(first_region(a, old), first_region(b, new)) != 0)
		sum->changed += units;
}

static void
diff_ip4(const struct geo_table *a, const struct geo_table *b,
    struct geo_diff *diff)
{
	uint64_t at = 0;
	uint32_t last_a, last_b, in_a, in_b;

	while (at <= UINT32_MAX) {
		in_a = spans4_span(a->ip4, (uint32_t)at, &last_a);
		in_b = spans4_span(b->ip4, (uint32_t)at, &last_b);
		if (last_b < last_a)
			last_a = last_b;
		weigh(a, in_a, b, in_b, (double)(last_a - at + 1), &diff->ip4);
		at = (uint64_t)last_a + 1;
	}
}

/* In /48s; what is smaller counts as its fraction. */
static void
diff_ip6(const struct geo_table *a, const struct geo_table *b,
    struct geo_diff *diff)
{
	const double unit = 0x1p80;
	ip_number at = 0, last_a, last_b;
	uint32_t in_a, in_b;

	do {
		in_a = spans6_span(a->ip6, at, &last_a);
		in_b = spans6_span(b->ip6, at, &last_b);
		if (last_b < last_a)
			last_a = last_b;
		weigh(a, in_a, b, in_b, ((double)(last_a - at) + 1) / unit,
		    &diff->ip6);
		at = last_a + 1;
	} while (at != 0);
}

void
geo_table_diff(const struct geo_table *a, const struct geo_table *b,
    struct geo_diff *diff)
{
	*diff = (struct geo_diff){ 0 };
	diff_ip4(a, b, diff);
	diff_ip6(a, b, diff);
}
