/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/spans.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

enum { BUCKETS = 1 << 16, ENTRIES_FIRST = 4096,
    LINE = 64, EXPECTED = 160 /* entries, fifteen lines */ };

/* Where a span begins inside its bucket: six bytes, since the size of the
 * table against that of the caches is what a look-up costs. */
struct entry {
	uint16_t	 low;
	uint32_t	 number;
} __attribute__((packed));

/* All of 65,536 addresses; count 0: the same number for each of them. */
struct bucket {
	uint32_t	 first;		/* entry, or the number */
	uint32_t	 count;
};

struct spans4 {
	struct bucket	 buckets[BUCKETS + 1];
	struct entry	*entries;
	size_t		 count, cap;
	uint32_t	 open;		/* the bucket being written */
	uint32_t	 last;		/* the number written last */
};

struct spans4 *
spans4_new(void)
{
	struct spans4 *s = xcalloc(1, sizeof(*s));

	s->cap = ENTRIES_FIRST;
	s->entries = xmalloc(s->cap * sizeof(*s->entries));
	s->last = UINT32_MAX;
	return s;
}

void
spans4_free(struct spans4 **spans)
{
	if (*spans == NULL)
		return;
	free((*spans)->entries);
	free(*spans);
	*spans = NULL;
}

static void
push_entry(struct spans4 *s, uint16_t low, uint32_t number)
{
	if (s->count == s->cap) {
		s->cap *= 2;
		s->entries = xrealloc(s->entries, s->cap * sizeof(*s->entries));
	}
	s->entries[s->count++] = (struct entry){ low, number };
	s->buckets[s->open].count++;
}

/* Fills the buckets before this one with what holds across them. */
static void
move_to_bucket(struct spans4 *s, uint32_t bucket)
{
	struct bucket *b = &s->buckets[s->open];

	if (b->count == 1) {		/* one span: no entry needed */
		s->count--;
		*b = (struct bucket){ .first = s->entries[s->count].number };
	}
	while (++s->open < bucket)
		s->buckets[s->open] = (struct bucket){ .first = s->last };
	s->buckets[bucket] = (struct bucket){ .first = (uint32_t)s->count };
}

void
spans4_add(struct spans4 *s, uint32_t start, uint32_t number)
{
	must(number >> SPAN_NUMBER_BITS == 0);
	if (number == s->last)
		return;
	must(start >> 16 >= s->open && (s->last != UINT32_MAX || start == 0));
	if (start >> 16 > s->open) {
		move_to_bucket(s, start >> 16);
		if ((start & 0xffff) != 0)
			push_entry(s, 0, s->last);
	}
	push_entry(s, (uint16_t)start, number);
	s->last = number;
}

void
spans4_finish(struct spans4 *s)
{
	must(s->last != UINT32_MAX);
	move_to_bucket(s, BUCKETS);
	s->entries = xrealloc(s->entries, (s->count + 1) * sizeof(*s->entries));
	s->cap = s->count + 1;
}

/* Sends for all of them at once: each step of a search would wait for a line
 * of its own. */
static void
expect_entries(const struct entry *e, uint32_t n)
{
	for (uint32_t i = 0; i < n; i += LINE / sizeof(*e))
		__builtin_prefetch(e + i);
}

/* Halves the n entries at e until most are left, of which the first begins at
 * or before low. */
static const struct entry *
narrow(const struct entry *e, uint32_t *n, uint32_t most, uint16_t low)
{
	while (*n > most) {
		uint32_t half = *n / 2;

		e = e[half].low <= low ? e + half : e;
		*n -= half;
	}
	return e;
}

/* The last entry of a bucket that begins at or before low; the first one
 * begins at 0. */
static const struct entry *
search(const struct spans4 *s, const struct bucket *b, uint16_t low)
{
	uint32_t n = b->count;
	const struct entry *e = narrow(s->entries + b->first, &n, EXPECTED,
	    low);

	expect_entries(e, n);
	return narrow(e, &n, 1, low);
}

void
spans4_expect(const struct spans4 *s, uint32_t ip)
{
	__builtin_prefetch(&s->buckets[ip >> 16]);
}

uint32_t
spans4_find(const struct spans4 *s, uint32_t ip)
{
	const struct bucket *b = &s->buckets[ip >> 16];

	return b->count == 0 ? b->first : search(s, b, (uint16_t)ip)->number;
}

uint32_t
spans4_span(const struct spans4 *s, uint32_t ip, uint32_t *last)
{
	const struct bucket *b = &s->buckets[ip >> 16];
	const struct entry *e;

	*last = ip | 0xffff;
	if (b->count == 0)
		return b->first;
	e = search(s, b, (uint16_t)ip);
	if (e + 1 < s->entries + b->first + b->count)
		*last = (ip & 0xffff0000) + e[1].low - 1u;
	return e->number;
}

size_t
spans4_bytes(const struct spans4 *s)
{
	return sizeof(*s) + s->cap * sizeof(*s->entries);
}
