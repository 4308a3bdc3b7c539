/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/spans.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

enum { BUCKETS = 1 << 16, ENTRIES_FIRST = 4096, DEEP_FIRST = 16 };

static const uint32_t DEEP = UINT32_C(1) << SPAN_NUMBER_BITS;

/* Where a span begins, by the first 64 bits of its first address. */
struct entry {
	uint64_t	 start;
	uint32_t	 number;	/* with DEEP: which struct deep */
} __attribute__((packed, aligned(4)));

/*
 * The spans of one /16, from the one that holds its first address to the one
 * that holds its last.  Their starts are indexed by the next bits of the
 * address, so many that a slot of the index has about one span.
 */
struct bucket {
	uint32_t	 first, last;	/* entries */
	uint32_t	 index;		/* first slot; if first == last, the number */
	uint8_t		 shift;		/* bits below those of the index */
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
	struct bucket	 buckets[BUCKETS];
	struct entries	 highs;
	struct entries	 lows;
	struct deep	*deeps;
	size_t		 ndeeps, deeps_cap;
	uint32_t	*index;
	size_t		 nindex;
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

/* Slot j: the entry that holds the first address of the slot. */
static void
index_bucket(struct spans6 *s, struct bucket *b, uint64_t base, unsigned bits)
{
	uint32_t at = b->first;

	b->shift = (uint8_t)(48 - bits);
	b->index = (uint32_t)s->nindex;
	for (uint64_t j = 0; j < UINT64_C(1) << bits; j++) {
		while (at < b->last &&
		    s->highs.p[at + 1].start <= base + (j << b->shift))
			at++;
		s->index[s->nindex++] = at;
	}
	s->index[s->nindex++] = b->last;
}

/* Which entries the buckets hold, and how many slots they need. */
static size_t
divide_buckets(struct spans6 *s)
{
	uint32_t at = 0;
	size_t slots = 0;

	for (uint64_t i = 0; i < BUCKETS; i++) {
		struct bucket *b = &s->buckets[i];

		while (at + 1 < s->highs.count &&
		    s->highs.p[at + 1].start <= i << 48)
			at++;
		b->first = at;
		while (at + 1 < s->highs.count &&
		    s->highs.p[at + 1].start >> 48 <= i)
			at++;
		b->last = at;
		if (b->first != b->last)
			slots += (size_t)(UINT32_C(1) <<
			    log2_floor(b->last - b->first + 1)) + 1;
	}
	return slots;
}

static void
shrink(struct entries *e)
{
	e->cap = e->count + 1;
	e->p = xrealloc(e->p, e->cap * sizeof(*e->p));
}

void
spans6_finish(struct spans6 *s)
{
	must(s->last != UINT32_MAX);
	close_deep(s, UINT64_MAX, 1);
	must(s->highs.count < UINT32_MAX && s->lows.count < UINT32_MAX);
	s->index = xmalloc((divide_buckets(s) + 1) * sizeof(*s->index));
	for (uint64_t i = 0; i < BUCKETS; i++) {
		struct bucket *b = &s->buckets[i];

		if (b->first == b->last)
			b->index = s->highs.p[b->first].number;
		else
			index_bucket(s, b, i << 48,
			    log2_floor(b->last - b->first + 1));
	}
	shrink(&s->highs);
	shrink(&s->lows);
}

/* Which entry holds a /64. */
static uint32_t
find_high(const struct spans6 *s, const struct bucket *b, uint64_t high)
{
	const uint32_t *slot = s->index + b->index +
	    ((high & UINT64_C(0xffffffffffff)) >> b->shift);

	return search(s->highs.p, slot[0], slot[1], high);
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
	const struct bucket *b = &s->buckets[high >> 48];
	uint32_t number = b->index;

	if (b->first != b->last)
		number = s->highs.p[find_high(s, b, high)].number;
	if ((number & DEEP) != 0)
		number = s->lows.p[find_low(s, number, low)].number;
	return number;
}

uint32_t
spans6_span(const struct spans6 *s, ip_number ip, ip_number *last)
{
	uint64_t high = (uint64_t)(ip >> 64), low = (uint64_t)ip;
	const struct bucket *b = &s->buckets[high >> 48];
	uint32_t at = b->first == b->last ? b->first : find_high(s, b, high);
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
	return sizeof(*s) + s->nindex * sizeof(*s->index) +
	    (s->highs.cap + s->lows.cap) * sizeof(*s->highs.p) +
	    s->deeps_cap * sizeof(*s->deeps);
}
