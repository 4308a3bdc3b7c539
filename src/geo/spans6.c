/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/spans.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/must.h"

/*
 * An address is taken in pieces: 16 bits choose a bucket, then 32 bits at a
 * time are looked for in a search tree; most spans end at a /48 or before, so
 * the first tree nearly always knows.
 *
 * A tree is sorted keys in blocks of sixteen, with their numbers beside them:
 * two neighbouring cache lines, of which processors fetch pairs.  Above them
 * are levels of sixteenths, so small that they stay in the caches: a look-up
 * waits for memory about once.  (Tried before: an index of slots over sorted
 * entries; three times the memory, and twice the waiting.)
 */
enum {
	BUCKETS = 1 << 16, BUCKET_BITS = 112, KEY_BITS = 32,
	FAN = 16, FAN_BITS = 4,
	LEVELS = KEY_BITS / FAN_BITS,	/* more than any tree has */
	LINE = 128,			/* bytes of a block: a pair of lines */
	STARTS_FIRST = 4096,
};

/* A number with this is that of a tree. */
static const uint32_t TREE = UINT32_C(1) << 30;
static const uint64_t KEYS = UINT64_C(1) << KEY_BITS;

/*
 * Keys have their first bit turned, since vector units compare signed numbers.
 * Those behind the last of a tree are the highest there is, with the number of
 * the last.
 */
struct block {
	int32_t		 key[FAN];
	uint32_t	 number[FAN];
};

struct tree {
	uint32_t	 block;		/* the first of its blocks */
	uint32_t	 nblocks;
	uint32_t	 depth;		/* of levels above the blocks */
	uint32_t	 level[LEVELS];	/* groups of keys, the lowest first */
};

/* First keys of the blocks, or of the groups one level below. */
struct group {
	int32_t		 key[FAN];
};

/* While it is written. */
struct start {
	ip_number	 at;
	uint32_t	 number;
};

struct entry {
	uint32_t	 key, number;
};

/* An array that grows; its elements are of one size. */
struct array {
	void		*p;
	size_t		 count, cap;
};

struct spans6 {
	uint32_t	 buckets[BUCKETS];	/* numbers, or trees */
	struct block	*blocks;
	struct group	*groups;
	struct tree	*trees;
	size_t		 nblocks, ngroups, ntrees;
	struct array	 starts;	/* until all is written */
	struct array	 entries;	/* of trees that are not complete */
	struct array	 block_array, group_array, tree_array;
};

struct spans6 *
spans6_new(void)
{
	return xcalloc(1, sizeof(struct spans6));
}

void
spans6_free(struct spans6 **spans)
{
	struct spans6 *s = *spans;

	if (s == NULL)
		return;
	free(s->blocks);
	free(s->groups);
	free(s->trees);
	free(s->starts.p);
	free(s->entries.p);
	free(s->block_array.p);
	free(s->group_array.p);
	free(s->tree_array.p);
	free(s);
	*spans = NULL;
}

/* Room for one more at the end, which is counted. */
static void *
array_add(struct array *a, size_t size)
{
	if (a->count == a->cap) {
		a->cap = a->cap == 0 ? STARTS_FIRST : a->cap + a->cap / 2;
		a->p = xrealloc(a->p, a->cap * size);
	}
	return (char *)a->p + a->count++ * size;
}

void
spans6_add(struct spans6 *s, ip_number start, uint32_t number)
{
	const struct start *last = s->starts.p;

	must(number >> SPAN_NUMBER_BITS == 0);
	if (s->starts.count == 0) {
		must(start == 0);
	} else {
		last += s->starts.count - 1;
		if (number == last->number)
			return;
		must(start > last->at);
	}
	*(struct start *)array_add(&s->starts, sizeof(struct start)) =
	    (struct start){ start, number };
}

/* --- from spans to trees --------------------------------------------------------- */

static int32_t
turned(uint32_t key)
{
	return (int32_t)(key ^ UINT32_C(0x80000000));
}

static void
add_entry(struct spans6 *s, uint32_t key, uint32_t number)
{
	*(struct entry *)array_add(&s->entries, sizeof(struct entry)) =
	    (struct entry){ key, number };
}

/* A block of the entries from first on; what is missing is filled up. */
static void
add_block(struct spans6 *s, size_t first)
{
	struct block *b = array_add(&s->block_array, sizeof(*b));
	const struct entry *e = s->entries.p;
	size_t last = s->entries.count - 1;

	for (size_t i = 0; i < FAN; i++) {
		bool there = first + i <= last;

		b->key[i] = turned(there ? e[first + i].key : UINT32_MAX);
		b->number[i] = e[there ? first + i : last].number;
	}
}

