/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/spans.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

enum {
	BUCKETS = 1 << 16, ENTRIES_FIRST = 4096, DEEP_FIRST = 16,
	WINDOW = 8,			/* entries of one slot at most, and of the
					   last step of a search: two cache lines */
};

static const uint32_t DEEP = UINT32_C(1) << SPAN_NUMBER_BITS;

/* What a slot says: the number itself, a node, or (neither) an entry. */
static const uint32_t SLOT_NUMBER = UINT32_C(1) << 31;
static const uint32_t SLOT_NODE = UINT32_C(1) << 30;
static const uint32_t SLOT_VALUE = (UINT32_C(1) << 30) - 1;

/* Where a span begins, by the first 64 bits of its first address. */
struct entry {
	uint64_t	 start;
	uint32_t	 number;	/* with DEEP: which struct deep */
} __attribute__((packed, aligned(4)));

/*
 * A piece of address space, from the span that holds its first address to the
 * one that holds its last.  It is cut into so many slots that each has about
 * one span.  Registries fill their space unevenly, so a slot that has many is
 * a node again.
 */
struct node {
	uint32_t	 index;		/* first slot; with SLOT_NUMBER: the number
					   that holds for all of it */
	uint8_t		 bits, shift;	/* of the slots; below them */
};

/* A /64 that holds several spans: starts are the low halves of addresses. */
struct deep {
	uint32_t	 first, count;
};

/* An array that grows by doubling. */
struct entries {
	struct entry	*p;
	size_t		 count, cap;
};

struct spans6 {
	struct node	*nodes;		/* one a /16, then their parts */
	size_t		 nnodes, nodes_cap;
	struct entries	 highs;
	struct entries	 lows;
	struct deep	*deeps;
	size_t		 ndeeps, deeps_cap;
	uint32_t	*index;		/* slots */
	size_t		 nindex, index_cap;
	uint32_t	 last;		/* the number written last */
};

struct spans6 *
spans6_new(void)
{
	struct spans6 *s = xcalloc(1, sizeof(*s));

	s->highs.cap = ENTRIES_FIRST;
	s->highs.p = xmalloc(s->highs.cap * sizeof(*s->highs.p));
	s->lows.cap = s->deeps_cap = DEEP_FIRST;
	s->lows.p = xmalloc(s->lows.cap * sizeof(*s->lows.p));
	s->deeps = xmalloc(s->deeps_cap * sizeof(*s->deeps));
	s->nodes_cap = BUCKETS;
	s->nodes = xcalloc(s->nodes_cap, sizeof(*s->nodes));
	s->nnodes = BUCKETS;
	s->last = UINT32_MAX;
	return s;
}

void
spans6_free(struct spans6 **spans)
{
	if (*spans == NULL)
		return;
	free((*spans)->highs.p);
	free((*spans)->lows.p);
	free((*spans)->deeps);
	free((*spans)->index);
	free((*spans)->nodes);
	free(*spans);
	*spans = NULL;
}

static void
push(struct entries *e, uint64_t start, uint32_t number)
{
	if (e->count == e->cap) {
		e->cap *= 2;
		e->p = xrealloc(e->p, e->cap * sizeof(*e->p));
	}
	e->p[e->count++] = (struct entry){ start, number };
}

/* The newest high entry, where there is one. */
static struct entry *
newest(struct spans6 *s)
{
	return &s->highs.p[s->highs.count - 1];
}

/* After a /64 of several spans, its last number goes on in the next one. */
static void
close_deep(struct spans6 *s, uint64_t high, uint64_t low)
{
	uint64_t next = newest(s)->start + 1;

	if ((newest(s)->number & DEEP) != 0 && next != 0 &&
	    (next < high || (next == high && low != 0)))
		push(&s->highs, next, s->last);
}

/* Makes the newest entry a /64 of several spans, so far of one. */
static void
open_deep(struct spans6 *s, uint64_t high)
{
	if (newest(s)->start != high)
		push(&s->highs, high, s->last);
	if ((newest(s)->number & DEEP) != 0)
		return;
	if (s->ndeeps == s->deeps_cap) {
		s->deeps_cap *= 2;
		s->deeps = xrealloc(s->deeps,
		    s->deeps_cap * sizeof(*s->deeps));
	}
	s->deeps[s->ndeeps] = (struct deep){ (uint32_t)s->lows.count, 1 };
	push(&s->lows, 0, newest(s)->number);
	newest(s)->number = DEEP | (uint32_t)s->ndeeps++;
}

