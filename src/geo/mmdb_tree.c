/* SPDX-License-Identifier: Apache-2.0 */
/* Copyright the Portolan authors */

#include "geo/mmdb_tree.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/must.h"

enum { IP4_DEPTH = 96 };			/* of ::/96, where IPv4 is kept */

uint64_t
mmdb_tree_bytes(uint64_t nodes, unsigned record_bits)
{
	return nodes * record_bits / 4;
}

static uint32_t
read24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static uint32_t
tree_record(const struct mmdb_tree *tree, uint32_t node, unsigned side)
{
	const uint8_t *p = tree->p +
	    mmdb_tree_bytes(node, tree->record_bits);

	switch (tree->record_bits) {
	case 24:
		return read24(p + 3 * side);
	case 28:
		return side == 0 ? (uint32_t)(p[3] & 0xf0) << 20 | read24(p) :
		    (uint32_t)(p[3] & 0x0f) << 24 | read24(p + 4);
	default:
		p += 4 * side;
		return (uint32_t)p[0] << 24 | read24(p + 1);
	}
}

static unsigned
tree_depth(const struct mmdb_tree *tree)
{
	return tree->ip_version == 4 ? 32 : 128;
}

/* Where IPv4 begins: the node or leaf at ::/96, or above it. */
static uint32_t
ip4_root(const struct mmdb_tree *tree)
{
	uint32_t at = 0;

	if (tree->ip_version == 4)
		return 0;
	for (unsigned i = 0; i < IP4_DEPTH && at < tree->nodes; i++)
		at = tree_record(tree, at, 0);
	return at;
}

struct visit {
	const struct mmdb_tree *tree;
	bool		*seen;		/* by node */
	uint32_t	 reached;
	uint32_t	 ip4;
	unsigned	 ip4_depth;	/* at which it was first met */
	bool		(*on_record)(void *arg, size_t offset, struct err *err);
	void		*arg;
};

/* Of a record that leads to no node. */
static bool
is_in_range(const struct mmdb_tree *tree, uint32_t record, struct err *err)
{
	uint32_t beyond = record - tree->nodes;

	if (beyond == 0 || (beyond >= MMDB_SEPARATOR &&
	    beyond - MMDB_SEPARATOR < tree->data_len))
		return true;
	if (beyond < MMDB_SEPARATOR)
		return err_set(err, "the search tree is damaged: a record leads "
		    "into the gap before the data");
	return err_set(err, "the search tree is damaged: a record leads beyond "
	    "the data (is the file truncated?)");
}

/*
 * Each node has one record that leads to it, and only IPv4 may be reached in
 * other ways (mapped, 6to4, Teredo).  A node with two, or with none, is the
 * trace of a record that leads elsewhere than its writer meant.  The way along
 * ::/96 comes first, so IPv4 is visited at its own place.
 */
static bool
visit_again(const struct visit *v, uint32_t node, unsigned depth,
    struct err *err)
{
	/* Below its own place it would be a cycle. */
	if (node == v->ip4 && v->ip4_depth == IP4_DEPTH && depth <= IP4_DEPTH)
		return true;
	return err_set(err, "the search tree is damaged: two records lead to "
	    "node %u", node);
}

static bool
visit_record(struct visit *v, uint32_t record, unsigned depth,
    struct err *err)
{
	uint32_t nodes = v->tree->nodes;

	if (record == nodes)
		return true;
	if (record > nodes)
		return is_in_range(v->tree, record, err) && v->on_record(v->arg,
		    record - nodes - MMDB_SEPARATOR, err);
	if (v->seen[record])
		return visit_again(v, record, depth, err);
	if (depth == tree_depth(v->tree))
		return err_set(err, "the search tree is damaged: deeper than "
		    "an address is long, at node %u", record);
	v->seen[record] = true;
	v->reached++;
	if (record == v->ip4)
		v->ip4_depth = depth;
	return visit_record(v, tree_record(v->tree, record, 0), depth + 1,
	    err) && visit_record(v, tree_record(v->tree, record, 1), depth + 1,
	    err);
}

bool
mmdb_tree_verify(const struct mmdb_tree *tree,
    bool (*on_record)(void *arg, size_t offset, struct err *err), void *arg,
    struct err *err)
{
	struct visit v = { .tree = tree, .on_record = on_record, .arg = arg };
	bool good;

	must(tree->nodes > 0);
	v.seen = xcalloc(tree->nodes, sizeof(*v.seen));
	v.ip4 = ip4_root(tree);
	good = visit_record(&v, 0, 0, err);
	if (good && v.reached < tree->nodes)
		good = err_set(err, "the search tree is damaged: no record leads "
		    "to %u of its %u nodes", tree->nodes - v.reached,
		    tree->nodes);
	free(v.seen);
	return good;
}

struct walk {
	const struct mmdb_tree *tree;
	struct cidr	 net;		/* the way so far */
	uint32_t	 ip4;		/* not entered again; or no such node */
	bool		(*on_network)(void *arg, const struct cidr *net,
	    size_t offset);
	void		*arg;
};

static bool
is_ip4_space(const struct cidr *net)
{
	static const uint8_t zero[12];

	return net->base.family == ADDR_IP6 && net->bits == 96 &&
	    memcmp(net->base.bytes, zero, sizeof(zero)) == 0;
}

static bool
walk_record(struct walk *w, uint32_t record)
{
	uint32_t nodes = w->tree->nodes;
	uint8_t *byte, bit;
	bool go_on;

	if (record == nodes || record == w->ip4 || is_ip4_space(&w->net))
		return true;
	if (record > nodes)
		return w->on_network(w->arg, &w->net,
		    record - nodes - MMDB_SEPARATOR);
	byte = &w->net.base.bytes[w->net.bits / 8];
	bit = (uint8_t)(0x80 >> w->net.bits % 8);
	w->net.bits++;
	go_on = walk_record(w, tree_record(w->tree, record, 0));
	*byte |= bit;
	go_on = go_on && walk_record(w, tree_record(w->tree, record, 1));
	*byte &= (uint8_t)~bit;
	w->net.bits--;
	return go_on;
}

bool
mmdb_tree_walk(const struct mmdb_tree *tree,
    bool (*on_network)(void *arg, const struct cidr *net, size_t offset),
    void *arg)
{
	struct walk w = { .tree = tree, .on_network = on_network, .arg = arg };

	w.net.base.family = ADDR_IP4;
	w.ip4 = UINT32_MAX;
	if (!walk_record(&w, ip4_root(tree)))
		return false;
	if (tree->ip_version == 4)
		return true;
	w.net.base.family = ADDR_IP6;
	w.ip4 = ip4_root(tree) < tree->nodes ? ip4_root(tree) : UINT32_MAX;
	return walk_record(&w, 0);
}
