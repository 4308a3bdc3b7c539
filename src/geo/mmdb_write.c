/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/mmdb_write.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"
#include "geo/country.h"
#include "geo/mmdb_tree.h"

enum {
	ADDRESS_BITS = 128,
	IP4_BITS = 96,			/* where IPv4 begins: ::/96 */
	NODES_FIRST = 4096,
	PLACES = COUNTRIES + 1 + CONTINENTS,
};

static const uint32_t LEAF = UINT32_C(1) << 31;
static const uint32_t EMPTY = UINT32_MAX;

/* A record leads to a node, or with LEAF to a place, or is EMPTY. */
struct node {
	uint32_t	 record[2];
};

struct writer {
	struct node	*nodes;
	size_t		 count, cap;
	uint32_t	 path[ADDRESS_BITS];	/* nodes to the newest network */
	ip_number	 newest;	/* its first address */
	struct buf	 data;
	uint32_t	 offset[PLACES];	/* in data; EMPTY: not there yet */
};

/* --- the tree -------------------------------------------------------------------- */

static uint32_t
new_node(struct writer *w)
{
	if (w->count == w->cap) {
		w->cap *= 2;
		w->nodes = xrealloc(w->nodes, w->cap * sizeof(*w->nodes));
	}
	must(w->count < LEAF);
	w->nodes[w->count] = (struct node){ { EMPTY, EMPTY } };
	return (uint32_t)w->count++;
}

static unsigned
common_bits(ip_number a, ip_number b)
{
	ip_number differs = a ^ b;
	uint64_t high = (uint64_t)(differs >> 64), low = (uint64_t)differs;

	if (high != 0)
		return (unsigned)__builtin_clzll(high);
	return low == 0 ? ADDRESS_BITS : 64 + (unsigned)__builtin_clzll(low);
}

/*
 * Networks come in order, so the way to the newest one is all we need to
 * remember: a new one leaves it where the addresses begin to differ.
 */
static void
add_network(struct writer *w, ip_number first, unsigned bits, uint32_t leaf)
{
	unsigned depth = w->count == 1 && w->newest == 0 ? 0 :
	    common_bits(first, w->newest);

	for (;; depth++) {
		struct node *node = &w->nodes[w->path[depth]];
		unsigned side = (unsigned)(first >> (127 - depth)) & 1;
		uint32_t next;

		if (depth + 1 == bits) {
			node->record[side] = leaf;
			break;
		}
		next = new_node(w);	/* moves the nodes */
		w->nodes[w->path[depth]].record[side] = next;
		w->path[depth + 1] = next;
	}
	w->newest = first;
}

static unsigned
trailing_zeros(ip_number n)
{
	if ((uint64_t)n != 0)
		return (unsigned)__builtin_ctzll((uint64_t)n);
	return n == 0 ? ADDRESS_BITS :
	    64 + (unsigned)__builtin_ctzll((uint64_t)(n >> 64));
}

/* The networks that a range consists of: each as large as it can be. */
static void
add_range(struct writer *w, const struct range *r, uint32_t leaf)
{
	bool is_ip4 = r->last >> 32 == 0;
	unsigned most = is_ip4 ? ADDRESS_BITS - IP4_BITS : ADDRESS_BITS - 1;
	ip_number first = r->first, left;

	for (;;) {
		unsigned hosts = trailing_zeros(first);

		if (hosts > most)
			hosts = most;
		left = r->last - first;
		while (((ip_number)1 << hosts) - 1 > left)
			hosts--;
		add_network(w, first, ADDRESS_BITS - hosts, leaf);
		if (((ip_number)1 << hosts) - 1 == left)
			return;
		first += (ip_number)1 << hosts;
	}
}

/* --- data -------------------------------------------------------------------------- */

enum { TYPE_STRING = 2, TYPE_UINT16 = 5, TYPE_UINT32 = 6, TYPE_MAP = 7,
    TYPE_UINT64 = 9, TYPE_ARRAY = 11 };

/* The first bytes of a value; we write none that is longer than 284. */
static void
put_head(struct buf *b, unsigned type, size_t size)
{
	size_t in_head = size < 29 ? size : 29;

	must(size < 285);
	buf_char(b, (char)((type < 8 ? type << 5 : 0) | in_head));
	if (type >= 8)
		buf_char(b, (char)(type - 7));
	if (size >= 29)
		buf_char(b, (char)(size - 29));
}

static void
put_string(struct buf *b, const char *text)
{
	size_t len = strlen(text);

	if (len > 284)
		len = 284;
	put_head(b, TYPE_STRING, len);
	buf_add(b, text, len);
}