void
spans6_add(struct spans6 *s, ip_number start, uint32_t number)
{
	uint64_t high = (uint64_t)(start >> 64), low = (uint64_t)start;

	must(number >> SPAN_NUMBER_BITS == 0);
	if (number == s->last)
		return;
	must(s->last != UINT32_MAX || start == 0);
	if (s->last != UINT32_MAX) {
		must(newest(s)->start <= high);
		if (newest(s)->start < high)
			close_deep(s, high, low);
	}
	if (low == 0) {
		push(&s->highs, high, number);
	} else {
		open_deep(s, high);
		push(&s->lows, low, number);
		s->deeps[s->ndeeps - 1].count++;
	}
	s->last = number;
}

/* Largest power of two that is not above n, as its exponent. */
static unsigned
log2_floor(uint32_t n)
{
	unsigned bits = 0;

	while (n >>= 1)
		bits++;
	return bits;
}

/* The last of the entries first..last that begins at or before start. */
static uint32_t
search(const struct entry *entries, uint32_t first, uint32_t last,
    uint64_t start)
{
	uint32_t n = last - first + 1, half;
	const struct entry *e = entries + first;

	while (n > 1) {
		half = n / 2;
		e = e[half].start <= start ? e + half : e;
		n -= half;
	}
	return (uint32_t)(e - entries);
}

static uint32_t
new_node(struct spans6 *s)
{
	if (s->nnodes == s->nodes_cap) {
		s->nodes_cap += s->nodes_cap / 8;
		s->nodes = xrealloc(s->nodes, s->nodes_cap * sizeof(*s->nodes));
	}
	return (uint32_t)s->nnodes++;
}

static uint32_t
new_slots(struct spans6 *s, size_t count)
{
	size_t first = s->nindex;

	while (s->index_cap - s->nindex < count) {
		s->index_cap = s->index_cap == 0 ? ENTRIES_FIRST :
		    s->index_cap + s->index_cap / 2;
		s->index = xrealloc(s->index, s->index_cap * sizeof(*s->index));
	}
	s->nindex += count;
	return (uint32_t)first;
}

/* The last entry from at on, last at most, that begins at or before start. */
static uint32_t
entry_at(const struct spans6 *s, uint32_t at, uint32_t last, uint64_t start)
{
	while (at < last && s->highs.p[at + 1].start <= start)
		at++;
	return at;
}

static uint32_t build_node(struct spans6 *s, uint32_t number, uint64_t base,
    unsigned width, uint32_t first, uint32_t last);

/* A slot of 2^width /64s, from the entry of its first address to that of its
 * last. */
static uint32_t
make_slot(struct spans6 *s, uint64_t base, unsigned width, uint32_t first,
    uint32_t last)
{
	uint32_t number = s->highs.p[first].number;

	if (first == last && (number & DEEP) == 0)
		return SLOT_NUMBER | number;
	if (last - first < WINDOW)
		return first;
	return SLOT_NODE | build_node(s, new_node(s), base, width, first, last);
}

/*
 * A node of 2^width /64s from base on.  Depth is bounded: a node consumes
 * three bits at least.  Returns its own number.
 */
static uint32_t
build_node(struct spans6 *s, uint32_t number, uint64_t base, unsigned width,
    uint32_t first, uint32_t last)
{
	unsigned bits = log2_floor(last - first + 1) + 1;
	struct node node;
	uint32_t at = first, end, slot;
	uint64_t start;

	node.bits = (uint8_t)(bits < width ? bits : width);
	node.shift = (uint8_t)(width - node.bits);
	node.index = new_slots(s, (size_t)1 << node.bits);
	for (uint64_t j = 0; j < UINT64_C(1) << node.bits; j++) {
		start = base + (j << node.shift);
		at = entry_at(s, at, last, start);
		end = entry_at(s, at, last,
		    start + ((UINT64_C(1) << node.shift) - 1));
		slot = make_slot(s, start, node.shift, at, end);
		s->index[node.index + j] = slot;
		at = end;
	}
	s->nodes[number] = node;
	return number;
}

/* One of the first level: most of them are of one number all over. */
static void
build_bucket(struct spans6 *s, uint32_t number, uint32_t first, uint32_t last)
{
	uint32_t all = s->highs.p[first].number;

	if (first == last && (all & DEEP) == 0)
		s->nodes[number] = (struct node){ SLOT_NUMBER | all, 0, 0 };
	else
		build_node(s, number, (uint64_t)number << 48, 48, first, last);
}