/* One level of groups over count keys, which lie step blocks apart. */
static void
add_level(struct spans6 *s, const struct tree *t, uint32_t count,
    uint32_t step)
{
	for (uint32_t i = 0; i < count; i += FAN) {
		struct group *g = array_add(&s->group_array, sizeof(*g));
		const struct block *b = s->block_array.p;

		for (uint32_t j = 0; j < FAN; j++)
			g->key[j] = i + j >= count ? turned(UINT32_MAX) :
			    b[t->block + (i + j) * step].key[0];
	}
}

/* The entries from mark on become a tree; its number. */
static uint32_t
finish_tree(struct spans6 *s, size_t mark)
{
	struct tree t = { .block = (uint32_t)s->block_array.count };
	uint32_t count, step = 1;

	for (size_t i = mark; i < s->entries.count; i += FAN)
		add_block(s, i);
	t.nblocks = count = (uint32_t)s->block_array.count - t.block;
	while (count > 1) {
		t.level[t.depth++] = (uint32_t)s->group_array.count;
		add_level(s, &t, count, step);
		count = (count + FAN - 1) / FAN;
		step *= FAN;
	}
	s->entries.count = mark;
	*(struct tree *)array_add(&s->tree_array, sizeof(t)) = t;
	return TREE | (uint32_t)(s->tree_array.count - 1);
}

/*
 * 2^bits addresses from base on, and the spans that begin among them: first
 * up to, not including, end.  before: the number that holds where the first
 * of them does not begin at once.
 */
struct piece {
	ip_number	 base;
	unsigned	 bits;
	size_t		 first, end;
	uint32_t	 before;
};

static uint32_t build_tree(struct spans6 *s, const struct piece *p);

static const struct start *
start_at(const struct spans6 *s, size_t i)
{
	return (const struct start *)s->starts.p + i;
}

/* The one number of the whole piece, or a tree. */
static uint32_t
build_piece(struct spans6 *s, struct piece p)
{
	if (p.first < p.end && start_at(s, p.first)->at == p.base)
		p.before = start_at(s, p.first++)->number;
	return p.first == p.end ? p.before : build_tree(s, &p);
}

/* Bits below the key; the last 16 of an address are a key's upper half. */
static unsigned
bits_below(const struct piece *p)
{
	return p->bits > KEY_BITS ? p->bits - KEY_BITS : 0;
}

static uint32_t
key_of(const struct piece *p, ip_number at)
{
	return p->bits < KEY_BITS ?
	    (uint32_t)(at - p->base) << (KEY_BITS - p->bits) :
	    (uint32_t)((at - p->base) >> bits_below(p));
}

/* The spans that begin under the same key as the first of them, as a piece. */
static struct piece
same_key(const struct spans6 *s, const struct piece *p, size_t first,
    uint32_t before)
{
	ip_number at = start_at(s, first)->at;
	struct piece part = { .bits = bits_below(p), .first = first,
	    .end = first + 1, .before = before };

	part.base = at >> part.bits << part.bits;
	while (part.end < p->end &&
	    start_at(s, part.end)->at >> part.bits == at >> part.bits)
		part.end++;
	return part;
}

static uint32_t
build_tree(struct spans6 *s, const struct piece *p)
{
	size_t mark = s->entries.count, i = p->first;
	uint32_t before = p->before, number;
	uint64_t next = 0;		/* key that nothing is said of yet */

	while (i < p->end) {
		struct piece part = same_key(s, p, i, before);
		uint32_t key = key_of(p, start_at(s, i)->at);

		if (next < key)
			add_entry(s, (uint32_t)next, before);
		number = build_piece(s, part);
		add_entry(s, key, number);
		i = part.end;
		before = start_at(s, i - 1)->number;
		/* A tree is for its key alone; a number goes on. */
		next = (number & TREE) != 0 ? (uint64_t)key + 1 : KEYS;
	}
	if (next < KEYS)
		add_entry(s, (uint32_t)next, before);
	return finish_tree(s, mark);
}

/* At addresses that suit the cache; the growing array is given back. */
static void *
settle(struct array *a, size_t size, size_t *count)
{
	size_t bytes = (a->count * size + LINE - 1) / LINE * LINE + LINE;
	void *p = aligned_alloc(LINE, bytes);

	must(p != NULL && a->count < TREE);
	if (a->count > 0)
		memcpy(p, a->p, a->count * size);
	*count = a->count;
	free(a->p);
	*a = (struct array){ NULL, 0, 0 };
	return p;
}