static void
put_uint(struct buf *b, unsigned type, uint64_t n)
{
	size_t bytes = 0;

	while (bytes < 8 && n >> (8 * bytes) != 0)
		bytes++;
	put_head(b, type, bytes);
	while (bytes-- > 0)
		buf_char(b, (char)(n >> (8 * bytes)));
}

static void
put_named_uint(struct buf *b, const char *key, unsigned type, uint64_t n)
{
	put_string(b, key);
	put_uint(b, type, n);
}

static void
put_code(struct buf *b, const char *outer, const char *inner, const char *code)
{
	put_string(b, outer);
	put_head(b, TYPE_MAP, 1);
	put_string(b, inner);
	put_string(b, code);
}

/* Which leaf a place is; its record is written when it is first needed. */
static uint32_t
place_leaf(struct writer *w, struct place p)
{
	uint32_t i = p.country != 0 ? p.country : COUNTRIES + 1u + p.continent;

	must(i < PLACES && p.class == PLACE_LOCATED);
	if (w->offset[i] == EMPTY) {
		w->offset[i] = (uint32_t)w->data.len;
		put_head(&w->data, TYPE_MAP, p.country != 0 ? 2 : 1);
		put_code(&w->data, "continent", "code",
		    continent_code((enum continent)p.continent));
		if (p.country != 0)
			put_code(&w->data, "country", "iso_code",
			    country_code(p.country));
	}
	return LEAF | i;
}

/* --- the file ------------------------------------------------------------------------ */

static unsigned
record_bits(const struct writer *w)
{
	uint64_t most = (uint64_t)w->count + MMDB_SEPARATOR + w->data.len;

	return most < 1 << 24 ? 24 : most < 1 << 28 ? 28 : 32;
}

static uint32_t
record_value(const struct writer *w, uint32_t record)
{
	if (record == EMPTY)
		return (uint32_t)w->count;
	if ((record & LEAF) == 0)
		return record;
	return (uint32_t)w->count + MMDB_SEPARATOR + w->offset[record & ~LEAF];
}

static char *
put_bytes(char *p, uint32_t n, unsigned bytes)
{
	while (bytes-- > 0)
		*p++ = (char)(n >> (8 * bytes));
	return p;
}

static void
put_tree(struct buf *out, const struct writer *w, unsigned bits)
{
	size_t bytes = (size_t)mmdb_tree_bytes(w->count, bits);
	char *p = buf_reserve(out, bytes);

	for (size_t i = 0; i < w->count; i++) {
		uint32_t left = record_value(w, w->nodes[i].record[0]);
		uint32_t right = record_value(w, w->nodes[i].record[1]);

		p = put_bytes(p, left, bits == 32 ? 4 : 3);
		if (bits == 28)
			*p++ = (char)(left >> 20 & 0xf0) | (char)(right >> 24);
		p = put_bytes(p, right, bits == 32 ? 4 : 3);
	}
	out->len += bytes;
}

static void
put_metadata(struct buf *out, const struct writer *w,
    const struct mmdb_source *source, unsigned bits)
{
	buf_text(out, "\xab\xcd\xefMaxMind.com");
	put_head(out, TYPE_MAP, 9);
	put_named_uint(out, "binary_format_major_version", TYPE_UINT16, 2);
	put_named_uint(out, "binary_format_minor_version", TYPE_UINT16, 0);
	put_named_uint(out, "build_epoch", TYPE_UINT64, source->build_epoch);
	put_string(out, "database_type");
	put_string(out, source->type);
	put_code(out, "description", "en", source->description);
	put_named_uint(out, "ip_version", TYPE_UINT16, 6);
	put_string(out, "languages");
	put_head(out, TYPE_ARRAY, 1);
	put_string(out, "en");
	put_named_uint(out, "node_count", TYPE_UINT32, w->count);
	put_named_uint(out, "record_size", TYPE_UINT16, bits);
}

void
mmdb_write(struct buf *out, const struct mmdb_source *source)
{
	static const char separator[MMDB_SEPARATOR];
	struct writer w = { .cap = NODES_FIRST };
	unsigned bits;

	must(source->count > 0);
	w.nodes = xmalloc(w.cap * sizeof(*w.nodes));
	w.path[0] = new_node(&w);
	for (size_t i = 0; i < PLACES; i++)
		w.offset[i] = EMPTY;
	for (size_t i = 0; i < source->count; i++)
		add_range(&w, &source->ranges[i],
		    place_leaf(&w, source->ranges[i].place));
	bits = record_bits(&w);
	put_tree(out, &w, bits);
	buf_add(out, separator, sizeof(separator));
	buf_slice(out, buf_all(&w.data));
	put_metadata(out, &w, source, bits);
	free(w.nodes);
	buf_fini(&w.data);
}