static void
shrink(struct entries *e, size_t spare)
{
	e->cap = e->count + spare;
	e->p = xrealloc(e->p, e->cap * sizeof(*e->p));
}

void
spans6_finish(struct spans6 *s)
{
	uint32_t first, last = 0, count;

	must(s->last != UINT32_MAX);
	close_deep(s, UINT64_MAX, 1);
	must(s->highs.count <= SLOT_VALUE && s->lows.count <= SLOT_VALUE);
	count = (uint32_t)s->highs.count;
	for (uint32_t i = 0; i < BUCKETS; i++) {
		uint64_t base = (uint64_t)i << 48;

		first = entry_at(s, last, count - 1, base);
		last = entry_at(s, first, count - 1,
		    base + UINT64_C(0xffffffffffff));
		build_bucket(s, i, first, last);
	}
	s->index = xrealloc(s->index, (s->nindex + 1) * sizeof(*s->index));
	s->nodes = xrealloc(s->nodes, s->nnodes * sizeof(*s->nodes));
	must(s->nindex <= SLOT_VALUE && s->nnodes <= SLOT_VALUE);
	/* Behind the last entry the search reads on; where it ends there (at
	 * the very last /64), the answer is the same. */
	for (uint32_t i = 0, number = newest(s)->number; i < WINDOW; i++)
		push(&s->highs, UINT64_MAX, number);
	s->highs.count -= WINDOW;
	shrink(&s->highs, WINDOW);
	shrink(&s->lows, 1);
}

/* What the slot of a /64 says; SLOT_NODE has been followed. */
static uint32_t
find_slot(const struct spans6 *s, uint64_t high)
{
	const struct node *node = &s->nodes[high >> 48];
	uint32_t slot = node->index;

	while ((slot & SLOT_NUMBER) == 0) {
		slot = s->index[slot + (high >> node->shift &
		    ((UINT64_C(1) << node->bits) - 1))];
		if ((slot & SLOT_NODE) == 0)
			break;
		node = &s->nodes[slot & SLOT_VALUE];
		slot = node->index;
	}
	return slot;
}

/* The entry that holds a /64, of those from first on: always three steps, so
 * that the processor need not guess. */
static const struct entry *
find_entry(const struct spans6 *s, uint32_t first, uint64_t high)
{
	const struct entry *e = s->highs.p + first;

	e = e[4].start <= high ? e + 4 : e;
	e = e[2].start <= high ? e + 2 : e;
	return e[1].start <= high ? e + 1 : e;
}

static uint32_t
find_low(const struct spans6 *s, uint32_t number, uint64_t low)
{
	const struct deep *d = &s->deeps[number & ~DEEP];

	return search(s->lows.p, d->first, d->first + d->count - 1, low);
}

uint32_t
spans6_find(const struct spans6 *s, uint64_t high, uint64_t low)
{
	uint32_t slot = find_slot(s, high), number;

	if ((slot & SLOT_NUMBER) != 0)
		return slot & ~SLOT_NUMBER;
	number = find_entry(s, slot, high)->number;
	if ((number & DEEP) != 0)
		number = s->lows.p[find_low(s, number, low)].number;
	return number;
}

uint32_t
spans6_span(const struct spans6 *s, ip_number ip, ip_number *last)
{
	uint64_t high = (uint64_t)(ip >> 64), low = (uint64_t)ip;
	uint32_t at = search(s->highs.p, 0, (uint32_t)s->highs.count - 1, high);
	uint32_t number = s->highs.p[at].number, i;
	const struct deep *d;

	*last = at + 1 < s->highs.count ?
	    ((ip_number)s->highs.p[at + 1].start << 64) - 1 : ~(ip_number)0;
	if ((number & DEEP) == 0)
		return number;
	d = &s->deeps[number & ~DEEP];
	i = find_low(s, number, low);
	*last = ip | UINT64_MAX;
	if (i + 1 < d->first + d->count)
		*last = ((ip_number)high << 64) + s->lows.p[i + 1].start - 1;
	return s->lows.p[i].number;
}

size_t
spans6_bytes(const struct spans6 *s)
{
	return sizeof(*s) + s->nnodes * sizeof(*s->nodes) +
	    s->nindex * sizeof(*s->index) +
	    (s->highs.cap + s->lows.cap) * sizeof(*s->highs.p) +
	    s->deeps_cap * sizeof(*s->deeps);
}