void
spans6_finish(struct spans6 *s)
{
	size_t i = 0;
	uint32_t before = 0;

	must(s->starts.count > 0);
	for (uint32_t bucket = 0; bucket < BUCKETS; bucket++) {
		struct piece p = { .base = (ip_number)bucket << BUCKET_BITS,
		    .bits = BUCKET_BITS, .first = i, .before = before };

		while (i < s->starts.count &&
		    start_at(s, i)->at >> BUCKET_BITS == bucket)
			i++;
		p.end = i;
		s->buckets[bucket] = build_piece(s, p);
		if (i > 0)
			before = start_at(s, i - 1)->number;
	}
	s->blocks = settle(&s->block_array, sizeof(*s->blocks), &s->nblocks);
	s->groups = settle(&s->group_array, sizeof(*s->groups), &s->ngroups);
	s->trees = settle(&s->tree_array, sizeof(*s->trees), &s->ntrees);
	free(s->starts.p);
	free(s->entries.p);
	s->starts = s->entries = (struct array){ NULL, 0, 0 };
}

/* --- reading ------------------------------------------------------------------------ */

/* The last of sixteen that is not above key; the first one never is.  The
 * compiler makes four vector comparisons of it; intrinsics gained nothing. */
static inline unsigned
rank(const int32_t keys[FAN], int32_t key)
{
	unsigned above = 0;

	for (unsigned i = 0; i < FAN; i++)
		above += keys[i] > key;
	return FAN - 1 - above;
}

/* Which of the tree's blocks holds the key. */
static uint32_t
find_block(const struct spans6 *s, const struct tree *t, int32_t key)
{
	uint32_t i = 0, count;

	for (uint32_t depth = t->depth; depth-- > 0;) {
		i = i * FAN + rank(s->groups[t->level[depth] + i].key, key);
		/* Keys that fill up a group equal the highest key. */
		count = (t->nblocks + (1u << FAN_BITS * depth) - 1) >>
		    FAN_BITS * depth;
		i = i < count ? i : count - 1;
	}
	return t->block + i;
}

static uint32_t
tree_find(const struct spans6 *s, uint32_t number, uint32_t key)
{
	const struct tree *t = &s->trees[number & ~TREE];
	const struct block *b = &s->blocks[find_block(s, t, turned(key))];

	return b->number[rank(b->key, turned(key))];
}

void
spans6_expect(const struct spans6 *s, uint64_t high)
{
	__builtin_prefetch(&s->buckets[high >> 48]);
}

uint32_t
spans6_find(const struct spans6 *s, uint64_t high, uint64_t low)
{
	uint32_t number = s->buckets[high >> 48];

	if ((number & TREE) != 0)
		number = tree_find(s, number, (uint32_t)(high >> 16));
	if ((number & TREE) != 0)
		number = tree_find(s, number,
		    (uint32_t)(high << 16 | low >> 48));
	if ((number & TREE) != 0)
		number = tree_find(s, number, (uint32_t)(low >> 16));
	if ((number & TREE) != 0)
		number = tree_find(s, number, (uint32_t)(low << 16));
	return number;
}

/* As tree_find; *next: the key from which on something else may hold. */
static uint32_t
tree_span(const struct spans6 *s, uint32_t number, uint32_t key,
    uint64_t *next)
{
	const struct tree *t = &s->trees[number & ~TREE];
	uint32_t at = find_block(s, t, turned(key));
	const struct block *b = &s->blocks[at];
	unsigned i = rank(b->key, turned(key));

	if (key == UINT32_MAX || (i == FAN - 1 &&
	    at + 1 == t->block + t->nblocks))
		*next = KEYS;
	else
		*next = (uint32_t)(i == FAN - 1 ? b[1].key[0] : b->key[i + 1]) ^
		    UINT32_C(0x80000000);
	return b->number[i];
}

uint32_t
spans6_span(const struct spans6 *s, ip_number ip, ip_number *last)
{
	uint32_t number = s->buckets[(uint32_t)(ip >> BUCKET_BITS)], key;
	unsigned bits = BUCKET_BITS;	/* of the piece we are in */
	uint64_t next = 1;		/* in units of that piece */
	ip_number base = ip >> bits << bits;

	while ((number & TREE) != 0) {
		key = bits < KEY_BITS ? (uint32_t)ip << (KEY_BITS - bits) :
		    (uint32_t)(ip >> (bits - KEY_BITS));
		number = tree_span(s, number, key, &next);
		base = ip >> bits << bits;
		if (bits < KEY_BITS) {
			/* Up, for the sake of keys that only fill up. */
			next = (next + (1u << (KEY_BITS - bits)) - 1) >>
			    (KEY_BITS - bits);
			bits = 0;
		} else {
			bits -= KEY_BITS;
		}
	}
	*last = base + ((ip_number)next << bits) - 1;
	return number;
}

size_t
spans6_bytes(const struct spans6 *s)
{
	return sizeof(*s) + s->nblocks * sizeof(*s->blocks) +
	    s->ngroups * sizeof(*s->groups) + s->ntrees * sizeof(*s->trees) +
	    (size_t)3 * LINE;
}
